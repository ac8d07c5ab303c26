"""Requests that wait for a booking.

Markup: rows `data-request data-placer-order data-exam-code data-patient-ipp data-patient`.
"""

from __future__ import annotations

from ris.application.agenda.pages import RequestRow
from ris.application.agenda.views import requests_to_book
from ris.contracts.portal import RequestsView, RequestView
from ris.portal.answers import Page, Stop
from ris.portal.call import Call
from ris.portal.people import person
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
PAGE_ROWS = 50


@routes.get("/sites/{site}/requests", Scope.SITE, "read_requests", audited=True, answer=RequestsView)
def requests(call: Call, site: str) -> Page:
    """Show the requests to book, oldest first; `after` is the last one of the page before."""
    rows = requests_to_book(call.services.agenda, site, limit=PAGE_ROWS, cursor=checked_id(call.one("after")))
    after = rows[-1].request.request_id if len(rows) == PAGE_ROWS else ""
    data = RequestsView(site=site, rows=[_view(row) for row in rows])
    return Page("agenda/requests.html", {"rows": rows, "after": after}, data=data)


def checked_id(text: str) -> str:
    """Return an id of a query as it is, or refuse it."""
    if text and not text.replace("_", "").replace(".", "").replace("-", "").isalnum():
        raise Stop(400, "field_malformed")
    return text


def _view(row: RequestRow) -> RequestView:
    request = row.request
    return RequestView(
        request_id=request.request_id,
        placer_order_number=request.placer_order_number,
        exam_code=request.exam_code,
        exam_label=request.exam_label,
        priority=request.priority,
        patient=person(row.patient, row.ipp),
    )
