"""The memory twin of the usage facts."""

from __future__ import annotations

from ris.domain.usage.facts import UsageFact


class MemoryUsageFacts:
    """Facts in a list, as `MemoryDeliveryStore.facts` gathers them."""

    def __init__(self, facts: list[UsageFact]) -> None:
        self._facts = facts

    def of_month(self, site: str, month: str) -> list[UsageFact]:
        """Return the facts of a site's civil month, oldest first."""
        found = [fact for fact in self._facts if (fact.site, fact.month) == (site, month)]
        return sorted(found, key=lambda fact: (fact.at, fact.fact_id))
