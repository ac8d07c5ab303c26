"""One breaker for each remote: an outage is one incident, not a thousand failed calls.

    closed ── n failures in a row ──▶ open, one incident row ── pause over: one call goes through ──▶ half open
       ▲                               ▲ │ every other call is refused here, at once                    │
       │                               │ └── the call failed: open again, the pause doubles ────────────┤
       └──────────────── the call succeeded: closed, the incident row is closed ◀──────────────────────┘

An answer of the remote that says no (RemoteRejected) shows that it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol, TypeVar

from ris.application.conflicts import Conflict, decide
from ris.domain.errors import RemoteUnavailable, RisError

Result = TypeVar("Result")


class BreakerState(Enum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class Breaker:
    """The row of one remote.

    Args:
        remote: `insi`, `dmp` …
        failures: Calls that failed in a row; while it is not closed, since it opened too.
        opened_at: When the present outage was declared; names its incident row.
        next_try_at: When one call may go through.
        pause_s: The present pause, in seconds.
        code: Of the last failure.
    """

    remote: str
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    opened_at: datetime | None = None
    next_try_at: datetime | None = None
    pause_s: int = 0
    code: str = ""
    version: int = 0


@dataclass(frozen=True)
class Incident:
    """One outage of a remote.

    Args:
        opened_at: When the breaker opened.
        closed_at: When a call succeeded again; None while it lasts.
        failures: Calls that failed, those that opened it included.
        code: Of the last failure.
    """

    remote: str
    opened_at: datetime
    closed_at: datetime | None = None
    failures: int = 0
    code: str = ""


@dataclass(frozen=True)
class BreakerSettings:
    """When a breaker opens, and for how long.

    Args:
        failures_to_open: Failures in a row.
        pause_s: First pause, in seconds; it doubles with each failed trial up to `longest_pause_s`.
        trial_s: After this time a trial whose caller died is forgotten.
    """

    failures_to_open: int = 3
    pause_s: int = 60
    longest_pause_s: int = 900
    trial_s: int = 60


class BreakerStore(Protocol):
    """Breaker rows and their incidents, in the `messages` table."""

    def get(self, remote: str) -> Breaker:
        """Return the row, read consistently; a closed one of version 0 when there is none."""

    def save(self, breaker: Breaker, incident: Incident | None = None) -> Breaker:
        """Write both under the row's version read; raise Conflict when it no longer stands."""

    def incidents(self, remote: str, *, limit: int, before: datetime | None = None) -> list[Incident]:
        """Return the remote's outages, newest first, of those that began before an instant if one is given."""


REMOTES = ("insi", "dmp", "mss")
"""Every remote that has a breaker."""


def open_breakers(store: BreakerStore) -> list[Breaker]:
    """Return the breakers that are not closed."""
    return [row for row in map(store.get, REMOTES) if row.state is not BreakerState.CLOSED]


def guarded(store: BreakerStore, remote: str, call: Callable[[], Result], now: datetime, settings: BreakerSettings) -> Result:
    """Make a call unless the remote is known to be down, and remember how it went.

    Args:
        store: The rows.
        remote: Name of the remote.
        call: The call; RemoteUnavailable counts as a failure, everything else shows that the remote answers.
        now: Aware UTC instant.
        settings: Of the breaker.

    Raises:
        RemoteUnavailable: `{remote}_breaker_open`, the call was not made; or the call's own.
    """
    if not decide(lambda: may_pass(store, remote, now, settings)):
        raise RemoteUnavailable(f"{remote}_breaker_open")
    try:
        result = call()
    except RemoteUnavailable as error:
        code = error.code
        decide(lambda: failed(store, remote, code, now, settings))
        raise
    except RisError:
        decide(lambda: succeeded(store, remote, now))
        raise
    decide(lambda: succeeded(store, remote, now))
    return result


def may_pass(store: BreakerStore, remote: str, now: datetime, settings: BreakerSettings) -> bool:
    """Say whether this call goes through; an open breaker whose pause is over lets exactly one."""
    row = store.get(remote)
    if row.state is BreakerState.CLOSED:
        return True
    if row.next_try_at is not None and row.next_try_at > now:
        return False
    try:
        store.save(replace(row, state=BreakerState.HALF_OPEN, next_try_at=now + timedelta(seconds=settings.trial_s)))
    except Conflict:
        return False  # somebody else makes the trial
    return True


def failed(store: BreakerStore, remote: str, code: str, now: datetime, settings: BreakerSettings) -> None:
    """Note that the remote did not answer; after enough of it in a row, an outage. Raises Conflict: read again."""
    row = store.get(remote)
    failures = row.failures + 1
    if row.state is BreakerState.CLOSED and failures < settings.failures_to_open:
        store.save(replace(row, failures=failures, code=code))
        return
    opened_at = row.opened_at or now
    pause = min(max(settings.pause_s, row.pause_s * 2), settings.longest_pause_s)
    after = replace(
        row,
        state=BreakerState.OPEN,
        failures=failures,
        opened_at=opened_at,
        next_try_at=now + timedelta(seconds=pause),
        pause_s=pause,
        code=code,
    )
    store.save(after, Incident(remote, opened_at, None, failures, code))


def succeeded(store: BreakerStore, remote: str, now: datetime) -> None:
    """Note that the remote answered, whatever it said: an outage ends. Raises Conflict: read again."""
    row = store.get(remote)
    if row.state is BreakerState.CLOSED and row.failures == 0:
        return
    incident = Incident(remote, row.opened_at, now, row.failures, row.code) if row.opened_at else None
    closed = Breaker(remote, version=row.version)
    store.save(closed, incident)


@dataclass(frozen=True)
class RemoteBreakers:
    """The breakers of every remote, with their settings."""

    store: BreakerStore
    settings: BreakerSettings = BreakerSettings()

    def guarded(self, remote: str, call: Callable[[], Result], now: datetime) -> Result:
        """See `guarded`."""
        return guarded(self.store, remote, call, now, self.settings)
