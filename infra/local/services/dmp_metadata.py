"""What the metadata of a radiology submission must say, whatever its documents say.

Source: CI-SIS, volet Partage de documents de sante; DMP integration guide, TD2.1 (each rule is a row of its attribute table).
"""

from __future__ import annotations

import hashlib
import re

from infra.local.services.dmp_objects import Object, RegistryError, Request, must

HAS_MEMBER = "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
SIGNS = "urn:ihe:iti:2007:AssociationType:signs"
RPLC = "urn:ihe:iti:2007:AssociationType:RPLC"
OID = re.compile(r"(?=.{1,64}\Z)[0-2](\.(0|[1-9]\d*))+")
DTM = re.compile(r"\d{14}")
XCN = re.compile(r"[^^]+\^[^^]+\^[^^]+\^{6}&[0-9.]+&ISO\^[A-Z]\^\^\^(IDNPS|EI|RI)")
XON = re.compile(r"[^^]+\^{5}&[0-9.]+&ISO\^(IDNST|RI|EI)\^\^\^[^^]+")
CX = re.compile(r"[^^]+\^\^\^&[0-9.]+&ISO\^(NH|PI)")
REFERENCE = re.compile(
    r"[^^]+\^\^\^&[0-9.]+&ISO\^(urn:ihe:iti:xds:2013:accession|urn:ihe:iti:xds:2016:studyInstanceUID|urn:ihe:iti:xds:2013:order)"
)
CONFIDENTIALITY = {
    "N": "2.16.840.1.113883.5.25",
    **dict.fromkeys(("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REPRESENTANTS_LEGAUX"), "1.2.250.1.213.1.1.4.13"),
}
CLASS_CODES = frozenset(["10", "11", "31", "42", "43", "44", "45", "52", "60", "90", "95"])
SCHEMES = {
    "classCode": {"1.2.250.1.213.1.1.4.1"},
    "typeCode": {"2.16.840.1.113883.6.1"},
    "formatCode": {"1.3.6.1.4.1.19376.1.2.3", "1.2.250.1.213.1.1.4.2.282"},
    "healthcareFacilityTypeCode": {"1.2.250.1.71.4.2.4"},
    "practiceSettingCode": {"1.2.250.1.213.1.1.4.9"},
}
SIGNATURE_CODES = {
    "classCode": ("urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN"),
    "typeCode": ("E1762", "ASTM"),
    "formatCode": ("http://www.w3.org/2000/09/xmldsig#", "URN"),
    "eventCodeList": ("1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12"),
}
ONE_EACH = ["creationTime", "languageCode", "legalAuthenticator", "serviceStartTime", "sourcePatientId"]
CONTENT_TYPES = {"1.2.250.1.213.2.2", "1.2.250.1.71.4.2.4"}


def check(request: Request, *, patient: str) -> None:
    """Check the whole request.

    Args:
        patient: CX of the VIHF's resource-id.

    Raises:
        RegistryError: With the code and the first thing that is wrong.
    """
    signatures = [entry for entry in request.entries if entry.is_signature]
    must(len(signatures) == 1, "exactly one signature document is expected", "XDSRepositoryError")
    must(len(request.entries) >= 2, "a submission holds at least one document beside its signature", "XDSMissingDocument")
    for entry in request.entries:
        _check_entry(entry)
        (_check_signature if entry.is_signature else _check_document)(entry)
    _check_set(request.package)
    for said in (request.package, *request.entries):
        must(
            said.identifiers.get("patientId") == patient,
            f"{said.id}: patientId is not the patient of the VIHF",
            "XDSPatientIdDoesNotMatch",
        )
    unique = [said.identifiers["uniqueId"] for said in (request.package, *request.entries)]
    must(len(unique) == len(set(unique)), "a uniqueId stands twice", "XDSRegistryDuplicateUniqueIdInMessage")
    _check_associations(request, signatures[0].id)


def check_set(package: Object, *, patient: str) -> None:
    """Check a submission set by itself, as a deletion has it.

    Raises:
        RegistryError: With the first thing that is wrong.
    """
    _check_set(package)
    must(package.identifiers.get("patientId") == patient, "patientId is not the patient of the VIHF", "XDSPatientIdDoesNotMatch")


