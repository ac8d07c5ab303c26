"""The rules of booking, each a function named by the code it refuses with; each raises `Refused` or says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ris.domain.agenda.contraindications import Override, Question
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.request import ImagingRequest, RequestState
from ris.domain.errors import Refused


def request_not_bookable(request: ImagingRequest | None) -> None:
    """A request is booked once, and not after its sender cancelled it."""
    if request is not None and request.state is not RequestState.TO_BOOK:
        raise Refused("request_not_bookable", field="request")


def in_the_past(interval: Interval, *, now: datetime) -> None:
    """An appointment begins now or later."""
    if interval.start < now:
        raise Refused("in_the_past", field="start")


def too_far(interval: Interval, *, now: datetime, horizon: timedelta) -> None:
    """An appointment begins within the deployment's horizon: a year mistyped is refused, not kept for ever."""
    if interval.start > now + horizon:
        raise Refused("too_far", field="day")


def outside_opening_hours(interval: Interval, opening: Interval | None) -> None:
    """An appointment lies wholly in the opening hours of its day, so it never crosses midnight."""
    if opening is None or not opening.contains(interval):
        raise Refused("outside_opening_hours", field="start")


def wrong_modality(candidates: list[str]) -> None:
    """The room holds at least one machine of the modality the exam needs."""
    if not candidates:
        raise Refused("wrong_modality", field="room")


def no_ipp_at_site(ipp: str) -> None:
    """PatientID towards DICOM is the IPP: without one in the site's domain, the images would belong to nobody."""
    if not ipp:
        raise Refused("no_ipp_at_site", field="patient")


def duplicate_exam(planned_accession: str) -> None:
    """The same patient has the same exam once a day."""
    if planned_accession:
        raise Refused("duplicate_exam", field="exam", detail=f"planned under {planned_accession}")


def contraindication(found: Sequence[Question], override: Override | None) -> None:
    """What keeps the patient from the exam is overridden by a named physician with a reason, or there is no exam."""
    if found and override is None:
        raise Refused("contraindication", field=f"answer-{found[0].code}", detail=", ".join(each.code for each in found))


def questions_unanswered(missing: Sequence[Question]) -> None:
    """Whoever is there is asked: no exam begins with a question left open."""
    if missing:
        raise Refused("questions_unanswered", field=f"answer-{missing[0].code}")


def exam_not_movable(exam: Exam) -> None:
    """Only what is booked and not begun changes its place."""
    if exam.state in (ExamState.IN_PROGRESS, ExamState.COMPLETED, ExamState.DISCONTINUED):
        raise Refused("exam_started", field="accession_number")
    if exam.state is not ExamState.BOOKED:
        raise Refused("exam_not_booked", field="accession_number")


def not_the_day(exam: Exam, today: str) -> None:
    """A patient arrives on the day of the appointment."""
    if exam.appointment.day != today:
        raise Refused("not_the_day", field="accession_number")


def absent_too_early(exam: Exam, now: datetime) -> None:
    """Nobody is absent before the time of the appointment, or once they came."""
    if exam.arrived_at is not None:
        raise Refused("patient_arrived", field="reason")
    if now < exam.appointment.start:
        raise Refused("too_early_for_no_show", field="reason")
