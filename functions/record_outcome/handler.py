"""ASL task RecordOutcome: write on its row what the workflow could not do."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.dispatch.record_outcome import record_outcome
from ris.bootstrap.dispatch import outcome_services
from ris.contracts.causes import code_of_cause
from ris.contracts.tasks import RecordOutcomeInput, SendHl7Output
from ris.observability import LogReference, log, task


@task("record_outcome")
def handler(event: RecordOutcomeInput) -> SendHl7Output:
    """Record the failure the state machine caught."""
    code = code_of_cause(event.cause)
    row = record_outcome(
        outcome_services(),
        event.accession_number,
        event.channel,
        event.recipient,
        event.error,
        code,
        datetime.now(UTC),
        report_version=event.version,
    )
    log(LogReference.RECORD_OUTCOME_001, accession_number=row.owner, channel=row.channel, state=row.state.value, code=code)
    return SendHl7Output(accession_number=row.owner, channel=row.channel, recipient=row.recipient, state=row.state.value)
