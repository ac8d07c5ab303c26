"""What may become of a delivery row: every event, in whatever order and however often it comes.

| the row is | AA | AE | AR, or never reached | perhaps reached |
|---|---|---|---|---|
| pending | delivered | rejected | pending, later | pending: unknown, later |
| rejected | delivered (a resend was taken) | as it is | as it is | as it is |
| delivered, withdrawn, held, delegated | as it is | as it is | as it is | as it is |

What comes later says *sent again*, under the same MSH-10.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from ris.domain.dispatch.delivery import Delivery, DeliveryState

_PAUSES = (timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
HANDED_OVER = "handed_over"
"""Reason of a pending row whose message the gateway's queue has: its answer is awaited."""
UNACKNOWLEDGED = "unacknowledged"
"""Reason of a pending row that the gateway's queue had, and of which nobody said anything in time."""


def message_id_of(site: str, owner: str, channel: str, recipient: str, report_version: int = 0) -> str:
    """Return the MSH-10 of a row: the same at each resend, 20 characters of a hash (HL7 2.5: ST 20)."""
    names = (site, owner, channel, recipient, *([f"v{report_version}"] if report_version else []))
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()[:20].upper()


def planned(owner: str, site: str, channel: str, recipient: str, now: datetime, *, report_version: int = 0) -> Delivery:
    """Return a new row; until it is sent the sweep looks at it after the time a workflow needs."""
    return Delivery(
        owner=owner,
        site=site,
        channel=channel,
        recipient=recipient,
        message_id=message_id_of(site, owner, channel, recipient, report_version),
        state=DeliveryState.PENDING,
        due_at=now + _PAUSES[2],
        planned_at=now,
        changed_at=now,
        report_version=report_version,
    )


def next_due(delivery: Delivery, now: datetime) -> datetime:
    """Return when a pending row is looked at again: 1, 2, 5, 15 minutes after its sends, then every hour."""
    return now + _PAUSES[min(max(delivery.attempts - 1, 0), len(_PAUSES) - 1)]


def sending(delivery: Delivery, now: datetime) -> Delivery:
    """Return the row just before a send: one attempt more, and perhaps received until we know better."""
    again = replace(delivery, attempts=delivery.attempts + 1, unknown=True, reason="sending", changed_at=now)
    return replace(again, due_at=next_due(again, now))


def handed_over(delivery: Delivery, now: datetime) -> Delivery:
    """Return the row once the gateway's queue has the message: its answer is waited for until `due_at`.

    The queue keeps it and the gateway reports even that it gave up, so this wait is long: it ends only where both were lost.
    """
    return replace(
        delivery, unknown=False, reason=HANDED_OVER, due_at=max(next_due(delivery, now), now + _PAUSES[3]), changed_at=now
    )


def unacknowledged(delivery: Delivery, now: datetime) -> Delivery:
    """Return a row whose answer did not come in its time: perhaps received, and awaited no longer, so that it goes again."""
    if delivery.state is not DeliveryState.PENDING or answer_awaited(delivery, now) or delivery.reason != HANDED_OVER:
        return delivery
    return replace(delivery, unknown=True, reason=UNACKNOWLEDGED, changed_at=now)


def answer_awaited(delivery: Delivery, now: datetime) -> bool:
    """Say whether the gateway's queue has the message and the time of its answer is not over."""
    return delivery.reason == HANDED_OVER and delivery.due_at is not None and delivery.due_at > now


def delivered(delivery: Delivery, now: datetime, *, code: str = "AA") -> Delivery:
    """Return the row after the peer took responsibility."""
    if delivery.state not in (DeliveryState.PENDING, DeliveryState.REJECTED):
        return delivery
    return settled(delivery, DeliveryState.DELIVERED, now, remote_code=code)


def rejected(delivery: Delivery, now: datetime, *, reason: str, remote_code: str = "", remote_words: str = "") -> Delivery:
    """Return the row after a refusal that only a person can change."""
    if delivery.state is not DeliveryState.PENDING:
        return delivery
    return settled(delivery, DeliveryState.REJECTED, now, reason=reason, remote_code=remote_code, remote_words=remote_words)


def postponed(
    delivery: Delivery, now: datetime, *, reason: str, unknown: bool, remote_code: str = "", remote_words: str = ""
) -> Delivery:
    """Return the row after a send that did not succeed, or perhaps did: it goes again when it is due."""
    if delivery.state is not DeliveryState.PENDING:
        return delivery
    return replace(
        delivery,
        unknown=unknown,
        due_at=next_due(delivery, now),
        changed_at=now,
        reason=reason,
        remote_code=remote_code,
        remote_words=remote_words,
    )


def reopened(delivery: Delivery, now: datetime) -> Delivery:
    """Return a rejected row that a person sends again, after they mended what was wrong; any other as it is."""
    if delivery.state is not DeliveryState.REJECTED:
        return delivery
    again = replace(delivery, state=DeliveryState.PENDING, unknown=False, reason="reopened", changed_at=now)
    return replace(again, due_at=now + _PAUSES[2])


def withdrawn(delivery: Delivery, now: datetime, *, reason: str) -> Delivery:
    """Return the row when what it announces no longer is: nothing leaves any more."""
    if delivery.state not in (DeliveryState.PENDING, DeliveryState.HELD):
        return delivery
    return settled(delivery, DeliveryState.WITHDRAWN, now, reason=reason)


def settled(
    delivery: Delivery, state: DeliveryState, now: datetime, *, reason: str = "", remote_code: str = "", remote_words: str = ""
) -> Delivery:
    """Return a row of any channel that waits for nothing any more, with what there is to say about it."""
    return replace(
        delivery,
        state=state,
        unknown=False,
        due_at=None,
        changed_at=now,
        reason=reason,
        remote_code=remote_code,
        remote_words=remote_words,
    )
