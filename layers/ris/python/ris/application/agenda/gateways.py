"""What gateways say of themselves, and the full worklist one of them asks for.

A request for everything is a status that wants it, after one that did not, or of a gateway that started anew. It is answered in portions,
one with each status, from yesterday on: a lambda never holds a year of appointments, and the next days are there first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from ris.application.agenda.publish_worklist import entry_of
from ris.application.agenda.services import Services
from ris.application.reference import Site
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.site_calendar import civil_day, day_of
from ris.domain.agenda.worklist import FeedState, feed_state_of

PORTION = 300
"""Steps published with one status, or all of the day with which it is full."""
_DAYS_READ = 400


@dataclass(frozen=True)
class Certificate:
    """A certificate a gateway uses, and its end."""

    name: str
    not_after: datetime


@dataclass(frozen=True)
class Station:
    """When a machine last spoke to its gateway; None is never since the gateway started."""

    ae_title: str
    last_echo_at: datetime | None = None
    last_find_at: datetime | None = None
    last_mpps_at: datetime | None = None


@dataclass(frozen=True)
class Gateway:
    """A gateway as it last said it is (`ris.contracts.queues.GatewayStatus`).

    Args:
        resync_day: First day of which the full worklist is still to be sent again; empty when none is.
        every_s: How often it says how it is, in seconds.
        spool_refuses: Its disk takes nothing: what comes is answered AR.
    """

    site: str
    gateway_id: str
    version: str
    sent_at: datetime
    started_at: datetime
    clock_skew_s: float | None = None
    spool_rows: int = 0
    spool_oldest_s: float = 0
    feed_steps: int = 0
    feed_age_s: float | None = None
    certificates: tuple[Certificate, ...] = ()
    stations: tuple[Station, ...] = ()
    wants_feed: bool = False
    resync_day: str = ""
    every_s: float = 60.0
    spool_refuses: bool = False


class GatewayBook(Protocol):
    """The newest status of each gateway."""

    def get(self, site: str, gateway_id: str) -> Gateway | None:
        """Return the gateway as last kept, read consistently, or None."""

    def keep(self, gateway: Gateway) -> bool:
        """Keep a status; say False, and keep what is there, when that one was sent later or is the same."""

    def resync_until(self, gateway: Gateway, day: str) -> None:
        """Write how far the full worklist was sent; a newer status that was kept meanwhile keeps its own place."""

    def of_site(self, site: str) -> list[Gateway]:
        """Return the gateways of a site, by id."""


def take_status(s: Services, gateways: GatewayBook, said: Gateway, now: datetime) -> int:
    """Keep what a gateway says of itself, and go on with the full worklist it asked for.

    Returns:
        How many steps were published.

    Raises:
        RemoteUnavailable: The status is kept; the next one goes on where this one stopped.
    """
    site = s.reference.site(said.site)
    known = gateways.get(said.site, said.gateway_id)
    kept = replace(said, resync_day=_begins_at(site, said, known, now))
    if site is None or not gateways.keep(kept) or not kept.resync_day:
        return 0
    exams = [exam for day in _portion(s, site, kept.resync_day) for exam in day]
    published = 0
    for exam in exams:
        for step in exam.steps:
            s.feed.publish(entry_of(s, exam, step))
            published += 1
    gateways.resync_until(kept, _next_day(exams) if len(exams) >= PORTION else "")
    return published


def seen_by_station(gateways: list[Gateway]) -> dict[str, Station]:
    """Return when each machine was last heard, by AE title, whatever gateway of the site it spoke to."""
    seen: dict[str, Station] = {}
    for station in (one for gateway in gateways for one in gateway.stations):
        before = seen.get(station.ae_title, Station(station.ae_title))
        seen[station.ae_title] = Station(
            station.ae_title,
            _later(before.last_echo_at, station.last_echo_at),
            _later(before.last_find_at, station.last_find_at),
            _later(before.last_mpps_at, station.last_mpps_at),
        )
    return seen


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _begins_at(site: Site | None, said: Gateway, known: Gateway | None, now: datetime) -> str:
    if site is None:
        return ""
    if said.wants_feed and (known is None or not known.wants_feed or known.started_at != said.started_at):
        return day_of(now - timedelta(days=1), site.time_zone)
    return known.resync_day if known else ""


def _portion(s: Services, site: Site, first_day: str) -> Iterator[list[Exam]]:
    """Yield the waiting exams of each day from one on, until a portion is full."""
    named: dict[str, list[str]] = {}
    for machine in s.reference.modalities(site.site):
        for busy in s.agenda.from_day(site.site, machine.modality, first_day, limit=_DAYS_READ):
            named.setdefault(busy.day, []).extend(slot.accession_number for slot in busy.slots if slot.accession_number)
    taken = 0
    for day in sorted(named):
        exams = [one for one in s.exams.get_many(named[day]).values() if feed_state_of(one.state) is not FeedState.REMOVED]
        yield exams
        taken += len(exams)
        if taken >= PORTION:
            return


def _next_day(exams: list[Exam]) -> str:
    last = max(exam.appointment.day for exam in exams)
    return (civil_day(last) + timedelta(days=1)).isoformat()
