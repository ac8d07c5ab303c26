"""The operator's lists: messages that were acknowledged and could not be applied, and acts no exam belongs to.

Markup: rows `data-message data-reason data-field data-control-id data-state`; acts `data-mpps data-reason`.
"""

from __future__ import annotations

from ris.application.agenda.messages import LedgerEntry
from ris.application.agenda.views import parked_messages, unscheduled_mpps
from ris.portal.answers import Page
from ris.portal.call import Call
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
_ROWS = 50


def _zone(call: Call, site: str) -> str:
    at = call.services.reference.site(site)
    assert at is not None
    return at.time_zone


@routes.get("/sites/{site}/messages", Scope.SITE, "read_parked", audited=True)
def parked(call: Call, site: str) -> Page:
    """Show the site's parked messages, oldest first."""
    rows: list[LedgerEntry] = parked_messages(call.services.agenda, site, _ROWS + 1)
    values = {"rows": rows[:_ROWS], "more": len(rows) > _ROWS, "zone": _zone(call, site)}
    return Page("agenda/messages.html", values)


@routes.get("/sites/{site}/unscheduled", Scope.SITE, "read_mpps_unscheduled", audited=True)
def unscheduled(call: Call, site: str) -> Page:
    """Show what modalities did that belongs to no exam, oldest first."""
    rows = unscheduled_mpps(call.services.agenda, site, _ROWS + 1)
    values = {"rows": rows[:_ROWS], "more": len(rows) > _ROWS, "zone": _zone(call, site)}
    return Page("agenda/unscheduled.html", values)
