"""The document itself: what a CDA must be for the DMP to keep it, and where it must say what its metadata say.

Source: CI-SIS, volet Structuration minimale; DMP integration guide, TD2.1 (equality of metadata and header).
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lxml import etree

from infra.local.services.dmp_metadata import OID
from infra.local.services.dmp_objects import Object, must

HL7 = "urn:hl7-org:v3"
PS = "1.2.250.1.71.4.2.1"
STRUCTURE = "1.2.250.1.71.4.2.2"
MINIMAL = {"2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1"}
ERROR = "XDSRepositoryError"
CONFIDENTIALITY = {"N", "R", "V"}


@dataclass(frozen=True)
class Cda:
    """What the registry keeps of a document.

    Args:
        replaces: id of the document it says it replaces, or empty.
        pdf: The body, when it is a PDF.
    """

    unique_id: str
    set_id: str
    version: int
    replaces: str
    pdf: bytes


def check(content: bytes, entry: Object) -> Cda:
    """Return what the document says once it is sound and equal to its metadata.

    Raises:
        RegistryError: The first thing that is wrong.
    """
    root = _parsed(content)
    must(root.tag == f"{{{HL7}}}ClinicalDocument", "the document is not a CDA", ERROR)
    identified = _one(root, "id")
    must(
        OID.fullmatch(identified.get("root") or "") is not None and identified.get("extension") is None,
        "the id of a CDA is an OID without extension",
        ERROR,
    )
    templates = {node.get("root") for node in root.findall(f"{{{HL7}}}templateId")}
    must(templates >= MINIMAL, "the templates of the minimal structure are missing", ERROR)
    must(_one(root, "realmCode").get("code") == "FR", "the realm is FR", ERROR)
    _check_equal(root, entry)
    _check_patient(root, entry)
    _check_author(root, entry)
    version = str(_one(root, "versionNumber").get("value"))
    must(re.fullmatch(r"[1-9]\d{0,5}", version) is not None, "versionNumber is not 1, 2, 3 …", ERROR)
    parents = root.findall(f"{{{HL7}}}relatedDocument[@typeCode='RPLC']/{{{HL7}}}parentDocument/{{{HL7}}}id")
    must((version == "1") == (not parents), "a version after the first says which document it replaces", ERROR)
    return Cda(
        str(identified.get("root")),
        str(_one(root, "setId").get("root") or ""),
        int(version),
        str(parents[0].get("root")) if parents else "",
        _pdf(root),
    )


def utc(value: str | None) -> str:
    """Return a CDA time with its offset as UTC `yyyyMMddHHmmss`; empty when it is not one."""
    if not re.fullmatch(r"\d{14}[+-]\d{4}", value or ""):
        return ""
    return datetime.strptime(str(value), "%Y%m%d%H%M%S%z").astimezone(UTC).strftime("%Y%m%d%H%M%S")


def _check_equal(root: Any, entry: Object) -> None:
    """Compare the header's own values with those of the entry."""
    events = root.findall(f"{{{HL7}}}documentationOf/{{{HL7}}}serviceEvent")
    must(bool(events), "a serviceEvent is expected", ERROR)
    lows = sorted(filter(None, (utc(_value(event, "effectiveTime/low")) for event in events)))
    highs = sorted(filter(None, (utc(_value(event, "effectiveTime/high")) for event in events)))
    confidentiality = str(_one(root, "confidentialityCode").get("code"))
    must(confidentiality in CONFIDENTIALITY, "the confidentialityCode of a CDA is N, R or V", ERROR)
    pairs = {
        "uniqueId": (str(_one(root, "id").get("root")), entry.identifiers["uniqueId"]),
        "title": (str(_one(root, "title").text or ""), entry.title),
        "creationTime": (utc(_one(root, "effectiveTime").get("value")), entry.slot("creationTime")),
        "languageCode": (str(_one(root, "languageCode").get("code")), entry.slot("languageCode")),
        "typeCode": (str(_one(root, "code").get("code")), entry.code("typeCode").code),
        "serviceStartTime": (lows[0] if lows else "", entry.slot("serviceStartTime")),
        "serviceStopTime": (highs[-1] if highs else "", entry.slot("serviceStopTime")),
        "healthcareFacilityTypeCode": (
            _attribute(root, "componentOf/encompassingEncounter/location/healthCareFacility/code", "code"),
            entry.code("healthcareFacilityTypeCode").code,
        ),
        "practiceSettingCode": (
            _attribute(
                root,
                "documentationOf/serviceEvent/performer/assignedEntity/representedOrganization/standardIndustryClassCode",
                "code",
            ),
            entry.code("practiceSettingCode").code,
        ),
    }
    for name, (said, metadata) in pairs.items():
        must(bool(said) or name == "serviceStopTime", f"the CDA has no {name} that can be read", ERROR)
        must(said == metadata, f"{name} is not that of the CDA")
    codes = {code.code for code in entry.codes.get("confidentialityCode", [])}
    must(confidentiality in codes, "confidentialityCode is not that of the CDA")


