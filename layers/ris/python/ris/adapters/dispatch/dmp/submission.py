"""The metadata of one submission (ITI-41): the report's entry, the signature's entry, the set and what binds them.

Source: IHE ITI TF-3 §4.2 (metadata), ITI TF-2 §3.41; CI-SIS, volet Partage de documents de sante; DMP integration guide, TD2.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from ris.adapters.dispatch.dmp.identifiers import derived_oid, dtm, xcn, xon
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.dmp.vihf import patient_id
from ris.adapters.report.cda import DCM, PRACTICE_LABELS, PRACTICE_SETTING, SECTOR, SNOMED, SPECIALITY, TITLE_MAXIMUM
from ris.domain.errors import Refused
from ris.domain.identity.ins import QualifiedIdentity
from ris.domain.report.frozen import FrozenReport

_ENTRY = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
_CONFIDENTIALITY = "1.2.250.1.213.1.1.4.13"
_ASSOCIATION = "urn:oasis:names:tc:ebxml-regrep:AssociationType:"

DOCUMENT_SCHEMES = {
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
SET_SCHEMES = {
    "classificationNode": "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd",
    "author": "urn:uuid:a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d",
    "contentTypeCode": "urn:uuid:aa543740-bdda-424e-8c96-df4873be8500",
    "patientId": "urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446",
    "sourceId": "urn:uuid:554ac39e-e3fe-47fe-b233-965d2a147832",
    "uniqueId": "urn:uuid:96fdda7c-d067-4183-912e-bf5ee74998a8",
}


@dataclass(frozen=True)
class Submission:
    """What one submission carries; the bytes are those that were stored when the report was signed."""

    report: FrozenReport
    cda: bytes
    signature: bytes
    replaced_entry_uuid: str = ""


def submission_set_id(report: FrozenReport) -> str:
    """Return the uniqueId of the submission set of a version."""
    return derived_oid("submission-set", report.document_id)


def signature_id(report: FrozenReport) -> str:
    """Return the uniqueId of the signature document of a version."""
    return derived_oid("signature", report.document_id)


def submit_objects_request(submission: Submission, settings: DmpSettings) -> str:
    """Return the `lcm:SubmitObjectsRequest`.

    Raises:
        Refused: `identity_not_qualified`: nothing goes to the DMP without an INS.
    """
    identity = submission.report.identity
    if identity is None:
        raise Refused("identity_not_qualified")
    return "".join(_request(submission, identity, settings))


def _request(submission: Submission, identity: QualifiedIdentity, settings: DmpSettings) -> Iterator[str]:
    """Yield the request's pieces."""
    yield '<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"'
    yield ' xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><rim:RegistryObjectList>'
    yield from _document_entry(submission, identity, settings)
    yield from _signature_entry(submission, identity)
    yield from _submission_set(submission.report, identity, settings)
    for index, entry in enumerate(("Document01", "Signature01"), start=1):
        yield _association(f"as0{index}", "HasMember", "SubmissionSet01", entry)
    yield _association("as03", "urn:ihe:iti:2007:AssociationType:signs", "Signature01", "SubmissionSet01")
    if submission.replaced_entry_uuid:
        kind = "urn:ihe:iti:2007:AssociationType:RPLC"
        yield _association("as04", kind, "Document01", submission.replaced_entry_uuid, original=False)
    yield "</rim:RegistryObjectList></lcm:SubmitObjectsRequest>"


def _document_entry(submission: Submission, identity: QualifiedIdentity, settings: DmpSettings) -> Iterator[str]:
    """Yield the entry of the report; what it says equals what the CDA says."""
    report = submission.report
    yield f'<rim:ExtrinsicObject id="Document01" mimeType="text/xml" objectType="{_ENTRY}">'
    yield _slot("creationTime", dtm(report.validated_at))
    yield _slot("languageCode", "fr-FR")
    yield from _common_slots(report, identity, submission.cda)
    if report.performed_end is not None:
        yield _slot("serviceStopTime", dtm(report.performed_end))
    yield _slot("urn:ihe:iti:xds:2013:referenceIdList", *_references(report))
    yield _name("Name", report.title[:TITLE_MAXIMUM])
    ids = _Ids("d")
    yield _author(ids, "Document01", DOCUMENT_SCHEMES["author"], report)
    yield _class(ids, "Document01", "classCode", settings.class_code, "1.2.250.1.213.1.1.4.1", settings.class_label)
    yield _class(ids, "Document01", "typeCode", "18748-4", "2.16.840.1.113883.6.1", "CR d'imagerie médicale")
    yield _class(
        ids,
        "Document01",
        "formatCode",
        "urn:ihe:iti:xds-sd:pdf:2008",
        "1.3.6.1.4.1.19376.1.2.3",
        "Document à corps non structuré en PDF/A-1",
    )
    for code, scheme, label in _confidentiality(report):
        yield _class(ids, "Document01", "confidentialityCode", code, scheme, label)
    yield from _setting_classes(ids, "Document01", report)
    for act in report.acts:
        yield _class(ids, "Document01", "eventCodeList", act.modality, DCM, act.modality)
        yield _class(ids, "Document01", "eventCodeList", act.region_code, SNOMED, act.region_label)
    yield from _external(ids, "Document01", DOCUMENT_SCHEMES, identity, report.document_id, "XDSDocumentEntry")
    yield "</rim:ExtrinsicObject>"


