"""The worklist of a site on one day.

Markup: rows `data-accession data-state data-start="HH:MM" data-end data-room data-modality data-patient-ipp`.
"""

from __future__ import annotations

from datetime import date, timedelta

from ris.application.agenda.gateways import Station, seen_by_station
from ris.application.agenda.pages import WorklistRow
from ris.application.agenda.views import day_worklist
from ris.contracts.portal import WorklistRowView, WorklistView
from ris.domain.agenda.site_calendar import civil_day, day_of
from ris.domain.errors import InvalidInput
from ris.portal.answers import Page, Stop
from ris.portal.call import Call
from ris.portal.people import person
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")


def days_of(call: Call, site: str) -> tuple[date, date]:
    """Return the day asked for, by default the site's today, and that today."""
    at = call.services.reference.site(site)
    assert at is not None
    today = day_of(call.now, at.time_zone)
    try:
        return civil_day(call.one("day") or today), civil_day(today)
    except InvalidInput as error:
        raise Stop(400, "no_such_day") from error


@routes.get("/sites/{site}/worklist", Scope.SITE, "read_worklist", audited=True, answer=WorklistView)
def worklist(call: Call, site: str) -> Page:
    """Show the day's worklist, of one modality or of all."""
    (the_day, today), chosen = days_of(call, site), call.one("modality")
    kinds = list(dict.fromkeys(each.dicom_modality for each in call.services.reference.modalities(site)))
    if chosen and chosen not in kinds:
        raise Stop(400, "unknown_modality")
    rows = day_worklist(call.services.agenda, site, the_day.isoformat(), chosen or None, call.now)
    rooms = {each.room: each.name for each in call.services.reference.rooms(site)}
    around = [(the_day + timedelta(days=step)).isoformat() for step in (-1, 1)]
    seen = seen_by_station(call.services.gateways().of_site(site))
    machines = [
        (each, seen.get(each.ae_title, Station(each.ae_title)))
        for each in call.services.reference.modalities(site)
        if chosen in ("", each.dicom_modality)
    ]
    at = call.services.reference.site(site)
    values = {
        "machines": machines,
        "zone": at.time_zone if at else "UTC",
        "rows": rows,
        "rooms": rooms,
        "the_day": the_day,
        "today": today,
        "kinds": kinds,
        "chosen": chosen,
        "around": around,
    }
    data = WorklistView(site=site, day=the_day.isoformat(), rows=[_view(row) for row in rows])
    return Page("agenda/worklist.html", values, data=data)


def _view(row: WorklistRow) -> WorklistRowView:
    return WorklistRowView(
        accession_number=row.accession_number,
        state=row.state,
        start=row.start,
        end=row.end,
        room=row.room,
        dicom_modality=row.dicom_modality,
        exam_label=row.exam_label,
        patient=person(row.patient, row.ipp),
    )