def _check_patient(root: Any, entry: Object) -> None:
    """Compare the patient: the INS of the metadata, and the traits of sourcePatientInfo."""
    number, _, rest = entry.identifiers["patientId"].partition("^^^&")
    authority = rest.partition("&")[0]
    ids = {
        (node.get("root"), node.get("extension"))
        for node in root.findall(f"{{{HL7}}}recordTarget/{{{HL7}}}patientRole/{{{HL7}}}id")
    }
    must((authority, number) in ids, "the patient of the CDA is not that of the metadata", "XDSPatientIdDoesNotMatch")
    local, _, rest = entry.slot("sourcePatientId").partition("^^^&")
    must((rest.partition("&")[0], local) in ids, "sourcePatientId is not an identifier of the CDA")
    patient = root.find(f"{{{HL7}}}recordTarget/{{{HL7}}}patientRole/{{{HL7}}}patient")
    must(patient is not None, "the CDA has no patient", ERROR)
    family = patient.findtext(f"{{{HL7}}}name/{{{HL7}}}family[@qualifier='BR']") or ""
    given = patient.findtext(f"{{{HL7}}}name/{{{HL7}}}given[@qualifier='BR']") or ""
    birth = _attribute(patient, "birthTime", "value")[:8]
    sex = _attribute(patient, "administrativeGenderCode", "code")
    info = {value[:5]: value[6:] for value in entry.slots.get("sourcePatientInfo", [])}
    must(info.get("PID-5", "").split("^")[:2] == [family, given], "PID-5 is not the birth name of the CDA")
    must(info.get("PID-7", "")[:8] == birth and info.get("PID-8") == sex, "PID-7 or PID-8 is not that of the CDA")


def _check_author(root: Any, entry: Object) -> None:
    """Compare who wrote and who answers for it."""
    legal = root.find(f"{{{HL7}}}legalAuthenticator/{{{HL7}}}assignedEntity")
    must(legal is not None, "a legalAuthenticator is expected", ERROR)
    must(entry.slot("legalAuthenticator").split("^")[:3] == _person(legal), "legalAuthenticator is not that of the CDA")
    organisation = legal.find(f"{{{HL7}}}representedOrganization/{{{HL7}}}id[@root='{STRUCTURE}']")
    must(organisation is not None, "legalAuthenticator has no structure", ERROR)
    authors = [_person(node) for node in root.findall(f"{{{HL7}}}author/{{{HL7}}}assignedAuthor")]
    said = [author.slots["authorPerson"][0].split("^")[:3] for author in entry.codes["author"]]
    must(bool(said) and all(person in authors for person in said), "authorPerson is not an author of the CDA")


def _person(node: Any) -> list[str]:
    """Return identifier, family and given name of a professional."""
    identified = node.find(f"{{{HL7}}}id[@root='{PS}']")
    names = [str(node.findtext(f"{{{HL7}}}assignedPerson/{{{HL7}}}name/{{{HL7}}}{part}") or "") for part in ("family", "given")]
    return [str(identified.get("extension")) if identified is not None else "", *names]


def _pdf(root: Any) -> bytes:
    """Return the PDF of a level 1 document; empty for a structured body."""
    bodies = root.findall(f"{{{HL7}}}component/{{{HL7}}}nonXMLBody/{{{HL7}}}text")
    if not bodies:
        must(root.find(f"{{{HL7}}}component/{{{HL7}}}structuredBody") is not None, "the CDA has no body", ERROR)
        return b""
    body = bodies[0]
    must(body.get("representation") == "B64", "the body is not base64", ERROR)
    try:
        content = b64decode("".join(str(body.text or "").split()), validate=True)
    except ValueError:
        content = b""
    if body.get("mediaType") != "application/pdf":
        return b""
    must(content.startswith(b"%PDF-"), "the body is not the PDF it says it is", ERROR)
    return content


def _one(root: Any, name: str) -> Any:
    found = root.findall(f"{{{HL7}}}{name}")
    must(len(found) == 1, f"the CDA has no {name}, or more than one", ERROR)
    return found[0]


def _path(path: str) -> str:
    return "/".join(f"{{{HL7}}}{step}" for step in path.split("/"))


def _value(root: Any, path: str) -> str:
    return _attribute(root, path, "value")


def _attribute(root: Any, path: str, name: str) -> str:
    found = root.find(_path(path))
    return str(found.get(name) or "") if found is not None else ""


def _parsed(content: bytes) -> Any:
    must(not content.startswith(b"\xef\xbb\xbf"), "the document begins with a byte order mark", ERROR)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        must(False, "the document is not well-formed XML", ERROR)
    must(not root.getroottree().docinfo.doctype, "the document has a DTD", ERROR)
    return root
