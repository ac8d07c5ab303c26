"""The deletion of a document of ours in the DMP (TD3.3c): a submission set that sets an entry's availability to *deleted*.

The set's identifier and its instant come from the row, so that a request sent again is the same request.

Source: IHE ITI TF-2 §3.57 (Update Document Set, UpdateAvailabilityStatus); DMP integration guide, TD3.3c.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ris.adapters.dispatch.dmp.identifiers import derived_oid
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.xds import slot, submission_set
from ris.domain.errors import Refused
from ris.domain.report.frozen import FrozenReport

UPDATE_DOCUMENT_SET = "urn:ihe:iti:2010:UpdateDocumentSet"
_STATUS = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"
APPROVED = "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved"
DELETED = "urn:asip:ci-sis:2010:StatusType:Deleted"


def deletion_set_id(document_id: str) -> str:
    """Return the uniqueId of the set that deletes a document."""
    return derived_oid("deletion-set", document_id)


def deletion_request(report: FrozenReport, entry_uuid: str, settings: DmpSettings, *, requested_at: datetime) -> str:
    """Return the `lcm:SubmitObjectsRequest` that deletes a document.

    Args:
        report: The version that is in the DMP.
        entry_uuid: Of its entry, `urn:uuid:…`.
        settings: Of the environment.
        requested_at: When the deletion was asked for.

    Raises:
        Refused: `identity_not_qualified`: a record is found by its INS only.
    """
    if report.identity is None:
        raise Refused("identity_not_qualified")
    return "".join(_request(report, entry_uuid, settings, requested_at))


def _request(report: FrozenReport, entry_uuid: str, settings: DmpSettings, requested_at: datetime) -> Iterator[str]:
    yield '<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"'
    yield ' xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><rim:RegistryObjectList>'
    yield from submission_set(report, settings, set_id=deletion_set_id(report.document_id), submitted_at=requested_at)
    yield (
        f'<rim:Association id="as01" associationType="{_STATUS}" sourceObject="SubmissionSet01" targetObject="{entry_uuid}">'
        f"{slot('OriginalStatus', APPROVED)}{slot('NewStatus', DELETED)}</rim:Association>"
    )
    yield "</rim:RegistryObjectList></lcm:SubmitObjectsRequest>"
