"""Confirm: make the holder's unexpired hold a booking, in the write that shows both (first state of the booking machine)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ris.application.agenda.ports import Booking
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.errors import InvalidInput, Refused


def confirm_booking(s: Services, accession: str, hold_token: str, now: datetime) -> Exam:
    """Book what is held; a second confirmation with the same token changes nothing.

    Returns:
        The exam, booked or already further.

    Raises:
        InvalidInput: `unknown_exam`.
        Refused: `wrong_token`; `hold_expired`, also when somebody else took the slot meanwhile; `cancelled`.
        RemoteUnavailable: `too_busy`.
    """
    return decide(lambda: _attempt(s, accession, hold_token, now))


def _attempt(s: Services, accession: str, hold_token: str, now: datetime) -> Exam:
    exam = s.exams.get(accession)
    if exam is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    if exam.hold_token != hold_token:
        raise Refused("wrong_token", field="hold_token")
    if exam.state is ExamState.CANCELLED:
        raise Refused("cancelled", field="accession_number")
    if exam.state is ExamState.EXPIRED:
        raise Refused("hold_expired", field="accession_number")
    if exam.state is not ExamState.HELD:
        return exam
    place = exam.appointment
    days = s.agenda.days(exam.site, place.resources, place.day)
    booked = tuple(days[resource].confirm(accession, hold_token, now=now) for resource in place.resources)
    confirmed = replace(
        exam, state=ExamState.BOOKED, hold_expires_at=None, changed_at=now, publish_due_at=now + s.settings.restart_after
    )
    return s.agenda.commit(Booking(booked, confirmed))
