"""ASL task SendMail: give the mail of one recipient of a version to the site's MSSante operator."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.application.dispatch.send_mail import send_mail
from ris.bootstrap.mail import mail_services
from ris.contracts.tasks import DispatchOutput, SendMailInput
from ris.observability import LogReference, bound, log, task


@task("send_mail")
def handler(event: SendMailInput) -> DispatchOutput:
    """Send, unless the row is settled, held, or perhaps sent not long ago."""
    with bound(accession_number=event.accession_number, channel=event.channel, recipient=event.recipient):
        now = datetime.now(UTC)
        row = send_mail(mail_services(), event.accession_number, event.channel, event.recipient, event.version, now)
        log(LogReference.SEND_MAIL_001, state=row.state.value, code=row.reason, attempt=row.attempts)
    return DispatchOutput(accession_number=event.accession_number, version=event.version, state=row.state.value)
