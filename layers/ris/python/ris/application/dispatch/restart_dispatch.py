"""Start the dispatch of one row of a version again from the facts: when the sweep finds it due, or when a person asks."""

from __future__ import annotations

from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.mail_rows import mail_row
from ris.application.dispatch.services import RestartServices
from ris.domain.dispatch import mail, transitions
from ris.domain.dispatch.channels import DMP, MAIL
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.dmp import reopened, started_again, waits_out
from ris.domain.dispatch.mail import without_receipt

REMOTES = {DMP: "dmp", **dict.fromkeys(MAIL, "mss")}
"""Whose outage keeps which channel from being started; HL7 waits in the gateway's own queue."""


def restart_dispatch(s: RestartServices, delivery: Delivery, now: datetime, *, by_person: bool = False) -> Delivery:
    """Start the next execution of a due row, for that row alone; what it does is decided there, on the row.

    The execution is written on the row first, so that two sweeps at once start one, and its name is never one that was used. While its
    remote is known to be down nothing is started: an outage is one alarm, not a thousand executions. A mail that the operator accepted
    is not sent again: past its time it says that no receipt came. A message that the gateway has had for its time without a word goes
    again, and says so.

    Args:
        s: The ports.
        delivery: The row as a list showed it, perhaps behind.
        now: Aware UTC instant.
        by_person: A rejected row goes again too, now: its reader mended what was wrong.

    Returns:
        The row.

    Raises:
        InvalidInput: `unknown_delivery`.
        RemoteUnavailable: Not started; the row is due again in minutes.
    """

    def attempt() -> tuple[Delivery, bool]:
        row = mail_row(s.deliveries, delivery.owner, delivery.channel, delivery.recipient, delivery.report_version)
        if by_person:
            row = _reopened(s, row, now)
        if row.due_at is None or (row.due_at > now and not by_person):
            return row, False
        if row.accepted_at is not None:
            return (row if by_person else s.deliveries.save(without_receipt(row, now, s.mail_rules))), False
        remote = REMOTES.get(row.channel, "")
        down_until = None if by_person or not remote else s.outages.until(remote, now)
        if down_until is not None:
            return s.deliveries.save(waits_out(row, down_until)), False
        return s.deliveries.save(started_again(transitions.unacknowledged(row, now), now, s.rules)), True

    row, starts = decide(attempt)
    if starts:
        s.workflows.start_dispatch(row.owner, row.report_version, row.executions, ((row.channel, row.recipient),))
    return row


def _reopened(s: RestartServices, row: Delivery, now: datetime) -> Delivery:
    if row.channel == DMP:
        return reopened(row, now, s.rules)
    if row.channel in MAIL:
        return mail.reopened(row, now, s.mail_rules)
    return transitions.reopened(row, now)
