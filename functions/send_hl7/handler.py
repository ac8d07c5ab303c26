"""ASL task SendHl7: hand one message of an exam to the site's gateway."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.dispatch.send_hl7 import send_hl7
from ris.bootstrap.dispatch import services
from ris.contracts.tasks import SendHl7Input, SendHl7Output
from ris.observability import LogReference, bound, log, task


@task("send_hl7")
def handler(event: SendHl7Input) -> SendHl7Output:
    """Send the row's message, unless it left before."""
    with bound(accession_number=event.accession_number, channel=event.channel, recipient=event.recipient):
        now = datetime.now(UTC)
        row = send_hl7(services(), event.accession_number, event.channel, event.recipient, now, report_version=event.version)
        reference = LogReference.SEND_HL7_001 if row.changed_at == now else LogReference.SEND_HL7_002
        log(reference, state=row.state.value, attempt=row.attempts)
    return SendHl7Output(**event.model_dump(exclude={"version"}), state=row.state.value)
