"""The chain of the access log, verified on the page: each day of a site on its own, since a day may have thousands of records.

Markup: a day is `[data-chain-day]` with `data-state data-records data-sealed`; faults `data-fault data-place`.
"""

from __future__ import annotations

from datetime import UTC, date, timedelta

from ris.application.access.verify_audit import verify_day
from ris.domain.access.audit import NO_SITE
from ris.domain.agenda.site_calendar import civil_day
from ris.domain.errors import InvalidInput
from ris.portal.answers import Page, Stop
from ris.portal.call import Call, Wants
from ris.portal.routing import Routes, Scope

routes = Routes("access")
DAYS = 7
MOST_FAULTS = 50
"""Faults shown of a day; a command shows all of them."""


@routes.get("/sites/{site}/audit/chain", Scope.SITE, "verify_audit")
def chain(call: Call, site: str) -> Page:
    """Show a week of days, each of which is verified by a request of its own."""
    today = call.now.astimezone(UTC).date()
    last = min(_day(call.one("to")), today) if call.one("to") else today
    days = [last - timedelta(days=back) for back in range(DAYS)]
    values = {
        "days": days,
        "chain": _chain(call, site),
        "earlier": (days[-1] - timedelta(days=1)).isoformat(),
        "later": min(last + timedelta(days=DAYS), today).isoformat() if last < today else "",
    }
    return Page("audit/chain.html", values)


@routes.get("/sites/{site}/audit/chain/{day}", Scope.SITE, "verify_audit", audited=True)
def day(call: Call, site: str, day: str) -> Page:
    """Verify one day (UTC): its records against its seals, the seals against each other and the vault."""
    call.names(day)
    chosen = _chain(call, site)
    the_day = _day(day)
    verdict = verify_day(call.services.chain(), chosen, the_day.isoformat(), call.now)
    at = call.services.reference.site(site)
    values = {
        "verdict": verdict,
        "the_day": the_day,
        "chain": chosen,
        "shown": verdict.faults[:MOST_FAULTS],
        "zone": at.time_zone if at else "UTC",
    }
    return Page("audit/verdict.html" if call.wants is Wants.FRAGMENT else "audit/chain_day.html", values)


def _chain(call: Call, site: str) -> str:
    return NO_SITE if call.one("chain") == NO_SITE else site


def _day(text: str) -> date:
    try:
        return civil_day(text)
    except InvalidInput:
        raise Stop(400, "no_such_day") from None
