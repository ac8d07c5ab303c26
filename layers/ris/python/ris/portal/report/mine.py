"""Where the reports that I validated have got to: the last one first, each with what became of every recipient.

Markup: rows `data-accession data-report-status data-overall`; channels `[data-channel][data-recipient][data-state]`; the overall word is
`signing delivered waiting held refused withdrawn deleted`.
"""

from __future__ import annotations

from typing import Any

from ris.application.report.my_reports import MyReport, Validated, my_reports
from ris.domain.access.audit import Visit
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.report.draft import DraftStatus
from ris.portal.agenda.deliveries import line_of
from ris.portal.answers import Page
from ris.portal.call import Call
from ris.portal.report.filters import readable_sites
from ris.portal.routing import Routes, Scope

routes = Routes("report")
_ROWS = 25
_WORST = (
    (DeliveryState.REJECTED, "refused"),
    (DeliveryState.HELD, "held"),
    (DeliveryState.PENDING, "waiting"),
    (DeliveryState.DELEGATED, "waiting"),
    (DeliveryState.DELIVERED, "delivered"),
)


@routes.get("/sites/{site}/my-reports", Scope.SITE, "read_own_reports", audited=True)
def mine(call: Call, site: str) -> Page:
    """Show the reports this person validated, at whatever site they may read."""
    agenda, reports = call.services.agenda, call.services.reports().reports
    ports = Validated(reports, agenda.exams, agenda.patients, call.services.letters())
    found = my_reports(ports, call.person.account_id, readable_sites(call), limit=_ROWS, after=call.one("after"))
    for other in sorted({one.exam.site for one in found.reports} - {site}):
        call.also(Visit(call.rule.action, site=other, source_ip=call.source_ip))
    return Page("report/mine.html", {"rows": [_row(call, one) for one in found.reports], "after": found.after})


def _row(call: Call, one: MyReport) -> dict[str, Any]:
    site = call.services.reference.site(one.exam.site)
    zone = site.time_zone if site else "UTC"
    return {
        "one": one,
        "zone": zone,
        "site_label": site.name if site else one.exam.site,
        "ipp": one.patient.ipp(site.ipp_authority) if one.patient and site else "",
        "overall": overall(one),
        "lines": [line_of(row, zone) for row in one.rows],
    }


def overall(one: MyReport) -> str:
    """Return in one word of ours how far a report is: the worst of its recipients."""
    if one.draft.status is DraftStatus.VALIDATING:
        return "signing"
    if one.draft.status is DraftStatus.DELETED:
        return "deleted"
    states = {row.state for row in one.rows}
    return next((word for state, word in _WORST if state in states), "withdrawn")
