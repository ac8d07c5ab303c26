"""What the group's IT looks at: what is stuck at a site by remote, the longest first, and who does not answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypedDict

from ris.application.access.watch_certificates import CertificateRegister
from ris.application.agenda.gateways import Gateway, GatewayBook
from ris.application.breaker import BreakerStore
from ris.application.conflicts import decide
from ris.application.dispatch.dmp_port import StrangeAnswers
from ris.application.dispatch.mail_rows import mail_row
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.dispatch.channels import DMP, HL7_REPORT, MSS_PATIENT, MSS_PROFESSIONAL
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.stuck import stuck_since

CHANNELS = (DMP, MSS_PROFESSIONAL, MSS_PATIENT, HL7_REPORT, "hl7_pacs_order", "hl7_pacs_identity")
"""What goes to somebody by wire; paper waits for a person of the site."""
MOST_COUNTED = 50
SILENT_AFTER = 5
"""Words of a gateway that did not come, each due `every_s` after the one before."""
GONE_AFTER = timedelta(days=30)
LATE_SPOOL_S = LATE_FEED_S = 600.0


@dataclass(frozen=True)
class CockpitServices:
    """The ports of the cockpit."""

    deliveries: DeliveryStore
    breakers: BreakerStore
    gateways: GatewayBook
    certificates: CertificateRegister
    strange: StrangeAnswers


@dataclass(frozen=True)
class Pile:
    """What is stuck of one channel at a site.

    Args:
        count: How many, `MOST_COUNTED` at most; `more` says that there are others.
        oldest: The one that is stuck for the longest time.
    """

    channel: str
    count: int
    more: bool
    oldest: Delivery


@dataclass(frozen=True)
class GatewayHealth:
    """A gateway, and what is wrong with it: `silent`, `spool_refuses`, `spool_late`, `feed_late`."""

    gateway: Gateway
    wrong: tuple[str, ...]


def piles(s: CockpitServices, site: str) -> list[Pile]:
    """Return what is stuck at a site by channel, that with the longest stuck row first; one query a channel."""
    found = {channel: s.deliveries.stuck(site, channel, limit=MOST_COUNTED + 1) for channel in CHANNELS}
    made = [
        Pile(channel, min(len(rows), MOST_COUNTED), len(rows) > MOST_COUNTED, rows[0]) for channel, rows in found.items() if rows
    ]
    return sorted(made, key=lambda pile: str(stuck_since(pile.oldest)))


def longest_stuck(s: CockpitServices, site: str) -> list[Delivery]:
    """Return the longest stuck row of each channel that has one, the longest first; one read a channel."""
    rows = [row for channel in CHANNELS for row in s.deliveries.stuck(site, channel, limit=1)]
    return sorted(rows, key=lambda row: str(stuck_since(row)))


def minutes_stuck(row: Delivery, now: datetime) -> int:
    """Return for how many minutes a row is stuck."""
    return _minutes(now - (stuck_since(row) or now))


def silent_gateways(gateways: Sequence[Gateway], now: datetime) -> dict[str, int]:
    """Return for how many minutes each silent gateway of a site is; one that nobody heard of for `GONE_AFTER` was taken away."""
    silent = {each.gateway_id: now - each.sent_at for each in gateways if _is_silent(each, now)}
    return {gateway: _minutes(span) for gateway, span in silent.items() if span < GONE_AFTER}


class GatewayFigures(TypedDict, total=False):
    """What is counted of a gateway that speaks; what it could not measure is absent.

    `clock_skew_ms`: how far its clock is off, either way. `certificate_days`: left to the first of its certificates to end.
    """

    gateway: str
    spool_rows: int
    spool_age_s: int
    spool_refuses: int
    feed_age_s: int
    clock_skew_ms: int
    certificate_days: int


def gateway_figures(gateways: Sequence[Gateway], now: datetime) -> list[GatewayFigures]:
    """Return the figures of each gateway that is not silent: what the others last said is old."""
    return [_figures(each, now) for each in gateways if not _is_silent(each, now)]


def _figures(gateway: Gateway, now: datetime) -> GatewayFigures:
    figures = GatewayFigures(
        gateway=gateway.gateway_id,
        spool_rows=gateway.spool_rows,
        spool_age_s=int(gateway.spool_oldest_s),
        spool_refuses=int(gateway.spool_refuses),
    )
    if gateway.feed_age_s is not None:
        figures["feed_age_s"] = int(gateway.feed_age_s)
    if gateway.clock_skew_s is not None:
        figures["clock_skew_ms"] = round(abs(gateway.clock_skew_s) * 1000)
    if gateway.certificates:
        figures["certificate_days"] = min((each.not_after - now).days for each in gateway.certificates)
    return figures


def _is_silent(gateway: Gateway, now: datetime) -> bool:
    return now - gateway.sent_at > SILENT_AFTER * timedelta(seconds=gateway.every_s)


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def gateway_health(gateways: Sequence[Gateway], now: datetime) -> list[GatewayHealth]:
    """Return each gateway with what is wrong with it."""
    return [GatewayHealth(gateway, tuple(_wrong(gateway, now))) for gateway in gateways]


def _wrong(gateway: Gateway, now: datetime) -> list[str]:
    if _is_silent(gateway, now):
        return ["silent"]  # what it said of the rest is old
    wrong = (
        ("spool_refuses", gateway.spool_refuses),
        ("spool_late", gateway.spool_oldest_s > LATE_SPOOL_S),
        ("feed_late", (gateway.feed_age_s or 0.0) > LATE_FEED_S),
    )
    return [name for name, is_so in wrong if is_so]


def take_note(deliveries: DeliveryStore, owner: str, channel: str, recipient: str, report_version: int, now: datetime) -> Delivery:
    """Take a stuck row off the list until it changes: somebody knows of it; nothing else of it moves.

    Args:
        deliveries: The store, with the usage table.
        owner: Accession Number; with channel, recipient and version it names the row.

    Raises:
        InvalidInput: `unknown_delivery`.
    """

    def attempt() -> Delivery:
        row = mail_row(deliveries, owner, channel, recipient, report_version)
        return row if stuck_since(row) is None else deliveries.save(replace(row, noted_at=now))

    return decide(attempt)
