"""XDS metadata of a report, for a submission to the DMP and for the archive of a mail: what it says equals what the CDA says.

Source: IHE ITI TF-3 §4.2; CI-SIS, volets Partage and Echange de documents de sante.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from html import escape

from ris.adapters.dispatch.dmp.identifiers import derived_oid, dtm, hl7_text, xcn, xon
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.dmp.vihf import patient_id
from ris.adapters.report.cda import DCM, PRACTICE_LABELS, PRACTICE_SETTING, SECTOR, SNOMED, SPECIALITY, TITLE_MAXIMUM
from ris.domain.report.frozen import FrozenReport

ENTRY = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
CONFIDENTIALITY = "1.2.250.1.213.1.1.4.13"
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


def submission_set_id(report: FrozenReport) -> str:
    """Return the uniqueId of the submission set of a version."""
    return derived_oid("submission-set", report.document_id)


def patient_cx(report: FrozenReport) -> str:
    """Return the patient's identifier: the INS of a qualified identity, else the IPP."""
    if report.identity is not None:
        return patient_id(report.identity.ins)
    return source_patient_cx(report)


def source_patient_cx(report: FrozenReport) -> str:
    """Return the IPP as CX."""
    return f"{report.ipp.value}^^^&{report.ipp.authority}&ISO^PI"


def document_entry(report: FrozenReport, cda: bytes, settings: DmpSettings, *, uri: str = "", action: str = "") -> Iterator[str]:
    """Yield the entry of the report.

    Args:
        report: One frozen version.
        cda: Its bytes: hash and size are theirs.
        settings: Codes of the environment.
        uri: Where it stands in an archive; empty in a submission. `action` is the archive's `C` or `D`.
    """
    yield f'<rim:ExtrinsicObject id="Document01" mimeType="text/xml" objectType="{ENTRY}">'
    yield slot("creationTime", dtm(report.validated_at))
    yield slot("languageCode", "fr-FR")
    yield from common_slots(report, cda)
    if uri:
        yield slot("URI", uri)
    if action:
        yield slot("action", action)
    if report.performed_end is not None:
        yield slot("serviceStopTime", dtm(report.performed_end))
    yield slot("urn:ihe:iti:xds:2013:referenceIdList", *_references(report))
    yield name("Name", report.title[:TITLE_MAXIMUM])
    ids = Ids("d")
    yield author(ids, "Document01", DOCUMENT_SCHEMES["author"], report)
    yield coded(ids, "Document01", "classCode", settings.class_code, "1.2.250.1.213.1.1.4.1", settings.class_label)
    yield coded(ids, "Document01", "typeCode", "18748-4", "2.16.840.1.113883.6.1", "CR d'imagerie médicale")
    yield coded(
        ids,
        "Document01",
        "formatCode",
        "urn:ihe:iti:xds-sd:pdf:2008",
        "1.3.6.1.4.1.19376.1.2.3",
        "Document à corps non structuré en PDF/A-1",
    )
    for code, scheme, label in _confidentiality(report):
        yield coded(ids, "Document01", "confidentialityCode", code, scheme, label)
    yield from setting_classes(ids, "Document01", report)
    for act in report.acts:
        yield coded(ids, "Document01", "eventCodeList", act.modality, DCM, act.modality)
        yield coded(ids, "Document01", "eventCodeList", act.region_code, SNOMED, act.region_label)
    yield from external(ids, "Document01", DOCUMENT_SCHEMES, report, report.document_id, "XDSDocumentEntry")
    yield "</rim:ExtrinsicObject>"


def submission_set(
    report: FrozenReport, settings: DmpSettings, *, action: str = "", set_id: str = "", submitted_at: datetime | None = None
) -> Iterator[str]:
    """Yield the set: who submits, when, from which installation.

    Args:
        report: One frozen version.
        settings: Codes of the environment.
        action: The archive's `C` or `D`.
        set_id: uniqueId of a set that is not the version's first; `submitted_at` is when that one was asked for.
    """
    yield '<rim:RegistryPackage id="SubmissionSet01">'
    yield slot("submissionTime", dtm(submitted_at or report.validated_at))
    if action:
        yield slot("action", action)
    yield name("Name", report.title[:TITLE_MAXIMUM])
    ids = Ids("p")
    yield author(ids, "SubmissionSet01", SET_SCHEMES["author"], report)
    yield classification(
        ids,
        "SubmissionSet01",
        SET_SCHEMES["contentTypeCode"],
        report.structure.sector_code,
        settings.content_type_scheme,
        report.structure.sector_label,
    )
    unique_id = set_id or submission_set_id(report)
    yield from external(ids, "SubmissionSet01", SET_SCHEMES, report, unique_id, "XDSSubmissionSet", source_id=settings.lps_oid)
    yield "</rim:RegistryPackage>"
    yield (
        f'<rim:Classification id="{ids.next()}" classifiedObject="SubmissionSet01"'
        f' classificationNode="{SET_SCHEMES["classificationNode"]}"/>'
    )


