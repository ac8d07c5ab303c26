"""Schedule: what the sites did since the last run is counted from its facts, site by site."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.usage.count_usage import count_usage
from ris.bootstrap.usage import usage_services
from ris.contracts.tasks import CountInput, CountOutput
from ris.domain.errors import RemoteUnavailable
from ris.observability import LogReference, log, task


@task("count_usage")
def handler(event: CountInput) -> CountOutput:
    """Count the sites named, or every site of the tenant; one that cannot be counted never stops the others."""
    now, changed = datetime.now(UTC), 0
    s = usage_services()
    for site in event.sites or tuple(one.site for one in s.reference.sites()):
        try:
            counted = count_usage(s, site, now)
        except RemoteUnavailable as error:
            log(LogReference.COUNT_USAGE_002, site=site, code=error.code)
            continue
        log(LogReference.COUNT_USAGE_001, site=site, count=len(counted.changed))
        changed += len(counted.changed)
    return CountOutput(changed=changed)
