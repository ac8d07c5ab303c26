"""Schedule: what waits in a row past its time is started again, site by site."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.agenda.sweep_due import sweep_due
from ris.application.breaker import open_breakers
from ris.application.dispatch.cockpit import gateway_figures, longest_stuck, minutes_stuck, silent_gateways
from ris.application.identity.sweep_identity import IdentitySweep, sweep_identity
from ris.application.report.restart_signing import SigningSweep, sweep_signing
from ris.bootstrap import documents
from ris.bootstrap.agenda import services
from ris.bootstrap.dispatch import breakers
from ris.bootstrap.identity import apply_services, may_start, record_services
from ris.bootstrap.operator import cockpit_services
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
        people = sweep_identity(record_services(), apply_services(), site, now) if may_start() else IdentitySweep()
        reports = sweep_signing(documents.services(), site, now) if documents.may_start() else SigningSweep()
        done = report.expired + report.restarted + report.republished + report.resent + people.asked + people.restarted
        done += reports.restarted
        overdue = report.overdue + people.overdue + reports.overdue
        failed = report.failed + people.failed + reports.failed
        log(LogReference.SWEEP_DUE_001, site=site, count=done)
        if overdue:
            log(LogReference.SWEEP_DUE_002, site=site, count=overdue)
        if failed:
            log(
                LogReference.SWEEP_DUE_003,
                site=site,
                count=failed,
                error=" ".join((*report.errors, *people.errors, *reports.errors)),
            )
        _tell_troubles(site, now)
        total = SweepOutput(done=total.done + done, overdue=total.overdue + overdue, failed=total.failed + failed)
    for breaker in open_breakers(breakers()):
        log(LogReference.SWEEP_DUE_004, destination=breaker.remote, code=breaker.code, count=breaker.failures)
    return total


def _tell_troubles(site: str, now: datetime) -> None:
    """Say what is stuck, which gateway is silent and how the others are: the alarms count these lines."""
    s = cockpit_services()
    for row in longest_stuck(s, site):
        log(LogReference.SWEEP_DUE_005, site=site, channel=row.channel, count=minutes_stuck(row, now))
    gateways = s.gateways.of_site(site)
    for gateway, minutes in silent_gateways(gateways, now).items():
        log(LogReference.SWEEP_DUE_006, site=site, destination=gateway, count=minutes)
    for figures in gateway_figures(gateways, now):
        log(LogReference.SWEEP_DUE_007, site=site, **figures)
