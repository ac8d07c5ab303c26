"""Modality Performed Procedure Step: the rules of PS3.4 annex F, durable before success, free of any transport.

| request | answered |
|---|---|
| N-CREATE, Performed Procedure Step Status IN PROGRESS | 0000, and every step it references is moved; none referenced is fine (unscheduled) |
| N-CREATE with another status | 0106 |
| N-CREATE without a required attribute, or without its value | 0120, 0121 |
| N-CREATE of an instance that exists | 0111 |
| N-SET of an instance that does not exist | 0112 |
| N-SET of one COMPLETED or DISCONTINUED | 0110 with error id A710 |
| N-SET with a status that is none | 0106 |
| our disk refuses | 0213 (N-CREATE), 0110 (N-SET) |

DISCONTINUED with reason 110514 (DCM, *incorrect worklist entry selected*) puts the steps back on the list.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from gateways.edge.dicom import datasets
from gateways.edge.dicom.dimse import SUCCESS, Outcome
from gateways.edge.dicom.feed import write_local
from gateways.edge.dicom.values import trim
from gateways.edge.dicom.worklist import Local, LocalState, StepReference, Worklist
from gateways.edge.spool import Kind, NewRow, Spool, insert
from gateways.edge.store import Store, StoreUnavailable

SCHEMA = """
CREATE TABLE IF NOT EXISTS mpps (
    sop_instance_uid TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    steps TEXT NOT NULL,
    changed_at TEXT NOT NULL
);
"""
STATUS = 0x00400252
STEP_ATTRIBUTES = 0x00400270
SERIES = 0x00400340
REASON = 0x00400281
WRONG_ENTRY = ("110514", "DCM")
_FINAL = frozenset({"COMPLETED", "DISCONTINUED"})
_REQUIRED = (
    (STEP_ATTRIBUTES, "ScheduledStepAttributesSequence"),
    (0x00400253, "PerformedProcedureStepID"),
    (0x00400241, "PerformedStationAETitle"),
    (0x00400244, "PerformedProcedureStepStartDate"),
    (0x00400245, "PerformedProcedureStepStartTime"),
    (STATUS, "PerformedProcedureStepStatus"),
    (0x00080060, "Modality"),
)
_STATES: dict[str, LocalState] = {"IN PROGRESS": "in_progress", "COMPLETED": "completed", "DISCONTINUED": "discontinued"}


class _Refused(Exception):
    def __init__(self, reply: Outcome) -> None:
        super().__init__(reply.comment)
        self.reply = reply


class MppsDesk:
    """Answers N-CREATE and N-SET.

    Args:
        store: Has `SCHEMA`, the feed's and the spool's schema.
    """

    def __init__(self, store: Store, spool: Spool, worklist: Worklist, clock: Callable[[], datetime]) -> None:
        self._store, self._spool, self._worklist, self._clock = store, spool, worklist, clock

    def create(self, sop_instance_uid: str, dataset: Dataset, calling: str) -> Outcome:
        """Answer an N-CREATE."""
        refusal = _missing(dataset)
        if refusal is not None:
            return refusal
        if _status(dataset) != "IN PROGRESS":
            return Outcome(0x0106, "PerformedProcedureStepStatus is not IN PROGRESS")
        now = self._clock()
        steps = tuple((item.sps_id, item.version) for item in self._worklist.referenced(_references(dataset)))
        row = self._row("mpps_create", sop_instance_uid, dataset, calling, now)

        def work(connection: sqlite3.Connection) -> int:
            known = connection.execute("SELECT 1 FROM mpps WHERE sop_instance_uid = ?", (sop_instance_uid,)).fetchone()
            if known:
                raise _Refused(Outcome(0x0111, "the instance exists"))
            connection.execute(
                "INSERT INTO mpps (sop_instance_uid, status, steps, changed_at) VALUES (?, ?, ?, ?)",
                (sop_instance_uid, "IN PROGRESS", json.dumps(steps), now.isoformat()),
            )
            _move(connection, steps, "in_progress", now)
            return insert(connection, row)

        return self._commit(row, work, steps, "in_progress", failure=0x0213)

    def update(self, sop_instance_uid: str, dataset: Dataset, calling: str) -> Outcome:
        """Answer an N-SET."""
        status = _status(dataset)
        if status and status not in _STATES:
            return Outcome(0x0106, "PerformedProcedureStepStatus")
        now = self._clock()
        row = self._row("mpps_set", sop_instance_uid, dataset, calling, now)
        try:
            steps = self._steps(sop_instance_uid)
        except StoreUnavailable:
            return Outcome(0x0110, "not stored, send again")
        state = _local_state(status, dataset)

        def work(connection: sqlite3.Connection) -> int:
            held = connection.execute("SELECT status FROM mpps WHERE sop_instance_uid = ?", (sop_instance_uid,)).fetchone()
            if held is None:
                raise _Refused(Outcome(0x0112, "no such instance"))
            if held[0] in _FINAL:
                raise _Refused(Outcome(0x0110, "the instance may no longer be updated", error_id=0xA710))
            connection.execute(
                "UPDATE mpps SET status = ?, changed_at = ? WHERE sop_instance_uid = ?",
                (status or held[0], now.isoformat(), sop_instance_uid),
            )
            if state is not None:
                _move(connection, steps, state, now)
            return insert(connection, row)

        return self._commit(row, work, steps, state, failure=0x0110)

    def purge(self, now: datetime, retention: timedelta) -> int:
        """Forget instances past their retention and return how many."""
        before = (now - retention).isoformat()
        return self._store.do(lambda c: c.execute("DELETE FROM mpps WHERE changed_at < ?", (before,)).rowcount, spare=True)

    def _commit(
        self,
        row: NewRow,
        work: Callable[[sqlite3.Connection], int],
        steps: tuple[tuple[str, int], ...],
        state: LocalState | None,
        *,
        failure: int,
    ) -> Outcome:
        try:
            self._spool.write(row.kind, row.source, work).result(30)
        except _Refused as refusal:
            return refusal.reply
        except (StoreUnavailable, TimeoutError):
            return Outcome(failure, "not stored, send again")
        if state is not None:
            for sps_id, version in steps:
                self._worklist.set_local(sps_id, Local(state, version))
        return SUCCESS

    def _steps(self, sop_instance_uid: str) -> tuple[tuple[str, int], ...]:
        found = self._store.read(
            lambda c: c.execute("SELECT steps FROM mpps WHERE sop_instance_uid = ?", (sop_instance_uid,)).fetchone()
        )
        return tuple((sps_id, version) for sps_id, version in json.loads(found[0])) if found else ()

    def _row(self, kind: Kind, uid: str, dataset: Dataset, calling: str, now: datetime) -> NewRow:
        facts = {"calling_ae_title": calling, "sop_instance_uid": uid}
        return NewRow(kind, f"dicom|{calling}", now, facts, json.dumps(datasets.to_json(dataset)).encode())


def _move(connection: sqlite3.Connection, steps: tuple[tuple[str, int], ...], state: LocalState, now: datetime) -> None:
    for sps_id, version in steps:
        write_local(connection, sps_id, state, version, now)


def _status(dataset: Dataset) -> str:
    return trim(next(iter(datasets.texts(dataset, STATUS)), "")).upper()


def _missing(dataset: Dataset) -> Outcome | None:
    for tag, keyword in _REQUIRED:
        if tag not in dataset:
            return Outcome(0x0120, f"{keyword} missing")
        if tag != STEP_ATTRIBUTES and not any(trim(value) for value in datasets.texts(dataset, tag)):
            return Outcome(0x0121, f"{keyword} has no value")
    return None


def _references(dataset: Dataset) -> list[StepReference]:
    def first(item: Dataset, tag: int) -> str:
        return trim(next(iter(datasets.texts(item, tag)), ""))

    element = dataset[STEP_ATTRIBUTES]
    items = element.value if element.VR == "SQ" else []
    return [StepReference(first(item, 0x00400009), first(item, 0x00080050), first(item, 0x0020000D)) for item in items]


def _local_state(status: str, dataset: Dataset) -> LocalState | None:
    if status == "DISCONTINUED" and _is_wrong_entry(dataset):
        return "back"
    return _STATES.get(status)


def _is_wrong_entry(dataset: Dataset) -> bool:
    if REASON not in dataset or dataset[REASON].VR != "SQ":
        return False
    codes = [(datasets.texts(item, 0x00080100), datasets.texts(item, 0x00080102)) for item in dataset[REASON].value]
    return any((trim(value[0]), trim(scheme[0])) == WRONG_ENTRY for value, scheme in codes if value and scheme)
