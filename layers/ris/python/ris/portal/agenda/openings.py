"""The starts one could book for an exam on a day: what the agenda leaves free, in steps of a quarter of an hour."""

from __future__ import annotations

from dataclasses import dataclass

from ris.application.agenda.views import day_agenda
from ris.application.reference import CatalogueExam
from ris.portal.agenda.timeline import minutes_of, room_blocks, scale
from ris.portal.call import Call

_STEP = 15
_MOST = 60


@dataclass(frozen=True)
class RoomOpenings:
    """One room with its free starts, `HH:MM`."""

    room: str
    name: str
    starts: tuple[str, ...]


def openings(call: Call, site: str, day: str, exam: CatalogueExam) -> list[RoomOpenings]:
    """Return the rooms that have a machine for the exam, with the starts at which it would fit."""
    agenda = day_agenda(call.services.agenda, site, day, call.now)
    found = []
    for each in agenda.rooms:
        if exam.dicom_modality not in {machine.dicom_modality for machine in each.modalities}:
            continue
        blocks = room_blocks(agenda, each, scale(agenda), call.now)
        starts = [
            start for block in blocks if block.kind == "free" for start in starts_in(block.start, block.end, exam.duration_minutes)
        ]
        found.append(RoomOpenings(each.room.room, each.room.name, tuple(starts[:_MOST])))
    return found


def starts_in(start: str, end: str, duration: int) -> list[str]:
    """Return the starts in a free time at which an exam of that many minutes fits: its beginning, then every full quarter."""
    first, last = minutes_of(start), minutes_of(end) - duration
    quarters = range(-(-first // _STEP) * _STEP, last + 1, _STEP)
    return [f"{minute // 60:02d}:{minute % 60:02d}" for minute in sorted({first, *quarters}) if first <= minute <= last]
