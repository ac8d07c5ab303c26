"""Book: from a request, or for a patient. What is wrong stands beside its field, what was typed stays, a rule that refuses is named.

Markup: `form#booking` with fields `csrf request patient exam room day start fold`; an error is `[data-field][data-error-code]`;
a refusal `[data-rule]` with status 409; free starts are links `[data-start][data-room]`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from ris.application.agenda.book_appointment import BookAppointment, book_appointment
from ris.application.agenda.find_openings import openings_on
from ris.application.agenda.views import requests_to_book
from ris.application.reference import CatalogueExam, Room
from ris.contracts.portal import BookedView, BookingBody
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest
from ris.domain.agenda.site_calendar import civil_day, day_of, wall_time
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.patient import Patient
from ris.portal.agenda.preflight import ending, preflight
from ris.portal.agenda.questions import answers_given, audit_override, override_given, typed_answers
from ris.portal.agenda.requests import checked_id
from ris.portal.answers import Answer, NotFound, Page, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors, read
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
_FIELDS = ("request", "patient", "exam", "room", "day", "start", "fold")
_CHOICES = 20


@dataclass(frozen=True)
class Draft:
    """The form as it stands: what was typed, and whom it is for."""

    typed: dict[str, str]
    patient: Patient
    request: ImagingRequest | None


@routes.get("/sites/{site}/booking", Scope.SITE, "book_appointment", audited=True)
def form(call: Call, site: str) -> Page:
    """Show the form, filled with what the address says of it."""
    typed = {name: call.one(name) for name in _FIELDS}
    if not checked_id(typed["request"]) and not checked_id(typed["patient"]):
        return _choose(call, site, typed)
    return _page(call, site, _filled(call, site, _draft(call, site, typed)), {})


@routes.post("/sites/{site}/booking", Scope.SITE, "book_appointment", audited=True, body=BookingBody, answer=BookedView)
def book(call: Call, site: str) -> Answer:
    """Check the rules, hold room and machine, start the confirmation; the same booking sent twice is one."""
    typed = {**{name: call.form.get(name, "").strip() for name in _FIELDS}, **typed_answers(call)}
    draft = _draft(call, site, typed)
    if call.form.get("show"):
        return _page(call, site, draft, {})
    try:
        body = read(call, BookingBody)
        exam = book_appointment(call.services.agenda, _command(call, site, draft, body), call.now)
        audit_override(call, exam)
    except FormErrors as wrong:
        return _page(call, site, draft, wrong.codes, status=400)
    except (InvalidInput, Refused) as error:
        same = _same_booking(call, draft, error)
        if same is None:
            return _said_no(call, site, draft, error)
        exam = same
    call.names(exam.accession_number, exam.patient_id)
    booked = BookedView(accession_number=exam.accession_number, state=exam.state.value)
    return Redirect(f"/exams/{exam.accession_number}", data=booked)


def _command(call: Call, site: str, draft: Draft, body: BookingBody) -> BookAppointment:
    return BookAppointment(
        site=site,
        request_id=draft.request.request_id if draft.request else None,
        patient_id=draft.patient.patient_id,
        exam_code=body.exam,
        room=body.room,
        day=body.day,
        start=body.start,
        fold=int(body.fold) if body.fold else None,
        actor=call.person.account_id,
        answers=answers_given(call),
        override=override_given(call),
    )


def _draft(call: Call, site: str, typed: dict[str, str]) -> Draft:
    """Look up whom the form is for; a request or patient of another site does not exist."""
    s = call.services.agenda
    request = s.exams.get_request(typed["request"]) if typed["request"] else None
    if typed["request"] and (request is None or request.site != site):
        raise NotFound
    patient = s.patients.get(request.patient_id if request else typed["patient"])
    if patient is None or site not in patient.sites:
        raise NotFound
    call.names(request.request_id if request else patient.patient_id, patient.patient_id)
    return Draft(typed, patient, request)


def _filled(call: Call, site: str, draft: Draft) -> Draft:
    """Begin with the exam that was asked for, today."""
    exam = draft.typed["exam"] or (draft.request.exam_code if draft.request else "")
    return replace(draft, typed={**draft.typed, "exam": exam, "day": draft.typed["day"] or _today(call, site)})


def _today(call: Call, site: str) -> str:
    at = call.services.reference.site(site)
    assert at is not None
    return day_of(call.now, at.time_zone)


def _choose(call: Call, site: str, typed: dict[str, str]) -> Page:
    rows = requests_to_book(call.services.agenda, site, limit=_CHOICES)
    slot = {name: typed[name] for name in ("room", "day", "start") if typed[name]}
    return Page("agenda/booking_choice.html", {"rows": rows, "slot": slot})


def _said_no(call: Call, site: str, draft: Draft, error: InvalidInput | Refused) -> Page:
    if call.wants is Wants.JSON:
        raise error
    status, field = (409 if isinstance(error, Refused) else 400), error.field
    field = field if field in _FIELDS or field.startswith("answer-") else ""
    if error.code == "doubled_time":
        draft = replace(draft, typed={**draft.typed, "fold": ""})
    return _page(call, site, draft, {field: error.code}, status=status, rule=error.code if isinstance(error, Refused) else "")


def _same_booking(call: Call, draft: Draft, error: InvalidInput | Refused) -> Exam | None:
    """Return the exam that this very form has booked a moment ago: a double click, or the back button."""
    s, typed = call.services.agenda, draft.typed
    if error.code not in ("request_not_bookable", "duplicate_exam", "slot_taken"):
        return None
    accession = draft.request.accession_number if draft.request else ""
    accession = accession or s.exams.planned(draft.patient.patient_id, typed["day"], typed["exam"])
    exam = s.exams.get(accession) if accession else None
    at = s.reference.site(exam.site) if exam else None
    if exam is None or at is None or exam.booked_by != call.person.account_id or exam.patient_id != draft.patient.patient_id:
        return None
    when = exam.appointment
    wanted = (typed["exam"], typed["room"], typed["day"], typed["start"])
    same = (exam.exam_code, when.room, when.day, wall_time(when.start, at.time_zone)) == wanted
    return exam if same and (exam.request_id or "") == typed["request"] else None


def _page(call: Call, site: str, draft: Draft, errors: dict[str, str], *, status: int = 200, rule: str = "") -> Page:
    reference = call.services.reference
    at = reference.site(site)
    assert at is not None
    offered = {each.dicom_modality for each in reference.modalities(site)}
    catalogue = [each for each in reference.catalogue() if each.dicom_modality in offered]
    chosen = next((each for each in catalogue if each.exam_code == draft.typed["exam"]), None)
    day = _readable_day(draft.typed["day"])
    values = {
        "draft": draft,
        "typed": draft.typed,
        "at": at,
        "ipp": draft.patient.ipp(at.ipp_authority),
        "catalogue": catalogue,
        "chosen": chosen,
        "rooms": _rooms_for(call, site, chosen),
        "the_day": day,
        "openings": openings_on(call.services.agenda, site, day.isoformat(), chosen, call.now) if day and chosen else [],
        "errors": errors,
        "rule": rule,
        "ending": ending(call, site),
        "lines": preflight(call, site, draft.patient, draft.request),
    }
    return Page("agenda/booking.html", values, status=status)


def _readable_day(text: str) -> date | None:
    try:
        return civil_day(text)
    except InvalidInput:
        return None


def _rooms_for(call: Call, site: str, chosen: CatalogueExam | None) -> list[Room]:
    """Return the rooms of the site, those that suit the exam first."""
    machines = {each.modality: each.dicom_modality for each in call.services.reference.modalities(site)}
    rooms = call.services.reference.rooms(site)
    if chosen is None:
        return rooms
    return sorted(rooms, key=lambda room: chosen.dicom_modality not in {machines.get(each) for each in room.modalities})
