"""Count the facts of a site's days: what the summaries say is made of facts alone, so counting again changes nothing that was right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ris.application.conflicts import decide
from ris.application.usage.ports import MonthSummary, UsageServices
from ris.domain.errors import InvalidInput
from ris.domain.usage.facts import UsageFact
from ris.domain.usage.period import Period
from ris.domain.usage.tally import Entry, entries_of, figures_of, known_whole

LATE = timedelta(hours=2)
"""A fact is written at its own instant, or some minutes later by a function that was retried: days are counted until then."""
ONE_DAY_ALONE = 3
"""So many days of a month are read day by day, more of them as the month."""


@dataclass(frozen=True)
class Counted:
    """What one run did.

    Args:
        days: Counted.
        changed: Those whose figures were not what the facts say.
    """

    site: str
    days: tuple[str, ...]
    changed: tuple[str, ...]


def count_usage(s: UsageServices, site: str, now: datetime) -> Counted:
    """Count what a site did since the last run, today included.

    Raises:
        InvalidInput: `unknown_site`.
        RemoteUnavailable: The cloud is away, or `too_busy`: the next run does it.
    """
    latest = s.summaries.latest(site)
    today = _day(s, site, now)
    first = _day(s, site, latest.counted_until - LATE) if latest else f"{today[:7]}-01"
    return _count(s, site, Period(min(first, today), today), until=now)


def recount(s: UsageServices, site: str, period: Period, *, dry_run: bool = False) -> Counted:
    """Count the days of a period again from their facts, however old they are.

    Args:
        s: The ports.
        site: Whose days.
        period: Days.
        dry_run: Only say which days are not as the facts say.

    Raises:
        InvalidInput: `unknown_site`.
        RemoteUnavailable: `too_busy`.
    """
    _zone(s, site)
    return _count(s, site, period, dry_run=dry_run)


def _count(s: UsageServices, site: str, period: Period, *, until: datetime | None = None, dry_run: bool = False) -> Counted:
    changed: list[str] = []
    for month in period.months:
        days = [day for day in period.days if day[:7] == month]
        changed += _count_month(s, site, month, days, until=until, dry_run=dry_run)
    return Counted(site, period.days, tuple(changed))


def _count_month(
    s: UsageServices, site: str, month: str, days: Sequence[str], *, until: datetime | None, dry_run: bool
) -> list[str]:
    def attempt() -> list[str]:
        before = s.summaries.months([(site, month)]).get((site, month)) or _nothing_counted(site, month)
        entries = entries_of(_facts(s, site, month, days), days, site)
        figures = figures_of(entries)
        changed = [day for day in days if figures.get(day, {}) != before.days.get(day, {})]
        if not dry_run:
            kept = {day: axes for day, axes in before.days.items() if day not in days}
            counted = {day: figures[day] for day in days if day in figures}
            after = replace(before, days=kept | counted, counted_until=until or before.counted_until)
            s.summaries.save(after, _lists(entries, [day for day in days if day in before.days or day in counted]))
        return changed

    return decide(attempt)


def _nothing_counted(site: str, month: str) -> MonthSummary:
    """Return a month of which no day was counted yet: the next run begins with its first day, in whatever zone."""
    return MonthSummary(site, month, datetime.fromisoformat(f"{month}-01T00:00:00+00:00"))


def _facts(s: UsageServices, site: str, month: str, days: Sequence[str]) -> Iterable[UsageFact]:
    """Return the facts of the days, and those of other days of the files that are older than they are."""
    if len(days) > ONE_DAY_ALONE:
        theirs = [fact for fact in s.facts.of_month(site, month) if fact.day in days]
    else:
        theirs = [fact for day in days for fact in s.facts.of_day(site, day)]
    facts = {fact.fact_id: fact for fact in theirs}
    for accession in sorted({fact.accession_number for fact in theirs} - known_whole(theirs)):
        facts |= {fact.fact_id: fact for fact in s.facts.of_file(accession)}
    return facts.values()


def _lists(entries: Iterable[Entry], days: Iterable[str]) -> dict[str, list[Entry]]:
    lists: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        lists[entry.day].append(entry)
    return {day: lists[day] for day in days}


def _day(s: UsageServices, site: str, instant: datetime) -> str:
    return instant.astimezone(_zone(s, site)).date().isoformat()


def _zone(s: UsageServices, site: str) -> ZoneInfo:
    found = s.reference.site(site)
    if found is None:
        raise InvalidInput("unknown_site", field="site")
    return ZoneInfo(found.time_zone)
