"""Move an exam: free starts here, the first ones at other sites, and a place of one's own choosing.

Markup: `form#move` with fields `csrf site room day start fold call_patient`; a proposal is `form[data-proposal][data-site][data-day][data-start]
[data-room]`; a refusal `[data-rule]` with status 409.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ris.application.agenda.find_openings import RoomOpenings, first_openings, openings_on
from ris.application.agenda.move_exam import move_exam
from ris.application.agenda.pages import ExamPage
from ris.application.agenda.placing import Place
from ris.contracts.portal import PlaceBody
from ris.domain.access.policy import sites_allowed
from ris.domain.agenda.exam import ExamState
from ris.domain.agenda.site_calendar import civil_day, day_of
from ris.domain.errors import InvalidInput, Refused
from ris.portal.agenda.exams import admitted
from ris.portal.answers import Answer, NotFound, Page, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors, read
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
_FIELDS = ("site", "room", "day", "start", "fold", "call_patient")
_STARTS_ELSEWHERE = 4


@dataclass(frozen=True)
class Elsewhere:
    """What another site has free first: its name, rooms' openings, or why the patient cannot be seen there."""

    site: str
    name: str
    openings: list[RoomOpenings]
    no_ipp: bool


@routes.get("/exams/{accession}/move", Scope.OBJECT, "move_exam", audited=True)
def ask_move(call: Call, accession: str) -> Page:
    """Show where the exam could go."""
    page = admitted(call, accession)
    typed = {name: call.one(name) for name in _FIELDS}
    typed["day"] = typed["day"] or max(page.exam.appointment.day, day_of(call.now, page.site.time_zone))
    return _page(call, page, typed, {})


@routes.post("/exams/{accession}/move", Scope.OBJECT, "move_exam", audited=True, body=PlaceBody)
def move(call: Call, accession: str) -> Answer:
    """Give the exam its new place; the same place sent twice is one move."""
    page = admitted(call, accession)
    typed = {name: call.form.get(name, "").strip() for name in _FIELDS}
    if call.form.get("show"):
        return _page(call, page, typed, {})
    try:
        body = read(call, PlaceBody)
        site = body.site or page.exam.site
        if not call.may("move_exam", site):
            raise NotFound
        place = Place(site, body.room, body.day, body.start, int(body.fold) if body.fold else None)
        moved = move_exam(
            call.services.agenda, accession, place, call.person.account_id, call.now, call_patient=body.call_patient == "1"
        )
    except FormErrors as wrong:
        return _page(call, page, typed, wrong.codes, status=400)
    except (InvalidInput, Refused) as error:
        if call.wants is Wants.JSON:
            raise
        status = 409 if isinstance(error, Refused) else 400
        if error.code == "doubled_time":
            typed["fold"] = ""
        return _page(call, page, typed, {error.field: error.code}, status=status, rule=error.code if status == 409 else "")
    return Redirect(f"/exams/{moved.accession_number}")


def _page(call: Call, page: ExamPage, typed: dict[str, str], errors: dict[str, str], *, status: int = 200, rule: str = "") -> Page:
    rooms = call.services.reference.rooms(page.exam.site)
    the_day = _readable_day(typed["day"])
    kind = call.services.reference.catalogue_exam(page.exam.exam_code)
    movable = page.exam.state is ExamState.BOOKED
    here = openings_on(call.services.agenda, page.exam.site, typed["day"], kind, call.now) if kind and the_day and movable else []
    values = {
        "page": page,
        "exam": page.exam,
        "typed": typed,
        "errors": errors,
        "rule": rule,
        "movable": movable,
        "rooms": rooms,
        "from_day": date.fromisoformat(page.exam.appointment.day),
        "room_name": next((each.name for each in rooms if each.room == page.exam.appointment.room), page.exam.appointment.room),
        "the_day": the_day,
        "openings": here,
        "elsewhere": _elsewhere(call, page, typed["day"]) if kind and the_day and movable else [],
        "starts_elsewhere": _STARTS_ELSEWHERE,
    }
    return Page("agenda/move.html", values, status=status)


def _elsewhere(call: Call, page: ExamPage, day: str) -> list[Elsewhere]:
    """Return the first openings of the other sites where the person may move exams; only those that do such an exam."""
    found = []
    for site in sites_allowed(call.person, "move_exam"):
        at = call.services.reference.site(site)
        if site == page.exam.site or at is None:
            continue
        openings = first_openings(call.services.agenda, site, page.exam.exam_code, day, call.now, most=1)
        if openings:
            no_ipp = page.patient is None or not page.patient.ipp(at.ipp_authority)
            found.append(Elsewhere(site, at.name, openings, no_ipp))
    return found


def _readable_day(text: str) -> date | None:
    try:
        return civil_day(text)
    except InvalidInput:
        return None