def _signature_entry(submission: Submission, identity: QualifiedIdentity) -> Iterator[str]:
    """Yield the entry of the signature document: it is nobody's to read."""
    report = submission.report
    yield f'<rim:ExtrinsicObject id="Signature01" mimeType="text/xml" objectType="{_ENTRY}">'
    yield _slot("creationTime", dtm(report.validated_at))
    yield _slot("languageCode", "art")
    yield from _common_slots(report, identity, submission.signature)
    yield _name("Name", "Source")
    ids = _Ids("s")
    yield _author(ids, "Signature01", DOCUMENT_SCHEMES["author"], report)
    yield _class(ids, "Signature01", "classCode", "urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN", "Digital Signature")
    yield _class(ids, "Signature01", "typeCode", "E1762", "ASTM", "Full Document")
    yield _class(ids, "Signature01", "formatCode", "http://www.w3.org/2000/09/xmldsig#", "URN", "Default Signature Style")
    for code, scheme, label in (
        ("N", "2.16.840.1.113883.5.25", "Normal"),
        ("MASQUE_PS", _CONFIDENTIALITY, "Document masqué aux professionnels de santé"),
        ("INVISIBLE_PATIENT", _CONFIDENTIALITY, "Document non visible par le patient"),
    ):
        yield _class(ids, "Signature01", "confidentialityCode", code, scheme, label)
    yield from _setting_classes(ids, "Signature01", report)
    yield _class(ids, "Signature01", "eventCodeList", "1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12", "Source")
    yield from _external(ids, "Signature01", DOCUMENT_SCHEMES, identity, signature_id(report), "XDSDocumentEntry")
    yield "</rim:ExtrinsicObject>"


def _submission_set(report: FrozenReport, identity: QualifiedIdentity, settings: DmpSettings) -> Iterator[str]:
    """Yield the set: who submits, when, from which installation."""
    yield '<rim:RegistryPackage id="SubmissionSet01">'
    yield _slot("submissionTime", dtm(report.validated_at))
    yield _name("Name", report.title[:TITLE_MAXIMUM])
    ids = _Ids("p")
    yield _author(ids, "SubmissionSet01", SET_SCHEMES["author"], report)
    yield _classification(
        ids,
        "SubmissionSet01",
        SET_SCHEMES["contentTypeCode"],
        report.structure.sector_code,
        settings.content_type_scheme,
        report.structure.sector_label,
    )
    yield from _external(
        ids, "SubmissionSet01", SET_SCHEMES, identity, submission_set_id(report), "XDSSubmissionSet", source_id=settings.lps_oid
    )
    yield "</rim:RegistryPackage>"
    yield (
        f'<rim:Classification id="{ids.next()}" classifiedObject="SubmissionSet01"'
        f' classificationNode="{SET_SCHEMES["classificationNode"]}"/>'
    )


def _common_slots(report: FrozenReport, identity: QualifiedIdentity, content: bytes) -> Iterator[str]:
    """Yield the slots both entries carry; hash and size are those of the very bytes sent."""
    traits = identity.traits
    yield _slot("legalAuthenticator", xcn(report.author))
    yield _slot("serviceStartTime", dtm(report.performed_start))
    yield _slot("sourcePatientId", f"{report.ipp.value}^^^&{report.ipp.authority}&ISO^PI")
    yield _slot(
        "sourcePatientInfo",
        f"PID-5|{traits.birth_family}^{traits.birth_given}^^^^^L",
        f"PID-7|{traits.birth_date:%Y%m%d}",
        f"PID-8|{traits.sex}",
    )
    yield _slot("hash", hashlib.sha1(content, usedforsecurity=False).hexdigest())
    yield _slot("size", str(len(content)))


def _references(report: FrozenReport) -> Iterator[str]:
    """Yield the references by which a DRIMbox or a viewer finds the report."""
    root = report.accession_authority
    yield f"{report.accession_number}^^^&{root}&ISO^urn:ihe:iti:xds:2013:accession"
    yield f"{report.study_instance_uid}^^^&{root}&ISO^urn:ihe:iti:xds:2016:studyInstanceUID"
    if report.placer_order_number and report.placer_authority:
        yield f"{report.placer_order_number}^^^&{report.placer_authority}&ISO^urn:ihe:iti:xds:2013:order"


