"""ASL task ApplyIdentityEvent: one event, one transition of a patient's identity, and what the partners must be told of it."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.identity.apply_identity_event import QueryOutcome, apply_identity_event
from ris.bootstrap.identity import apply_services
from ris.contracts.causes import code_of_cause
from ris.contracts.identity import IdentityApplied, IdentityInput, IdentityRow
from ris.observability import LogReference, log, task


@task("apply_identity_event")
def handler(event: IdentityInput) -> IdentityApplied:
    """Apply what the execution was started for."""
    outcome = QueryOutcome(
        answer_id=event.query.answer_id if event.query else "",
        error=event.error.Error if event.error else "",
        code=code_of_cause(event.error.Cause) if event.error else "",
    )
    query = outcome if event.query or event.error else None
    done = apply_identity_event(apply_services(), event.patient_id, event.event.event_id, datetime.now(UTC), query)
    log(LogReference.APPLY_IDENTITY_EVENT_001, site=event.site, state=done.event.state.value, code=done.event.code)
    return IdentityApplied(
        patient_id=event.patient_id,
        state=done.event.state.value,
        status=done.patient.status.value,
        code=done.event.code,
        rows=tuple(
            IdentityRow(accession_number=row.owner, channel=row.channel, recipient=row.recipient) for row in done.deliveries
        ),
    )
