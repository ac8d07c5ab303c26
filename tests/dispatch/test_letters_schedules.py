"""Random bad days over all channels at once: every row in a legal state, nothing lost, nothing doubled.

A schedule scripts the DMP, the operator, the gateway's queue, the writes of rows and the starts of executions, lets peers and receipts
answer late, twice, or not at all, and lets things happen to the patient meanwhile; then time passes until nothing is waited for.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.dispatch.mail_port import Receipt
from ris.domain.dispatch.channels import HL7_REPORT, MAIL
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.errors import RemoteUnavailable
from ris.domain.identity.patient import IdentityStatus
from ris.domain.usage.facts import FAILED, TAKEN, counts, fails
from tests.support.asl import Ended
from tests.support.dmp import ACCESSION, Killed
from tests.support.letters import ADDRESS, COPY, REQUESTER, Letters

DMP_WORDS = ("ok", "ok", "unavailable", "killed", "cut", "lost", "died", "XDSRegistryMetadataError")
MAIL_WORDS = ("ok", "ok", "unavailable", "busy", "killed", "cut", "lost", "died", "recipient_unknown")
GATE_WORDS = ("ok", "ok", "unavailable", "killed", "lost", "died")
WRITES = ("ok", "ok", "ok", "ok", "unavailable", "killed", "died")


def scheduled(seed: int) -> tuple[Letters, list[str]]:
    """Return a world after the days that a seed draws, and what it drew."""
    dice = random.Random(seed)
    world = Letters()
    world.validate(professionals=(REQUESTER, COPY), qualified=True)
    world.dmp.script = [dice.choice(DMP_WORDS) for _ in range(dice.randrange(6))]
    world.operator.script = [dice.choice(MAIL_WORDS) for _ in range(dice.randrange(10))]
    world.gate.script = [dice.choice(GATE_WORDS) for _ in range(dice.randrange(6))]
    drawn = [*world.dmp.script, "|", *world.operator.script, "|", *world.gate.script]
    world.deliveries.script = [dice.choice(WRITES) for _ in range(dice.randrange(12))]
    attempted(world)
    for _ in range(dice.randrange(8)):
        world.now += timedelta(seconds=dice.choice((1, 30, 120, 400, 4000, 30_000)))
        happened(world, dice)
        world.starts.unavailable = dice.random() < 0.2
        swept(world)
    world.starts.unavailable = False
    world.dmp.script, world.operator.script, world.gate.script, world.deliveries.script = [], [], [], []
    world.patients.patient = replace(world.patients.patient, status=IdentityStatus.QUALIFIEE)
    world.settle_all(days=15, each=lambda: answered(world))
    return world, drawn


def attempted(world: Letters) -> None:
    try:
        world.dispatch()
    except Ended:
        raise AssertionError("no row's way ever fails") from None


def swept(world: Letters) -> None:
    world.sweep_all()


def answered(world: Letters) -> None:
    """The peers answer whatever reached them."""
    for destination, number, _ in world.gate.sent:
        row = world.deliveries.find_by_message_id(number)
        if row is not None and row.state is DeliveryState.PENDING:
            world.acknowledge(number, destination=destination)


def happened(world: Letters, dice: random.Random) -> None:
    """A receipt, an answer, a change of the patient, another execution beside: in any order, once or twice."""
    match dice.randrange(9):
        case 0 | 1 if world.operator.taken:
            mail = dice.choice(world.operator.taken)
            kind = dice.choice(("delivered", "failed", "delayed", "processed", "deleted", "delivered"))
            receipt = Receipt(
                kind, envelope_id=mail.envelope_id, message_id=mail.envelope_id, recipient=mail.recipient, code="5.1.1"
            )
            for _ in range(dice.randrange(1, 3)):
                world.inbox.add(receipt)
            read(world)
        case 2 if world.gate.sent:
            destination, number, _ = dice.choice(world.gate.sent)
            answer(world, number, dice.choice(("AA", "AR", "AE", "none")), destination)
        case 3:
            patient = world.patients.patient
            world.patients.patient = replace(patient, status=dice.choice(list(IdentityStatus)))
        case 4:
            attempted(world)
        case 5:
            one, two = world.begin(), world.begin()
            for running in [dice.choice((one, two)) for _ in range(20)]:
                next(running, None)
            list(one), list(two)
        case 6:
            world.inbox.add(Receipt("other"))
            read(world)


def read(world: Letters) -> None:
    try:
        world.read_mailbox()
    except (RemoteUnavailable, Killed):
        return  # the next run reads on


def answer(world: Letters, number: str, outcome: str, destination: str) -> None:
    try:
        world.acknowledge(number, outcome, destination=destination, unknown=outcome == "none")
    except (RemoteUnavailable, Killed):
        return  # the queue delivers it again, or the row is due


def legal(row: Delivery) -> bool:
    """Say whether a settled row is one of the design's states."""
    match row.state:
        case DeliveryState.DELIVERED | DeliveryState.REJECTED:
            return row.due_at is None and not row.unknown
        case DeliveryState.HELD:
            return row.due_at is None and bool(row.reason)
        case DeliveryState.PENDING:
            return row.accepted_at is not None and row.reason == "no_receipt"
    return False