def check_report(entry: Object) -> None:
    """Check the entry of a report by itself, as in the archive of a mail.

    Raises:
        RegistryError: With the first thing that is wrong.
    """
    _check_entry(entry)
    _check_document(entry)


def check_bytes(request: Request, parts: dict[str, bytes], *, required: bool) -> dict[str, bytes]:
    """Return the document of each entry, its hash and size checked against the very bytes of its part.

    Args:
        required: Hash and size must be there.
    """
    ids = {entry.id.lower(): entry for entry in request.entries}
    must(set(request.documents) <= set(ids), "a Document has no entry", "XDSMissingDocumentMetadata")
    must(set(ids) <= set(request.documents), "an entry has no Document", "XDSMissingDocument")
    must(set(request.documents.values()) <= set(parts), "a Document includes a part that is not there", "XDSMissingDocument")
    must(
        len(set(request.documents.values())) == len(parts) == len(ids), "one part per Document, and no other", "XDSRepositoryError"
    )
    found = {}
    for named, entry in ids.items():
        content = parts[request.documents[named]]
        for slot, value in (
            ("hash", hashlib.sha1(content, usedforsecurity=False).hexdigest()),
            ("size", str(len(content))),
        ):
            said = entry.slot(slot).lower()
            must(bool(said) or not required, f"{entry.id}: {slot} is required", "XDSRepositoryMetadataError")
            must(said in {"", value}, f"{entry.id}: {slot} is not that of the document received", "XDSRepositoryMetadataError")
        found[entry.id] = content
    return found


def author_institutions(request: Request) -> set[str]:
    """Return the identifiers of every author's institution (XON.10)."""
    return {
        value.rpartition("^")[2]
        for said in (request.package, *request.entries)
        for author in said.codes.get("author", [])
        for value in author.slots.get("authorInstitution", [])
    }


def replaced(request: Request) -> dict[str, str]:
    """Return the entryUUID each entry replaces, by its own id."""
    return {a.source: a.target for a in request.associations if a.kind == RPLC}


def _check_entry(entry: Object) -> None:
    """Check what every entry has."""
    _check_identifiers(entry, ("patientId", "uniqueId"))
    for name in ONE_EACH:
        must(len(entry.slots.get(name, [])) == 1, f"{entry.id}: the slot {name} is expected once")
    for name in ("creationTime", "serviceStartTime", "serviceStopTime"):
        must(
            name not in entry.slots or DTM.fullmatch(entry.slot(name)) is not None,
            f"{entry.id}: {name} is not a UTC time in seconds",
        )
    must(XCN.fullmatch(entry.slot("legalAuthenticator")) is not None, f"{entry.id}: legalAuthenticator is not an XCN")
    must(CX.fullmatch(entry.slot("sourcePatientId")) is not None, f"{entry.id}: sourcePatientId is not a CX")
    must(bool(entry.title) and len(entry.title) <= 128, f"{entry.id}: a title of 1 to 128 characters is expected")
    _check_authors(entry)
    for name in ("classCode", "typeCode", "formatCode", "healthcareFacilityTypeCode", "practiceSettingCode"):
        entry.code(name)
    for name in ("healthcareFacilityTypeCode", "practiceSettingCode"):
        must(entry.code(name).scheme in SCHEMES[name], f"{entry.id}: {name} has another coding scheme")
    for code in entry.codes.get("confidentialityCode", []):
        must(CONFIDENTIALITY.get(code.code) == code.scheme, f"{entry.id}: unknown confidentialityCode")


