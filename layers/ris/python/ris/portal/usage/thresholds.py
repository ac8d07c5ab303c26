"""Thresholds, amounts and deadlines: rows of the reference, each with its text, and where the group stands.

Markup: rows `data-indicator data-who data-numerator data-denominator data-reached data-euros`, `data-milestone data-milestone-state`.
"""

from __future__ import annotations

from decimal import Decimal

from ris.adapters.usage.french import LABELS
from ris.application.usage.dashboard import rounded
from ris.application.usage.worth import standings
from ris.domain.access.policy import sites_allowed
from ris.portal.answers import Page, Stop
from ris.portal.call import Call
from ris.portal.routing import Routes, Scope
from ris.portal.usage.asked import today

routes = Routes("usage_thresholds")
_YEARS = range(2020, 2100)


@routes.get("/usage/thresholds", Scope.ANY_SITE, "read_usage")
def thresholds(call: Call) -> Page:
    """Show where the group stands against each threshold of a year, and the deadlines."""
    day = today(call)
    year = call.one("year", str(day.year))
    if not (year.isascii() and year.isdigit() and int(year) in _YEARS):
        raise Stop(400, "unknown_period")
    s = call.services.usage()
    milestones = s.reference.milestones()
    values = {
        "year": int(year),
        "years": _YEARS,
        "this_year": day.year,
        "standings": standings(s, sites_allowed(call.person, "read_usage"), int(year)),
        "milestones": [(one, one.state(day.isoformat())) for one in milestones],
        "conditions": {one.code: one.label for one in milestones},
        "labels": LABELS,
        "names": {site.finess_geo: site.name for site in s.reference.sites()}
        | {site.legal_entity: _entity(call, site.legal_entity) for site in s.reference.sites()},
        "signatory": lambda rpps: _practitioner(call, rpps),
        "percent": lambda share: "" if share is None else _comma(rounded(share)),
        "euros": euros,
        "number": lambda text: _comma(Decimal(text)) if text else "",
    }
    return Page("usage/thresholds.html", values)


def euros(amount: Decimal | str | None) -> str:
    """Return an amount as it is written in French: `1 234,50 €`."""
    if amount is None or amount == "":
        return ""
    whole, _, cents = f"{Decimal(amount):,.2f}".partition(".")
    return f"{whole.replace(',', chr(0x202F))},{cents}{chr(0xA0)}€"


def _comma(number: Decimal) -> str:
    return str(number).replace(".", ",")


def _entity(call: Call, finess_ej: str) -> str:
    found = call.services.reference.legal_entity(finess_ej)
    return found.name if found else ""


def _practitioner(call: Call, rpps: str) -> str:
    known = call.services.reference.practitioner(rpps)
    return f"{known.family} {known.given}" if known else ""
