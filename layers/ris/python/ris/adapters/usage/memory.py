"""The memory twins of usage: facts, and what they were counted to."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ris.application.conflicts import Conflict
from ris.application.usage.ports import MonthSummary
from ris.domain.usage.facts import UsageFact
from ris.domain.usage.tally import Entry


class MemoryUsageFacts:
    """Facts in a list, as `MemoryDeliveryStore.facts` gathers them."""

    def __init__(self, facts: list[UsageFact]) -> None:
        self._facts = facts

    def of_month(self, site: str, month: str) -> list[UsageFact]:
        """See `UsageFacts`."""
        return _oldest_first(fact for fact in self._facts if (fact.site, fact.month) == (site, month))

    def of_day(self, site: str, day: str) -> list[UsageFact]:
        """See `UsageFacts`."""
        return _oldest_first(fact for fact in self._facts if (fact.site, fact.day) == (site, day))

    def of_file(self, accession_number: str) -> list[UsageFact]:
        """See `UsageFacts`."""
        return _oldest_first(fact for fact in self._facts if fact.accession_number == accession_number)


class MemoryUsageSummaries:
    """Twin of `DynamoUsageSummaries`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._months: dict[tuple[str, str], MonthSummary] = {}
        self._entries: dict[tuple[str, str], list[Entry]] = {}

    def months(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], MonthSummary]:
        """See `UsageSummaries`."""
        return {place: self._months[place] for place in places if place in self._months}

    def latest(self, site: str) -> MonthSummary | None:
        """See `UsageSummaries`."""
        return max((one for one in self._months.values() if one.site == site), key=lambda one: one.month, default=None)

    def entries(self, site: str, day: str) -> list[Entry]:
        """See `UsageSummaries`."""
        return list(self._entries.get((site, day), []))

    def save(self, summary: MonthSummary, entries: Mapping[str, Sequence[Entry]]) -> MonthSummary:
        """See `UsageSummaries`."""
        place = (summary.site, summary.month)
        with self._lock:
            before = self._months.get(place)
            if (before.version if before else 0) != summary.version:
                raise Conflict("summary")
            written = replace(summary, version=summary.version + 1)
            self._months[place] = written
            for day, of_day in entries.items():
                self._entries[(summary.site, day)] = sorted(of_day)
            return written


def _oldest_first(facts: Iterable[UsageFact]) -> list[UsageFact]:
    return sorted(facts, key=lambda fact: (fact.at, fact.fact_id))
