"""The secretary's day: what is to be typed, to be corrected, to be printed; the longest waiting first, so that nothing waits unseen.

Markup: sections `[data-list=typing|correction|letters]`, rows `data-accession data-since data-late`; `[data-note]` is what the radiologist
asks; `[data-late-count]` as on the reading list.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ris.application.dispatch.print_queue import PrintQueue, print_queue
from ris.application.report.reading_list import Narrowing, reading_list
from ris.domain.report.draft import Turn
from ris.portal.answers import Page
from ris.portal.call import Call
from ris.portal.report.letters import printing
from ris.portal.report.reading import waiting
from ris.portal.report.showing import name_of
from ris.portal.routing import Routes, Scope

routes = Routes("report")
_ROWS = 30


@routes.get("/sites/{site}/secretariat", Scope.SITE, "read_secretariat", audited=True)
def secretariat(call: Call, site: str) -> Page:
    """Show what waits for the secretary at a site."""
    at = call.services.reference.site(site)
    assert at is not None
    lists = {turn.value: _listed(call, site, turn) for turn in (Turn.CORRECTION, Turn.TYPING)}
    letters: PrintQueue = print_queue(printing(call), site, limit=_ROWS)
    values = {
        "at": at,
        "zone": at.time_zone,
        "lists": lists,
        "late": sum(row["late"] for each in lists.values() for row in each["rows"]),
        "letters": letters,
        "ipp_authority": at.ipp_authority,
        "may_print": call.may("read_letters", site),
    }
    return Page("report/secretariat.html", values)


def _listed(call: Call, site: str, turn: Turn) -> dict[str, Any]:
    at = call.services.reference.site(site)
    assert at is not None
    found = reading_list(waiting(call), Narrowing((site,), turns=(turn,)), limit=_ROWS)
    late = call.now - timedelta(hours=at.report_late_hours)
    rows = [
        {
            "row": row,
            "late": row.since <= late,
            "reader": name_of(call, row.draft.reader) if row.draft else "",
            "note": row.draft.note if row.draft else "",
        }
        for row in found.rows
    ]
    return {"rows": rows, "more": found.more}
