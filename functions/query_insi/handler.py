"""ASL task QueryInsi: ask INSi for one patient, and keep what it answered."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.identity.query_insi import query_insi
from ris.bootstrap.identity import query_services
from ris.contracts.identity import IdentityInput, InsiAsked
from ris.observability import LogReference, log, task


@task("query_insi")
def handler(event: IdentityInput) -> InsiAsked:
    """Ask what the execution was started for."""
    asked = query_insi(query_services(), event.patient_id, event.event.event_id, datetime.now(UTC))
    log(LogReference.QUERY_INSI_001, site=event.site, code=asked.code)
    return InsiAsked(answer_id=asked.answer_id, code=asked.code)
