"""The breaker of a remote as dispatch uses it: told what a call was, since a lost answer counts as a failure here too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ris.application.breaker import BreakerSettings, BreakerState, BreakerStore, failed, may_pass, succeeded
from ris.application.conflicts import decide
from ris.domain.errors import RemoteUnavailable


@dataclass(frozen=True)
class StoredBreaker:
    """Implements `RemoteBreaker` over the breaker's rows.

    A row that cannot be read or written never keeps a call from being made, nor hides how it ended.
    """

    store: BreakerStore
    settings: BreakerSettings = field(default_factory=BreakerSettings)

    def allow(self, remote: str, now: datetime) -> bool:
        """See the port."""
        return _or(lambda: may_pass(self.store, remote, now, self.settings), fallback=True)

    def success(self, remote: str, now: datetime) -> None:
        """See the port."""
        _or(lambda: succeeded(self.store, remote, now))

    def failure(self, remote: str, now: datetime, code: str) -> None:
        """See the port."""
        _or(lambda: failed(self.store, remote, code, now, self.settings))


@dataclass
class KnownOutages:
    """Implements `Outages` over the breaker's rows: while one is not closed, one row at a time is let through as a trial."""

    store: BreakerStore
    settings: BreakerSettings = field(default_factory=BreakerSettings)
    _trials: dict[str, datetime] = field(default_factory=dict)

    def until(self, remote: str, now: datetime) -> datetime | None:
        """See the port; a row that cannot be read keeps nothing from being started."""
        try:
            row = self.store.get(remote)
        except RemoteUnavailable:
            return None
        if row.state is BreakerState.CLOSED:
            return None
        if row.next_try_at is not None and row.next_try_at > now:
            return row.next_try_at
        trial_ends = self._trials.get(remote, now) + timedelta(seconds=self.settings.trial_s)
        if remote in self._trials and trial_ends > now:
            return trial_ends
        self._trials[remote] = now
        return None


def _or(attempt: Callable[[], bool | None], *, fallback: bool = False) -> bool:
    try:
        return bool(decide(attempt))
    except RemoteUnavailable:
        return fallback