def common_slots(report: FrozenReport, content: bytes) -> Iterator[str]:
    """Yield the slots every entry carries; hash and size are those of the very bytes sent."""
    traits = report.identity.traits if report.identity is not None else report.traits
    birth = traits.birth_date.strftime("%Y%m%d") if traits.birth_date else ""
    yield slot("legalAuthenticator", xcn(report.author))
    yield slot("serviceStartTime", dtm(report.performed_start))
    yield slot("sourcePatientId", source_patient_cx(report))
    said = (
        f"PID-5|{hl7_text(traits.birth_family)}^{hl7_text(traits.birth_given)}^^^^^L",
        birth and f"PID-7|{birth}",
        f"PID-8|{traits.sex}",
    )
    yield slot("sourcePatientInfo", *filter(None, said))
    yield slot("hash", hashlib.sha1(content, usedforsecurity=False).hexdigest())
    yield slot("size", str(len(content)))


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
        yield "MASQUE_PS", CONFIDENTIALITY, "Document masqué aux professionnels de santé"
    if marks.invisible_to_patient:
        yield "INVISIBLE_PATIENT", CONFIDENTIALITY, "Document non visible par le patient"
    if marks.invisible_to_representatives:
        yield "INVISIBLE_REPRESENTANTS_LEGAUX", CONFIDENTIALITY, "Non visible par les représentants légaux du patient"


def setting_classes(ids: Ids, entry: str, report: FrozenReport) -> Iterator[str]:
    """Yield where the document was made: kind of facility and of practice."""
    structure = report.structure
    yield coded(ids, entry, "healthcareFacilityTypeCode", structure.sector_code, SECTOR, structure.sector_label)
    label = PRACTICE_LABELS.get(structure.practice_setting, structure.practice_setting)
    yield coded(ids, entry, "practiceSettingCode", structure.practice_setting, PRACTICE_SETTING, label)


class Ids:
    """Ids of classifications and identifiers within one message."""

    def __init__(self, prefix: str) -> None:
        self._prefix, self._count = prefix, 0

    def next(self) -> str:
        """Return the next id."""
        self._count += 1
        return f"{self._prefix}{self._count:02d}"


def author(ids: Ids, entry: str, scheme: str, report: FrozenReport) -> str:
    """Return the author: institution, person, speciality."""
    person = report.author
    speciality = f"G15_{person.profession_code}/{person.speciality_code}^Médecin - {person.speciality_label} (SM)^{SPECIALITY}"
    slots = (
        slot("authorInstitution", xon(report.structure)) + slot("authorPerson", xcn(person)) + slot("authorSpecialty", speciality)
    )
    return (
        f'<rim:Classification id="{ids.next()}" classificationScheme="{scheme}" classifiedObject="{entry}" nodeRepresentation="">'
        f"{slots}</rim:Classification>"
    )


def coded(ids: Ids, entry: str, name: str, code: str, scheme: str, label: str) -> str:
    """Return one coded attribute of a document entry."""
    return classification(ids, entry, DOCUMENT_SCHEMES[name], code, scheme, label)


def classification(ids: Ids, entry: str, scheme: str, code: str, coding_scheme: str, label: str) -> str:
    """Return one classification with its coding scheme and name."""
    return (
        f'<rim:Classification id="{ids.next()}" classificationScheme="{scheme}" classifiedObject="{entry}"'
        f' nodeRepresentation="{escape(code)}">{slot("codingScheme", coding_scheme)}{name("Name", label)}</rim:Classification>'
    )


def external(
    ids: Ids, entry: str, schemes: dict[str, str], report: FrozenReport, unique_id: str, prefix: str, *, source_id: str = ""
) -> Iterator[str]:
    """Yield the external identifiers of an entry or of the set."""
    values = {"patientId": patient_cx(report), "sourceId": source_id, "uniqueId": unique_id}
    for attribute, value in values.items():
        if value:
            yield (
                f'<rim:ExternalIdentifier id="{ids.next()}" registryObject="{entry}" identificationScheme="{schemes[attribute]}"'
                f' value="{escape(value)}">{name("Name", f"{prefix}.{attribute}")}</rim:ExternalIdentifier>'
            )


def association(identifier: str, kind: str, source: str, target: str, *, original: bool = True) -> str:
    """Return one association."""
    typed = kind if kind.startswith("urn:") else _ASSOCIATION + kind
    inside = slot("SubmissionSetStatus", "Original") if original else ""
    return f'<rim:Association id="{identifier}" associationType="{typed}" sourceObject="{source}" targetObject="{target}">{inside}</rim:Association>'


def slot(name: str, *values: str) -> str:
    """Return one slot."""
    listed = "".join(f"<rim:Value>{escape(value, quote=False)}</rim:Value>" for value in values)
    return f'<rim:Slot name="{name}"><rim:ValueList>{listed}</rim:ValueList></rim:Slot>'


def name(tag: str, text: str) -> str:
    """Return a localized name."""
    return f'<rim:{tag}><rim:LocalizedString value="{escape(text)}"/></rim:{tag}>'
