"""What counting needs from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ris.application.reference import ReferenceBook
from ris.domain.usage.facts import UsageFact
from ris.domain.usage.figures import Axis, Figures
from ris.domain.usage.tally import Entry

Days = Mapping[str, Mapping[Axis, Figures]]
"""Civil day to the figures of each axis."""


@dataclass(frozen=True)
class MonthSummary:
    """What the facts of a site's civil month add up to.

    Args:
        month: `YYYY-MM`.
        counted_until: Every fact older than this is counted.
        days: A name of a figure that is there with 0 says that the day changed it and changed it back.
        version: Grows by one at each write; 0 for a new one.
    """

    site: str
    month: str
    counted_until: datetime
    days: Days = field(default_factory=dict)
    version: int = 0


class UsageFacts(Protocol):
    """The facts, read by month or file; they are written with the rows that make them true (`DeliveryStore.save`, `ReportStore.commit`)."""

    def of_month(self, site: str, month: str) -> list[UsageFact]:
        """Return the facts of a site's civil month (`YYYY-MM`), oldest first."""

    def of_day(self, site: str, day: str) -> list[UsageFact]:
        """Return the facts of a site's civil day, oldest first."""

    def of_file(self, accession_number: str) -> list[UsageFact]:
        """Return the facts of an exam at whatever site, oldest first; the newest may not be there yet (index `file`)."""


class UsageSummaries(Protocol):
    """What was counted: a month's figures in one item, and for each day the list behind them in another."""

    def months(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], MonthSummary]:
        """Return the summaries of (site, month) that exist, one read each."""

    def latest(self, site: str) -> MonthSummary | None:
        """Return the latest month of a site, or None."""

    def entries(self, site: str, day: str) -> list[Entry]:
        """Return the list behind a day's figures."""

    def save(self, summary: MonthSummary, entries: Mapping[str, Sequence[Entry]]) -> MonthSummary:
        """Write a month over the version read, and the lists of these days of it, all or none.

        Raises:
            Conflict: The version no longer stands.
        """


@dataclass(frozen=True)
class UsageServices:
    """The ports of counting."""

    facts: UsageFacts
    summaries: UsageSummaries
    reference: ReferenceBook
