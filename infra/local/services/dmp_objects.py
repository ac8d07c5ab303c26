"""The objects of a submission (ebRIM 3.0), read with their shape checked: slots, classifications, external identifiers.

Source: IHE ITI TF-3 §4.2; ebRIM 3.0; DMP integration guide, TD2.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
LCM = "urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"
XDSB = "urn:ihe:iti:xds-b:2007"
XOP = "http://www.w3.org/2004/08/xop/include"
DOCUMENT_ENTRY = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
DOCUMENT = {
    "author": "urn:uuid:93606bcf-9494-43ec-9b4e-a7748d1a838d",
    "classCode": "urn:uuid:41a5887f-8865-4c09-adf7-e362475b143a",
    "typeCode": "urn:uuid:f0306f51-975f-434e-a61c-c59651d33983",
    "confidentialityCode": "urn:uuid:f4f85eac-e6cb-4883-b524-f2705394840f",
    "formatCode": "urn:uuid:a09d5840-386c-46f2-b5ad-9c3699a4309d",
    "healthcareFacilityTypeCode": "urn:uuid:f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1",
    "practiceSettingCode": "urn:uuid:cccf5598-8b07-4b77-a05e-ae952c785ead",
    "eventCodeList": "urn:uuid:2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4",
    "patientId": "urn:uuid:58a6f841-87b3-4a3e-92fd-a8ffeff98427",
    "uniqueId": "urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab",
}
SET = {
    "classificationNode": "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd",
    "author": "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d",
    "contentTypeCode": "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500",
    "patientId": "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446",
    "sourceId": "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832",
    "uniqueId": "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8",
}
SLOT_MAXIMUM = 256


@dataclass(eq=False)
class RegistryError(Exception):
    """An error of the registry or the repository, with its standard code."""

    code: str
    context: str


@dataclass(frozen=True)
class Code:
    """One classification: a code with its scheme and name, or an author with its slots."""

    code: str
    scheme: str
    name: str
    slots: dict[str, list[str]]


@dataclass(frozen=True)
class Object:
    """An entry or the set.

    Args:
        codes: By attribute name (`classCode`, `author` …), in their order.
        identifiers: By name (`patientId`, `uniqueId`, `sourceId`).
    """

    id: str
    mime: str
    title: str
    slots: dict[str, list[str]]
    codes: dict[str, list[Code]]
    identifiers: dict[str, str]
    logical_id: str = ""

    def slot(self, name: str) -> str:
        """Return the only value of a slot, or an empty string."""
        values = self.slots.get(name, [])
        return values[0] if len(values) == 1 else ""

    def code(self, name: str) -> Code:
        """Return the only code of an attribute.

        Raises:
            RegistryError: There is none, or more than one.
        """
        found = self.codes.get(name, [])
        must(len(found) == 1, f"{self.id}: exactly one {name} is expected")
        return found[0]

    @property
    def is_signature(self) -> bool:
        """Tell whether this is the entry of the signature document."""
        return any(c.code == "urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1" for c in self.codes.get("classCode", []))


@dataclass(frozen=True)
class Association:
    """What binds two objects."""

    kind: str
    source: str
    target: str
    slots: dict[str, list[str]]


@dataclass(frozen=True)
class Request:
    """One ProvideAndRegisterDocumentSetRequest.

    Args:
        entries: Document entries in their order, the signature's included.
        documents: Content-ID of the part, by entry id in lower case.
    """

    package: Object
    entries: list[Object]
    associations: list[Association]
    documents: dict[str, str]
    nodes: set[str] = field(default_factory=set)


def must(holds: bool, context: str, code: str = "XDSRegistryMetadataError") -> None:
    """Refuse by code and by the name of what is wrong."""
    if not holds:
        raise RegistryError(code, context)


def read(body: Any) -> Request:
    """Return the objects of a request.

    Raises:
        RegistryError: A shape is not that of the standard.
    """
    must(body.tag == f"{{{XDSB}}}ProvideAndRegisterDocumentSetRequest", "unexpected body", "XDSRepositoryError")
    submit = body.findall(f"{{{LCM}}}SubmitObjectsRequest")
    must(len(submit) == 1 and body[0] is submit[0], "exactly one SubmitObjectsRequest, first", "XDSRepositoryError")
    return read_submit(submit[0], _documents(body))


def read_submit(submit: Any, documents: dict[str, str]) -> Request:
    """Return the objects of a SubmitObjectsRequest: a submission's, or the METADATA.XML of an archive.

    Raises:
        RegistryError: A shape is not that of the standard.
    """
    must(submit.tag == f"{{{LCM}}}SubmitObjectsRequest", "the root is no SubmitObjectsRequest")
    lists = submit.findall(f"{{{RIM}}}RegistryObjectList")
    must(len(lists) == 1, "exactly one RegistryObjectList")
    packages = lists[0].findall(f"{{{RIM}}}RegistryPackage")
    must(len(packages) == 1, "exactly one RegistryPackage")
    ids = [
        node.get("id") for node in lists[0].iter() if isinstance(node.tag, str) and node.get("id") and node.tag != f"{{{RIM}}}Slot"
    ]
    must(len(ids) == len(set(ids)), "an id stands twice")
    package = _object(packages[0], SET, "SubmissionSet")
    _check_node(lists[0], packages[0], package.id)
    return Request(
        package,
        [_object(node, DOCUMENT, "DocumentEntry") for node in lists[0].findall(f"{{{RIM}}}ExtrinsicObject")],
        [_association(node) for node in lists[0].findall(f"{{{RIM}}}Association")],
        documents,
    )


def _check_node(objects: Any, package: Any, named: str) -> None:
    """Check that the package says that it is a submission set, inside itself or beside."""
    nodes = [
        node
        for node in [*objects.findall(f"{{{RIM}}}Classification"), *package.findall(f"{{{RIM}}}Classification")]
        if node.get("classificationNode")
    ]
    must(
        [(n.get("classificationNode"), n.get("classifiedObject")) for n in nodes] == [(SET["classificationNode"], named)],
        "the package is not classified as a submission set",
    )


def _object(node: Any, schemes: dict[str, str], kind: str) -> Object:
    named = str(node.get("id") or "")
    must(bool(named), f"a {kind} has no id")
    if kind == "DocumentEntry":
        must(node.get("objectType") == DOCUMENT_ENTRY, f"{named}: unexpected objectType")
    names = {scheme: name for name, scheme in schemes.items()}
    codes: dict[str, list[Code]] = {}
    for classification in node.findall(f"{{{RIM}}}Classification"):
        if classification.get("classificationNode"):
            continue
        name = names.get(str(classification.get("classificationScheme")), "")
        must(bool(name), f"{named}: unknown classification scheme")
        must(classification.get("classifiedObject") == named, f"{named}: a {name} classifies another object")
        codes.setdefault(name, []).append(_code(classification, named, name))
    identifiers: dict[str, str] = {}
    for identifier in node.findall(f"{{{RIM}}}ExternalIdentifier"):
        name = names.get(str(identifier.get("identificationScheme")), "")
        must(bool(name) and name not in identifiers, f"{named}: unknown or repeated external identifier")
        must(identifier.get("registryObject") == named, f"{named}: {name} identifies another object")
        must(_name(identifier) == f"XDS{kind}.{name}", f"{named}: {name} has another name")
        identifiers[name] = str(identifier.get("value") or "")
        must(bool(identifiers[name]), f"{named}: {name} is empty")
    return Object(named, str(node.get("mimeType") or ""), _name(node), slots(node, named), codes, identifiers)


def _code(node: Any, named: str, name: str) -> Code:
    inside = slots(node, f"{named} {name}")
    if name == "author":
        return Code("", "", "", inside)
    code, label = str(node.get("nodeRepresentation") or ""), _name(node)
    must(bool(code and label), f"{named}: {name} without code or name")
    must(len(inside.get("codingScheme", [])) == 1 and len(inside) == 1, f"{named}: {name} without its coding scheme")
    return Code(code, inside["codingScheme"][0], label, inside)


def slots(node: Any, named: str) -> dict[str, list[str]]:
    """Return the slots of an object, each name once and no value empty or over 256 characters."""
    found: dict[str, list[str]] = {}
    for slot in node.findall(f"{{{RIM}}}Slot"):
        name = str(slot.get("name") or "")
        values = [str(value.text or "") for value in slot.findall(f"{{{RIM}}}ValueList/{{{RIM}}}Value")]
        must(bool(name) and name not in found, f"{named}: the slot {name} stands twice")
        must(bool(values) and all(value.strip() for value in values), f"{named}: the slot {name} is empty")
        must(all(len(value) <= SLOT_MAXIMUM for value in values), f"{named}: a value of {name} is too long")
        found[name] = values
    return found


def _association(node: Any) -> Association:
    kind, source, target = (str(node.get(name) or "") for name in ("associationType", "sourceObject", "targetObject"))
    must(bool(kind and source and target), "an association is incomplete")
    return Association(kind, source, target, slots(node, "association"))


def _name(node: Any) -> str:
    found = node.find(f"{{{RIM}}}Name/{{{RIM}}}LocalizedString")
    return str(found.get("value") or "") if found is not None else ""


def _documents(body: Any) -> dict[str, str]:
    """Return the Content-ID by entry: each Document holds one Include of a part, and nothing inline."""
    found: dict[str, str] = {}
    for document in body.findall(f"{{{XDSB}}}Document"):
        include = document.findall(f"{{{XOP}}}Include")
        href = str(include[0].get("href") or "") if len(include) == 1 else ""
        alone = len(document) == 1 and not str(document.text or "").strip()
        must(alone and href.startswith("cid:"), "a Document does not include exactly one part", "XDSRepositoryError")
        named = str(document.get("id") or "").lower()
        must(bool(named) and named not in found, "a Document has no id of its own", "XDSRepositoryError")
        found[named] = href.removeprefix("cid:")
    return found
