"""What cancelling and expiring share: the days without the exam's slots, and the request it answered."""

from __future__ import annotations

from dataclasses import replace

from ris.application.agenda.services import Services
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest, RequestState
from ris.domain.agenda.resource_day import ResourceDay


def freed_days(s: Services, exam: Exam) -> tuple[ResourceDay, ...]:
    """Return the days that lose a slot of the exam; one that has none is not written."""
    place = exam.appointment
    days = s.agenda.days(exam.site, place.resources, place.day)
    return tuple(
        days[resource].release(exam.accession_number)
        for resource in place.resources
        if days[resource].slot_of(exam.accession_number) is not None
    )


def request_after(s: Services, exam: Exam, state: RequestState) -> ImagingRequest | None:
    """Return the request the exam answered in its new state, or None when it answers none or belongs to another exam by now."""
    request = s.exams.get_request(exam.request_id) if exam.request_id else None
    if request is None or request.accession_number != exam.accession_number or request.state is not RequestState.BOOKED:
        return None
    return replace(request, state=state, accession_number="" if state is RequestState.TO_BOOK else request.accession_number)
