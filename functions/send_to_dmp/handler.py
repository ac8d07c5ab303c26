"""ASL task SendToDmp: submit the stored documents of a version to the DMP (TD2.1)."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.dispatch.send_to_dmp import send_to_dmp
from ris.bootstrap.dispatch import dmp_services
from ris.contracts.tasks import DispatchInput, DispatchOutput
from ris.domain.dispatch.dmp import CHANNEL
from ris.observability import LogReference, bound, log, task


@task("send_to_dmp")
def handler(event: DispatchInput) -> DispatchOutput:
    """Submit, unless the row is settled."""
    with bound(accession_number=event.accession_number, channel=CHANNEL):
        row = send_to_dmp(dmp_services(), event.accession_number, event.version, datetime.now(UTC))
        log(LogReference.SEND_TO_DMP_001, state=row.state.value, code=row.reason, attempt=row.attempts)
    return DispatchOutput(**event.model_dump(), state=row.state.value)
