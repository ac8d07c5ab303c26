"""ASL task ReconcileWithDmp: learn from the DMP how a submission ended (TD3.1b)."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.dispatch.reconcile_with_dmp import reconcile_with_dmp
from ris.bootstrap.dispatch import dmp_services
from ris.contracts.tasks import DispatchInput, DispatchOutput
from ris.domain.dispatch.dmp import CHANNEL
from ris.observability import LogReference, bound, log, task


@task("reconcile_with_dmp")
def handler(event: DispatchInput) -> DispatchOutput:
    """Ask for our own document, and write what the answer means on the row."""
    with bound(accession_number=event.accession_number, channel=CHANNEL):
        row = reconcile_with_dmp(dmp_services(), event.accession_number, event.version, datetime.now(UTC))
        log(LogReference.RECONCILE_WITH_DMP_001, state=row.state.value, code=row.reason, attempt=row.attempts)
    return DispatchOutput(**event.model_dump(), state=row.state.value)
