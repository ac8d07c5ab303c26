"""ASL task CheckDmp: decide whether a version may leave for the DMP (TD0.2)."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.dispatch.check_dmp import check_dmp
from ris.bootstrap.dispatch import dmp_services
from ris.contracts.tasks import DispatchInput, DispatchOutput
from ris.domain.dispatch.dmp import CHANNEL
from ris.observability import LogReference, bound, log, task


@task("check_dmp")
def handler(event: DispatchInput) -> DispatchOutput:
    """Ask, and write what the answer means on the row."""
    with bound(accession_number=event.accession_number, channel=CHANNEL):
        step = check_dmp(dmp_services(), event.accession_number, event.version, datetime.now(UTC))
        log(LogReference.CHECK_DMP_001, state=step.row.state.value, code=step.row.reason, attempt=step.row.attempts)
    return DispatchOutput(**event.model_dump(), state=step.row.state.value, next=step.next)
