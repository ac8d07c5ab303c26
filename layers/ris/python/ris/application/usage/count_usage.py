"""Count the facts of a site's days: what the summaries say is made of facts alone, so counting again changes nothing that was right."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
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
    latest, zone = s.summaries.latest(site), _zone(s, site)
    today = _day(now, zone)
    first = _day(latest.counted_until - LATE, zone) if latest else f"{today[:7]}-01"
    return recount(s, site, Period(min(first, today), today), now)


def recount(s: UsageServices, site: str, period: Period, now: datetime, *, dry_run: bool = False) -> Counted:
    """Count the days of a period again from their facts, however old they are.

    Args:
        s: The ports.
        site: Whose days.
        period: Days.
        now: Aware UTC instant.
        dry_run: Only say which days are not as the facts say.

    Raises:
        InvalidInput: `unknown_site`.
        RemoteUnavailable: `too_busy`.
    """
    zone = _zone(s, site)
    changed: list[str] = []
    for month in period.months:
        days = [day for day in period.days if day[:7] == month]
        changed += decide(functools.partial(_count_days, s, site, days, zone, now, dry_run=dry_run))
    return Counted(site, period.days, tuple(changed))


def _count_days(s: UsageServices, site: str, days: Sequence[str], zone: ZoneInfo, now: datetime, *, dry_run: bool) -> list[str]:
    """Count days of one month; return those that were not as the facts say."""
    month = days[0][:7]
    before = s.summaries.months([(site, month)]).get((site, month)) or MonthSummary(site, month, _midnight(f"{month}-01", zone))
    entries = entries_of(_facts(s, site, month, days), days, site)
    figures = figures_of(entries)
    if not dry_run:
        kept = {day: axes for day, axes in before.days.items() if day not in days}
        counted = {day: figures[day] for day in days if day in figures}
        after = replace(before, days=kept | counted, counted_until=_until(before, days, zone, now))
        s.summaries.save(after, _lists(entries, [day for day in days if day in before.days or day in counted]))
    return [day for day in days if figures.get(day, {}) != before.days.get(day, {})]


def _until(before: MonthSummary, days: Sequence[str], zone: ZoneInfo, now: datetime) -> datetime:
    """Return until when everything is counted: days behind a gap do not move it."""
    if days[0] > _day(before.counted_until, zone):
        return before.counted_until
    return max(before.counted_until, min(now, _midnight(_next(days[-1]), zone)))


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


def _day(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).date().isoformat()


def _next(day: str) -> str:
    return (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()


def _midnight(day: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)


def _zone(s: UsageServices, site: str) -> ZoneInfo:
    found = s.reference.site(site)
    if found is None:
        raise InvalidInput("unknown_site", field="site")
    return ZoneInfo(found.time_zone)
