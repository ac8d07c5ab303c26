"""Schedule: what was recorded since the last run is bound into the audit chain, site by site."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.access.seal_audit import seal_audit
from ris.application.conflicts import Conflict
from ris.bootstrap.audit import chain_services, chained_sites
from ris.contracts.tasks import SealInput, SealOutput
from ris.observability import LogReference, log, task


@task("seal_audit")
def handler(event: SealInput) -> SealOutput:
    """Seal the sites named, or every site of the tenant and the records that name none."""
    now, sealed = datetime.now(UTC), 0
    for site in event.sites or chained_sites():
        try:
            count = seal_audit(chain_services(), site, now)
        except Conflict:
            log(LogReference.SEAL_AUDIT_002, site=site)
            continue
        log(LogReference.SEAL_AUDIT_001, site=site, count=count)
        sealed += count
    return SealOutput(sealed=sealed)
