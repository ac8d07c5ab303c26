"""Random bad days over the real state machine: one document, a legal row, nothing lost and nothing doubled.

Each schedule scripts the DMP, the writes of rows, the starts of executions, other executions in the middle of a submission, and what
happens to the patient meanwhile; then time passes until nothing is waited for.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.dispatch.dmp_port import RecordState
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.identity.patient import IdentityStatus
from tests.support.asl import Ended
from tests.support.dmp import World

CALLS = ("ok", "ok", "unavailable", "busy", "killed", "cut", "lost", "died", "lost", "died", "XDSRegistryMetadataError")
WRITES = ("ok", "ok", "ok", "unavailable", "killed", "died")
RECORDS = (RecordState("open"), RecordState("open"), RecordState("none"), RecordState("closed", "20260401", "FERMETURE"))
ENDS = {DeliveryState.DELIVERED, DeliveryState.REJECTED, DeliveryState.HELD, DeliveryState.WITHDRAWN}
QUIET = timedelta(days=2)


def scheduled(seed: int) -> tuple[World, list[str]]:
    """Return a world after the day that a seed draws, and the words it drew."""
    dice = random.Random(seed)
    world = World()
    world.plan()
    drawn = [dice.choice(CALLS) for _ in range(dice.randrange(12))]
    world.dmp.script = list(drawn)
    world.deliveries.script = [dice.choice(WRITES) for _ in range(dice.randrange(10))]
    if dice.random() < 0.3:
        world.dmp.state = dice.choice(RECORDS)
    if dice.random() < 0.3:
        world.dmp.during = [lambda: beside(world)] * dice.randrange(1, 3)
    attempted(world)
    for _ in range(dice.randrange(6)):
        world.now += timedelta(seconds=dice.choice((1, 30, 120, 400, 4000)))
        happened(world, dice)
        world.starts.unavailable = dice.random() < 0.2
        swept(world)
    world.starts.unavailable = False
    world.dmp.state, world.dmp.script, world.deliveries.script = RecordState("open"), [], []
    world.patients.patient = replace(world.patients.patient, status=IdentityStatus.QUALIFIEE)
    world.settle(days=5)
    return world, drawn


def attempted(world: World) -> None:
    try:
        world.run()
    except Ended:
        raise AssertionError("a channel's branch never fails") from None


def beside(world: World) -> None:
    """Another execution runs while a submission is under way, no longer than the function that submits can live."""
    end, other = world.now + timedelta(seconds=60), world.steps()
    while world.now < end and next(other, None):
        pass


def swept(world: World) -> None:
    world.sweep()


def happened(world: World, dice: random.Random) -> None:
    """Something happens to the patient, or another execution of the same dispatch runs beside."""
    patient = world.patients.patient
    match dice.randrange(8):
        case 0:
            world.patients.patient = replace(patient, consents={"ZFA-9": dice.choice(("IO", "INO"))})
        case 1:
            world.patients.patient = replace(patient, status=dice.choice(list(IdentityStatus)))
        case 2:
            attempted(world)
        case 3:
            one, two = world.steps(), world.steps()
            for running in [dice.choice((one, two)) for _ in range(12)]:
                next(running, None)
            list(one), list(two)


def check(seed: int) -> Delivery:
    world, drawn = scheduled(seed)
    row, history = world.row(), world.deliveries.history
    there = list(world.dmp.documents)

    assert there in ([], ["2.25.201"]), (seed, drawn)
    assert (row.state is DeliveryState.DELIVERED) == bool(there), (seed, drawn, row)
    assert row.state in ENDS, (seed, drawn, row)
    assert row.due_at is None, (seed, drawn, row)
    assert not row.unknown, (seed, drawn, row)
    settled = [one for one in history if one.state is DeliveryState.DELIVERED]
    assert len(settled) <= 1, (seed, "nothing follows delivered")
    refusals = [number for number, one in enumerate(history) if one.state is DeliveryState.REJECTED]
    assert all(one.attempts == history[refusals[0]].attempts for one in history[refusals[0] :]) if refusals else True, (
        seed,
        "sent again",
    )
    assert len(set(world.starts.names)) == len(world.starts.names), seed
    return row


def test_a_thousand_random_fault_schedules_end_in_one_document_and_a_legal_row() -> None:
    ends = Counter(check(seed).state.value for seed in range(1000))

    assert set(ends) == {state.value for state in ENDS}, ends
    assert ends["delivered"] > 300, ends


@pytest.mark.slow
def test_ten_thousand_more() -> None:
    for seed in range(1000, 11_000):
        check(seed)


LOST = ("lost", "died", "cut", "killed")


STARTS = [
    ("pending", False), ("pending: unknown", True), ("pending: unknown", False), ("held: no_dmp", False), ("held: identity", False),
    ("rejected", False), ("withdrawn", False), ("delivered", True),
]  # fmt: skip


@pytest.mark.parametrize("word", LOST)
@pytest.mark.parametrize(("state", "there"), STARTS)
def test_from_every_state_a_dispatch_ends_well(state: str, there: bool, word: str) -> None:
    world = World()
    world.plan()
    if there:
        world.dmp.documents["2.25.201"] = (b"<cda v='1'/>", b"<signature/>")
    name, _, reason = state.partition(": ")
    waits = state in ("pending", "pending: unknown", "held: no_dmp")
    before = world.force(
        state=DeliveryState(name), unknown=reason == "unknown", reason="" if reason == "unknown" else reason,
        attempts=int(reason == "unknown" or name in ("delivered", "rejected")), due_at=world.now if waits else None,
    )  # fmt: skip
    world.dmp.script = ["ok", word]

    world.now += timedelta(seconds=90)
    world.run()
    row = world.settle(days=5)

    assert len(world.dmp.documents) <= 1
    assert (row.state is DeliveryState.DELIVERED) == bool(world.dmp.documents)
    if name in ("rejected", "withdrawn", "delivered"):
        assert (row, world.dmp.submissions) == (before, [])
    else:
        assert row.state is DeliveryState.DELIVERED


def test_a_thousand_answers_lost_after_acceptance_are_a_thousand_documents() -> None:
    lost = 0
    for seed in range(1000):
        dice = random.Random(seed)
        world = World()
        world.plan()
        words = [
            "ok",
            dice.choice(("lost", "died")),
            *[dice.choice(("ok", "unavailable", "killed")) for _ in range(dice.randrange(3))],
        ]
        world.dmp.script = words
        world.run()
        row = world.settle()
        assert row.state is DeliveryState.DELIVERED, (seed, words)
        assert world.dmp.submissions == ["2.25.201"], (seed, words)
        lost += 1
    assert lost == 1000
