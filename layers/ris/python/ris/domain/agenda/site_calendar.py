"""Wall time at a site and instants in UTC.

A booking is a wall time at its site; what is stored is instants. Once a year an hour does not exist and once an hour comes twice:
the first is refused, the second is asked back with the fold (PEP 495: 0 the first, 1 the second).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ris.domain.agenda.interval import Interval
from ris.domain.errors import InvalidInput

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_YEARS = range(1900, 2200)
"""Beyond these nobody books, and clocks and the days beside them end."""
_WALL = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def civil_day(text: str, *, field: str = "day") -> date:
    """Return the day of `YYYY-MM-DD`.

    Raises:
        InvalidInput: `no_such_day`, another form, a day no calendar has or one centuries away.
    """
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        raise InvalidInput("no_such_day", field=field)
    return day


def instant_of(day: str, wall: str, zone: str, *, fold: int | None = None, field: str = "start") -> datetime:
    """Return the UTC instant of a wall time at a site.

    Args:
        day: `YYYY-MM-DD`.
        wall: `HH:MM`, 00:00 to 23:59.
        zone: IANA name, e.g. `Europe/Paris`.
        fold: Which of a doubled time is meant, 0 or 1; ignored for all other times.

    Raises:
        InvalidInput: `no_such_day`; `no_such_time`, another form or an hour the clock jumps over; `doubled_time`, the clock
            shows it twice and `fold` is None.
    """
    parsed = _WALL.fullmatch(wall)
    if parsed is None:
        raise InvalidInput("no_such_time", field=field)
    local = datetime.combine(civil_day(day), datetime.min.time()).replace(
        hour=int(parsed[1]), minute=int(parsed[2]), tzinfo=ZoneInfo(zone)
    )
    first, second = (local.replace(fold=which).astimezone(UTC) for which in (0, 1))
    if first.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise InvalidInput("no_such_time", field=field)
    if first == second:
        return first
    if fold not in (0, 1):
        raise InvalidInput("doubled_time", field=field)
    return second if fold else first


def wall_time(instant: datetime, zone: str) -> str:
    """Return what a clock at the site shows, `HH:MM`."""
    return instant.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def fold_of(instant: datetime, zone: str) -> int:
    """Return which of a doubled wall time an instant is, 0 or 1; 0 for all other times."""
    return instant.astimezone(ZoneInfo(zone)).fold


def day_of(instant: datetime, zone: str) -> str:
    """Return the site's civil day of an instant, `YYYY-MM-DD`."""
    return instant.astimezone(ZoneInfo(zone)).date().isoformat()


def whole_day(day: str, zone: str) -> Interval:
    """Return the civil day as an interval: 23, 24 or 25 hours."""
    first = civil_day(day)
    return Interval(_midnight(first, zone), _midnight(first + timedelta(days=1), zone))


def opening_of(day: str, opening: dict[str, tuple[str, str]], zone: str) -> Interval | None:
    """Return when a site is open that day, or None when it is closed.

    Args:
        opening: Weekday (`mon` … `sun`) to wall times; `24:00` closes at midnight. An edge that falls into a jump or a doubled
            hour takes its earlier reading.
    """
    hours = opening.get(WEEKDAYS[civil_day(day).weekday()])
    if hours is None:
        return None
    start, end = (_edge(day, wall, zone) for wall in hours)
    return Interval(start, end) if start < end else None


def _edge(day: str, wall: str, zone: str) -> datetime:
    if wall == "24:00":
        return whole_day(day, zone).end
    hour, minute = wall.split(":")
    local = datetime.combine(civil_day(day), datetime.min.time()).replace(hour=int(hour), minute=int(minute), tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC)


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
