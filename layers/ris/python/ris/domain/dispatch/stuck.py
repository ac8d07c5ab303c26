"""Which rows somebody of the group's IT must look at, and since when: what was refused, and what does not get through.

A row that waits for a person of the site (identity, announcement, paper) or for a fact (no DMP yet) is not stuck; nor is one whose first
send is on its way. An outage of a remote makes every row that met it stuck, until it gets through by itself.
"""

from __future__ import annotations

from datetime import datetime

from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.dmp import CLOSED
from ris.domain.dispatch.mail import ACCEPTED, SENDING
from ris.domain.dispatch.transitions import HANDED_OVER

_ON_ITS_WAY = frozenset({"", SENDING, HANDED_OVER, "reopened", "absent", "predecessor_pending", "version_not_signed"})
"""Reasons of a pending row of which nothing is known to be wrong."""


def stuck_since(row: Delivery) -> datetime | None:
    """Return since when a row is stuck; None when it is not, or when somebody took note of how it stands."""
    if row.noted_at is not None and row.changed_at is not None and row.changed_at <= row.noted_at:
        return None
    if row.state is DeliveryState.REJECTED:
        return None if row.reason == CLOSED else row.changed_at
    failing = row.reason not in _ON_ITS_WAY or row.attempts > 1
    if row.state is DeliveryState.PENDING and failing and row.reason != ACCEPTED:
        return row.planned_at
    return None


def stuck_key(row: Delivery) -> str:
    """Return the place of a stuck row on the list of its site and channel: it sorts by how long the row is stuck."""
    since = stuck_since(row)
    instant = since.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if since else ""
    return f"{instant}~{row.owner}~{row.recipient}~{row.report_version}"
