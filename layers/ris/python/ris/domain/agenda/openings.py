"""The starts at which an exam would fit: what a room and one of its machines leave free together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ris.domain.agenda.interval import Interval, gaps
from ris.domain.agenda.resource_day import ResourceDay

QUARTER = timedelta(minutes=15)
_STEP = timedelta(minutes=5)


def rounded_up(instant: datetime, step: timedelta = _STEP) -> datetime:
    """Return the next full step of the hour, or the instant itself when it is one."""
    hour = instant.replace(minute=0, second=0, microsecond=0)
    return hour - (hour - instant) // step * step


def free_starts(
    opening: Interval | None, room: ResourceDay, machines: Sequence[ResourceDay], length: timedelta, *, now: datetime
) -> list[datetime]:
    """Return the starts on one day, in order: the beginning of each free time, then every full quarter of an hour.

    Args:
        opening: Of the site that day; None when it is closed.
        room: The room's day.
        machines: Days of its machines that suit the exam; one of them must be free with the room.
        length: Of the exam.
        now: Nothing begins before; the first start is then a full five minutes.
    """
    if opening is None:
        return []
    found = {start for machine in machines for free in _free(opening, room, machine, now) for start in _starts(free, length, now)}
    return sorted(found)


def _free(opening: Interval, room: ResourceDay, machine: ResourceDay, now: datetime) -> list[Interval]:
    return gaps(opening, [slot.interval for day in (room, machine) for slot in day.slots if slot.stands(now)])


def _starts(free: Interval, length: timedelta, now: datetime) -> list[datetime]:
    start = max(free.start, rounded_up(now))
    starts = []
    while start + length <= free.end:
        starts.append(start)
        start = rounded_up(start + timedelta(seconds=1), QUARTER)
    return starts
