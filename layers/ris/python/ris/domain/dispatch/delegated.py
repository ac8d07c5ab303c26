"""What may become of a row of the DMP that a hospital's platform feeds: its acknowledgement alone moves it.

| the row is | fed | not fed |
|---|---|---|
| delegated | delivered | rejected |
| rejected | delivered | – |
| delivered | – | – |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ris.domain.dispatch.channels import PLATFORM
from ris.domain.dispatch.delivery import Delivery, DeliveryState


def fed(row: Delivery, now: datetime) -> Delivery:
    """Return the row once the platform said that the DMP took the document: a fact, whatever it said before."""
    if row.who_sends != PLATFORM or row.state not in (DeliveryState.DELEGATED, DeliveryState.REJECTED):
        return row
    return replace(row, state=DeliveryState.DELIVERED, reason="", remote_code="", remote_words="", changed_at=now)


def not_fed(row: Delivery, now: datetime, *, reason: str, remote_code: str, remote_words: str) -> Delivery:
    """Return the row once the platform said that the DMP did not take the document: a person acts."""
    if row.state is not DeliveryState.DELEGATED:
        return row
    return replace(
        row, state=DeliveryState.REJECTED, reason=reason, remote_code=remote_code, remote_words=remote_words, changed_at=now
    )
