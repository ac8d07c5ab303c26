"""The access log of a site, as an auditor asks: of a patient, a person, an action, a period; and the same as CSV.

Markup: rows `data-audit data-instant data-account data-action data-object data-patient data-result`.
The words for a patient (IPP, exam or patient number) travel in a body; addresses hold identifiers of ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import urlencode

from ris.application.access.audit_csv import COLUMNS, cells
from ris.application.access.read_audit import AuditQuestion, read_audit
from ris.application.csv_text import csv_text
from ris.application.reference import Site
from ris.contracts.portal import AuditPatientBody
from ris.domain.access.audit import NO_SITE
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.site_calendar import civil_day, day_of, whole_day
from ris.domain.errors import InvalidInput
from ris.domain.identity.patient import Identifier
from ris.portal.answers import Answer, Page, Raw, Redirect, Stop
from ris.portal.call import Call
from ris.portal.forms import FormErrors, read
from ris.portal.french_audit import ACTIONS, RESULTS
from ris.portal.routing import Routes, Scope

routes = Routes("access")
ROWS = 50
MOST_EXPORTED = 2000
"""Rows of one file; its last line says where the next one begins."""
USUAL_DAYS = 7
_EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
_NAMES = ("patient", "person", "action", "result", "from", "to", "chain")
_ID = re.compile(r"[A-Za-z0-9_.:/{}@-]{1,128}", re.ASCII)
_KEY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z#[A-Za-z0-9_-]{1,43}", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """What the address asks, as typed; `errors` by field."""

    typed: dict[str, str]
    after: str
    question: AuditQuestion | None
    errors: dict[str, str]

    def query(self, **more: str) -> str:
        """Return the same question as a query string, with something else beside it."""
        return urlencode({name: text for name, text in {**self.typed, **more}.items() if text})


@routes.get("/sites/{site}/audit", Scope.SITE, "read_audit", audited=True)
def audit(call: Call, site: str) -> Page:
    """Show who saw or changed what, the newest first."""
    asked = asked_of(call, site)
    call.names(asked.typed["patient"] or asked.typed["person"], asked.typed["patient"])
    return _page(call, site, asked)


@routes.post("/sites/{site}/audit/patient", Scope.SITE, "read_audit", audited=True, body=AuditPatientBody)
def patient(call: Call, site: str) -> Answer:
    """Find the patient somebody asks about, by IPP, exam number or our own number."""
    try:
        found = _patient_id(call, _site(call, site), read(call, AuditPatientBody).q)
        if not found:
            raise FormErrors({"q": "unknown_patient"})
    except FormErrors as wrong:
        asked = asked_of(call, site)
        return _page(call, site, Asked(asked.typed, "", None, wrong.codes), q=call.form.get("q", ""))
    call.names(found, found)
    return Redirect(f"/sites/{site}/audit?patient={found}")


@routes.get("/sites/{site}/audit/export", Scope.SITE, "export_audit", audited=True)
def export(call: Call, site: str) -> Answer:
    """Give the same records as a CSV of `MOST_EXPORTED` rows at most."""
    asked = asked_of(call, site)
    call.names(asked.typed["patient"] or asked.typed["person"], asked.typed["patient"])
    if asked.question is None:
        return _page(call, site, asked)
    page = read_audit(call.services.access.audit, asked.question, limit=MOST_EXPORTED, after=asked.after)
    rows = [cells(record) for record in page.records]
    headers = {"Content-Disposition": f'attachment; filename="acces-{site}-{call.now:%Y%m%dT%H%M%S}.csv"'}
    if page.after:
        following = f"/sites/{site}/audit/export?{asked.query(after=page.after)}"
        rows.append(("", "", "", "", "", "", "export_continues", following))
        headers["Link"] = f'<{following}>; rel="next"'
    return Raw(csv_text(COLUMNS, rows), "text/csv; charset=utf-8", headers=headers)


def asked_of(call: Call, site: str) -> Asked:
    """Return the question of the address, or what is wrong with it beside each field."""
    at = _site(call, site)
    typed = {name: call.one(name) for name in _NAMES}
    after = call.one("after")
    if after and not _KEY.fullmatch(after):
        raise Stop(400, "field_malformed")
    errors = {name: "field_malformed" for name in ("patient", "person", "action") if typed[name] and not _ID.fullmatch(typed[name])}
    try:
        since, until = _period(typed, at, call.now)
        question = AuditQuestion(
            site=NO_SITE if typed["chain"] == NO_SITE else site,
            since=since,
            until=until,
            patient_id=typed["patient"],
            account_id=typed["person"],
            action=typed["action"],
            result=typed["result"] if typed["result"] in RESULTS else "",
        )
    except InvalidInput as wrong:
        errors[{"since": "from", "until": "to"}.get(wrong.field, wrong.field)] = wrong.code
    return Asked(typed, after, None if errors else question, errors)


def _period(typed: dict[str, str], at: Site, now: datetime) -> tuple[datetime, datetime]:
    """Return the period, in days of the site; without a first day a week, or everything of one patient, person or action."""
    until = _whole(typed["to"] or day_of(now, at.time_zone), at, "to").end
    if typed["from"]:
        return _whole(typed["from"], at, "from").start, until
    narrowed = typed["patient"] or typed["person"] or typed["action"]
    return (_EARLIEST if narrowed else until - timedelta(days=USUAL_DAYS)), until


def _whole(day: str, at: Site, field: str) -> Interval:
    return whole_day(civil_day(day, field=field).isoformat(), at.time_zone)


def _page(call: Call, site: str, asked: Asked, *, q: str = "") -> Page:
    found = read_audit(call.services.access.audit, asked.question, limit=ROWS, after=asked.after) if asked.question else None
    chosen = asked.typed["patient"]
    known = call.services.agenda.patients.get(chosen) if chosen and not asked.errors else None
    at = _site(call, site)
    values = {
        "asked": asked,
        "found": found,
        "narrowed": asked.question is not None and not asked.question.is_whole_list,
        "patient": known if known and site in known.sites else None,
        "ipp": known.ipp(at.ipp_authority) if known else "",
        "actions": sorted(ACTIONS.items(), key=lambda each: each[1]),
        "results": RESULTS,
        "zone": at.time_zone,
        "q": q,
        "errors": asked.errors,
    }
    return Page("audit/audit.html", values, status=400 if asked.errors else 200)


def _site(call: Call, site: str) -> Site:
    return cast("Site", call.services.reference.site(site))


def _patient_id(call: Call, at: Site, text: str) -> str:
    """Return whose number it is at this site: of an exam, of ours, or the IPP; empty when it is nobody's."""
    exam = call.services.agenda.exams.get(text) if _ID.fullmatch(text) else None
    if exam is not None and exam.site == at.site:
        return exam.patient_id
    store = call.services.identity().patients
    found = store.get(text) or store.find_by_identifier(Identifier(text, at.ipp_authority, "PI"))
    return found.patient_id if found is not None and at.site in found.sites else ""
