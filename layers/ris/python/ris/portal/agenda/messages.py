"""The operator's lists: messages that were acknowledged and could not be applied, and acts no exam belongs to.

Markup: rows `data-message data-reason data-field data-control-id data-state`; acts `data-mpps data-reason`.
"""

from __future__ import annotations

import re

from ris.application.agenda.messages import ON_THE_LIST, LedgerEntry
from ris.application.agenda.parked_messages import dismiss_message, parked_page, replay_message, replay_messages
from ris.application.agenda.views import parked_messages
from ris.contracts.portal import NothingBody
from ris.domain.errors import InvalidInput
from ris.portal.answers import NotFound, Page, Redirect, Stop
from ris.portal.call import Call
from ris.portal.records import Done, record_each
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
_ROWS = 50
_ENTRY = re.compile(r"[0-9a-f.]{1,128}", re.ASCII)
_PLACE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z~" + _ENTRY.pattern, re.ASCII)


def _zone(call: Call, site: str) -> str:
    at = call.services.reference.site(site)
    assert at is not None
    return at.time_zone


@routes.get("/sites/{site}/messages", Scope.SITE, "read_parked", audited=True)
def parked(call: Call, site: str) -> Page:
    """Show the site's parked messages, oldest first."""
    after = call.one("after")
    if after and not _PLACE.fullmatch(after):
        raise Stop(400, "field_malformed")
    rows: list[LedgerEntry] = parked_messages(call.services.agenda, site, _ROWS + 1, after=after)
    following = rows[_ROWS - 1].list_place if len(rows) > _ROWS else ""
    return Page("agenda/messages.html", {"rows": rows[:_ROWS], "after": following, "zone": _zone(call, site)})


@routes.post("/sites/{site}/messages/replay", Scope.SITE, "replay_parked", audited=True, body=NothingBody)
def replay_several(call: Call, site: str) -> Page:
    """Apply the chosen messages, the oldest first, and show what became of each."""
    wanted = list(dict.fromkeys(value for name, value in call.form.items() if name.startswith("message-")))[:_ROWS]
    if not wanted:
        raise InvalidInput("nothing_chosen", field="message")
    found = [call.services.intake().ledger.get(site, each) for each in wanted if _ENTRY.fullmatch(each)]
    entries = [entry for entry in found if entry is not None]
    if len(entries) != len(wanted):
        raise NotFound
    done = list(replay_messages(call.services.intake(), site, entries, call.person.account_id, call.now))
    record_each(call, site, [Done(one.entry.entry_id, refusal=one.refusal) for one in done])
    return Page("agenda/replayed.html", {"done": done, "zone": _zone(call, site)})


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
