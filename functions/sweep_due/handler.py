"""Schedule: what waits in a row past its time is started again, site by site."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.agenda.sweep_due import sweep_due
from ris.bootstrap.agenda import services
from ris.contracts.tasks import SweepInput, SweepOutput
from ris.observability import LogReference, log, task


@task("sweep_due")
def handler(event: SweepInput) -> SweepOutput:
    """Sweep the sites named, or every site of the tenant."""
    s = services()
    now = datetime.now(UTC)
    total = SweepOutput()
    for site in event.sites or [one.site for one in s.reference.sites()]:
        report = sweep_due(s, site, now)
        done = report.expired + report.restarted + report.republished + report.resent
        log(LogReference.SWEEP_DUE_001, site=site, count=done)
        if report.overdue:
            log(LogReference.SWEEP_DUE_002, site=site, count=report.overdue)
        if report.failed:
            log(LogReference.SWEEP_DUE_003, site=site, count=report.failed, error=" ".join(report.errors))
        total = SweepOutput(done=total.done + done, overdue=total.overdue + report.overdue, failed=total.failed + report.failed)
    return total
