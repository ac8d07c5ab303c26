"""A patient who is there without an appointment: the exam, the next room and machine that are free today, arrived at once.

Markup: `form#walk-in` with fields `csrf patient request exam answer-… override_by override_reason`; the place proposed is
`[data-next][data-room][data-start]`.
"""

from __future__ import annotations

from ris.application.agenda.book_appointment import BookAppointment, book_appointment
from ris.application.agenda.find_openings import next_place
from ris.application.agenda.placing import Place
from ris.application.reference import CatalogueExam
from ris.contracts.portal import BookedView, WalkInBody
from ris.domain.agenda.contraindications import Override
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest, RequestState
from ris.domain.agenda.site_calendar import day_of
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
_TRIES = 3
"""How often another room is looked for when somebody takes the one that was free."""


@routes.get("/sites/{site}/walk-in", Scope.SITE, "book_appointment", audited=True)
def form(call: Call, site: str) -> Page:
    """Show the form; without a patient, where to find one."""
    typed = {name: call.one(name) for name in ("patient", "request", "exam")}
    if not checked_id(typed["patient"]):
        return Page("agenda/walk_in_whom.html", {"at": call.services.reference.site(site)})
    return _page(call, site, typed, {})


@routes.post("/sites/{site}/walk-in", Scope.SITE, "book_appointment", audited=True, body=WalkInBody, answer=BookedView)
def admit(call: Call, site: str) -> Answer:
    """Book the next place that is free today for a patient who is there; the same form sent twice is one exam."""
    typed = {name: call.form.get(name, "").strip() for name in ("patient", "request", "exam")}
    if call.form.get("show"):
        return _page(call, site, typed, {})
    try:
        exam = _admitted(call, site, read(call, WalkInBody))
    except FormErrors as wrong:
        return _page(call, site, typed, wrong.codes, status=400)
    except (InvalidInput, Refused) as error:
        if call.wants is Wants.JSON:
            raise
        status = 409 if isinstance(error, Refused) else 400
        return _page(call, site, typed, {error.field: error.code}, status=status, rule=error.code if status == 409 else "")
    call.names(exam.accession_number, patient_id=exam.patient_id)
    audit_override(call, exam)
    booked = BookedView(accession_number=exam.accession_number, state=exam.state.value)
    return Redirect(f"/exams/{exam.accession_number}", data=booked)


def _admitted(call: Call, site: str, body: WalkInBody) -> Exam:
    patient, request = _whom(call, site, body.patient, body.request)
    override = override_given(call)
    for _ in range(_TRIES):
        place = next_place(call.services.agenda, site, body.exam, call.now)
        if place is None:
            break
        try:
            return book_appointment(call.services.agenda, _command(call, patient, request, body.exam, place, override), call.now)
        except Refused as error:
            same = (
                _admitted_before(call, site, patient, body.exam)
                if error.code in ("duplicate_exam", "request_not_bookable")
                else None
            )
            if same is not None:
                return same
            if error.code != "slot_taken":
                raise
    raise Refused("nothing_free_today", field="exam")


def _command(
    call: Call, patient: Patient, request: ImagingRequest | None, exam: str, place: Place, override: Override | None
) -> BookAppointment:
    return BookAppointment(
        site=place.site,
        request_id=request.request_id if request else None,
        patient_id=patient.patient_id,
        exam_code=exam,
        room=place.room,
        day=place.day,
        start=place.start,
        fold=place.fold,
        actor=call.person.account_id,
        answers=answers_given(call),
        override=override,
        arrived=True,
    )


def _admitted_before(call: Call, site: str, patient: Patient, exam_code: str) -> Exam | None:
    """Return the exam that this very form has booked a moment ago: a double click, or the back button."""
    s = call.services.agenda
    at = s.reference.site(site)
    accession = s.exams.planned(patient.patient_id, day_of(call.now, at.time_zone), exam_code) if at else ""
    exam = s.exams.get(accession) if accession else None
    mine = exam is not None and exam.booked_by == call.person.account_id and exam.arrived_at is not None and exam.site == site
    return exam if mine else None


def _whom(call: Call, site: str, patient_id: str, request_id: str) -> tuple[Patient, ImagingRequest | None]:
    s = call.services.agenda
    patient = s.patients.get(checked_id(patient_id))
    request = s.exams.get_request(checked_id(request_id)) if request_id else None
    if patient is None or site not in patient.sites:
        raise NotFound
    if request_id and (request is None or request.site != site or request.patient_id != patient.patient_id):
        raise NotFound
    call.names(patient.patient_id, patient_id=patient.patient_id)
    return patient, request


def _waiting(call: Call, site: str, patient: Patient) -> list[ImagingRequest]:
    """Return what was ordered for the patient here and is not booked."""
    _, requests = call.services.agenda.exams.of_patient(patient.patient_id)
    return [one for one in requests if one.site == site and one.state is RequestState.TO_BOOK]


def _page(call: Call, site: str, typed: dict[str, str], errors: dict[str, str], *, status: int = 200, rule: str = "") -> Page:
    patient, request = _whom(call, site, typed["patient"], typed["request"])
    waiting = _waiting(call, site, patient)
    if call.method == "GET" and len(waiting) == 1 and not typed["exam"]:
        # Who comes with one order that waits comes for it, unless the person at the desk says otherwise.
        request, typed["request"] = waiting[0], waiting[0].request_id
    reference = call.services.reference
    at = reference.site(site)
    assert at is not None
    typed["exam"] = typed["exam"] or (request.exam_code if request else "")
    offered = {each.dicom_modality for each in reference.modalities(site)}
    catalogue = [each for each in reference.catalogue() if each.dicom_modality in offered]
    chosen: CatalogueExam | None = next((each for each in catalogue if each.exam_code == typed["exam"]), None)
    place = next_place(call.services.agenda, site, chosen.exam_code, call.now) if chosen else None
    values = {
        "at": at,
        "patient": patient,
        "ipp": patient.ipp(at.ipp_authority),
        "request": request,
        "requests": waiting,
        "typed": {**typed, **typed_answers(call)},
        "catalogue": catalogue,
        "chosen": chosen,
        "place": place,
        "room_name": next((each.name for each in reference.rooms(site) if place and each.room == place.room), ""),
        "errors": errors,
        "rule": rule,
        "ending": ending(call, site),
        "lines": preflight(call, site, patient, request),
    }
    return Page("agenda/walk_in.html", values, status=status)
