"""A room's day as blocks of a height that says their length, so that the rooms' columns line up without any script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris.application.agenda.pages import AgendaEntry, DayAgenda, RoomDay
from ris.domain.agenda.site_calendar import day_of, wall_time

_STEP = 5
_LONGEST = 720


@dataclass(frozen=True)
class Block:
    """A taken slot, a free time, or a time in which nothing can be booked.

    Args:
        kind: `taken`, `free`, `past`, `closed`.
        minutes: Its length rounded to 5, what its CSS class says.
    """

    kind: str
    start: str
    end: str
    minutes: int
    entry: AgendaEntry | None = None


@dataclass(frozen=True)
class Hours:
    """What the columns span, in minutes of the day; whole hours."""

    first: int
    last: int

    @property
    def labels(self) -> list[str]:
        """The hours of the axis, as `08:00`."""
        return [_wall(minute) for minute in range(self.first, self.last, 60)]


def minutes_of(wall: str) -> int:
    """Return `HH:MM` as minutes of the day."""
    return int(wall[:2]) * 60 + int(wall[3:5])


def _wall(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def scale(agenda: DayAgenda) -> Hours:
    """Return the hours that hold the opening and everything booked."""
    edges = [(agenda.opening.start, agenda.opening.end)] if agenda.opening else []
    edges += [(entry.start, entry.end) for room in agenda.rooms for entry in room.entries]
    if not edges:
        return Hours(8 * 60, 8 * 60)
    first = min(minutes_of(start) for start, _ in edges)
    last = max(max(minutes_of(start), minutes_of(end)) for start, end in edges)
    return Hours(first // 60 * 60, -(-last // 60) * 60)


def room_blocks(agenda: DayAgenda, room: RoomDay, hours: Hours, now: datetime) -> list[Block]:
    """Return the room's day without holes, from the first hour shown to the last."""
    now_wall = _now_wall(agenda, now)
    parts = [Block("taken", each.start, each.end, 0, each) for each in room.entries]
    for free in room.free:
        parts += _free(free.start, free.end, now_wall)
    blocks: list[Block] = []
    at = hours.first
    for part in sorted(parts, key=lambda block: block.start):
        if minutes_of(part.start) > at:
            blocks += _blocks("closed", _wall(at), part.start)
        blocks += _blocks(part.kind, part.start, part.end, part.entry)
        at = max(at, minutes_of(part.end))
    return blocks + (_blocks("closed", _wall(at), _wall(hours.last)) if at < hours.last else [])


def _now_wall(agenda: DayAgenda, now: datetime) -> str:
    if agenda.day == agenda.today:
        return wall_time(now, agenda.site.time_zone)
    return "" if agenda.day > day_of(now, agenda.site.time_zone) else "24:00"


def _free(start: str, end: str, now_wall: str) -> list[Block]:
    """Cut a free time at the present, rounded up to the next five minutes."""
    cut = _wall(-(-minutes_of(now_wall) // _STEP) * _STEP) if now_wall else start
    if cut <= start:
        return [Block("free", start, end, 0)]
    if cut >= end:
        return [Block("past", start, end, 0)]
    return [Block("past", start, cut, 0), Block("free", cut, end, 0)]


def _blocks(kind: str, start: str, end: str, entry: AgendaEntry | None = None) -> list[Block]:
    length = max(minutes_of(end) - minutes_of(start), _STEP)
    return [Block(kind, start, end, min(round(length / _STEP) * _STEP, _LONGEST), entry)]
