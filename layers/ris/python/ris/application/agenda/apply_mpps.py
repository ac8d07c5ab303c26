"""Apply what a modality said of an exam (RAD-6, RAD-7): every step it references moves, in whatever order messages come.

    message ──▶ join into the MPPS row (one per SOP Instance UID) ──▶ join the row into each exam it references ──▶ feed

Both joins are idempotent, and a final status never goes back, so a message that comes twice or late changes nothing; one that dies
in the middle is delivered again by the queue and goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from ris.application.agenda.images_committed import images_known
from ris.application.agenda.ports import MppsRecord
from ris.application.agenda.publish_worklist import publish_soon
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.domain.agenda.exam import Exam, ExamState, Performed
from ris.domain.agenda.mpps import StepReference, join, taken_by_mistake, with_performed
from ris.domain.agenda.numbers import accession_of_step

_MOVABLE = (ExamState.BOOKED, ExamState.IN_PROGRESS, ExamState.COMPLETED, ExamState.DISCONTINUED)


@dataclass(frozen=True)
class MppsMessage:
    """One N-CREATE or N-SET, decoded.

    Args:
        site: Of the gateway that took it: only exams of that site can move.
        operation: `mpps_create` or `mpps_set`.
        performed: What it says; fields it does not name are empty.
        references: Steps it names; an N-SET names none.
        dataset: DICOM JSON, kept beside.
        first_images: The smallest SOP Instance UID of each series it names.
    """

    site: str
    operation: str
    performed: Performed
    references: tuple[StepReference, ...]
    dataset: dict[str, Any]
    received_at: datetime
    first_images: tuple[str, ...] = ()


def apply_mpps(s: Services, message: MppsMessage, now: datetime) -> MppsRecord:
    """Join one message, move the exams it is about, and tell their worklists.

    Returns:
        The MPPS as it is now known; with a `reason` it waits on the site's list for a person.

    Raises:
        RemoteUnavailable: `too_busy`; the queue delivers the message again.
    """
    record = bring_together(s, decide(partial(_keep, s, message)), now)
    # Of several exams done in one go nobody says whose series is whose.
    exam = s.exams.get(record.accession_numbers[0]) if message.first_images and len(record.accession_numbers) == 1 else None
    if exam is not None:
        images_known(s, exam, message.first_images)
    return record


def bring_together(s: Services, record: MppsRecord, now: datetime) -> MppsRecord:
    """Join a row into the exams it belongs to, tell their worklists, and write on the row what a person still has to do."""
    found, missing = _exams_of(s, record)
    moved = [decide(partial(_move, s, exam.accession_number, record.performed, now)) for exam in found]
    for exam in moved:
        if exam.publish_due_at is not None:
            publish_soon(s, exam.accession_number, now)
    return decide(partial(_conclude, s, record, moved, missing))


def _keep(s: Services, message: MppsMessage) -> MppsRecord:
    """Join the message into its row before any exam moves, so that a later message can always see it."""
    known = s.exams.get_mpps(message.performed.sop_instance_uid)
    fresh = MppsRecord(site=message.site, performed=message.performed, received_at=message.received_at, reason="unscheduled")
    before = known or fresh
    joined = replace(
        before,
        performed=join(before.performed, message.performed),
        references=tuple(sorted({*before.references, *message.references})),
        datasets={**before.datasets, message.operation: message.dataset},
    )
    return joined if joined == known else s.exams.save_mpps(joined)


def _exams_of(s: Services, record: MppsRecord) -> tuple[list[Exam], int]:
    """Return the exams its references name, each once, and how many references name none of this site; or the one a person named."""
    found: dict[str, Exam] = {}
    settled = record.settled
    if settled is not None:
        exam = s.exams.get(settled.accession_number) if settled.accession_number else None
        return [exam] if exam else [], 0
    missing = 0
    for reference in record.references:
        exam = _match(s, record.site, reference)
        if exam is None:
            missing += 1
        else:
            found[exam.accession_number] = exam
    return list(found.values()), missing


def _match(s: Services, site: str, reference: StepReference) -> Exam | None:
    """Match by step id, else Accession Number, else Study Instance UID; modalities lose the first two."""
    for accession in (accession_of_step(reference.sps_id), reference.accession_number):
        exam = s.exams.get(accession) if accession else None
        if exam is not None and exam.site == site:
            return exam
    exam = s.exams.find_by_study(reference.study_instance_uid) if reference.study_instance_uid else None
    return exam if exam is not None and exam.site == site else None


def _move(s: Services, accession: str, performed: Performed, now: datetime) -> Exam:
    exam = s.exams.get(accession)
    if exam is None or exam.state not in _MOVABLE:
        # Cancelled meanwhile, or never booked: a person decides; nothing is brought back to life.
        return exam or _vanished(accession)
    moved = with_performed(exam, performed)
    if moved == exam:
        return exam
    if moved.state is exam.state:
        return s.exams.save(moved)
    return s.exams.save(replace(moved, changed_at=now, publish_due_at=now + s.settings.restart_after))


def _vanished(accession: str) -> Exam:
    raise LookupError(accession)


def _conclude(s: Services, record: MppsRecord, moved: list[Exam], missing: int) -> MppsRecord:
    """Write on the row which exams it moved and what a person still has to do."""
    current = s.exams.get_mpps(record.performed.sop_instance_uid) or record
    before = () if current.settled else current.accession_numbers
    accessions = tuple(sorted({*before, *(exam.accession_number for exam in moved)}))
    concluded = replace(current, accession_numbers=accessions, reason=_reason(current, moved, missing))
    return current if concluded == current else s.exams.save_mpps(concluded)


def _reason(record: MppsRecord, moved: list[Exam], missing: int) -> str:
    if record.settled is not None:
        return ""
    if "mpps_create" not in record.datasets:
        return "created_later"
    named = any(one.sps_id or one.accession_number for one in record.references)
    if missing or not record.references:
        return "unknown_step" if named else "unscheduled"
    if any(exam.state not in _MOVABLE for exam in moved):
        return "exam_not_booked"
    return "wrong_worklist_entry" if taken_by_mistake(record.performed) else ""
