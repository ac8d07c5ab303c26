"""What modalities say of an exam, joined so that order and repetition never matter (PS3.4 Annex F; RAD-6, RAD-7).

Messages may come twice, and N-SET before N-CREATE. So nothing here is a transition: what each MPPS said is joined field by field
(a join is commutative, associative and idempotent), and the exam's state is read from the joined facts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from ris.domain.agenda.exam import Exam, ExamState, Performed

IN_PROGRESS, DISCONTINUED, COMPLETED = "IN PROGRESS", "DISCONTINUED", "COMPLETED"
WRONG_WORKLIST_ENTRY = "110514"
"""DCM 110514, incorrect worklist entry selected: PS3.16 context group 9300."""

_RANK = {"": 0, IN_PROGRESS: 1, DISCONTINUED: 2, COMPLETED: 3}


@dataclass(frozen=True, order=True)
class StepReference:
    """One item of ScheduledStepAttributesSequence (0040,0270): what the modality says it took from the worklist."""

    sps_id: str = ""
    accession_number: str = ""
    study_instance_uid: str = ""


@dataclass(frozen=True)
class Settlement:
    """What a person decided of an MPPS that no exam was found for: whose it is, or that it is nobody's.

    Args:
        accession_number: The exam it was done for; empty when it belongs to none and is put aside.
        reason: Why it was put aside, as typed; empty when it was linked.
        by: Account id; `undone_by` of who took the decision back, `undone_at` when.
    """

    accession_number: str
    by: str
    at: datetime
    reason: str = ""
    undone_by: str = ""
    undone_at: datetime | None = None


def join(one: Performed, other: Performed) -> Performed:
    """Return what both messages say together of the same MPPS.

    A final status wins over IN PROGRESS. The standard lets only one final status be; should two come, COMPLETED wins.
    """
    return Performed(
        sop_instance_uid=one.sop_instance_uid,
        status=max(one.status, other.status, key=lambda status: _RANK.get(status, 0)),
        station_ae_title=max(one.station_ae_title, other.station_ae_title),
        started_at=min(filter(None, (one.started_at, other.started_at)), default=""),
        ended_at=max(one.ended_at, other.ended_at),
        discontinuation_reason=max(one.discontinuation_reason, other.discontinuation_reason),
        series_count=max(one.series_count, other.series_count),
        image_count=max(one.image_count, other.image_count),
    )


def with_performed(exam: Exam, performed: Performed) -> Exam:
    """Return the exam with one MPPS joined and its state read again; the same exam when that says nothing new."""
    known = {one.sop_instance_uid: one for one in exam.performed}
    before = known.get(performed.sop_instance_uid)
    known[performed.sop_instance_uid] = performed if before is None else join(before, performed)
    joined = tuple(known[uid] for uid in sorted(known))
    return replace(exam, performed=joined, state=state_from(joined))


def without_performed(exam: Exam, sop_instance_uid: str) -> Exam:
    """Return the exam as if that MPPS had never been done for it."""
    kept = tuple(one for one in exam.performed if one.sop_instance_uid != sop_instance_uid)
    return exam if kept == exam.performed else replace(exam, performed=kept, state=state_from(kept))


def state_from(performed: Iterable[Performed]) -> ExamState:
    """Return the state of a booked exam from all that was performed for it.

    One that was discontinued because the wrong worklist entry had been selected never happened for this exam.
    """
    happened = [one for one in performed if not taken_by_mistake(one)]
    statuses = {one.status for one in happened}
    if IN_PROGRESS in statuses:
        return ExamState.IN_PROGRESS
    if COMPLETED in statuses:
        return ExamState.COMPLETED
    if DISCONTINUED in statuses:
        return ExamState.DISCONTINUED
    return ExamState.BOOKED


def taken_by_mistake(performed: Performed) -> bool:
    """Say whether the modality ended it because the wrong worklist entry had been selected."""
    return performed.status == DISCONTINUED and performed.discontinuation_reason == WRONG_WORKLIST_ENTRY
