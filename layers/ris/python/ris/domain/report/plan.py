"""The channel plan of a version, decided at validation and never again (design, decision 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.dmp import planned_dmp

OPPOSED = "IO"
"""ZFA-9: informed, opposed. `NA`, not collected, is an alert at the desk and holds nothing."""
REFUSED_REPORT = "report_refused"


@dataclass(frozen=True)
class PlannedChannel:
    """One channel: who gets the version, and in which state its row began.

    Args:
        reason: Why it did not begin as pending: `identity` (held), `opposition` (withdrawn).
    """

    channel: str
    recipient: str
    state: DeliveryState = DeliveryState.PENDING
    reason: str = ""


def planned_rows(
    owner: str, site: str, version: int, document_id: str, now: datetime, *, qualified: bool, information: tuple[str, ...]
) -> tuple[Delivery, ...]:
    """Return the rows of a version, as its plan says.

    Args:
        owner: Accession Number.
        site: Of the exam.
        version: Of the report; `document_id` is its document's.
        now: Aware UTC instant.
        qualified: Whether the frozen content carries a qualified identity: nothing goes to the DMP without an INS.
        information: What ZFA-9 says of this episode and of the patient; one opposition is enough.
    """
    opposed = OPPOSED in information
    return (planned_dmp(owner, site, version, document_id, now, qualified=qualified, opposed=opposed),)


def plan_of(rows: tuple[Delivery, ...]) -> tuple[PlannedChannel, ...]:
    """Return the plan that new rows carry out."""
    return tuple(PlannedChannel(row.channel, row.recipient, row.state, row.reason) for row in rows)


def withdrawn_rows(rows: tuple[Delivery, ...], now: datetime) -> tuple[Delivery, ...]:
    """Return the rows of a version that was refused on its way: nothing of it leaves."""
    return tuple(
        replace(row, state=DeliveryState.WITHDRAWN, reason=REFUSED_REPORT, unknown=False, due_at=None, changed_at=now)
        for row in rows
        if row.state in (DeliveryState.PENDING, DeliveryState.HELD)
    )
