"""The agenda of a site on one day, by room.

Markup: each taken slot has `data-accession data-state data-start="HH:MM" data-end data-room data-patient-ipp`; each free time has
`data-free data-room data-start data-end`; the page `data-day data-site`.
"""

from __future__ import annotations

from datetime import date

from ris.application.agenda.pages import AgendaEntry, DayAgenda, RoomDay
from ris.application.agenda.views import day_agenda
from ris.contracts.portal import AgendaView, FreeView, RoomView, SlotView
from ris.domain.errors import InvalidInput
from ris.portal.agenda.timeline import Block, room_blocks, scale
from ris.portal.answers import Page, Stop
from ris.portal.call import Call
from ris.portal.people import person
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")


def agenda_of(call: Call, site: str, day: str) -> DayAgenda:
    """Return the day, or say that no calendar has it."""
    try:
        return day_agenda(call.services.agenda, site, day, call.now)
    except InvalidInput as error:
        raise Stop(400, "no_such_day") from error


@routes.get("/sites/{site}/agenda", Scope.SITE, "read_agenda", audited=True, answer=AgendaView)
def day(call: Call, site: str) -> Page:
    """Show every room of the site on one day."""
    agenda = agenda_of(call, site, call.one("day"))
    hours = scale(agenda)
    columns: list[tuple[RoomDay, list[Block]]] = [(room, room_blocks(agenda, room, hours, call.now)) for room in agenda.rooms]
    values = {
        "agenda": agenda,
        "the_day": date.fromisoformat(agenda.day),
        "columns": columns,
        "hours": hours,
        "taken": sum(len(room.entries) for room in agenda.rooms),
    }
    return Page("agenda/day.html", values, data=_view(agenda))


def _view(agenda: DayAgenda) -> AgendaView:
    rooms = [
        RoomView(
            room=each.room.room,
            name=each.room.name,
            slots=[_slot(entry) for entry in each.entries],
            free=[FreeView(start=free.start, end=free.end) for free in each.free],
        )
        for each in agenda.rooms
    ]
    return AgendaView(site=agenda.site.site, day=agenda.day, rooms=rooms)


def _slot(entry: AgendaEntry) -> SlotView:
    return SlotView(
        accession_number=entry.accession_number,
        state=entry.state,
        start=entry.start,
        end=entry.end,
        exam_label=entry.exam_label,
        patient=person(entry.patient, entry.ipp),
    )
