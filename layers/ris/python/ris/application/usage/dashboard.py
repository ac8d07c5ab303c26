"""Read what was counted, for a period and for whoever is asked about: one read for each site and month."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from ris.application.usage.ports import MonthSummary, UsageServices
from ris.domain.usage.figures import BY_CODE, QUALIFIED, SHOWN, UNQUALIFIED, Axis, Figures, Shown, summed
from ris.domain.usage.money import percent
from ris.domain.usage.period import Period
from ris.domain.usage.tally import Entry

_HUNDREDTH = Decimal("0.01")


@dataclass(frozen=True)
class Asked:
    """Whose figures of which days.

    Args:
        sites: Those the reader may see.
        finess: Geographic, or empty for all; `rpps` of the signatory likewise.
    """

    sites: tuple[str, ...]
    period: Period
    finess: str = ""
    rpps: str = ""

    def wants(self, axis: Axis) -> bool:
        """Say whether an axis is asked about."""
        return self.finess in ("", axis.finess) and self.rpps in ("", axis.rpps)


@dataclass(frozen=True)
class Line:
    """One line: a shown figure of a period, a month or one signatory.

    Args:
        qualified: None where the figure is not split; `unqualified` likewise.
        out_of: What it is a share of; None where it is none.
        percent: Rounded to hundredths, half up; None where there is nothing to divide by.
    """

    shown: Shown
    total: int
    qualified: int | None
    unqualified: int | None
    out_of: int | None
    percent: Decimal | None


@dataclass(frozen=True)
class Dashboard:
    """What was counted.

    Args:
        months: Month to axis to figures, only what is asked about, in order.
        axes: Every axis of the period at these sites, asked about or not.
        counted_until: Until when every site is counted; None when a site never was.
    """

    asked: Asked
    months: Mapping[str, Mapping[Axis, Figures]]
    axes: tuple[Axis, ...]
    counted_until: datetime | None

    @property
    def figures(self) -> Figures:
        """The figures of the whole period."""
        return summed(figures for axes in self.months.values() for figures in axes.values())

    @property
    def lines(self) -> list[Line]:
        """Every line of the dashboard for the whole period."""
        figures = self.figures
        return [line_of(shown, figures) for shown in SHOWN]


@dataclass(frozen=True)
class Listed:
    """One report behind a figure.

    Args:
        difference: +1 the day it came to count, -1 the day it ceased to; failures count each recipient.
        name: Of the kept figure: it says whether the identity was qualified.
    """

    day: str
    site: str
    accession_number: str
    axis: Axis
    name: str
    difference: int


def dashboard(s: UsageServices, asked: Asked) -> Dashboard:
    """Return the figures of a period: one read for each site and month of it.

    Raises:
        RemoteUnavailable: The cloud is away.
    """
    summaries = _summaries(s, asked)
    months: dict[str, dict[Axis, Figures]] = {month: defaultdict(Counter) for month in asked.period.months}
    axes: set[Axis] = set()
    for summary in summaries:
        for day, of_day in summary.days.items():
            if not asked.period.holds(day):
                continue
            axes |= of_day.keys()
            for axis in filter(asked.wants, of_day):
                months[summary.month][axis].update(of_day[axis])
    shown = {month: {axis: of_month[axis] for axis in sorted(of_month)} for month, of_month in months.items()}
    return Dashboard(asked, shown, tuple(sorted(axes)), _counted_until(asked, summaries))


def line_of(shown: Shown, figures: Figures) -> Line:
    """Return one line."""
    total = shown.total(figures)
    out_of = BY_CODE[shown.out_of].total(figures) if shown.out_of else None
    return Line(
        shown,
        total,
        figures[shown.figure + QUALIFIED] if shown.split else None,
        figures[shown.figure + UNQUALIFIED] if shown.split else None,
        out_of,
        rounded(percent(total, out_of)) if out_of else None,
    )


def rounded(share: Decimal) -> Decimal:
    """Return a share for reading: two decimals, half up."""
    return share.quantize(_HUNDREDTH, ROUND_HALF_UP)


def listed(s: UsageServices, asked: Asked, code: str, *, most: int) -> tuple[list[Listed], str]:
    """Return the reports behind a figure, day by day, oldest first; only days that changed it are read, each whole.

    Args:
        s: The ports.
        asked: Whose figures.
        code: Of a shown figure.
        most: As soon as so many are found the list ends with its day.

    Returns:
        The reports, and the day behind which the list goes on, or an empty string.
    """
    names = frozenset(BY_CODE[code].figures)
    days: dict[str, list[str]] = defaultdict(list)
    for summary in _summaries(s, asked):
        for day, axes in summary.days.items():
            if asked.period.holds(day) and any(names & figures.keys() for axis, figures in axes.items() if asked.wants(axis)):
                days[day].append(summary.site)
    found: list[Listed] = []
    ordered = sorted(days)
    for number, day in enumerate(ordered, 1):
        for site in sorted(days[day]):
            found += _behind(site, s.summaries.entries(site, day), asked, names)
        if len(found) >= most:
            return found, day if number < len(ordered) else ""
    return found, ""


def _behind(site: str, entries: Iterable[Entry], asked: Asked, names: frozenset[str]) -> Iterable[Listed]:
    for entry in entries:
        if asked.wants(entry.axis):
            for name, difference in entry.figures:
                if name in names:
                    yield Listed(entry.day, site, entry.accession_number, entry.axis, name, difference)


def _summaries(s: UsageServices, asked: Asked) -> list[MonthSummary]:
    found = s.summaries.months([(site, month) for site in asked.sites for month in asked.period.months])
    return [found[place] for place in sorted(found)]


def _counted_until(asked: Asked, summaries: Iterable[MonthSummary]) -> datetime | None:
    latest: dict[str, datetime] = {}
    for summary in summaries:
        latest[summary.site] = max(summary.counted_until, latest.get(summary.site, summary.counted_until))
    return min(latest.values()) if latest and set(latest) == set(asked.sites) else None
