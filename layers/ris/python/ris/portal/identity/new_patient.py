"""Create a patient at the desk, after whoever may be the same was shown.

Markup: `form#new-patient`; a patient who may be the same is `[data-patient][data-alike]`; the INS is never typed here.
"""

from __future__ import annotations

from ris.application.identity.create_patient import AlreadyKnown, NewPatient, create_patient
from ris.application.reference import Site
from ris.contracts.portal import NewPatientBody
from ris.domain.access.policy import sites_allowed
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.patient import Patient
from ris.portal.answers import Answer, Page, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors, read
from ris.portal.routing import Routes, Scope

routes = Routes("identity")
_FIELDS = (
    "birth_family",
    "birth_given",
    "birth_given_all",
    "birth_date",
    "sex",
    "birth_place_insee",
    "used_family",
    "used_given",
    "phone",
)


@routes.get("/sites/{site}/patients/new", Scope.SITE, "create_patient")
def form(call: Call, site: str) -> Page:
    """Show the empty form."""
    return _page(call, site, {"token": call.services.agenda.new_token()[:20]}, {})


@routes.post("/sites/{site}/patients/new", Scope.SITE, "create_patient", audited=True, body=NewPatientBody)
def create(call: Call, site: str) -> Answer:
    """Create the patient; the same form sent twice is one patient."""
    typed = {name: call.form.get(name, "").strip() for name in (*_FIELDS, "token")}
    try:
        said = NewPatient(**{**read(call, NewPatientBody).model_dump(), "another": call.form.get("another") == "1"})
        patient = create_patient(call.services.identity().patients, said, _at(call, site), call.now)
    except FormErrors as wrong:
        return _page(call, site, typed, wrong.codes, status=400)
    except AlreadyKnown as known:
        return _page(call, site, typed, {}, alike=known.patients, status=409)
    except (InvalidInput, Refused) as error:
        if call.wants is Wants.JSON:
            raise
        status = 409 if isinstance(error, Refused) else 400
        return _page(call, site, typed, {error.field: error.code}, status=status, detail=error.detail)
    call.names(patient.patient_id, patient_id=patient.patient_id)
    return Redirect(f"/patients/{patient.patient_id}")


def _page(
    call: Call,
    site: str,
    typed: dict[str, str],
    errors: dict[str, str],
    *,
    alike: list[Patient] | None = None,
    status: int = 200,
    detail: str = "",
) -> Page:
    at = _at(call, site)
    visible = frozenset(sites_allowed(call.person, "read_patient"))
    found = alike or []
    values = {
        "at": at,
        "typed": {**dict.fromkeys(_FIELDS, ""), **typed},
        "errors": errors,
        "detail": detail,
        "alike": [patient for patient in found if patient.sites & visible],
        "elsewhere": sum(not patient.sites & visible for patient in found),
        "asks": bool(found),
    }
    return Page("identity/new_patient.html", values, status=status)


def _at(call: Call, site: str) -> Site:
    at = call.services.reference.site(site)
    assert at is not None
    return at
