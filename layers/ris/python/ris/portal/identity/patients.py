"""Patients: the search, whose words travel in the body and never in an address, and the patient's page.

Markup: rows and page carry `data-patient data-patient-ipp`; exams of the page `data-accession data-state`.
"""

from __future__ import annotations

from ris.application.agenda.pages import PatientPage
from ris.application.agenda.views import patient_page, search_patients
from ris.application.identity.records import EventState
from ris.application.reference import Site
from ris.contracts.portal import PatientsView, SearchBody
from ris.domain.access.policy import sites_allowed
from ris.domain.agenda.site_calendar import civil_day
from ris.domain.errors import InvalidInput
from ris.domain.identity.patient import Patient
from ris.portal.answers import NotFound, Page
from ris.portal.call import Call
from ris.portal.forms import FormErrors, read
from ris.portal.identity.panel import PANEL_LISTS, Panel, panel_of
from ris.portal.layout import current_site
from ris.portal.people import person
from ris.portal.routing import Routes, Scope

routes = Routes("identity")
_ROWS, _READ = 20, 50
"""Patients of other sites are read past, so more are read than are shown."""
_FEWEST_LETTERS = 2
_MOST_LOOKS = 40
"""How often a page left open asks by itself whether an event was applied."""


@routes.get("/patients", Scope.ANY_SITE, "search_patients")
def ask(_call: Call) -> Page:
    """Show the empty search."""
    return Page("identity/search.html", {"q": "", "born": "", "rows": None, "errors": {}, "more": False})


@routes.post("/patients", Scope.ANY_SITE, "search_patients", audited=True, body=SearchBody, answer=PatientsView)
def search(call: Call) -> Page:
    """Show the patients found at the sites where the person may see patients."""
    typed = {name: call.form.get(name, "") for name in ("q", "born")}
    try:
        said = read(call, SearchBody)
        born = civil_day(said.born, field="born") if said.born else None
        if born is None and len(said.q) < _FEWEST_LETTERS:
            raise FormErrors({"q": "search_too_short"})
    except FormErrors as wrong:
        return _searched(typed, wrong.codes)
    except InvalidInput as error:
        return _searched(typed, {error.field: error.code})
    visible = frozenset(sites_allowed(call.person, "read_patient"))
    found = search_patients(call.services.agenda, said.q, _READ, born)
    seen = [patient for patient in found if patient.sites & visible]
    rows = [(patient, _ipp(call, patient)) for patient in seen[:_ROWS]]
    data = PatientsView(rows=[view for patient, ipp in rows if (view := person(patient, ipp))])
    return Page(
        "identity/search.html", {**typed, "rows": rows, "errors": {}, "more": len(seen) > _ROWS or len(found) == _READ}, data=data
    )


def _searched(typed: dict[str, str], errors: dict[str, str]) -> Page:
    return Page("identity/search.html", {**typed, "rows": None, "errors": errors, "more": False}, status=400)


def _ipp(call: Call, patient: Patient) -> str:
    """Return the IPP at the current site, else at the first site that has one and that the person may see."""
    order = [current_site(call), *sites_allowed(call.person, "read_patient")]
    known = [at for site in order if (at := call.services.reference.site(site))]
    return next((ipp for at in known if (ipp := patient.ipp(at.ipp_authority))), "")


@routes.get("/patients/{patient_id}", Scope.OBJECT, "read_patient", audited=True)
def patient(call: Call, patient_id: str) -> Page:
    """Show one patient, with the exams and requests of the sites where the person has a role."""
    page = admitted(call, patient_id)
    return Page("identity/patient.html", page_values(call, page, panel_of(call, page.patient, whole=True)))


@routes.get("/patients/{patient_id}/events/{event_id}", Scope.OBJECT, "read_patient")
def event(call: Call, patient_id: str, event_id: str) -> Page:
    """Tell whether a recorded event was applied, which the page asks while it runs; it shows nothing of the patient."""
    call.names(patient_id)
    store = call.services.identity().patients
    known, found = store.get(patient_id), store.event(patient_id, event_id)
    if known is None or found is None:
        raise NotFound
    call.admit(*sorted(known.sites), object_id=patient_id, patient_id=patient_id)
    looks = min(int(text), _MOST_LOOKS) if (text := call.one("looks")).isdecimal() else 0
    settled = found.state is not EventState.RECORDED
    values = {"event": found, "patient_id": patient_id, "looks": looks + 1, "moving": not settled and looks < _MOST_LOOKS}
    return Page("identity/event.html", values, headers={"HX-Refresh": "true"} if settled else {})


def admitted(call: Call, patient_id: str) -> PatientPage:
    """Return the patient if the action is allowed at one of their sites; else there is none."""
    call.names(patient_id)
    page = patient_page(call.services.agenda, patient_id)
    if page is None:
        raise NotFound
    call.admit(*sorted(page.patient.sites), object_id=patient_id, patient_id=patient_id)
    return page


def page_values(call: Call, page: PatientPage, panel: Panel) -> dict[str, object]:
    """Return what the patient's page shows."""
    visible = set(sites_allowed(call.person, "read_patient"))
    sites: dict[str, Site] = {each.site: each for each in call.services.reference.sites() if each.site in visible}
    return {
        "patient": page.patient,
        "traits": page.patient.traits,
        "panel": panel,
        "ipps": [(at.name, ipp) for at in sites.values() if (ipp := page.patient.ipp(at.ipp_authority))],
        "exams": [exam for exam in page.exams if exam.site in sites],
        "requests": [request for request in page.requests if request.site in sites],
        "sites": sites,
        "bookable": [site for site in sorted(page.patient.sites & visible) if call.may("book_appointment", site)],
        "refusers": sorted(page.patient.refusals | correspondents_of(page)),
        "may_refuse": any(call.may("record_refusal", site) for site in page.patient.sites & visible),
        **PANEL_LISTS,
    }


def correspondents_of(page: PatientPage) -> frozenset[str]:
    """Return to whom mail about a patient may go: themselves, and who asked for their exams."""
    asked = {request.prescriber.rpps for request in page.requests}
    numbers = {rpps[1:] if len(rpps) == 12 and rpps.startswith("8") else rpps for rpps in asked}
    return frozenset({"PATIENT", *(rpps for rpps in numbers if len(rpps) == 11 and rpps.isdecimal())})
