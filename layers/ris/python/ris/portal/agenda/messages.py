"""The operator's lists: messages that were acknowledged and could not be applied, and acts no exam belongs to.

Markup: rows `data-message data-reason data-field data-control-id data-state`; acts `data-mpps data-reason`.
"""

from __future__ import annotations

from ris.application.agenda.messages import ON_THE_LIST, LedgerEntry
from ris.application.agenda.parked_messages import dismiss_message, parked_page, replay_message
from ris.application.agenda.views import parked_messages, unscheduled_mpps
from ris.contracts.portal import NothingBody
from ris.portal.answers import NotFound, Page, Redirect
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


@routes.get("/sites/{site}/messages/{message}", Scope.SITE, "read_parked", audited=True)
def message(call: Call, site: str, message: str) -> Page:
    """Show one message as it was received, what keeps it from being applied, and what can be done."""
    call.names(message)
    found = parked_page(call.services.intake(), site, message)
    if found is None:
        raise NotFound
    values = {
        "row": found.entry,
        "text": found.text,
        "open": found.entry.state in ON_THE_LIST,
        "holds_back": found.holds_back_later_ones,
        "zone": _zone(call, site),
    }
    return Page("agenda/message.html", values)


@routes.post("/sites/{site}/messages/{message}/replay", Scope.SITE, "replay_parked", audited=True, body=NothingBody)
def replay(call: Call, site: str, message: str) -> Redirect:
    """Apply the message now, and show what came out."""
    call.names(message)
    _known(call, site, message)
    replay_message(call.services.intake(), site, message, call.person.account_id, call.now)
    return Redirect(f"/sites/{site}/messages/{message}")


@routes.post("/sites/{site}/messages/{message}/dismiss", Scope.SITE, "dismiss_parked", audited=True, body=NothingBody)
def dismiss(call: Call, site: str, message: str) -> Redirect:
    """Take the message off the list."""
    call.names(message)
    _known(call, site, message)
    dismiss_message(call.services.intake(), site, message, call.person.account_id, call.now)
    return Redirect(f"/sites/{site}/messages")


def _known(call: Call, site: str, message: str) -> None:
    if call.services.intake().ledger.get(site, message) is None:
        raise NotFound
