"""What the desk does about an identity: each click records one fact under the id its form carries, and the machine applies it.

A rule that refuses is said on the patient's page, beside its form; nothing was changed then. Values travel in bodies, never in addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ris.application.agenda.pages import PatientPage
from ris.application.identity.record_identity_event import ask_insi, record_identity_event
from ris.contracts.portal import (
    DecisionBody,
    DocumentBody,
    IdentityBody,
    InformationBody,
    MarkBody,
    TraitsBody,
)
from ris.domain.agenda.site_calendar import civil_day
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.events import (
    AttributeCleared,
    AttributeSet,
    ComplementaryTraitEdited,
    DocumentRecorded,
    IdentityEvent,
    InformationRecorded,
    InsiAccepted,
    InsiDeclined,
    ProofWithdrawn,
    StrictTraitEdited,
)
from ris.domain.identity.patient import ERASED, Change, Patient, TraitsChange
from ris.portal.answers import Answer, NotFound, Page, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors, read
from ris.portal.identity.panel import acting_site, panel_of
from ris.portal.identity.patients import admitted, page_values
from ris.portal.respond import status_of
from ris.portal.routing import Routes, Scope

routes = Routes("identity")
_HIDDEN = ("token", "accession", "asked_at")
"""Fields that no person fills: when one is wrong, it is said above the form."""
Make = Callable[[str], IdentityEvent]


@routes.post("/patients/{patient_id}/insi", Scope.OBJECT, "query_insi", audited=True, body=IdentityBody)
def query(call: Call, patient_id: str) -> Answer:
    """Ask INSi, with the certificate of persons."""

    def act(patient: Patient) -> str:
        body = read(call, IdentityBody)
        site = _site(call, patient, body.accession)
        ask_insi(
            call.services.identity(),
            patient_id,
            site=site,
            by=call.person.account_id,
            event_id=f"{body.token}-query",
            now=call.now,
        )
        return f"{body.token}-query"

    return _acted(call, patient_id, act)


@routes.post("/patients/{patient_id}/insi/accept", Scope.OBJECT, "qualify_identity", audited=True, body=DecisionBody)
def accept(call: Call, patient_id: str) -> Answer:
    """Take INSi's answer, as it was shown beside the typed traits."""
    return _recorded(call, patient_id, "accept", lambda site: InsiAccepted(**_who(call, site), asked_at=_asked_at(call)))


@routes.post("/patients/{patient_id}/insi/decline", Scope.OBJECT, "qualify_identity", audited=True, body=DecisionBody)
def decline(call: Call, patient_id: str) -> Answer:
    """Say that INSi's answer is somebody else."""
    return _recorded(call, patient_id, "decline", lambda site: InsiDeclined(**_who(call, site), asked_at=_asked_at(call)))


@routes.post("/patients/{patient_id}/document", Scope.OBJECT, "qualify_identity", audited=True, body=DocumentBody)
def document(call: Call, patient_id: str) -> Answer:
    """Record the document with which the identity was compared."""

    def make(site: str) -> IdentityEvent:
        body = read(call, DocumentBody)
        if body.expires:
            civil_day(body.expires, field="expires")
        return DocumentRecorded(**_who(call, site), code=body.proof, expires=body.expires.replace("-", ""))

    return _recorded(call, patient_id, "document", make)


@routes.post("/patients/{patient_id}/document/withdraw", Scope.OBJECT, "qualify_identity", audited=True, body=IdentityBody)
def withdraw_document(call: Call, patient_id: str) -> Answer:
    """Say that the document recorded proves nothing any more."""
    return _recorded(call, patient_id, "withdraw", lambda site: ProofWithdrawn(**_who(call, site)))


@routes.post("/patients/{patient_id}/information", Scope.OBJECT, "record_information", audited=True, body=InformationBody)
def information(call: Call, patient_id: str) -> Answer:
    """Record what the patient was told of the feeding of the DMP, and whether they opposed it, for this episode."""

    def make(site: str) -> IdentityEvent:
        body = read(call, InformationBody)
        return InformationRecorded(**_who(call, site), feeding=body.information, accession=body.accession)

    return _recorded(call, patient_id, "information", make)


@routes.post("/patients/{patient_id}/mark", Scope.OBJECT, "mark_identity", audited=True, body=MarkBody)
def mark(call: Call, patient_id: str) -> Answer:
    """Mark the identity as homonym, doubtful or fictitious."""
    return _recorded(call, patient_id, "mark", lambda site: AttributeSet(**_who(call, site), attribute=read(call, MarkBody).mark))


@routes.post("/patients/{patient_id}/unmark", Scope.OBJECT, "clear_identity_mark", audited=True, body=MarkBody)
def unmark(call: Call, patient_id: str) -> Answer:
    """Take a mark off."""
    return _recorded(
        call, patient_id, "unmark", lambda site: AttributeCleared(**_who(call, site), attribute=read(call, MarkBody).mark)
    )


@routes.post("/patients/{patient_id}/ins", Scope.OBJECT, "reveal_ins", audited=True, body=IdentityBody)
def reveal(call: Call, patient_id: str) -> Page:
    """Show the INS in clear on this one answer; the audit keeps who did."""
    page = admitted(call, patient_id)
    panel = panel_of(call, page.patient, whole=True, ins=page.patient.ins)
    return Page("identity/patient.html", page_values(call, page, panel))


@routes.get("/patients/{patient_id}/traits", Scope.OBJECT, "edit_traits", audited=True)
def ask_traits(call: Call, patient_id: str) -> Page:
    """Show the traits for correction; strict ones are closed while the identity is retrieved or qualified."""
    return _traits_form(call, admitted(call, patient_id).patient, {})


