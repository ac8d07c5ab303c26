"""Periods of a dashboard, in civil days, both ends included, and the presets of TBB.01."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from ris.domain.errors import InvalidInput

MONTH, YEAR, PREVIOUS_YEAR, FREE = "month", "year", "previous_year", "free"
PRESETS = (MONTH, YEAR, PREVIOUS_YEAR)
MOST_MONTHS = 60
_YEARS = range(1900, 2200)
"""Beyond these nothing is counted, and the days beside a month end."""


@dataclass(frozen=True)
class Period:
    """Civil days `YYYY-MM-DD`, from `first` to `last`."""

    first: str
    last: str

    @property
    def months(self) -> tuple[str, ...]:
        """Return its months, `YYYY-MM`, whole or in part."""
        return tuple(dict.fromkeys(day[:7] for day in self.days))

    @property
    def days(self) -> tuple[str, ...]:
        """Return its days."""
        first, last = date.fromisoformat(self.first), date.fromisoformat(self.last)
        return tuple((first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1))

    def holds(self, day: str) -> bool:
        """Say whether a day lies in it."""
        return self.first <= day <= self.last


def preset(name: str, today: date) -> Period:
    """Return a preset's period: the month or year of a day, as a whole, or the year before it.

    Raises:
        InvalidInput: `unknown_period`.
    """
    if name == MONTH:
        first = today.replace(day=1)
        return Period(first.isoformat(), ((first + timedelta(days=31)).replace(day=1) - timedelta(days=1)).isoformat())
    if name in (YEAR, PREVIOUS_YEAR):
        year = today.year - (name == PREVIOUS_YEAR)
        return Period(date(year, 1, 1).isoformat(), date(year, 12, 31).isoformat())
    raise InvalidInput("unknown_period", field="period")


def free(first: str, last: str) -> Period:
    """Return the period between two days that somebody typed.

    Raises:
        InvalidInput: `no_such_day`, `period_reversed`, `period_too_long`; the field is `from` or `to`.
    """
    begins, ends = _day(first, "from"), _day(last, "to")
    if ends < begins:
        raise InvalidInput("period_reversed", field="to")
    if (ends.year - begins.year) * 12 + ends.month - begins.month >= MOST_MONTHS:
        raise InvalidInput("period_too_long", field="to")
    return Period(begins.isoformat(), ends.isoformat())


def month_of(month: str) -> Period:
    """Return a month `YYYY-MM` as a period."""
    return preset(MONTH, date.fromisoformat(f"{month}-01"))


def _day(text: str, field: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("no_such_day", field=field) from None
    if day.isoformat() != text or day.year not in _YEARS:
        raise InvalidInput("no_such_day", field=field)
    return day
