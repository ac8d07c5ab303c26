"""The desk: who is expected today, who came, who waits, who was called in; the day by patient.

Markup: rows `data-accession data-state data-arrival data-start data-patient-ipp`, where `data-arrival` is `expected waiting called gone`;
the waiting room is `#waiting`; a check-in is `form#arrival`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ris.application.agenda.arrivals import call_in, check_in, undo_check_in
from ris.application.agenda.pages import ExamPage, PatientOfTheDay
from ris.application.agenda.views import patients_of_the_day
from ris.application.identity.record_identity_event import ask_on_arrival
from ris.contracts.portal import NothingBody
from ris.domain.agenda.contraindications import contraindications, unanswered
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.errors import InvalidInput, Refused
from ris.portal.agenda.exams import admitted
from ris.portal.agenda.preflight import ending, preflight
from ris.portal.agenda.questions import answers_given, audit_override, override_given, typed_answers
from ris.portal.agenda.worklist import days_of
from ris.portal.answers import Answer, Page, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors
from ris.portal.identity.panel import PANEL_LISTS, missing_of, panel_of
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")


@dataclass(frozen=True)
class DeskRow:
    """One exam of the day.

    Args:
        arrival: `expected waiting called gone`.
        missing: The one action that the identity misses, as the panel names it.
        to_ask: Questions on contraindications that nobody answered.
    """

    one: PatientOfTheDay
    arrival: str
    missing: str
    to_ask: int


@routes.get("/sites/{site}/desk", Scope.SITE, "read_desk", audited=True)
def desk(call: Call, site: str) -> Page:
    """Show the day by patient, and first of all who waits."""
    the_day, today = days_of(call, site)
    rows = [_row(call, one) for one in patients_of_the_day(call.services.agenda, site, the_day.isoformat(), call.now)]
    waiting = sorted((row for row in rows if row.arrival == "waiting"), key=lambda row: str(row.one.exam.arrived_at))
    at = call.services.reference.site(site)
    assert at is not None
    values = {
        "rows": rows,
        "waiting": waiting,
        "at": at,
        "the_day": the_day,
        "today": today,
        "before": (the_day - timedelta(days=1)).isoformat(),
        "after": (the_day + timedelta(days=1)).isoformat(),
        "rooms": {each.room: each.name for each in call.services.reference.rooms(site)},
    }
    return Page("agenda/desk.html", values)


@routes.get("/exams/{accession}/arrival", Scope.OBJECT, "check_in", audited=True)
def ask_arrival(call: Call, accession: str) -> Page:
    """Show what is to be asked and mended while the patient is there."""
    return _arrival_page(call, admitted(call, accession), {})


@routes.post("/exams/{accession}/arrival", Scope.OBJECT, "check_in", audited=True, body=NothingBody)
def arrive(call: Call, accession: str) -> Answer:
    """Note that the patient came; twice is once."""
    page = admitted(call, accession)
    try:
        exam = check_in(call.services.agenda, accession, answers_given(call), override_given(call), call.now)
    except FormErrors as wrong:
        return _arrival_page(call, page, wrong.codes, status=400)
    except (InvalidInput, Refused) as error:
        if call.wants is Wants.JSON:
            raise
        status = 409 if isinstance(error, Refused) else 400
        return _arrival_page(call, page, {error.field: error.code}, status=status, rule=error.code)
    audit_override(call, exam)
    if call.may("query_insi", exam.site):
        ask_on_arrival(
            call.services.identity(), exam.patient_id, site=exam.site, by=call.person.account_id, accession=accession, now=call.now
        )
    return Redirect(f"/sites/{exam.site}/desk")


@routes.post("/exams/{accession}/arrival/undo", Scope.OBJECT, "check_in", audited=True, body=NothingBody)
def undo(call: Call, accession: str) -> Redirect:
    """Note that the patient did not come after all."""
    page = admitted(call, accession)
    undo_check_in(call.services.agenda, accession)
    return Redirect(f"/sites/{page.exam.site}/desk")


@routes.post("/exams/{accession}/call", Scope.OBJECT, "call_in", audited=True, body=NothingBody)
def call_patient(call: Call, accession: str) -> Redirect:
    """Note that the patient was called in."""
    page = admitted(call, accession)
    call_in(call.services.agenda, accession, call.now)
    return Redirect(f"/sites/{page.exam.site}/desk")


def arrival_of(exam: Exam) -> str:
    """Return where a patient is, in one word of ours."""
    if exam.state not in (ExamState.BOOKED, ExamState.HELD):
        return "gone"
    if exam.called_at is not None:
        return "called"
    return "expected" if exam.arrived_at is None else "waiting"


def _row(call: Call, one: PatientOfTheDay) -> DeskRow:
    kind = call.services.reference.catalogue_exam(one.exam.exam_code)
    open_questions = unanswered(kind.questions, one.exam.answers) if kind else []
    return DeskRow(one, arrival_of(one.exam), missing_of(one.patient) if one.patient else "", len(open_questions))


def _arrival_page(call: Call, page: ExamPage, errors: dict[str, str], *, status: int = 200, rule: str = "") -> Page:
    kind = call.services.reference.catalogue_exam(page.exam.exam_code)
    questions = kind.questions if kind else ()
    typed = {**{f"answer-{code}": answer for code, answer in page.exam.answers.items()}, **typed_answers(call)}
    said = {question.code: typed.get(f"answer-{question.code}", "") for question in questions}
    values = {
        "page": page,
        "exam": page.exam,
        "the_day": date.fromisoformat(page.exam.appointment.day),
        "room_name": next(
            (each.name for each in call.services.reference.rooms(page.exam.site) if each.room == page.exam.appointment.room), ""
        ),
        "questions": questions,
        "against": contraindications(questions, said),
        "typed": typed,
        "errors": errors,
        "rule": rule,
        "ending": ending(call, page.exam.site),
        "lines": preflight(call, page.exam.site, page.patient, page.request, page.exam),
        "panel": panel_of(call, page.patient, episode=page.exam) if page.patient else None,
        **PANEL_LISTS,
    }
    return Page("agenda/arrival.html", values, status=status)
