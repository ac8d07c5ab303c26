"""Schedule: the mailboxes of the sites are read, and receipts move their rows; one mailbox that fails never stops the others."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.dispatch.reconcile_mail import reconcile_mail
from ris.bootstrap.mail import mailbox_services, reference
from ris.contracts.tasks import ReconcileMailInput, ReconcileMailOutput
from ris.domain.errors import Refused, RisError
from ris.observability import LogReference, log, task


@task("reconcile_mail")
def handler(event: ReconcileMailInput) -> ReconcileMailOutput:
    """Read the mailboxes of the sites named, or of every site that has one."""
    total = ReconcileMailOutput()
    for site in event.sites or [one.site for one in reference().sites()]:
        try:
            done = reconcile_mail(mailbox_services(), site, datetime.now(UTC))
        except Refused:
            continue  # a site without a mailbox sends no mail
        except RisError as failed:
            log(LogReference.RECONCILE_MAIL_002, site=site, code=failed.code)
            total = total.model_copy(update={"failed": total.failed + 1})
            continue
        log(LogReference.RECONCILE_MAIL_001, site=site, count=done.applied)
        if done.kept:
            log(LogReference.RECONCILE_MAIL_003, site=site, count=done.kept)
        total = ReconcileMailOutput(
            read=total.read + done.read, applied=total.applied + done.applied, kept=total.kept + done.kept, failed=total.failed
        )
    return total
