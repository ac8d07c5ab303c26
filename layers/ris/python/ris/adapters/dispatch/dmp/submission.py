"""The submission of one version to the DMP (ITI-41): the report's entry, the signature's entry, the set and what binds them.

Source: IHE ITI TF-3 §4.2 (metadata), ITI TF-2 §3.41; CI-SIS, volet Partage de documents de sante; DMP integration guide, TD2.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ris.adapters.dispatch.dmp.identifiers import derived_oid, dtm
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.xds import (
    CONFIDENTIALITY,
    DOCUMENT_SCHEMES,
    ENTRY,
    Ids,
    association,
    author,
    coded,
    common_slots,
    document_entry,
    external,
    name,
    setting_classes,
    slot,
    submission_set,
    submission_set_id,
)
from ris.domain.errors import Refused
from ris.domain.report.frozen import FrozenReport

__all__ = ["Submission", "signature_id", "submission_set_id", "submit_objects_request"]


@dataclass(frozen=True)
class Submission:
    """What one submission carries; the bytes are those that were stored when the report was signed."""

    report: FrozenReport
    cda: bytes
    signature: bytes
    replaced_entry_uuid: str = ""


def signature_id(report: FrozenReport) -> str:
    """Return the uniqueId of the signature document of a version."""
    return derived_oid("signature", report.document_id)


def submit_objects_request(submission: Submission, settings: DmpSettings) -> str:
    """Return the `lcm:SubmitObjectsRequest`.

    Raises:
        Refused: `identity_not_qualified`: nothing goes to the DMP without an INS.
    """
    if submission.report.identity is None:
        raise Refused("identity_not_qualified")
    return "".join(_request(submission, settings))


def _request(submission: Submission, settings: DmpSettings) -> Iterator[str]:
    """Yield the request's pieces."""
    yield '<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"'
    yield ' xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><rim:RegistryObjectList>'
    yield from document_entry(submission.report, submission.cda, settings)
    yield from _signature_entry(submission)
    yield from submission_set(submission.report, settings)
    for index, entry in enumerate(("Document01", "Signature01"), start=1):
        yield association(f"as0{index}", "HasMember", "SubmissionSet01", entry)
    yield association("as03", "urn:ihe:iti:2007:AssociationType:signs", "Signature01", "SubmissionSet01")
    if submission.replaced_entry_uuid:
        kind = "urn:ihe:iti:2007:AssociationType:RPLC"
        yield association("as04", kind, "Document01", submission.replaced_entry_uuid, original=False)
    yield "</rim:RegistryObjectList></lcm:SubmitObjectsRequest>"


def _signature_entry(submission: Submission) -> Iterator[str]:
    """Yield the entry of the signature document: it is nobody's to read."""
    report = submission.report
    yield f'<rim:ExtrinsicObject id="Signature01" mimeType="text/xml" objectType="{ENTRY}">'
    yield slot("creationTime", dtm(report.validated_at))
    yield slot("languageCode", "art")
    yield from common_slots(report, submission.signature)
    yield name("Name", "Source")
    ids = Ids("s")
    yield author(ids, "Signature01", DOCUMENT_SCHEMES["author"], report)
    yield coded(ids, "Signature01", "classCode", "urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN", "Digital Signature")
    yield coded(ids, "Signature01", "typeCode", "E1762", "ASTM", "Full Document")
    yield coded(ids, "Signature01", "formatCode", "http://www.w3.org/2000/09/xmldsig#", "URN", "Default Signature Style")
    for code, scheme, label in (
        ("N", "2.16.840.1.113883.5.25", "Normal"),
        ("MASQUE_PS", CONFIDENTIALITY, "Document masqué aux professionnels de santé"),
        ("INVISIBLE_PATIENT", CONFIDENTIALITY, "Document non visible par le patient"),
    ):
        yield coded(ids, "Signature01", "confidentialityCode", code, scheme, label)
    yield from setting_classes(ids, "Signature01", report)
    yield coded(ids, "Signature01", "eventCodeList", "1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12", "Source")
    yield from external(ids, "Signature01", DOCUMENT_SCHEMES, report, signature_id(report), "XDSDocumentEntry")
    yield "</rim:ExtrinsicObject>"