@routes.post("/patients/{patient_id}/traits", Scope.OBJECT, "edit_traits", audited=True, body=TraitsBody)
def edit_traits(call: Call, patient_id: str) -> Answer:
    """Correct traits: used names and telephone for everybody, strict ones where they are open or the person may open them."""
    patient = admitted(call, patient_id).patient
    try:
        body = read(call, TraitsBody)
        event_id = _record_traits(call, patient, body)
    except FormErrors as wrong:
        return _traits_form(call, patient, wrong.codes, status=400)
    except (InvalidInput, Refused) as error:
        if call.wants is Wants.JSON:
            raise
        return _traits_form(call, patient, {error.field or "traits": error.code}, status=status_of(error), detail=error.detail)
    return Redirect(f"/patients/{patient_id}" + (f"?event={event_id}" if event_id else "") + "#identity")


_STRICT = ("birth_family", "birth_given", "birth_given_all", "birth_date", "sex", "birth_place_insee")
_COMPLEMENTARY = ("used_family", "used_given", "phone")


def _record_traits(call: Call, patient: Patient, body: TraitsBody) -> str:
    """Record what differs from what stands there: strict traits and the others are two facts."""
    site, before = acting_site(call, patient), trait_fields(patient)
    s, who, event_id = call.services.identity(), _who(call, site), ""
    strict = _changed(before, body, _STRICT)
    if strict:
        event_id = f"{body.token}-strict"
        may = "correct_strict_traits" in call.person.rights
        record_identity_event(
            s, patient.patient_id, StrictTraitEdited(**who, change=TraitsChange(**strict)), event_id=event_id, may_correct=may
        )
    others = _changed(before, body, _COMPLEMENTARY)
    if others:
        event_id = f"{body.token}-others"
        record_identity_event(
            s, patient.patient_id, ComplementaryTraitEdited(**who, change=TraitsChange(**others)), event_id=event_id
        )
    return event_id


def _changed(before: dict[str, str], body: TraitsBody, names: tuple[str, ...]) -> dict[str, Change]:
    """Return the fields that were sent and differ; one emptied is erased, and a field that was closed was not sent."""
    changes: dict[str, Change] = {}
    for name in names:
        typed = getattr(body, name)
        if typed is None or typed == before[name]:
            continue
        said = typed.replace("-", "") if name == "birth_date" else typed
        changes[name] = said or ERASED
    return changes


def trait_fields(patient: Patient) -> dict[str, str]:
    """Return the traits as the form's fields hold them."""
    traits = patient.traits
    fields = {name: getattr(traits, name) for name in (*_STRICT, *_COMPLEMENTARY)}
    shown = {name: "" if value == '""' else value for name, value in fields.items()}
    return {**shown, "birth_date": traits.birth_date.isoformat() if traits.birth_date else ""}


def _traits_form(call: Call, patient: Patient, errors: dict[str, str], *, status: int = 200, detail: str = "") -> Page:
    panel = panel_of(call, patient, errors=errors, detail=detail)
    open_fields = not panel.locked or panel.may_correct
    typed = {**trait_fields(patient), **({name: call.form[name] for name in call.form} if errors else {})}
    values = {"patient": patient, "panel": panel, "typed": typed, "errors": errors, "open_fields": open_fields, "detail": detail}
    return Page("identity/traits.html", values, status=status)


# ---------------------------------------------------------------- one way for every click


def _recorded(call: Call, patient_id: str, what: str, make: Make) -> Answer:
    def act(patient: Patient) -> str:
        body = read(call, IdentityBody)
        event_id = f"{body.token}-{what}"
        event = make(_site(call, patient, body.accession))
        record_identity_event(call.services.identity(), patient_id, event, event_id=event_id)
        return event_id

    return _acted(call, patient_id, act)


def _acted(call: Call, patient_id: str, act: Callable[[Patient], str]) -> Answer:
    page = admitted(call, patient_id)
    try:
        event_id = act(page.patient)
    except FormErrors as wrong:
        hidden = next((code for name, code in wrong.codes.items() if name in _HIDDEN), "")
        return _said_no(call, page, wrong.codes, hidden, 400)
    except (InvalidInput, Refused) as error:
        if call.wants is Wants.JSON:
            raise
        return _said_no(call, page, {error.field: error.code} if error.field else {}, error.code, status_of(error), error.detail)
    accession = call.form.get("accession", "").strip()
    place = f"/exams/{accession}" if accession else f"/patients/{patient_id}"
    return Redirect(f"{place}?event={event_id}#identity")


def _said_no(call: Call, page: PatientPage, errors: dict[str, str], rule: str, status: int, detail: str = "") -> Page:
    panel = panel_of(call, page.patient, whole=True, errors=errors, rule=rule, detail=detail)
    return Page("identity/patient.html", page_values(call, page, panel), status=status)


def _who(call: Call, site: str) -> dict[str, Any]:
    return {"at": call.now, "by": call.person.account_id, "site": site}


def _site(call: Call, patient: Patient, accession: str) -> str:
    """Return the site of the episode, which must be this patient's; without one, where the person acts."""
    if not accession:
        return acting_site(call, patient)
    exam = call.services.agenda.exams.get(accession)
    if exam is None or exam.patient_id != patient.patient_id or not call.may(call.rule.action, exam.site):
        raise NotFound
    return exam.site


def _asked_at(call: Call) -> datetime:
    try:
        instant = datetime.fromisoformat(read(call, DecisionBody).asked_at)
    except ValueError:
        raise FormErrors({"asked_at": "field_malformed"}) from None
    if instant.tzinfo is None:
        raise FormErrors({"asked_at": "field_malformed"})
    return instant
