"""Schedule: the mailboxes of the sites are read, each once, and receipts move their rows; one that fails never stops the others."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.dispatch.reconcile_mail import reconcile_mailboxes
from ris.bootstrap.mail import mailbox_services, reference
from ris.contracts.tasks import ReconcileMailInput, ReconcileMailOutput
from ris.observability import LogReference, log, task


@task("reconcile_mail")
def handler(event: ReconcileMailInput) -> ReconcileMailOutput:
    """Read the mailboxes of the sites named, or of every site that has one."""
    total = ReconcileMailOutput()
    sites = event.sites or [one.site for one in reference().sites()]
    for run in reconcile_mailboxes(mailbox_services(), sites, datetime.now(UTC)):
        done = run.done
        if run.code:
            log(LogReference.RECONCILE_MAIL_002, site=run.site, code=run.code)
        else:
            log(LogReference.RECONCILE_MAIL_001, site=run.site, count=done.applied)
        if done.kept:
            log(LogReference.RECONCILE_MAIL_003, site=run.site, count=done.kept)
        total = ReconcileMailOutput(
            read=total.read + done.read,
            applied=total.applied + done.applied,
            kept=total.kept + done.kept,
            failed=total.failed + bool(run.code),
        )
    return total
