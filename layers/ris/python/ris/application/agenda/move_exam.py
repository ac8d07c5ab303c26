"""Move: another room, machine, time or day of the same exam; at another site, another exam that takes its place.

same site:    days left, days taken, exam, its reservation ── one write ── worklist republished, PACS told (ORM XO)
other site:   the exam there booked, this one cancelled, the request handed on ── one write ── there as a booking; here as a
              cancellation: off the worklist, PACS told (ORM CA), since another PACS and another worklist are concerned

Nothing is held on the way: what could expire would leave the patient with neither place.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from ris.application.agenda.book_appointment import new_exam
from ris.application.agenda.cancel_exam import tell_of_cancellation
from ris.application.agenda.freeing import freed_days
from ris.application.agenda.placing import Place, Wanted, appointment_at, check_place, free_machine, look_up, step_on
from ris.application.agenda.ports import Booking
from ris.application.agenda.publish_worklist import publish_soon
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.application.reference import Modality
from ris.domain.agenda import rules
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.request import ImagingRequest, RequestState
from ris.domain.agenda.resource_day import ResourceDay, Slot, SlotState
from ris.domain.errors import InvalidInput, RemoteUnavailable

MOVED = "moved"
"""Why an exam was cancelled whose patient is seen at another site instead."""


def move_exam(s: Services, accession: str, to: Place, actor: str, now: datetime, *, call_patient: bool = False) -> Exam:
    """Give a booked exam another place; the same place asked for again changes nothing.

    Args:
        s: The ports.
        accession: Of the exam.
        to: Where and when.
        actor: Account id of who moves it.
        now: Aware UTC instant.
        call_patient: The patient did not ask for it and is to be told: the exam is on the list of calls.

    Returns:
        The exam at its new place: the same one, or at another site the one that replaces it.

    Raises:
        InvalidInput: `unknown_exam`, and as `placing.look_up`.
        Refused: `exam_started`, `exam_not_booked`, and as booking.
        RemoteUnavailable: `too_busy`, nothing was moved.
    """
    seen = _exam(s, accession)
    wanted = look_up(s, to, seen.patient_id, seen.exam_code)
    if to.site != seen.site:
        return _replace(s, accession, wanted, actor, now, call_patient=call_patient)
    moved, changed = decide(lambda: _attempt(s, accession, wanted, now, call_patient=call_patient))
    if changed:
        publish_soon(s, accession, now)
        with suppress(RemoteUnavailable):
            s.workflows.start_booking(accession, moved.hold_token, change=f"moved-{moved.moves}")
    return _exam(s, accession)


def _exam(s: Services, accession: str) -> Exam:
    exam = s.exams.get(accession)
    if exam is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    return exam


def _attempt(s: Services, accession: str, wanted: Wanted, now: datetime, *, call_patient: bool) -> tuple[Exam, bool]:
    exam = _exam(s, accession)
    if _is_there(exam, wanted):
        return exam, False
    rules.exam_not_movable(exam)
    check_place(s, wanted, now)
    _no_double(s, exam, wanted)
    days = _days_without(s, exam, wanted)
    machine = free_machine(wanted, _of_day(days, wanted), now)
    moved = replace(
        _placed(exam, wanted, machine, now, call_patient=call_patient),
        moves=exam.moves + 1,
        changed_at=now,
        publish_due_at=now + s.settings.restart_after,
    )
    slot = Slot(wanted.interval, accession, SlotState.BOOKED, exam.hold_token)
    for resource in moved.appointment.resources:
        key = (resource, wanted.place.day)
        days[key] = days[key].hold(slot, now=now)
    touched = {(one.resource, one.day) for one in freed_days(s, exam)} | {
        (resource, wanted.place.day) for resource in moved.appointment.resources
    }
    return s.agenda.commit(Booking(tuple(days[key] for key in sorted(touched)), moved, before=exam)), True


def _is_there(exam: Exam, wanted: Wanted) -> bool:
    place = exam.appointment
    machines = {one.modality for one in wanted.machines}
    return (place.room, place.start, place.end) == (wanted.room.room, *_edges(wanted.interval)) and place.modality in machines


def _edges(interval: Interval) -> tuple[datetime, datetime]:
    return interval.start, interval.end


def _no_double(s: Services, exam: Exam, wanted: Wanted) -> None:
    planned = s.exams.planned(exam.patient_id, wanted.place.day, exam.exam_code)
    rules.duplicate_exam("" if planned == exam.accession_number else planned)


def _days_without(s: Services, exam: Exam, wanted: Wanted) -> dict[tuple[str, str], ResourceDay]:
    """Return every day the move reads or writes, without the exam's own slots: it may overlap its old place."""
    resources = sorted({*exam.appointment.resources, *wanted.resources})
    days = s.agenda.span(exam.site, resources, sorted({exam.appointment.day, wanted.place.day}))
    return {key: day.release(exam.accession_number) for key, day in days.items()}


