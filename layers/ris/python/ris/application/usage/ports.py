"""What counting needs from outside."""

from __future__ import annotations

from typing import Protocol

from ris.domain.usage.facts import UsageFact


class UsageFacts(Protocol):
    """The facts, read by month; they are written with the rows that make them true (`DeliveryStore.save`)."""

    def of_month(self, site: str, month: str) -> list[UsageFact]:
        """Return the facts of a site's civil month (`YYYY-MM`), oldest first."""
