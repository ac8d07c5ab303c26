"""The first page of the group's IT: what is stuck at a site, who does not answer, how its gateways are, what ends soon.

Markup: of the group `data-site data-channel data-since`; piles `data-pile data-count data-since`; `data-outage`; gateways `data-gateway data-wrong`; `data-parked`; `data-certificate data-days`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from ris.application.access.watch_certificates import KnownCertificates
from ris.application.breaker import REMOTES, Breaker, BreakerState, Incident, open_breakers
from ris.application.dispatch.cockpit import CockpitServices, GatewayHealth, Pile, gateway_health, longest_stuck, piles
from ris.application.reference import Site
from ris.domain.access.certificates import ALERTS_DAYS, HeldCertificate, WatchedCertificate, watched
from ris.domain.access.policy import sites_allowed
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.stuck import stuck_since
from ris.portal.agenda.deliveries import DeliveryLine, line_of
from ris.portal.answers import NotFound, Page, Stop
from ris.portal.call import Call
from ris.portal.french_cockpit import is_authority
from ris.portal.layout import current_site
from ris.portal.routing import Routes, Scope

routes = Routes("dispatch")
MOST_PARKED = 50
OUTAGES = 20
_STAMP = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True)
class PileLine:
    """A pile as the page shows it: since when, and its oldest row in words."""

    pile: Pile
    since: datetime | None
    line: DeliveryLine


@routes.get("/cockpit", Scope.ANY_SITE, "read_cockpit", audited=True)
def group(call: Call) -> Page:
    """Show what is stuck the longest at each site of this person, by remote, and which gateway is silent."""
    s, sites = call.services.cockpit(), sites_allowed(call.person, "read_cockpit")
    found = sorted((_of_site(call, s, site) for site in sites), key=lambda each: each.longest)
    values = {"sites": found, "outages": open_breakers(s.breakers), "zone": _zone(call)}
    return Page("dispatch/group.html", values)


@routes.get("/sites/{site}/cockpit", Scope.SITE, "read_cockpit", audited=True)
def cockpit(call: Call, site: str) -> Page:
    """Show everything that needs somebody's look; the number of reads does not grow with what is stuck."""
    s, zone = call.services.cockpit(), site_of(call, site).time_zone
    parked = call.services.intake().ledger.parked(site, limit=MOST_PARKED + 1)
    known = s.certificates.latest()
    values = {
        "piles": [PileLine(pile, stuck_since(pile.oldest), line_of(pile.oldest, zone)) for pile in piles(s, site)],
        "outages": open_breakers(s.breakers),
        "gateways": gateway_health(s.gateways.of_site(site), call.now),
        "parked": min(len(parked), MOST_PARKED),
        "more_parked": len(parked) > MOST_PARKED,
        "first_parked": parked[0].received_at if parked else None,
        "counted": known is not None,
        "ending": [each for each in _watched(known, call.now) if each.alert],
        "missing": known.missing if known else (),
        "zone": zone,
    }
    return Page("dispatch/cockpit.html", values)


@routes.get("/sites/{site}/outages", Scope.SITE, "read_cockpit")
def outages(call: Call, site: str) -> Page:
    """Show each remote: whether it answers now, and its outages, the newest first."""
    s, remote, before = call.services.cockpit(), call.one("remote"), _instant(call.one("before"))
    if remote and remote not in REMOTES:
        raise NotFound
    shown = (remote,) if remote else REMOTES
    values = {
        "remotes": [_of_remote(s, each, before) for each in shown],
        "zone": site_of(call, site).time_zone,
        "only": remote,
    }
    return Page("dispatch/outages.html", values)


@routes.get("/sites/{site}/certificates", Scope.SITE, "read_cockpit")
def certificates(call: Call, site: str) -> Page:
    """Show every certificate of the group and of the site's gateways with its days left, the first to end first."""
    s, now = call.services.cockpit(), call.now
    known = s.certificates.latest()
    of_gateways = [
        (gateway, watched(HeldCertificate(each.name, each.not_after), now))
        for gateway in s.gateways.of_site(site)
        for each in gateway.certificates
    ]
    counted = _watched(known, now)
    values = {
        "known": known,
        "certificates": [each for each in counted if not is_authority(each.name)],
        "authorities": [each for each in counted if is_authority(each.name)],
        "of_gateways": sorted(of_gateways, key=lambda each: each[1].days_left),
        "zone": site_of(call, site).time_zone,
        "alerts": sorted(ALERTS_DAYS, reverse=True),
    }
    return Page("dispatch/certificates.html", values)


def site_of(call: Call, site: str) -> Site:
    """Return the site of the address, which the gate has checked."""
    return cast("Site", call.services.reference.site(site))


@dataclass(frozen=True)
class SiteLine:
    """A site: the longest stuck row of each channel, and the gateways that have something wrong."""

    site: Site
    stuck: list[tuple[Delivery, datetime | None]]
    gateways: list[GatewayHealth]

    @property
    def longest(self) -> tuple[bool, str]:
        """Return what puts the site where the longest is stuck first, and those with nothing stuck last."""
        return not self.stuck, str(self.stuck[0][1]) if self.stuck else self.site.name


def _of_site(call: Call, s: CockpitServices, site: str) -> SiteLine:
    health = gateway_health(s.gateways.of_site(site), call.now)
    stuck = [(row, stuck_since(row)) for row in longest_stuck(s, site)]
    return SiteLine(site_of(call, site), stuck, [each for each in health if each.wrong])


def _zone(call: Call) -> str:
    return site_of(call, current_site(call)).time_zone


@dataclass(frozen=True)
class RemoteOutages:
    """A remote, its breaker, its outages; `before` is where the next page begins, empty at the end."""

    remote: str
    breaker: Breaker
    down: bool
    incidents: list[Incident]
    before: str


def _of_remote(s: CockpitServices, remote: str, before: datetime | None) -> RemoteOutages:
    breaker, found = s.breakers.get(remote), s.breakers.incidents(remote, limit=OUTAGES + 1, before=before)
    more = found[OUTAGES - 1].opened_at.strftime(_STAMP) if len(found) > OUTAGES else ""
    return RemoteOutages(remote, breaker, breaker.state is not BreakerState.CLOSED, found[:OUTAGES], more)


def _instant(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        raise Stop(400, "field_malformed") from None


def _watched(known: KnownCertificates | None, now: datetime) -> list[WatchedCertificate]:
    return [watched(each, now) for each in known.certificates] if known else []
