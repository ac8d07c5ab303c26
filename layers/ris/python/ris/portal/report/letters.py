"""Letters for those who have no electronic address: the PDF is opened and printed, then somebody says that it left.

Markup: rows `data-letter data-accession data-channel data-recipient data-version` in `[data-list=waiting|printed]`, with `a[data-pdf]` and
`form[data-action=printed]`; a printed one has `data-settled-by`.
"""

from __future__ import annotations

from ris.application.dispatch.print_queue import Printing, print_queue
from ris.portal.answers import Page
from ris.portal.call import Call
from ris.portal.report.showing import name_of
from ris.portal.routing import Routes, Scope

routes = Routes("report")
_ROWS = 50


@routes.get("/sites/{site}/letters", Scope.SITE, "read_letters", audited=True)
def letters(call: Call, site: str) -> Page:
    """Show the letters of a site that wait to be printed, and the last ones that went."""
    at = call.services.reference.site(site)
    assert at is not None
    queue = print_queue(printing(call), site, limit=_ROWS)
    by = {each.row.settled_by for each in queue.printed}
    values = {
        "queue": queue,
        "zone": at.time_zone,
        "ipp_authority": at.ipp_authority,
        "may_print": call.may("print_report", site),
        "names": {account: name_of(call, account) for account in by},
    }
    return Page("report/letters.html", values)


def printing(call: Call) -> Printing:
    """Return the ports of the queue."""
    agenda = call.services.agenda
    return Printing(call.services.letters(), agenda.exams, agenda.patients, call.services.reference)