def _confidentiality(report: FrozenReport) -> Iterator[tuple[str, str, str]]:
    """Yield N and the marks of visibility (DMP.07)."""
    yield "N", "2.16.840.1.113883.5.25", "Normal"
    marks = report.visibility
    if marks.masked_to_professionals:
        yield "MASQUE_PS", _CONFIDENTIALITY, "Document masqué aux professionnels de santé"
    if marks.invisible_to_patient:
        yield "INVISIBLE_PATIENT", _CONFIDENTIALITY, "Document non visible par le patient"
    if marks.invisible_to_representatives:
        yield "INVISIBLE_REPRESENTANTS_LEGAUX", _CONFIDENTIALITY, "Non visible par les représentants légaux du patient"


def _setting_classes(ids: _Ids, entry: str, report: FrozenReport) -> Iterator[str]:
    """Yield where the document was made: kind of facility and of practice."""
    structure = report.structure
    yield _class(ids, entry, "healthcareFacilityTypeCode", structure.sector_code, SECTOR, structure.sector_label)
    label = PRACTICE_LABELS.get(structure.practice_setting, structure.practice_setting)
    yield _class(ids, entry, "practiceSettingCode", structure.practice_setting, PRACTICE_SETTING, label)


class _Ids:
    """Ids of classifications and identifiers within one message."""

    def __init__(self, prefix: str) -> None:
        self._prefix, self._count = prefix, 0

    def next(self) -> str:
        """Return the next id."""
        self._count += 1
        return f"{self._prefix}{self._count:02d}"


def _author(ids: _Ids, entry: str, scheme: str, report: FrozenReport) -> str:
    """Return the author: institution, person, speciality."""
    person = report.author
    speciality = f"G15_{person.profession_code}/{person.speciality_code}^Médecin - {person.speciality_label} (SM)^{SPECIALITY}"
    slots = (
        _slot("authorInstitution", xon(report.structure))
        + _slot("authorPerson", xcn(person))
        + _slot("authorSpecialty", speciality)
    )
    return (
        f'<rim:Classification id="{ids.next()}" classificationScheme="{scheme}" classifiedObject="{entry}" nodeRepresentation="">'
        f"{slots}</rim:Classification>"
    )


def _class(ids: _Ids, entry: str, name: str, code: str, scheme: str, label: str) -> str:
    """Return one coded attribute of a document entry."""
    return _classification(ids, entry, DOCUMENT_SCHEMES[name], code, scheme, label)


def _classification(ids: _Ids, entry: str, scheme: str, code: str, coding_scheme: str, label: str) -> str:
    """Return one classification with its coding scheme and name."""
    return (
        f'<rim:Classification id="{ids.next()}" classificationScheme="{scheme}" classifiedObject="{entry}"'
        f' nodeRepresentation="{escape(code)}">{_slot("codingScheme", coding_scheme)}{_name("Name", label)}</rim:Classification>'
    )


def _external(
    ids: _Ids, entry: str, schemes: dict[str, str], identity: QualifiedIdentity, unique_id: str, prefix: str, *, source_id: str = ""
) -> Iterator[str]:
    """Yield the external identifiers of an entry or of the set."""
    values = {"patientId": patient_id(identity.ins), "sourceId": source_id, "uniqueId": unique_id}
    for name, value in values.items():
        if value:
            yield (
                f'<rim:ExternalIdentifier id="{ids.next()}" registryObject="{entry}" identificationScheme="{schemes[name]}"'
                f' value="{escape(value)}">{_name("Name", f"{prefix}.{name}")}</rim:ExternalIdentifier>'
            )


def _association(identifier: str, kind: str, source: str, target: str, *, original: bool = True) -> str:
    """Return one association."""
    typed = kind if kind.startswith("urn:") else _ASSOCIATION + kind
    inside = _slot("SubmissionSetStatus", "Original") if original else ""
    return f'<rim:Association id="{identifier}" associationType="{typed}" sourceObject="{source}" targetObject="{target}">{inside}</rim:Association>'


def _slot(name: str, *values: str) -> str:
    """Return one slot."""
    listed = "".join(f"<rim:Value>{escape(value, quote=False)}</rim:Value>" for value in values)
    return f'<rim:Slot name="{name}"><rim:ValueList>{listed}</rim:ValueList></rim:Slot>'


def _name(tag: str, text: str) -> str:
    """Return a localized name."""
    return f'<rim:{tag}><rim:LocalizedString value="{escape(text)}"/></rim:{tag}>'
