"""Which delivery rows are stuck, and since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.stuck import stuck_key, stuck_since

PLANNED = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
CHANGED = PLANNED + timedelta(hours=2)
ROW = Delivery("A1", "nord", "dmp", "DMP", "", DeliveryState.PENDING, planned_at=PLANNED, changed_at=CHANGED, report_version=1)


@pytest.mark.parametrize(
    ("said", "since"),
    [
        ({"state": DeliveryState.REJECTED, "reason": "dmp_fault"}, CHANGED),
        ({"state": DeliveryState.REJECTED, "reason": "dmp_closed"}, None),  # nothing can be mended
        ({"reason": "dmp_unreachable", "attempts": 1}, PLANNED),
        ({"reason": "dmp_breaker_open"}, PLANNED),
        ({"reason": "handed_over", "attempts": 2}, PLANNED),  # the first one was lost
        ({"reason": "no_receipt", "attempts": 1}, PLANNED),
        ({"reason": "handed_over", "attempts": 1}, None),
        ({"reason": "sending", "attempts": 1, "unknown": True}, None),
        ({"reason": "accepted_by_operator", "attempts": 3}, None),
        ({"reason": ""}, None),
        *(({"state": state, "reason": "identity", "attempts": 3}, None) for state in DeliveryState if state.value not in ("pending", "rejected")),
    ],
)  # fmt: skip
def test_a_row_is_stuck_when_it_was_refused_or_does_not_get_through(said: dict[str, Any], since: datetime | None) -> None:
    assert since == stuck_since(replace(ROW, **said))


def test_a_row_that_somebody_took_note_of_comes_back_when_it_changes() -> None:
    rejected = replace(ROW, state=DeliveryState.REJECTED, reason="dmp_fault", noted_at=CHANGED)

    assert stuck_since(rejected) is None
    assert CHANGED + timedelta(days=1) == stuck_since(replace(rejected, changed_at=CHANGED + timedelta(days=1)))


def test_the_longest_stuck_sorts_first() -> None:
    old, new = (
        replace(ROW, owner=owner, state=DeliveryState.REJECTED, changed_at=at) for owner, at in (("B", PLANNED), ("A", CHANGED))
    )

    assert [stuck_key(old), stuck_key(new)] == sorted([stuck_key(new), stuck_key(old)])
