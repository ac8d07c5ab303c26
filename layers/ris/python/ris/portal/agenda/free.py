"""The first free slots for an exam, over the sites where one may book: by preferred day, morning or afternoon.

Markup: `form#search` (GET); a slot is a link `[data-site][data-day][data-start][data-room]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ris.application.agenda.find_openings import DAYS_LOOKED_AT, RoomOpenings, first_openings
from ris.application.reference import Site
from ris.domain.access.policy import sites_allowed
from ris.domain.agenda.request import ImagingRequest
from ris.domain.agenda.site_calendar import civil_day, day_of
from ris.domain.errors import InvalidInput
from ris.domain.identity.patient import Patient
from ris.portal.agenda.requests import checked_id
from ris.portal.answers import NotFound, Page
from ris.portal.call import Call
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
_DAYS, _STARTS = 3, 8


@dataclass(frozen=True)
class SiteOpenings:
    """The first openings of one site, by room and day.

    Args:
        bookable: The patient of the search has an IPP there, or there is no patient yet.
    """

    at: Site
    rooms: list[RoomOpenings]
    bookable: bool

    @property
    def first(self) -> str:
        """The first instant, for the order of the sites; what has nothing comes last."""
        return min((one.instants[0].isoformat() for one in self.rooms), default="~")


@routes.get("/sites/{site}/openings", Scope.SITE, "book_appointment", audited=True)
def free(call: Call, site: str) -> Page:
    """Show the first free slots, the first of all first."""
    at = call.services.reference.site(site)
    assert at is not None
    typed = {name: call.one(name) for name in ("exam", "day", "part", "request", "patient")}
    request, patient = _whom(call, site, typed)
    typed["exam"] = typed["exam"] or (request.exam_code if request else "")
    typed["day"] = typed["day"] or day_of(call.now, at.time_zone)
    errors = _wrong(call, typed)
    chosen = call.services.reference.catalogue_exam(typed["exam"])
    values = {
        "typed": typed,
        "errors": errors,
        "at": at,
        "catalogue": call.services.reference.catalogue(),
        "chosen": chosen,
        "found": _found(call, site, typed, patient, request) if chosen and not errors else [],
        "patient": patient,
        "request": request,
        "dates": date.fromisoformat,
        "most": _STARTS,
        "looked_at": DAYS_LOOKED_AT,
    }
    return Page("agenda/openings.html", values, status=400 if errors else 200)


def _whom(call: Call, site: str, typed: dict[str, str]) -> tuple[ImagingRequest | None, Patient | None]:
    """Look up whom the search is for, if anybody; a request or patient of another site does not exist."""
    s = call.services.agenda
    request = s.exams.get_request(checked_id(typed["request"])) if typed["request"] else None
    if typed["request"] and (request is None or request.site != site):
        raise NotFound
    patient_id = request.patient_id if request else checked_id(typed["patient"])
    patient = s.patients.get(patient_id) if patient_id else None
    if patient_id and (patient is None or site not in patient.sites):
        raise NotFound
    if patient is not None:
        call.names(patient.patient_id, patient_id=patient.patient_id)
    return request, patient


def _wrong(call: Call, typed: dict[str, str]) -> dict[str, str]:
    errors = {}
    if typed["exam"] and call.services.reference.catalogue_exam(typed["exam"]) is None:
        errors["exam"] = "unknown_exam"
    if typed["part"] not in ("", "am", "pm"):
        errors["part"] = "part_unknown"
    try:
        civil_day(typed["day"])
    except InvalidInput as error:
        errors["day"] = error.code
    return errors


def _found(
    call: Call, site: str, typed: dict[str, str], patient: Patient | None, request: ImagingRequest | None
) -> list[SiteOpenings]:
    found = []
    for each in sites_allowed(call.person, "book_appointment"):
        at = call.services.reference.site(each)
        if at is None:
            continue
        rooms = first_openings(call.services.agenda, each, typed["exam"], typed["day"], call.now, most=_DAYS, part=typed["part"])
        bookable = (patient is None or bool(patient.ipp(at.ipp_authority))) and (request is None or each == site)
        found.append(SiteOpenings(at, rooms, bookable))
    return sorted(found, key=lambda one: (one.first, one.at.name))
