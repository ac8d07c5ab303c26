"""What waits for a report at a site, the longest first: the radiologist's first page, and the secretary's.

Markup: rows `data-accession data-report-status data-since`; the status is `none draft provisional refused`.
"""

from __future__ import annotations

from ris.application.report.reading_list import ReadingRow, reading_list
from ris.contracts.portal import ReadingRowView, ReadingView
from ris.portal.agenda.exams import status_of_draft
from ris.portal.answers import Page
from ris.portal.call import Call
from ris.portal.people import person
from ris.portal.report.editor import name_of
from ris.portal.routing import Routes, Scope

routes = Routes("report")
_ROWS = 50


@routes.get("/sites/{site}/reading", Scope.SITE, "read_report", audited=True, answer=ReadingView)
def reading(call: Call, site: str) -> Page:
    """Show the exams that were done and have no validated report."""
    agenda = call.services.agenda
    found = reading_list(agenda.exams, agenda.patients, call.services.reports().reports, site, limit=_ROWS)
    at = call.services.reference.site(site)
    assert at is not None
    kinds = {each.exam_code: each.dicom_modality for each in call.services.reference.catalogue()}
    editors = {row.draft.edited_by for row in found.rows if row.draft}
    values = {
        "rows": [(row, status_of_draft(row.draft)) for row in found.rows],
        "more": found.more,
        "zone": at.time_zone,
        "kinds": kinds,
        "ipp_authority": at.ipp_authority,
        "names": {account: name_of(call, account) for account in editors},
    }
    data = ReadingView(site=site, rows=[_view(row, at.ipp_authority) for row in found.rows])
    return Page("report/reading.html", values, data=data)


def _view(row: ReadingRow, ipp_authority: str) -> ReadingRowView:
    return ReadingRowView(
        accession_number=row.exam.accession_number,
        status=status_of_draft(row.draft),
        since=row.since.isoformat(),
        exam_label=row.exam.exam_label,
        patient=person(row.patient, row.patient.ipp(ipp_authority) if row.patient else ""),
    )
