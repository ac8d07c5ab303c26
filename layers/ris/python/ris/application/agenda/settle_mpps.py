"""Settle an MPPS that no exam was found for: a person says whose it is, or that it is nobody's; and takes it back.

    decide on the row (who, when) ── the exam joined or left ── worklist ── the row's reason

The decision is written first: an N-SET that comes meanwhile, or a run that dies, finds it and does the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from functools import partial

from ris.application.agenda.apply_mpps import bring_together
from ris.application.agenda.ports import MppsRecord
from ris.application.agenda.publish_worklist import publish_soon
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.mpps import Settlement, without_performed
from ris.domain.errors import InvalidInput, Refused


def link_mpps(s: Services, sop_instance_uid: str, accession: str, by: str, now: datetime) -> MppsRecord:
    """Say for which exam of the site it was done; the same again changes nothing.

    Raises:
        InvalidInput: `unknown_mpps`; `unknown_exam`, also one of another site.
        Refused: `mpps_settled`, somebody decided otherwise; `exam_not_booked`, the exam is cancelled or only held.
        RemoteUnavailable: `too_busy`, or an outage: do it again.
    """
    exam = s.exams.get(accession)
    record = _known(s, sop_instance_uid)
    if exam is None or exam.site != record.site:
        raise InvalidInput("unknown_exam", field="accession")
    if exam.state in (ExamState.HELD, ExamState.CANCELLED, ExamState.EXPIRED):
        raise Refused("exam_not_booked", field="accession")
    decided = _decided(s, sop_instance_uid, Settlement(accession, by, now))
    _leave(s, decided, [one for one in decided.accession_numbers if one != accession], now)
    return bring_together(s, decided, now)


def put_mpps_aside(s: Services, sop_instance_uid: str, reason: str, by: str, now: datetime) -> MppsRecord:
    """Say that it belongs to no exam: a test, a phantom, an act recorded elsewhere; raises as `link_mpps`."""
    decided = _decided(s, sop_instance_uid, Settlement("", by, now, reason=reason))
    _leave(s, decided, decided.accession_numbers, now)
    return bring_together(s, decided, now)


def undo_settlement(s: Services, sop_instance_uid: str, by: str, now: datetime) -> MppsRecord:
    """Take the decision back: the exam is as if it had never been done for it, and the row waits for a person again.

    Raises:
        InvalidInput: `unknown_mpps`.
        Refused: `report_begun`, somebody writes the report of what would be undone.
        RemoteUnavailable: `too_busy`, or an outage: do it again.
    """
    record = _known(s, sop_instance_uid)
    settled = record.settled
    if settled is None:
        return record
    exam = s.exams.get(settled.accession_number) if settled.accession_number else None
    if exam is not None and exam.reported:
        raise Refused("report_begun", field="accession")
    if exam is not None:
        _leave(s, record, [exam.accession_number], now)
    return bring_together(s, decide(partial(_undone, s, sop_instance_uid, settled, by, now)), now)


def _known(s: Services, sop_instance_uid: str) -> MppsRecord:
    record = s.exams.get_mpps(sop_instance_uid)
    if record is None:
        raise InvalidInput("unknown_mpps", field="mpps")
    return record


def _decided(s: Services, sop_instance_uid: str, wanted: Settlement) -> MppsRecord:
    def attempt() -> MppsRecord:
        record = _known(s, sop_instance_uid)
        settled = record.settled
        if settled is not None and (settled.accession_number, settled.reason) == (wanted.accession_number, wanted.reason):
            return record
        if settled is not None:
            raise Refused("mpps_settled", field="mpps")
        return s.exams.save_mpps(replace(record, settlements=(*record.settlements, wanted)))

    return decide(attempt)


def _leave(s: Services, record: MppsRecord, accessions: Iterable[str], now: datetime) -> None:
    """Take the MPPS out of exams, and tell their worklists."""
    uid = record.performed.sop_instance_uid
    for accession in accessions:
        exam = _changed(s, accession, lambda one: without_performed(one, uid), now)
        if exam is not None and exam.publish_due_at is not None:
            publish_soon(s, accession, now)


def _changed(s: Services, accession: str, change: Callable[[Exam], Exam], now: datetime) -> Exam | None:
    def attempt() -> Exam | None:
        exam = s.exams.get(accession)
        after = change(exam) if exam else None
        if exam is None or after is None or after == exam:
            return exam
        if after.state is exam.state:
            return s.exams.save(after)
        return s.exams.save(replace(after, changed_at=now, publish_due_at=now + s.settings.restart_after))

    return decide(attempt)


def _undone(s: Services, sop_instance_uid: str, settled: Settlement, by: str, now: datetime) -> MppsRecord:
    record = _known(s, sop_instance_uid)
    if settled not in record.settlements:
        return record  # somebody was faster
    rest = tuple(replace(one, undone_by=by, undone_at=now) if one == settled else one for one in record.settlements)
    return s.exams.save_mpps(replace(record, settlements=rest, accession_numbers=()))
