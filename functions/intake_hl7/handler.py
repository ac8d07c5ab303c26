"""SQS consumer of hl7-inbound: messages of the sites' partners, and their answers to ours."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from ris.adapters.dynamodb import is_outage
from ris.application.agenda.apply_hl7 import Applied, ReceivedMessage, apply_hl7, park
from ris.application.agenda.messages import MessageState
from ris.application.dispatch.apply_acknowledgement import Acknowledgement, apply_acknowledgement
from ris.bootstrap.intake import acknowledgement_services, intake_services
from ris.contracts.queues import Hl7Acknowledged, Hl7Inbound
from ris.domain.errors import RisError
from ris.observability import LogReference, log, queue_consumer

_LINES = {
    MessageState.APPLIED: LogReference.INTAKE_HL7_001,
    MessageState.PARKED: LogReference.INTAKE_HL7_003,
    MessageState.INCIDENT: LogReference.INTAKE_HL7_004,
}


@queue_consumer("intake_hl7")
def handler(envelope: Hl7Inbound | Hl7Acknowledged) -> None:
    """Apply one envelope; only outages are raised, so that content never stops the queue."""
    now = datetime.now(UTC)
    if isinstance(envelope, Hl7Acknowledged):
        _acknowledged(envelope, now)
    else:
        _received(envelope, now)


def _received(envelope: Hl7Inbound, now: datetime) -> None:
    message = ReceivedMessage(
        site=envelope.site,
        received_at=envelope.received_at,
        default_charset=envelope.default_charset,
        spool_id=envelope.spool_id,
        frame=base64.b64decode(envelope.frame),
        s3_key=envelope.s3_key,
    )
    try:
        applied = apply_hl7(intake_services(), message, now)
    except Exception as error:
        if isinstance(error, RisError) or is_outage(error):
            raise
        # Our own bug on this content: a person sees it, and the hospital's next message passes.
        log(LogReference.INTAKE_HL7_008, error=type(error).__name__, spool_id=envelope.spool_id)
        applied = park(intake_services(), message, "unexpected_error", now)
    _say(applied)


def _say(applied: Applied) -> None:
    entry = applied.entry
    log(
        LogReference.INTAKE_HL7_002 if applied.repeated else _LINES.get(entry.state, LogReference.INTAKE_HL7_002),
        site=entry.site,
        ledger_key=entry.entry_id,
        state=entry.state.value,
        code=entry.reason,
        field=entry.place,
    )


def _acknowledged(envelope: Hl7Acknowledged, now: datetime) -> None:
    said = Acknowledgement(
        site=envelope.site,
        received_at=envelope.received_at,
        destination=envelope.destination,
        message_id=envelope.message_id,
        outcome=envelope.outcome,
        unknown=envelope.unknown,
        frame=base64.b64decode(envelope.frame),
        spool_id=envelope.spool_id,
    )
    row = apply_acknowledgement(acknowledgement_services(), said, now)
    if row is None:
        log(LogReference.INTAKE_HL7_006, site=envelope.site, spool_id=envelope.spool_id, outcome=envelope.outcome)
    else:
        log(LogReference.INTAKE_HL7_005, site=row.site, accession_number=row.owner, state=row.state.value, outcome=envelope.outcome)
