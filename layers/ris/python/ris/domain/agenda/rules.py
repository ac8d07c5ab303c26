"""The rules of booking, each a function named by the code it refuses with; each raises `Refused` or says nothing."""

from __future__ import annotations

from datetime import datetime

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
