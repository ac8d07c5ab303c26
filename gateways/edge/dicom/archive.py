"""What an archive tells: images have arrived (PS3.4 annex R), images are kept (PS3.4 annex J). Durable before success.

Both are kept whole, as DICOM JSON, and travel to the cloud in order with the performed procedure steps. Success of an Instance
Availability Notification that names no study, or of an event report without transaction, would be of no use to anybody: 0120.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from pydicom.dataset import Dataset

from gateways.edge.dicom import datasets
from gateways.edge.dicom.dimse import SUCCESS, Outcome
from gateways.edge.dicom.values import trim
from gateways.edge.spool import Kind, NewRow, Spool
from gateways.edge.store import StoreUnavailable

STUDY = 0x0020000D
SERIES = 0x00081115
TRANSACTION = 0x00081195
EVENT_TYPES = (1, 2)


class ArchiveDesk:
    """Keeps what an archive says."""

    def __init__(self, spool: Spool, clock: Callable[[], datetime]) -> None:
        self._spool, self._clock = spool, clock

    def instances_available(self, sop_instance_uid: str, dataset: Dataset, calling: str) -> Outcome:
        """Answer the N-CREATE of an Instance Availability Notification."""
        for tag, keyword in ((STUDY, "StudyInstanceUID"), (SERIES, "ReferencedSeriesSequence")):
            if tag not in dataset:
                return Outcome(0x0120, f"{keyword} missing")
        if not _first(dataset, STUDY):
            return Outcome(0x0121, "StudyInstanceUID has no value")
        return self._keep("instances_available", sop_instance_uid, dataset, calling, failure=0x0213)

    def storage_committed(self, event_type: int, dataset: Dataset, calling: str) -> Outcome:
        """Answer the N-EVENT-REPORT of a storage commitment."""
        if event_type not in EVENT_TYPES:
            return Outcome(0x0113, "no such event type")
        transaction = _first(dataset, TRANSACTION)
        if not transaction:
            return Outcome(0x0120, "TransactionUID missing")
        return self._keep("storage_committed", transaction, dataset, calling, failure=0x0110)

    def _keep(self, kind: Kind, uid: str, dataset: Dataset, calling: str, *, failure: int) -> Outcome:
        facts = {"calling_ae_title": calling, "sop_instance_uid": uid}
        row = NewRow(kind, f"dicom|{calling}", self._clock(), facts, json.dumps(datasets.to_json(dataset)).encode())
        try:
            self._spool.append(row).result(30)
        except (StoreUnavailable, TimeoutError):
            return Outcome(failure, "not stored, send again")
        return SUCCESS


def _first(dataset: Dataset, tag: int) -> str:
    return trim(next(iter(datasets.texts(dataset, tag)), ""))
