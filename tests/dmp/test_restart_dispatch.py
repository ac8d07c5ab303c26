"""What the sweep starts again, and what an outage spares it."""

from __future__ import annotations

from datetime import timedelta

from ris.application.dispatch.restart_dispatch import restart_dispatch
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.errors import RemoteUnavailable
from tests.support.dmp import World


def test_a_long_outage_is_some_executions_and_one_incident() -> None:
    world = World()
    for version in range(1, 41):
        world.plan(version)
    begun = world.now
    world.dmp._before = lambda word: world.now < begun + timedelta(hours=4) and unavailable()  # type: ignore[method-assign,assignment]
    started = len(world.starts.names)

    while world.now < begun + timedelta(hours=4):
        world.now += timedelta(minutes=3)
        world.sweep()

    assert len(world.starts.names) - started < 120, "80 sweeps of 40 rows would be 3,200 executions"
    assert len(world.breakers.incidents("dmp", limit=9)) == 1


def unavailable() -> None:
    raise RemoteUnavailable("dmp_503")


def test_after_an_outage_everything_leaves() -> None:
    world = World()
    world.plan()
    world.dmp.script = ["unavailable"] * 30

    world.run()
    row = world.settle()

    assert row.state is DeliveryState.DELIVERED
    (incident,) = world.breakers.incidents("dmp", limit=9)
    assert incident.closed_at is not None


def test_a_person_does_not_wait_for_the_breaker() -> None:
    world = World()
    world.plan()
    world.dmp.script = ["unavailable"] * 8
    world.run()
    before = len(world.starts.names)

    restart_dispatch(world.restarts, world.row(), world.now, by_person=True)

    assert len(world.starts.names) == before + 1
