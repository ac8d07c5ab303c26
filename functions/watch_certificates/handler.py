"""Schedule: how many days every certificate has left, and who must renew one."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.access.watch_certificates import watch_certificates
from ris.bootstrap.audit import certificate_services
from ris.contracts.tasks import WatchInput, WatchOutput
from ris.observability import LogReference, log, task


@task("watch_certificates")
def handler(_event: WatchInput) -> WatchOutput:
    """Say the days left of each; the alarms and the metric read these lines."""
    watched = watch_certificates(certificate_services(), datetime.now(UTC))
    for found in watched.certificates:
        log(LogReference.WATCH_CERTIFICATES_001, certificate=found.name, days=found.days_left)
        if found.alert:
            log(LogReference.WATCH_CERTIFICATES_002, certificate=found.name, days=found.days_left, count=found.alert)
    for secret in watched.missing:
        log(LogReference.WATCH_CERTIFICATES_003, certificate=secret)
    return WatchOutput(
        watched=len(watched.certificates), alerts=sum(bool(one.alert) for one in watched.certificates), missing=len(watched.missing)
    )
