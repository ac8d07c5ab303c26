"""What is stuck on one channel of a site, and what a person does about it: send again, after a look at what would go, or take note.

Markup: rows `data-stuck="owner~recipient~version" data-state data-reason data-remote-code data-since`; of a trial and its outcome
`data-outcome` (`retry`, or the code of the rule that keeps the row).
A row of the list is a check box of its own name, since a form's fields come once each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ris.application.dispatch.cockpit import CHANNELS, take_note
from ris.application.dispatch.retry import Retry, retry_rows
from ris.contracts.portal import NothingBody
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.stuck import stuck_key, stuck_since
from ris.domain.errors import InvalidInput
from ris.portal.agenda.deliveries import DeliveryLine, line_of
from ris.portal.answers import NotFound, Page, Redirect, Stop
from ris.portal.call import Call
from ris.portal.dispatch.cockpit import site_of
from ris.portal.records import Done, patients_of, record_each
from ris.portal.routing import Routes, Scope

routes = Routes("dispatch")
ROWS = 50
_KEY = re.compile(r"[A-Za-z0-9_.-]{1,128}~[A-Za-z0-9_.-]{1,64}~\d{1,4}", re.ASCII)
_PLACE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z~" + _KEY.pattern, re.ASCII)


@dataclass(frozen=True)
class StuckLine:
    """One row: `key` names it in a form; `outcome` is empty on the list, else `retry` or the code that keeps it."""

    key: str
    since: datetime | None
    line: DeliveryLine
    outcome: str = ""


@routes.get("/sites/{site}/cockpit/{channel}", Scope.SITE, "read_cockpit", audited=True)
def stuck(call: Call, site: str, channel: str) -> Page:
    """Show what is stuck on a channel, the longest first."""
    _known(call, channel)
    after = _checked_place(call.one("after"))
    zone = site_of(call, site).time_zone
    rows = call.services.cockpit().deliveries.stuck(site, channel, limit=ROWS + 1, after=after)
    shown = rows[:ROWS]
    values = {
        "channel": channel,
        "lines": [_line(row, zone) for row in shown],
        "after": stuck_key(shown[-1]) if len(rows) > ROWS else "",
        "behind": after,
        "zone": zone,
        "told": "",
    }
    return Page("dispatch/stuck.html", values)


@routes.post("/sites/{site}/cockpit/{channel}/preview", Scope.SITE, "retry_delivery", audited=True, body=NothingBody)
def preview(call: Call, site: str, channel: str) -> Page:
    """Say of each chosen row whether it would go again, and which rule keeps it; nothing is written or started."""
    return _tried(call, site, channel, dry_run=True)


@routes.post("/sites/{site}/cockpit/{channel}/retry", Scope.SITE, "retry_delivery", audited=True, body=NothingBody)
def retry(call: Call, site: str, channel: str) -> Page:
    """Send the chosen rows again; each leaves a record of its own."""
    return _tried(call, site, channel, dry_run=False)


@routes.post("/sites/{site}/cockpit/{channel}/note", Scope.SITE, "settle_delivery", audited=True, body=NothingBody)
def note(call: Call, site: str, channel: str) -> Redirect:
    """Take the chosen rows off the list until they change."""
    _known(call, channel)
    deliveries, rows = call.services.letters(), _chosen(call, site, channel)
    for row in rows:
        take_note(deliveries, row.owner, row.channel, row.recipient, row.report_version, call.now)
    _record(call, site, [Retry(row) for row in rows])
    return Redirect(f"/sites/{site}/cockpit/{channel}")


def _tried(call: Call, site: str, channel: str, *, dry_run: bool) -> Page:
    _known(call, channel)
    zone = site_of(call, site).time_zone
    done = retry_rows(call.services.dispatch(), _chosen(call, site, channel), call.now, dry_run=dry_run)
    if not dry_run:
        _record(call, site, done)
    lines = [_outcome(one, zone) for one in done]
    values = {
        "channel": channel,
        "lines": lines,
        "going": sum(line.outcome == "retry" for line in lines),
        "zone": zone,
        "told": "preview" if dry_run else "done",
        "after": "",
        "behind": "",
    }
    return Page("dispatch/stuck.html", values)


def _record(call: Call, site: str, done: list[Retry]) -> None:
    whose = patients_of(call, [one.row.owner for one in done])
    record_each(call, site, [Done(one.row.owner, whose.get(one.row.owner, ""), one.refusal) for one in done])


def _known(call: Call, channel: str) -> None:
    call.names(channel)
    if channel not in CHANNELS:
        raise NotFound


def _chosen(call: Call, site: str, channel: str) -> list[Delivery]:
    """Return the rows of the form that are this site's, each read as it now is, or all that its page shows; a row of elsewhere does not exist.

    Raises:
        InvalidInput: `nothing_chosen`, or `field_malformed`.
    """
    if call.form.get("all"):
        after = _checked_place(call.form.get("behind", ""))
        return call.services.cockpit().deliveries.stuck(site, channel, limit=ROWS, after=after)
    keys = [value for name, value in call.form.items() if name.startswith("row-")]
    if not keys:
        raise InvalidInput("nothing_chosen", field="row")
    if not all(_KEY.fullmatch(key) for key in keys):
        raise InvalidInput("field_malformed", field="row")
    get: Callable[..., Delivery | None] = call.services.cockpit().deliveries.get
    named = [key.split("~") for key in dict.fromkeys(keys)][:ROWS]
    found = [get(owner, channel, recipient, int(version)) for owner, recipient, version in named]
    rows = [row for row in found if row is not None and row.site == site]
    if len(rows) != len(named):
        raise NotFound
    return rows


def _checked_place(text: str) -> str:
    if text and not _PLACE.fullmatch(text):
        raise Stop(400, "field_malformed")
    return text


def _line(row: Delivery, zone: str) -> StuckLine:
    return StuckLine(f"{row.owner}~{row.recipient}~{row.report_version}", stuck_since(row), line_of(row, zone))


def _outcome(one: Retry, zone: str) -> StuckLine:
    line = _line(one.row, zone)
    return StuckLine(line.key, line.since, line.line, one.refusal or "retry")
