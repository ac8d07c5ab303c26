"""A patient who wants no mail: to themselves, or to one professional."""

from __future__ import annotations

from ris.application.report.record_refusal import record_refusal
from ris.contracts.portal import RefusalBody
from ris.domain.errors import InvalidInput
from ris.portal.answers import Answer, Redirect
from ris.portal.call import Call
from ris.portal.forms import FormErrors, read
from ris.portal.identity.patients import admitted
from ris.portal.routing import Routes, Scope

routes = Routes("identity")


@routes.post("/patients/{patient_id}/refusals", Scope.OBJECT, "record_refusal", audited=True, body=RefusalBody)
def refuse(call: Call, patient_id: str) -> Answer:
    """Record that the patient refuses mail, or no longer."""
    admitted(call, patient_id)
    try:
        said = read(call, RefusalBody)
    except FormErrors:
        raise InvalidInput("unknown_recipient", field="who") from None
    patients = call.services.identity().patients
    record_refusal(patients, call.services.reports(), patient_id, said.who, on=said.on == "1", now=call.now)
    return Redirect(f"/patients/{patient_id}#refusals")