def check(seed: int) -> list[Delivery]:
    world, drawn = scheduled(seed)
    rows = world.deliveries.of_owner(ACCESSION)

    assert len(rows) == 6, (seed, drawn)
    for row in rows:
        assert legal(row), (seed, drawn, row)
    for number, mails in Counter(mail.envelope_id for mail in world.operator.taken).items():
        row = world.deliveries.find_by_message_id(number)
        assert row is not None, seed
        assert mails <= row.attempts, (seed, drawn, row)
        assert row.state is not DeliveryState.HELD, (seed, drawn, row)
    for row in rows:
        if row.channel in MAIL and row.accepted_at is not None:
            assert row.message_id in {mail.envelope_id for mail in world.operator.taken}, (seed, drawn, row)
        if row.channel == HL7_REPORT and row.state is DeliveryState.DELIVERED:
            assert row.message_id in {number for _, number, _ in world.gate.sent}, (seed, drawn, row)
    assert len(world.dmp.documents) <= 1
    assert {mail.recipient for mail in world.operator.taken} <= {*ADDRESS.values(), "275126322074974@patient.mssante.fr"}
    for row in rows:
        facts = [fact for fact in world.deliveries.facts if (fact.channel, fact.recipient) == (row.channel, row.recipient)]
        sums = {kind: sum(fact.value for fact in facts if fact.kind == kind) for kind in (TAKEN, FAILED)}
        assert sums == {TAKEN: counts(row), FAILED: bool(row.failure)}, (seed, drawn, row)
        assert bool(row.failure) or not fails(row), (seed, drawn, row)
        assert len({fact.fact_id for fact in facts}) == len(facts), seed
    spacing(world, seed)
    return rows


def spacing(world: Letters, seed: int) -> None:
    """Between an attempt of unknown end and the next one, hours passed."""
    for number in {row.message_id for row in world.deliveries.history if row.channel in MAIL}:
        before: Delivery | None = None
        for row in world.deliveries.history:
            if row.message_id != number:
                continue
            if before is not None and before.unknown and row.attempts > before.attempts:
                assert row.changed_at - before.changed_at >= world.rules.unknown_for, (seed, number)
            before = row


def run_schedules(number: int) -> Counter[tuple[str, str]]:
    ends: Counter[tuple[str, str]] = Counter()
    for seed in range(number):
        ends.update((row.channel, row.state.value) for row in check(seed))
    return ends


def test_random_fault_schedules_over_all_channels_lose_and_double_nothing() -> None:
    ends = run_schedules(250)

    for channel in ("dmp", *MAIL, HL7_REPORT):
        assert ends[channel, "delivered"] > 10, ends
        assert ends[channel, "rejected"] > 10, ends
    assert ends["mss_patient", "pending"] > 50, "accepted, without a receipt"


def lose_answers(number: int) -> None:
    for seed in range(number):
        dice = random.Random(seed)
        world = Letters()
        world.validate()
        world.operator.script = [dice.choice(("lost", "died")), dice.choice(("ok", "lost", "busy")), "ok"]
        world.gate.script = [dice.choice(("lost", "died")), "ok"]
        world.dmp.script = ["ok", dice.choice(("lost", "died"))]
        world.dispatch()
        world.settle_all(days=15, each=lambda world=world: answered(world))
        by_recipient = Counter(mail.recipient for mail in world.operator.taken)
        numbers = {(mail.recipient, mail.envelope_id) for mail in world.operator.taken}
        assert len(numbers) == len(by_recipient) == 2, seed
        assert len({number for destination, number, _ in world.gate.sent if destination == "HIS"}) == 1, seed
        assert list(world.dmp.documents) == ["2.25.201"], seed
        spacing(world, seed)


def test_lost_answers_have_one_number_for_each_recipient_and_wait_their_time() -> None:
    lose_answers(60)


def redeliver(number: int) -> None:
    world = Letters()
    world.validate(professionals=(REQUESTER, COPY))
    world.dispatch()
    for mail in world.operator.taken:
        world.inbox.add(Receipt("delivered", envelope_id=mail.envelope_id, recipient=mail.recipient))
    read(world)
    answered(world)
    before, facts = world.deliveries.of_owner(ACCESSION), list(world.deliveries.facts)
    written = len(world.deliveries.history)
    dice = random.Random(number)
    sent = list(world.operator.taken)
    for _ in range(number):
        if dice.random() < 0.5:
            mail = dice.choice(sent)
            world.inbox.add(Receipt("delivered", envelope_id=mail.envelope_id, recipient=mail.recipient))
            read(world)
        else:
            destination, message_id, _ = dice.choice(world.gate.sent)
            world.acknowledge(message_id, destination=destination)
    assert (world.deliveries.of_owner(ACCESSION), world.deliveries.facts) == (before, facts)
    assert len(world.deliveries.history) == written


def test_redelivered_answers_and_receipts_have_no_second_effect() -> None:
    redeliver(500)


@pytest.mark.slow
def test_two_thousand_schedules_a_thousand_lost_answers_and_ten_thousand_redelivered_events() -> None:
    ends = run_schedules(2000)
    lose_answers(1000)
    redeliver(10_000)
    print(f"2000 fault schedules: {dict(sorted(ends.items()))}; 1000 lost answers; 10000 redelivered events")
