"""The first free slots: on one day by room, or over sites from a preferred day on. Reads the days of resources, and nothing of patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ris.application.agenda.placing import Place, machines_for
from ris.application.agenda.services import Services
from ris.application.reference import CatalogueExam, Room, Site
from ris.domain.agenda.openings import free_starts
from ris.domain.agenda.resource_day import ResourceDay
from ris.domain.agenda.site_calendar import civil_day, day_of, opening_of, wall_time
from ris.domain.errors import InvalidInput

DAYS_LOOKED_AT = 21
"""How many days from the preferred one on are looked at in one search."""


@dataclass(frozen=True)
class RoomOpenings:
    """One room on one day with the starts at which the exam would fit, wall times `HH:MM`; `instants` are the same in UTC."""

    site: str
    room: Room
    day: str
    starts: tuple[str, ...]
    instants: tuple[datetime, ...]

    def place(self, rank: int = 0) -> Place:
        """Return one of the starts as a place; of a time the clock shows twice each is its own."""
        start = self.starts[rank]
        return Place(self.site, self.room.room, self.day, start, self.starts[:rank].count(start))


def openings_on(s: Services, site: str, day: str, kind: CatalogueExam, now: datetime, *, without: str = "") -> list[RoomOpenings]:
    """Return the rooms of a site that have a machine for the exam, with what is free there on one day.

    Args:
        s: The ports.
        site: Of the rooms.
        day: `YYYY-MM-DD`.
        kind: The exam.
        now: Nothing begins before.
        without: A machine that is not wanted.

    Raises:
        InvalidInput: `unknown_site`, `no_such_day`.
    """
    return _openings(s, _site(s, site), [day], kind, now, without)


def first_openings(
    s: Services, site: str, exam_code: str, first_day: str, now: datetime, *, most: int = 3, part: str = "", without: str = ""
) -> list[RoomOpenings]:
    """Return the first days of a site on which the exam would fit, by room, in order of their first start.

    Args:
        s: The ports.
        site: Whose rooms.
        exam_code: Of the catalogue.
        first_day: The preferred day, `YYYY-MM-DD`; an earlier one than today means today.
        now: Nothing begins before.
        most: Days that have something free, at most.
        part: `am` for starts before noon, `pm` for those from noon on; empty for both.
        without: A machine that is not wanted.

    Raises:
        InvalidInput: `unknown_site`, `unknown_exam`, `no_such_day`, `part_unknown`.
    """
    at, kind = _site(s, site), s.reference.catalogue_exam(exam_code)
    if kind is None:
        raise InvalidInput("unknown_exam", field="exam")
    if part not in ("", "am", "pm"):
        raise InvalidInput("part_unknown", field="part")
    first = max(civil_day(first_day), civil_day(day_of(now, at.time_zone)))
    last = civil_day(day_of(now + s.settings.horizon, at.time_zone))
    days = [(first + timedelta(days=n)).isoformat() for n in range(DAYS_LOOKED_AT) if first + timedelta(days=n) <= last]
    found = [kept for one in _openings(s, at, days, kind, now, without) if (kept := _in_part(one, part)).starts]
    found.sort(key=lambda one: one.instants[0])
    wanted = list(dict.fromkeys(one.day for one in found))[:most]
    return [one for one in found if one.day in wanted]


def next_place(s: Services, site: str, exam_code: str, now: datetime) -> Place | None:
    """Return where the exam could begin first today, for a patient who is there; None when nothing is free any more."""
    at = _site(s, site)
    today = day_of(now, at.time_zone)
    found = [one for one in first_openings(s, site, exam_code, today, now, most=1) if one.day == today]
    return found[0].place() if found else None


def _site(s: Services, site: str) -> Site:
    at = s.reference.site(site)
    if at is None:
        raise InvalidInput("unknown_site", field="site")
    return at


def _openings(s: Services, at: Site, days: Sequence[str], kind: CatalogueExam, now: datetime, without: str) -> list[RoomOpenings]:
    suited = []
    for room in s.reference.rooms(at.site):
        machines = [one.modality for one in machines_for(s, room, kind) if one.modality != without]
        if machines:
            suited.append((room, machines))
    open_days = [day for day in days if opening_of(day, at.opening, at.time_zone) is not None]
    resources = sorted({name for room, machines in suited for name in (room.room, *machines)})
    span = s.agenda.span(at.site, resources, open_days)
    return [_of_room(at, room, machines, day, kind, span, now) for day in open_days for room, machines in suited]


def _of_room(
    at: Site,
    room: Room,
    machines: Sequence[str],
    day: str,
    kind: CatalogueExam,
    span: dict[tuple[str, str], ResourceDay],
    now: datetime,
) -> RoomOpenings:
    opening = opening_of(day, at.opening, at.time_zone)
    length = timedelta(minutes=kind.duration_minutes)
    instants = free_starts(opening, span[room.room, day], [span[one, day] for one in machines], length, now=now)
    return RoomOpenings(at.site, room, day, tuple(wall_time(one, at.time_zone) for one in instants), tuple(instants))


def _in_part(one: RoomOpenings, part: str) -> RoomOpenings:
    kept = [
        (start, instant)
        for start, instant in zip(one.starts, one.instants, strict=True)
        if not part or (start < "12:00") == (part == "am")
    ]
    return RoomOpenings(one.site, one.room, one.day, tuple(start for start, _ in kept), tuple(instant for _, instant in kept))
