"""Acts that no exam was found for: what the modality said of the patient, the exams of that day, and a person's decision.

Markup: rows `data-mpps data-reason data-status`; a candidate is `form[data-candidate]`; decisions `[data-settled]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from ris.application.agenda.pages import WorklistRow
from ris.application.agenda.ports import MppsRecord
from ris.application.agenda.settle_mpps import link_mpps, put_mpps_aside, undo_settlement
from ris.application.agenda.views import day_worklist, unscheduled_mpps
from ris.contracts.portal import LinkBody, NothingBody, ReasonBody
from ris.domain.agenda.site_calendar import civil_day, day_of
from ris.domain.errors import InvalidInput, Refused
from ris.portal.answers import Answer, NotFound, Page, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors, read
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
_ROWS = 50


@dataclass(frozen=True)
class SaidByModality:
    """What the modality itself said of whom it examined, as it wrote it."""

    name: str
    patient_id: str
    birth_date: str
    sex: str
    description: str


@routes.get("/sites/{site}/unscheduled", Scope.SITE, "read_mpps_unscheduled", audited=True)
def unscheduled(call: Call, site: str) -> Page:
    """Show what modalities did that belongs to no exam, oldest first."""
    rows = unscheduled_mpps(call.services.agenda, site, _ROWS + 1)
    said = [(row, said_of(row)) for row in rows[:_ROWS]]
    values = {"rows": said, "more": len(rows) > _ROWS, "zone": _zone(call, site)}
    return Page("agenda/unscheduled.html", values)


@routes.get("/sites/{site}/unscheduled/{mpps}", Scope.SITE, "read_mpps_unscheduled", audited=True)
def act(call: Call, site: str, mpps: str) -> Page:
    """Show one act beside the exams of its day."""
    return _page(call, site, _known(call, site, mpps), {})


@routes.post("/sites/{site}/unscheduled/{mpps}/link", Scope.SITE, "settle_mpps", audited=True, body=LinkBody)
def link(call: Call, site: str, mpps: str) -> Answer:
    """Say for which exam it was done."""

    def decide() -> None:
        accession = read(call, LinkBody).accession
        exam = call.services.agenda.exams.get(accession)
        call.names(accession, patient_id=exam.patient_id if exam else "")
        link_mpps(call.services.agenda, mpps, accession, call.person.account_id, call.now)

    return _settled(call, site, mpps, decide)


@routes.post("/sites/{site}/unscheduled/{mpps}/aside", Scope.SITE, "settle_mpps", audited=True, body=ReasonBody)
def aside(call: Call, site: str, mpps: str) -> Answer:
    """Say that it belongs to no exam."""

    def decide() -> None:
        put_mpps_aside(call.services.agenda, mpps, read(call, ReasonBody).reason, call.person.account_id, call.now)

    return _settled(call, site, mpps, decide)


@routes.post("/sites/{site}/unscheduled/{mpps}/undo", Scope.SITE, "settle_mpps", audited=True, body=NothingBody)
def undo(call: Call, site: str, mpps: str) -> Answer:
    """Take the decision back."""
    return _settled(call, site, mpps, lambda: undo_settlement(call.services.agenda, mpps, call.person.account_id, call.now))


def _settled(call: Call, site: str, mpps: str, decide: Any) -> Answer:
    record = _known(call, site, mpps)
    try:
        decide()
    except FormErrors as wrong:
        return _page(call, site, record, wrong.codes, status=400)
    except (InvalidInput, Refused) as error:
        if call.wants is Wants.JSON:
            raise
        return _page(call, site, record, {error.field: error.code}, status=409 if isinstance(error, Refused) else 400)
    return Redirect(f"/sites/{site}/unscheduled/{mpps}")


def _known(call: Call, site: str, mpps: str) -> MppsRecord:
    """Return the act, if it is one of the site's; else there is none."""
    call.names(mpps)
    record = call.services.agenda.exams.get_mpps(mpps)
    if record is None or record.site != site:
        raise NotFound
    return record


def _page(call: Call, site: str, record: MppsRecord, errors: dict[str, str], *, status: int = 200) -> Page:
    zone = _zone(call, site)
    day = _day_of(call, record, zone)
    values = {
        "row": record,
        "said": said_of(record),
        "zone": zone,
        "the_day": date.fromisoformat(day),
        "candidates": _candidates(call, site, day, record),
        "errors": errors,
        "typed": call.form if errors else {},
        "may_settle": call.may("settle_mpps", site),
    }
    return Page("agenda/act.html", values, status=status)


def _candidates(call: Call, site: str, day: str, record: MppsRecord) -> list[WorklistRow]:
    """Return the exams of the act's day, those of its machine first."""
    rows = day_worklist(call.services.agenda, site, day, None, call.now)
    return sorted(
        rows, key=lambda row: (row.station_ae_title != record.performed.station_ae_title, row.state != "booked", row.start)
    )


def _day_of(call: Call, record: MppsRecord, zone: str) -> str:
    """Return the day asked for, else the one the modality wrote, else that of its message."""
    started = record.performed.started_at
    wrote = f"{started[:4]}-{started[4:6]}-{started[6:8]}" if len(started) >= 8 else ""
    for text in (call.one("day"), wrote):
        try:
            return civil_day(text).isoformat()
        except InvalidInput:
            continue
    return day_of(record.received_at or call.now, zone)


def said_of(record: MppsRecord) -> SaidByModality:
    """Return what the modality said of the patient, first in N-CREATE."""
    dataset: dict[str, Any] = {}
    for operation in ("mpps_set", "mpps_create"):
        dataset.update(record.datasets.get(operation, {}))
    return SaidByModality(
        name=_text(dataset, "00100010").replace("^", " ").strip(),
        patient_id=_text(dataset, "00100020"),
        birth_date=_text(dataset, "00100030"),
        sex=_text(dataset, "00100040"),
        description=_text(dataset, "00400254"),
    )


def _text(dataset: dict[str, Any], tag: str) -> str:
    values = dataset.get(tag, {}).get("Value", []) if isinstance(dataset.get(tag), dict) else []
    first = values[0] if values else ""
    if isinstance(first, dict):
        first = first.get("Alphabetic", "")
    return first if isinstance(first, str) else ""


def _zone(call: Call, site: str) -> str:
    at = call.services.reference.site(site)
    assert at is not None
    return at.time_zone