def _of_day(days: dict[tuple[str, str], ResourceDay], wanted: Wanted) -> dict[str, ResourceDay]:
    return {resource: days[resource, wanted.place.day] for resource in wanted.resources}


def _placed(exam: Exam, wanted: Wanted, machine: Modality, now: datetime, *, call_patient: bool) -> Exam:
    """Return the exam at its new place; who has arrived stays arrived on the same day."""
    same_day = exam.appointment.day == wanted.place.day
    return replace(
        exam,
        appointment=appointment_at(wanted, machine),
        steps=(step_on(machine, exam.accession_number, exam.exam_label),),
        arrived_at=exam.arrived_at if same_day else None,
        called_at=None,
        to_call_since=now if call_patient else None,
    )


# ---------------------------------------------------------------- at another site


def _replace(s: Services, accession: str, wanted: Wanted, actor: str, now: datetime, *, call_patient: bool) -> Exam:
    token = s.new_token()
    numbers: list[str] = []

    def attempt() -> tuple[Exam, Exam]:
        exam = _exam(s, accession)
        rules.exam_not_movable(exam)
        check_place(s, wanted, now)
        _no_double(s, exam, wanted)
        days = s.agenda.days(wanted.place.site, wanted.resources, wanted.place.day)
        machine = free_machine(wanted, days, now)
        numbers[:] = numbers or [s.exams.next_accession_number(now)]
        there = _there(s, exam, wanted, machine, numbers[0], token, now, call_patient=call_patient)
        there = replace(there, booked_by=actor)
        slot = Slot(wanted.interval, there.accession_number, SlotState.BOOKED, token)
        taken = [days[resource].hold(slot, now=now) for resource in there.appointment.resources]
        gone = _gone(s, exam, actor, now)
        booking = Booking((*taken, *freed_days(s, exam)), there, _handed_on(s, exam, there), replaced=gone)
        return s.agenda.commit(booking), gone

    there, gone = decide(attempt)
    publish_soon(s, there.accession_number, now)
    with suppress(RemoteUnavailable):
        s.workflows.start_booking(there.accession_number, token, change="booked")
    tell_of_cancellation(s, gone, now)
    return _exam(s, there.accession_number)


def _there(
    s: Services, exam: Exam, wanted: Wanted, machine: Modality, accession: str, token: str, now: datetime, *, call_patient: bool
) -> Exam:
    numbered = replace(exam, accession_number=accession, site=wanted.place.site, moves=0, publish_due_at=None, performed=())
    begun = new_exam(s, _placed(numbered, wanted, machine, now, call_patient=call_patient), token, now)
    return replace(begun, state=ExamState.BOOKED, hold_expires_at=None, publish_due_at=now + s.settings.restart_after)


def _gone(s: Services, exam: Exam, actor: str, now: datetime) -> Exam:
    return replace(
        exam,
        state=ExamState.CANCELLED,
        cancel_reason=MOVED,
        cancelled_by=actor,
        changed_at=now,
        to_call_since=None,
        publish_due_at=now + s.settings.restart_after,
    )


def _handed_on(s: Services, exam: Exam, there: Exam) -> ImagingRequest | None:
    """Return the request as answered by the other exam; it stays one of the site that received it."""
    request = s.exams.get_request(exam.request_id) if exam.request_id else None
    if request is None or request.accession_number != exam.accession_number or request.state is not RequestState.BOOKED:
        return None
    return replace(request, accession_number=there.accession_number)