def _check_document(entry: Object) -> None:
    """Check the entry of a report."""
    must(entry.mime == "text/xml", f"{entry.id}: the mime type of a CDA is text/xml")
    must(entry.slot("languageCode") == "fr-FR", f"{entry.id}: languageCode is fr-FR")
    for name in ("classCode", "typeCode", "formatCode"):
        must(entry.code(name).scheme in SCHEMES[name], f"{entry.id}: {name} has another coding scheme")
    must(entry.code("classCode").code in CLASS_CODES, f"{entry.id}: unknown classCode")
    confidentiality = [code.code for code in entry.codes.get("confidentialityCode", [])]
    must(
        "N" in confidentiality and len(confidentiality) == len(set(confidentiality)),
        f"{entry.id}: confidentialityCode N is always there",
    )
    info = entry.slots.get("sourcePatientInfo", [])
    must(
        [value[:6] for value in info[:3]] == ["PID-5|", "PID-7|", "PID-8|"],
        f"{entry.id}: sourcePatientInfo holds PID-5, PID-7 and PID-8",
    )
    for value in entry.slots.get("urn:ihe:iti:xds:2013:referenceIdList", []):
        must(REFERENCE.fullmatch(value) is not None, f"{entry.id}: a reference is not one of the three types")


def _check_signature(entry: Object) -> None:
    """Check the entry of the signature document, whose values are all fixed."""
    must(
        entry.mime == "text/xml" and entry.slot("languageCode") == "art" and entry.title == "Source",
        f"{entry.id}: not a signature's entry",
    )
    for name, (code, scheme) in SIGNATURE_CODES.items():
        found = entry.code(name)
        must((found.code, found.scheme) == (code, scheme), f"{entry.id}: {name} of a signature is {code}")
    confidentiality = sorted(code.code for code in entry.codes.get("confidentialityCode", []))
    must(
        confidentiality == ["INVISIBLE_PATIENT", "MASQUE_PS", "N"], f"{entry.id}: a signature is N, MASQUE_PS and INVISIBLE_PATIENT"
    )


def _check_set(package: Object) -> None:
    """Check the submission set."""
    _check_identifiers(package, ("patientId", "uniqueId", "sourceId"))
    must(DTM.fullmatch(package.slot("submissionTime")) is not None, "submissionTime is not a UTC time in seconds")
    must(OID.fullmatch(package.identifiers["sourceId"]) is not None, "sourceId is not an OID")
    must(package.code("contentTypeCode").scheme in CONTENT_TYPES, "contentTypeCode has another coding scheme")
    _check_authors(package)


def _check_identifiers(said: Object, names: tuple[str, ...]) -> None:
    must(set(said.identifiers) == set(names), f"{said.id}: its external identifiers are {', '.join(names)}")
    must(OID.fullmatch(said.identifiers["uniqueId"]) is not None, f"{said.id}: uniqueId is not an OID")


def _check_authors(said: Object) -> None:
    authors = said.codes.get("author", [])
    must(bool(authors), f"{said.id}: an author is expected")
    for author in authors:
        persons, institutions = author.slots.get("authorPerson", []), author.slots.get("authorInstitution", [])
        must(len(persons) == 1 and XCN.fullmatch(persons[0]) is not None, f"{said.id}: authorPerson is not an XCN")
        must(
            bool(institutions) and all(XON.fullmatch(value) for value in institutions),
            f"{said.id}: authorInstitution is not an XON",
        )


def _check_associations(request: Request, signature: str) -> None:
    """Check that the set holds every entry, that the signature signs the set, and what a replacement points to."""
    original = {"SubmissionSetStatus": ["Original"]}
    members = [a for a in request.associations if a.kind == HAS_MEMBER]
    expected = {(request.package.id, entry.id) for entry in request.entries}
    must(
        {(a.source, a.target) for a in members} == expected
        and len(members) == len(expected)
        and all(a.slots == original for a in members),
        "HasMember binds the set to each entry, once, as Original",
    )
    signs = [(a.source, a.target, a.slots) for a in request.associations if a.kind == SIGNS]
    must(signs == [(signature, request.package.id, original)], "the signature signs the set, as Original")
    sources = {entry.id for entry in request.entries} - {signature}
    for association in request.associations:
        if association.kind == RPLC:
            must(association.source in sources, "RPLC begins at a document of this submission")
            must(
                re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", association.target) is not None,
                "RPLC points to an entryUUID",
                "UnresolvedReferenceException",
            )
        elif association.kind not in {HAS_MEMBER, SIGNS}:
            raise RegistryError("XDSRegistryMetadataError", "unexpected association")
