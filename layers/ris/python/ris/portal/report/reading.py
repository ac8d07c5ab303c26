"""What waits for a report, the most urgent first, then the longest: the radiologist's first page. It is narrowed by sites, modality, priority, age and reader.

Markup: rows `data-accession data-report-status data-turn data-priority data-since data-reader data-late`; the status is
`none draft provisional refused`; the filters are `form#filters` (GET); `[data-late-count]` says how many are late; `form[data-action=take]`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ris.application.report.hand_over import take
from ris.application.report.reading_list import ReadingRow, Waiting, next_to_read, reading_list, report_begun
from ris.contracts.portal import ReadingRowView, ReadingView, TakeBody
from ris.domain.access.audit import Visit
from ris.domain.report.pacs_link import pacs_link
from ris.portal.agenda.exams import admitted, status_of_draft
from ris.portal.answers import Answer, NotFound, Page, Redirect
from ris.portal.call import Call
from ris.portal.forms import read
from ris.portal.people import person
from ris.portal.report.filters import AGES, Filters, came_from, filters_from, filters_of, readable_sites
from ris.portal.report.showing import name_of
from ris.portal.routing import Routes, Scope

routes = Routes("report")
_ROWS = 50


@routes.get("/sites/{site}/reading", Scope.SITE, "read_report", audited=True, answer=ReadingView)
def reading(call: Call, site: str) -> Page:
    """Show the exams that were done and have no validated report."""
    filters = filters_of(call, site, call.query)
    for other in filters.sites:
        if other != site:
            call.also(Visit(call.rule.action, site=other, source_ip=call.source_ip))
    at = call.services.reference.site(site)
    assert at is not None
    found = reading_list(waiting(call), filters.narrowing(call.person.account_id, at.time_zone, call.now), limit=_ROWS)
    rows = [_row(call, row) for row in found.rows]
    values = {
        "rows": rows,
        "more": found.more,
        "late": sum(row["late"] for row in rows),
        "filters": filters,
        "query": filters.query(),
        **_choices(call, filters),
    }
    data = ReadingView(site=site, rows=[_view(each["row"], each["ipp"]) for each in rows])
    return Page("report/reading.html", values, data=data)


@routes.post("/exams/{accession}/report/take", Scope.OBJECT, "take_report", audited=True, body=TakeBody)
def take_exam(call: Call, accession: str) -> Answer:
    """Take an exam to read it: colleagues see whose it is."""
    page = admitted(call, accession)
    take(call.services.reports(), accession, actor=call.person.account_id, now=call.now)
    if not page.exam.reported:
        report_begun(call.services.agenda.exams, accession)
    filters = filters_from(call, read(call, TakeBody).list, page.exam.site)
    return Redirect(f"/exams/{accession}/report?{filters.query()}")


@routes.get("/exams/{accession}/report/next", Scope.OBJECT, "read_report")
def skip(call: Call, accession: str) -> Answer:
    """Go to the next exam of the list without validating this one."""
    call.names(accession)
    page = admitted(call, accession)
    return Redirect(next_of(call, came_from(call, page.exam.site), accession))


def next_of(call: Call, filters: Filters, accession: str) -> str:
    """Return the address of the next exam of a list, or of the list when there is none."""
    at, exam = call.services.reference.site(filters.site), call.services.agenda.exams.get(accession)
    if exam is None:
        raise NotFound
    account = call.person.account_id
    narrowing = filters.narrowing(account, at.time_zone if at else "UTC", call.now)
    found = next_to_read(waiting(call), narrowing, after=exam, reader=account)
    return f"/exams/{found}/report?{filters.query()}" if found else f"/sites/{filters.site}/reading?{filters.query()}"


def waiting(call: Call) -> Waiting:
    """Return the ports of the list."""
    agenda = call.services.agenda
    return Waiting(agenda.exams, call.services.reports().reports, agenda.patients)


def _row(call: Call, row: ReadingRow) -> dict[str, Any]:
    """Return what the page says of one exam: its own site's clock, number and PACS."""
    site = call.services.reference.site(row.exam.site)
    assert site is not None
    exam, reader = row.exam, row.draft.reader if row.draft else ""
    return {
        "row": row,
        "site": site,
        "status": status_of_draft(row.draft),
        "turn": row.draft.turn.value if row.draft else "",
        "ipp": row.patient.ipp(site.ipp_authority) if row.patient else "",
        "late": call.now >= row.since + timedelta(hours=site.report_late_hours),
        "reader": name_of(call, reader),
        "mine": reader == call.person.account_id,
        "may_take": not reader and call.may("take_report", exam.site),
        "pacs": pacs_link(site.pacs_url, study_instance_uid=exam.study_instance_uid, accession_number=exam.accession_number),
    }


def _choices(call: Call, filters: Filters) -> dict[str, Any]:
    reference = call.services.reference
    names = {each.site: each.name for each in reference.sites()}
    sites = readable_sites(call)
    shown = {machine.dicom_modality for site in sites for machine in reference.modalities(site)}
    return {
        "sites": [(site, names.get(site, site)) for site in sites],
        "modalities": sorted(shown),
        "ages": AGES,
        "may_take": any(call.may("take_report", site) for site in filters.sites),
    }


def _view(row: ReadingRow, ipp: str) -> ReadingRowView:
    return ReadingRowView(
        accession_number=row.exam.accession_number,
        status=status_of_draft(row.draft),
        since=row.since.isoformat(),
        exam_label=row.exam.exam_label,
        patient=person(row.patient, ipp),
        site=row.exam.site,
        dicom_modality=row.exam.kind.dicom_modality,
        priority=row.exam.kind.priority,
        turn=row.draft.turn.value if row.draft else "",
        reader=row.draft.reader if row.draft else "",
    )
