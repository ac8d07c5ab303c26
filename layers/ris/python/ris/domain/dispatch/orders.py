"""The one row that says what a PACS knows of an exam: its order, a change of it, or that there is none any more.

| the row says | the exam was moved | the exam was cancelled |
|---|---|---|
| nothing yet (no row) | the order, as the exam is now | nothing to say |
| the order, which surely did not leave | the order, as the exam is now | withdrawn |
| the order, refused by the PACS | the order again, under a new MSH-10 | withdrawn |
| the order, or a change, which left | the change, under a new MSH-10 | the cancellation, under a new MSH-10 |
| the cancellation | as it is | as it is |

What a message says is read from the exam when it leaves, so an older one that goes again says nothing older.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from ris.domain.dispatch.delivery import CREATE, DELETE, REPLACE, Delivery, DeliveryState
from ris.domain.dispatch.transitions import planned


def order_row(row: Delivery | None, fresh: Delivery, *, revision: int, gone: bool, now: datetime) -> Delivery | None:
    """Return the row as it must be for what the PACS shall know, or None when it must be told nothing.

    Args:
        row: As it stands, or None.
        fresh: A new row of this exam, channel and recipient, as `planned` makes it.
        revision: How often the appointment was changed.
        gone: The exam was cancelled.
        now: Aware UTC instant.
    """
    if row is None:
        return None if gone else replace(fresh, revision=revision)
    if row.operation == DELETE:
        return row
    if gone:
        return _taken_back(row, now) if _may_be_there(row) else _withdrawn(row, now)
    if row.revision == revision or row.state is DeliveryState.WITHDRAWN:
        return row
    if _may_be_there(row):
        return _told_again(row, REPLACE, revision, now)
    return _told_again(row, CREATE, revision, now) if row.attempts else replace(row, revision=revision)


def _may_be_there(row: Delivery) -> bool:
    """Say whether the PACS may know the exam: something left, and it was not the first word that was refused."""
    return row.operation != CREATE or (row.attempts > 0 and row.state is not DeliveryState.REJECTED)


def _taken_back(row: Delivery, now: datetime) -> Delivery:
    return _told_again(row, DELETE, row.revision + 1, now)


def _told_again(row: Delivery, operation: str, revision: int, now: datetime) -> Delivery:
    fresh = planned(row.owner, row.site, row.channel, row.recipient, now)
    message_id = _message_id(row, operation, revision)
    return replace(fresh, version=row.version, operation=operation, revision=revision, message_id=message_id)


def _withdrawn(row: Delivery, now: datetime) -> Delivery:
    if row.state is DeliveryState.WITHDRAWN:
        return row
    return replace(row, state=DeliveryState.WITHDRAWN, unknown=False, due_at=None, changed_at=now, reason="exam_cancelled")


def _message_id(row: Delivery, operation: str, revision: int) -> str:
    """Return the MSH-10 of one word about the exam: the same at each resend, 20 characters of a hash (HL7 2.5: ST 20)."""
    names = (row.site, row.owner, row.channel, row.recipient, operation, str(revision))
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()[:20].upper()
