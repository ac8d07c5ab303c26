"""Answers of INSi and of the DMP that could not be believed: which, and each as it came.

Markup: rows `data-strange data-remote data-instant`; the answer itself is in `pre`.
An address names an answer by version, instant and operation, or by instant and search, in the form `20261126T091500.000005Z`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ris.application.dispatch.dmp_port import StrangeAnswer
from ris.application.identity.records import KeptAnswer
from ris.portal.answers import NotFound, Page
from ris.portal.call import Call
from ris.portal.dispatch.cockpit import site_of
from ris.portal.routing import Routes, Scope

routes = Routes("dispatch")
ROWS = 50
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_OF_DMP = re.compile(r"v(\d{1,4})\.(\d{8}T\d{6}\.\d{6}Z)\.([a-z]{1,32})", re.ASCII)
_OF_INSI = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)\.(\d{2})", re.ASCII)


@routes.get("/sites/{site}/strange", Scope.SITE, "read_strange_answers")
def strange(call: Call, site: str) -> Page:
    """Show the newest answers that could not be believed, of the whole group; nothing of what they say."""
    values = {
        "of_dmp": [(each, _name_of_dmp(each)) for each in call.services.cockpit().strange.newest(limit=ROWS)],
        "of_insi": [(each, _name_of_insi(each)) for each in call.services.identity().patients.strange_answers(limit=ROWS)],
        "zone": site_of(call, site).time_zone,
        "most": ROWS,
    }
    return Page("dispatch/strange.html", values)


@routes.get("/exams/{accession}/strange/{answer}", Scope.OBJECT, "read_strange_answers", audited=True)
def of_dmp(call: Call, accession: str, answer: str) -> Page:
    """Show one answer of the DMP as it came."""
    call.names(accession)
    exam, named = call.services.agenda.exams.get(accession), _OF_DMP.fullmatch(answer)
    if exam is None or named is None:
        raise NotFound
    call.admit(exam.site, object_id=accession, patient_id=exam.patient_id)
    kept = call.services.cockpit().strange.get(accession, int(named[1]), _instant(named[2]), named[3])
    if kept is None:
        raise NotFound
    said = {"remote": "dmp", "about": accession, "asked_at": kept.asked_at, "why": kept.why, "operation": kept.operation}
    return _page(call, exam.site, {**said, "status": kept.status, "content_type": kept.content_type}, kept.content)


@routes.get("/patients/{patient_id}/strange/{answer}", Scope.OBJECT, "read_strange_answers", audited=True)
def of_insi(call: Call, patient_id: str, answer: str) -> Page:
    """Show one answer of INSi as it came."""
    call.names(patient_id)
    store, named = call.services.identity().patients, _OF_INSI.fullmatch(answer)
    patient = store.get(patient_id)
    if patient is None or named is None:
        raise NotFound
    site = call.admit(*sorted(patient.sites), object_id=patient_id, patient_id=patient_id)
    kept = store.answer(patient_id, f"{_instant(named[1]):%Y-%m-%dT%H:%M:%S.%f}Z#{named[2]}")
    if kept is None or not kept.strange:
        raise NotFound
    said = {"remote": "insi", "about": patient_id, "asked_at": kept.asked_at, "why": kept.error, "operation": ""}
    return _page(call, site, {**said, "status": 0, "content_type": ""}, kept.raw)


def _page(call: Call, site: str, said: dict[str, object], content: bytes) -> Page:
    text = content.decode("utf-8", "backslashreplace")
    return Page(
        "dispatch/strange_one.html", {"said": said, "text": text, "size": len(content), "zone": site_of(call, site).time_zone}
    )


def _name_of_dmp(answer: StrangeAnswer) -> str:
    return f"v{answer.report_version}.{answer.asked_at.astimezone(UTC):{_STAMP}}.{answer.operation}"


def _name_of_insi(answer: KeptAnswer) -> str:
    return f"{answer.asked_at.astimezone(UTC):{_STAMP}}.{answer.answer_id.rpartition('#')[2]}"


def _instant(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        raise NotFound from None
