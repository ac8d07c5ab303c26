"""Patients to be told that their appointment was changed.

Markup: rows `data-call data-day data-start`.
"""

from __future__ import annotations

from datetime import date

from ris.application.agenda.arrivals import patient_told
from ris.contracts.portal import NothingBody
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.site_calendar import wall_time
from ris.portal.agenda.exams import admitted
from ris.portal.answers import Page, Redirect
from ris.portal.call import Call
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
_ROWS = 50


@routes.get("/sites/{site}/calls", Scope.SITE, "call_patients", audited=True)
def calls(call: Call, site: str) -> Page:
    """Show whom to call, the longest waiting first."""
    s = call.services.agenda
    at = call.services.reference.site(site)
    assert at is not None
    found = s.exams.to_call(site, limit=_ROWS + 1)
    patients = s.patients.get_many(list(dict.fromkeys(exam.patient_id for exam in found)))

    def row(exam: Exam) -> dict[str, object]:
        patient = patients.get(exam.patient_id)
        place = exam.appointment
        return {
            "exam": exam,
            "patient": patient,
            "ipp": patient.ipp(at.ipp_authority) if patient else "",
            "the_day": date.fromisoformat(place.day),
            "start": wall_time(place.start, at.time_zone),
        }

    values = {"at": at, "rows": [row(exam) for exam in found[:_ROWS]], "more": len(found) > _ROWS}
    return Page("agenda/calls.html", values)


@routes.post("/exams/{accession}/told", Scope.OBJECT, "call_patients", audited=True, body=NothingBody)
def told(call: Call, accession: str) -> Redirect:
    """Take the exam off the list: its patient knows."""
    page = admitted(call, accession)
    patient_told(call.services.agenda, accession)
    return Redirect(f"/sites/{page.exam.site}/calls")
