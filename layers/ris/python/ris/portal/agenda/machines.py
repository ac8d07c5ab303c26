"""The machines of a site: when each last spoke, and whether it is out of service; taking one out, and moving its day.

Markup: rows `data-machine data-ae-title data-out`, where an instant is `[data-last-find]`, `[data-last-mpps]` (ISO 8601, or empty);
`form#outage`; the exams of an outage `data-accession data-proposed-site data-proposed-room data-proposed-day data-proposed-start`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris.application.agenda.gateways import Station, seen_by_station
from ris.application.agenda.move_exam import move_exam
from ris.application.agenda.outages import (
    Displaced,
    Outage,
    declare_outage,
    displaced,
    end_outage,
    machine_of,
    outages_of,
)
from ris.application.reference import Modality, Site
from ris.contracts.portal import LinkBody, NothingBody, OutageBody
from ris.domain.access.policy import sites_allowed
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.site_calendar import civil_day, day_of, instant_of, wall_time
from ris.domain.errors import InvalidInput, Refused, RisError
from ris.portal.agenda.requests import checked_id
from ris.portal.answers import Answer, NotFound, Page, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors, read
from ris.portal.records import Done, record_each
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
_FIELDS = ("from_day", "from_time", "until_day", "until_time", "reason", "token")
_MOST_AT_ONCE = 30
"""Exams moved by one click; the page says how many are left."""


@dataclass(frozen=True)
class MachineRow:
    """One machine.

    Args:
        out: The outage that lasts now, or the next one; None when it is in service as far as is planned.
        lasts: It is out of service now.
    """

    machine: Modality
    seen: Station
    out: Outage | None
    lasts: bool


@dataclass(frozen=True)
class Moved:
    """What became of one exam of an outage: moved, or the code of the rule that kept it."""

    accession: str
    refusal: str = ""


@routes.get("/sites/{site}/machines", Scope.SITE, "read_machines", audited=False)
def machines(call: Call, site: str) -> Page:
    """Show the machines; the page shows nothing of patients."""
    at = _at(call, site)
    seen = seen_by_station(call.services.gateways().of_site(site))
    rows = [_row(call, site, each, seen) for each in call.services.reference.modalities(site)]
    return Page("agenda/machines.html", {"at": at, "rows": rows})


@routes.get("/sites/{site}/machines/{modality}/outage", Scope.SITE, "declare_outage")
def ask_outage(call: Call, site: str, modality: str) -> Page:
    """Ask from when to when, and why."""
    at, machine = _machine(call, site, modality)
    today, now = day_of(call.now, at.time_zone), wall_time(call.now, at.time_zone)
    closes = max((end for _, end in at.opening.values()), default="20:00")
    typed = {"from_day": today, "from_time": now, "until_day": today, "until_time": min(closes, "23:59"), "reason": ""}
    return _outage_form(at, machine, {**typed, "token": call.services.agenda.new_token()[:20]}, {})


@routes.post("/sites/{site}/machines/{modality}/outage", Scope.SITE, "declare_outage", audited=True, body=OutageBody)
def take_out(call: Call, site: str, modality: str) -> Answer:
    """Take the machine out of service, and show what it displaces."""
    at, machine = _machine(call, site, modality)
    call.names(modality)
    typed = {name: call.form.get(name, "").strip() for name in _FIELDS}
    try:
        body = read(call, OutageBody)
        period = _period(at, body)
        declare_outage(call.services.agenda, site, modality, body.token, period, body.reason, call.now)
    except FormErrors as wrong:
        return _outage_form(at, machine, typed, wrong.codes, status=400)
    except (InvalidInput, Refused) as error:
        if call.wants is Wants.JSON:
            raise
        status = 409 if isinstance(error, Refused) else 400
        return _outage_form(at, machine, typed, {error.field: error.code}, status=status)
    return Redirect(f"/sites/{site}/machines/{modality}/outages/{body.token}")


@routes.get("/sites/{site}/machines/{modality}/outages/{outage}", Scope.SITE, "declare_outage", audited=True)
def outage(call: Call, site: str, modality: str, outage: str) -> Page:
    """Show the exams that an outage displaces, each with a place where it could go."""
    return _outage_page(call, site, _outage(call, site, modality, outage), [])


@routes.post("/sites/{site}/machines/{modality}/outages/{outage}/move", Scope.SITE, "move_exam", audited=True, body=LinkBody)
def move_displaced(call: Call, site: str, modality: str, outage: str) -> Answer:
    """Move one exam, or as many as one click can (`accession` is `all`), each to the place proposed now."""
    out = _outage(call, site, modality, outage)
    try:
        wanted = read(call, LinkBody).accession
    except FormErrors as wrong:
        raise InvalidInput(wrong.codes["accession"], field="accession") from None
    rows = displaced(call.services.agenda, site, out, _others(call, site), call.now)
    chosen = [row for row in rows if row.to is not None and wanted in ("all", row.exam.accession_number)][:_MOST_AT_ONCE]
    if not chosen and wanted != "all":
        raise NotFound
    moved = [_moved(call, row) for row in chosen]
    whose = zip(chosen, moved, strict=True)
    record_each(call, site, [Done(row.exam.accession_number, row.exam.patient_id, one.refusal) for row, one in whose])
    return _outage_page(call, site, out, moved, status=409 if any(one.refusal for one in moved) else 200)


@routes.post("/sites/{site}/machines/{modality}/outages/{outage}/end", Scope.SITE, "declare_outage", audited=True, body=NothingBody)
def put_back(call: Call, site: str, modality: str, outage: str) -> Redirect:
    """Put the machine back into service."""
    _machine(call, site, modality)
    call.names(modality)
    end_outage(call.services.agenda, site, modality, outage, call.now)
    return Redirect(f"/sites/{site}/machines")


def _moved(call: Call, row: Displaced) -> Moved:
    assert row.to is not None
    accession = row.exam.accession_number
    try:
        move_exam(call.services.agenda, accession, row.to, call.person.account_id, call.now, call_patient=True)
    except RisError as error:
        # An outage too: those before it are moved, and the page says which are not.
        return Moved(accession, error.code)
    return Moved(accession)


def _others(call: Call, site: str) -> list[str]:
    return [each for each in sites_allowed(call.person, "move_exam") if each != site]


def _outage_page(call: Call, site: str, out: Outage, moved: list[Moved], *, status: int = 200) -> Page:
    rows = displaced(call.services.agenda, site, out, _others(call, site), call.now)
    names = {each.site: each.name for each in call.services.reference.sites()}
    rooms = {(each, room.room): room.name for each in (site, *_others(call, site)) for room in call.services.reference.rooms(each)}
    values = {
        "at": _at(call, site),
        "out": out,
        "rows": rows,
        "moved": [one.accession for one in moved if not one.refusal],
        "kept": [one for one in moved if one.refusal],
        "movable": sum(row.to is not None for row in rows),
        "names": names,
        "rooms": rooms,
        "most": _MOST_AT_ONCE,
    }
    return Page("agenda/outage.html", values, status=status)


def _outage_form(at: Site, machine: Modality, typed: dict[str, str], errors: dict[str, str], *, status: int = 200) -> Page:
    return Page("agenda/outage_form.html", {"at": at, "machine": machine, "typed": typed, "errors": errors}, status=status)


def _period(at: Site, body: OutageBody) -> Interval:
    start = _edge(at, body.from_day, body.from_time, "from")
    end = _edge(at, body.until_day, body.until_time, "until")
    if end <= start:
        raise InvalidInput("outage_ends_before", field="until_time")
    return Interval(start, end)


def _edge(at: Site, day: str, wall: str, which: str) -> datetime:
    """Return an edge of an outage; of a time the clock shows twice the first begins it and ends it."""
    civil_day(day, field=f"{which}_day")
    return instant_of(day, wall, at.time_zone, fold=0, field=f"{which}_time")


def _row(call: Call, site: str, machine: Modality, seen: dict[str, Station]) -> MachineRow:
    out = next(iter(outages_of(call.services.agenda, site, machine.modality, call.now)), None)
    lasts = out is not None and out.begins <= call.now
    return MachineRow(machine, seen.get(machine.ae_title, Station(machine.ae_title)), out, lasts)


def _outage(call: Call, site: str, modality: str, outage: str) -> Outage:
    _machine(call, site, modality)
    found = outages_of(call.services.agenda, site, modality, call.now)
    known = next((one for one in found if one.outage_id == checked_id(outage)), None)
    if known is None:
        raise NotFound
    return known


def _machine(call: Call, site: str, modality: str) -> tuple[Site, Modality]:
    try:
        return machine_of(call.services.agenda, site, modality)
    except InvalidInput:
        raise NotFound from None


def _at(call: Call, site: str) -> Site:
    at = call.services.reference.site(site)
    assert at is not None
    return at
