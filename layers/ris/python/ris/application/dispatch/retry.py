"""Send again because a person says so: one row or many, after saying what would happen, and never where an effect could be doubled.

| the row is | sent again |
|---|---|
| rejected | yes: its reader mended what was wrong; not by us what a platform sends |
| pending, surely not there | yes, now |
| pending: unknown, in the DMP or by HL7 | yes: the DMP is asked first; HL7 goes under the same MSH-10 |
| pending: unknown, a mail | no, before its time without a receipt is over |
| accepted by the operator, handed to the gateway | no: its answer is awaited |
| held: no DMP, identity | yes: the facts are read again |
| held: announcement, withheld, to print | no: a person's act ends that |
| delivered, delegated, withdrawn | no |
| an older version's, when the recipient has a later one | no |
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ris.application.conflicts import decide
from ris.application.dispatch.mail_rows import mail_row, superseded
from ris.application.dispatch.restart_dispatch import restart_dispatch
from ris.application.dispatch.services import RestartServices
from ris.domain.dispatch import transitions
from ris.domain.dispatch.channels import MAIL, PLATFORM
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.dmp import IDENTITY, NO_DMP
from ris.domain.dispatch.mail import MailRules, may_leave
from ris.domain.errors import Refused, RisError

ALL_THAT_WAITS = timedelta(days=3650)
STANDARD = MailRules()
_SETTLED = {
    DeliveryState.DELIVERED: "already_delivered",
    DeliveryState.DELEGATED: "row_delegated",
    DeliveryState.WITHDRAWN: "row_withdrawn",
}


@dataclass(frozen=True)
class Retry:
    """What became of one row, or would.

    Args:
        row: As it is now.
        refusal: Code of the rule that keeps it from being sent again, or of what failed; empty when it is sent again.
    """

    row: Delivery
    refusal: str = ""


@dataclass(frozen=True)
class Selection:
    """Which rows.

    Args:
        sites: Of the exams.
        since: Rows that came into their state since.
        channel: Empty for all.
        limit: At most so many, the earliest first.
    """

    sites: tuple[str, ...]
    since: datetime
    channel: str = ""
    limit: int = 100


def retry_refusal(s: RestartServices, row: Delivery, now: datetime) -> str:
    """Return the code of the rule that keeps a row from being sent again, or an empty string."""
    if row.state not in _SETTLED and row.report_version and superseded(s.deliveries, row):
        return "superseded"
    return may_double(row, now, s.mail_rules)


def may_double(row: Delivery, now: datetime, rules: MailRules = STANDARD) -> str:
    """Return the rule by which a row itself must not be sent again, or an empty string; a later version is not looked for."""
    if row.state in _SETTLED:
        return _SETTLED[row.state]
    if row.who_sends == PLATFORM:
        return "row_delegated"
    if row.state is DeliveryState.HELD:
        return "" if row.reason in (NO_DMP, IDENTITY) else f"held_{row.reason}"
    if row.state is DeliveryState.PENDING:
        return _of_a_pending(row, now, rules)
    return ""


def _of_a_pending(row: Delivery, now: datetime, rules: MailRules) -> str:
    if row.accepted_at is not None:
        return "accepted_by_operator"
    if transitions.answer_awaited(row, now):
        return "answer_awaited"
    if row.channel in MAIL and row.unknown and not may_leave(row, now, rules):
        return "mail_outcome_unknown"
    return ""


def retry_row(
    s: RestartServices, owner: str, channel: str, recipient: str, report_version: int, now: datetime, *, dry_run: bool = False
) -> Retry:
    """Send one row again, or say what would happen.

    Args:
        s: The ports.
        owner: Accession Number; with channel, recipient and version it names the row.
        channel: Of the row.
        recipient: Of the row.
        report_version: Of the row; 0 for what is no report.
        now: Aware UTC instant.
        dry_run: Nothing is written or started.

    Raises:
        InvalidInput: `unknown_delivery`.
        Refused: By the rule of `retry_refusal`: sending it again could double an effect, or there is nothing to send.
        RemoteUnavailable: Not started; the row is due again in minutes.
    """
    row = mail_row(s.deliveries, owner, channel, recipient, report_version)
    refusal = retry_refusal(s, row, now)
    if refusal:
        raise Refused(refusal, field="state")
    if dry_run:
        return Retry(row)
    return Retry(_sent_again(s, row, now))


def retry_many(s: RestartServices, wanted: Selection, now: datetime, *, dry_run: bool = False) -> list[Retry]:
    """Send many rows again, or say what would happen; one that cannot be sent again never stops the others.

    Returns:
        Every row found, sent again or with the code that kept it.
    """
    return retry_rows(s, select(s, wanted, now), now, dry_run=dry_run)


def retry_rows(s: RestartServices, rows: Iterable[Delivery], now: datetime, *, dry_run: bool = False) -> list[Retry]:
    """Send these rows again, or say what would happen; returns every one of them, with the code that kept it."""
    return [_tried(s, row, now, dry_run=dry_run) for row in rows]


def select(s: RestartServices, wanted: Selection, now: datetime) -> Sequence[Delivery]:
    """Return the rows that wait or were rejected since, the earliest first; a list may be behind its rows."""
    listed: list[Delivery] = []
    for site in wanted.sites:
        listed += s.deliveries.rejected(site, since=wanted.since, limit=wanted.limit)
        listed += s.deliveries.due(site, now=now + ALL_THAT_WAITS, limit=wanted.limit)
    rows = [row for row in listed if not wanted.channel or row.channel == wanted.channel]
    since = [row for row in rows if row.changed_at is not None and row.changed_at >= wanted.since]
    return sorted(since, key=lambda row: (str(row.changed_at), row.owner, row.channel, row.recipient))[: wanted.limit]


def _tried(s: RestartServices, listed: Delivery, now: datetime, *, dry_run: bool) -> Retry:
    try:
        return retry_row(s, listed.owner, listed.channel, listed.recipient, listed.report_version, now, dry_run=dry_run)
    except RisError as error:
        row = s.deliveries.get(listed.owner, listed.channel, listed.recipient, listed.report_version)
        return Retry(row or listed, error.code)


def _sent_again(s: RestartServices, row: Delivery, now: datetime) -> Delivery:
    """Start the row's own execution; what is no report, and what waits for an identity, is due now and the sweep takes it."""
    if row.report_version and not (row.state is DeliveryState.HELD and row.reason == IDENTITY):
        return restart_dispatch(s, _due(s, row, now), now, by_person=True)
    return _due(s, row, now)


def _due(s: RestartServices, seen: Delivery, now: datetime) -> Delivery:
    """Make a row due now that waits without a due time, or whose sending is the sweep's."""

    def attempt() -> Delivery:
        row = mail_row(s.deliveries, seen.owner, seen.channel, seen.recipient, seen.report_version)
        after = row if row.report_version else transitions.reopened(row, now)
        if after.state in (DeliveryState.PENDING, DeliveryState.HELD) and (after.due_at is None or not after.report_version):
            after = replace(after, due_at=now)
        return row if after == row else s.deliveries.save(after)

    return decide(attempt)
