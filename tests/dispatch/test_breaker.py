"""The breaker of a remote: an outage is one incident, one call tries again, and any answer ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ris.adapters.breaker import MemoryBreakerStore
from ris.application.breaker import Breaker, BreakerSettings, BreakerState, guarded
from ris.domain.errors import RemoteRejected, RemoteUnavailable

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
SETTINGS = BreakerSettings(failures_to_open=3, pause_s=60, longest_pause_s=200, trial_s=30)


def down() -> str:
    raise RemoteUnavailable("insi_503")


def says_no() -> str:
    raise RemoteRejected("desir_560")


def call(store: MemoryBreakerStore, after_s: float, what: Callable[[], str] = down) -> str:
    """Make one call; return its answer, or the code of what was raised."""
    try:
        return guarded(store, "insi", what, NOW + timedelta(seconds=after_s), SETTINGS)
    except (RemoteUnavailable, RemoteRejected) as error:
        return error.code


@pytest.fixture
def opened() -> MemoryBreakerStore:
    """A breaker that opened at second 2."""
    store = MemoryBreakerStore()
    assert [call(store, second) for second in range(3)] == ["insi_503"] * 3
    return store


def test_an_outage_is_one_incident_with_every_failed_call_and_no_other_call_is_made(opened: MemoryBreakerStore) -> None:
    assert call(opened, 61) == "insi_breaker_open"
    assert call(opened, 62) == "insi_503"
    assert call(opened, 63, lambda: "there") == "insi_breaker_open"
    assert call(opened, 182, lambda: "there") == "there"

    (incident,) = opened.incidents("insi", limit=9)
    closed_at = NOW + timedelta(seconds=182)
    assert (incident.opened_at, incident.closed_at, incident.failures) == (NOW + timedelta(seconds=2), closed_at, 4)
    assert opened.get("insi") == Breaker("insi", version=opened.get("insi").version)


def test_the_pause_doubles_up_to_the_longest(opened: MemoryBreakerStore) -> None:
    pauses = []
    for _ in range(4):
        row = opened.get("insi")
        assert row.next_try_at is not None
        pauses.append(row.pause_s)
        call(opened, (row.next_try_at - NOW).total_seconds())

    assert pauses == [60, 120, 200, 200]


def test_of_two_calls_at_once_one_tries(opened: MemoryBreakerStore) -> None:
    told: list[str] = []

    class Raced(MemoryBreakerStore):
        """Another call passes between the reading and the writing of this one."""

        def get(self, remote: str) -> Breaker:
            row = opened.get(remote)
            if not told:
                told.append("")
                told[0] = call(opened, 62, lambda: call(opened, 62))
            return row

        def save(self, *written: object) -> Breaker:
            return opened.save(*written)  # type: ignore[arg-type]

    assert call(Raced(), 62, lambda: "there") == "insi_breaker_open"
    assert told == ["insi_breaker_open"]


def test_a_trial_whose_caller_died_is_forgotten(opened: MemoryBreakerStore) -> None:
    def killed() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(opened, 62, killed)

    assert opened.get("insi").state is BreakerState.HALF_OPEN
    assert [call(opened, second, lambda: "there") for second in (91, 92)] == ["insi_breaker_open", "there"]


def test_an_answer_that_says_no_ends_the_outage(opened: MemoryBreakerStore) -> None:
    assert call(opened, 62, says_no) == "desir_560"

    assert opened.incidents("insi", limit=1)[0].closed_at is not None


def test_failures_count_in_a_row() -> None:
    store = MemoryBreakerStore()
    for second, what in enumerate((down, down, lambda: "there", down, down)):
        call(store, second, what)

    assert (store.get("insi").state, store.incidents("insi", limit=1)) == (BreakerState.CLOSED, [])
