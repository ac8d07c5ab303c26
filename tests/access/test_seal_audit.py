"""What is recorded is bound once, in time, and a sealer that was killed or away makes up for it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from ris.adapters.access.chain_memory import MemoryAnchorVault, MemorySealStore
from ris.application.access.seal_audit import MOST_IN_ONE, seal_audit
from ris.application.access.verify_audit import verify_audit
from ris.application.conflicts import Conflict
from ris.domain.access.chain import Seal, genesis
from tests.support.chain import DAY, MORNING, chain, record


def at(minutes: float) -> datetime:
    return MORNING + timedelta(minutes=minutes)


def numbers_of(seals: list[Seal]) -> list[tuple[int, int, bool]]:
    return [(seal.number, len(seal.bound), seal.closing) for seal in seals]


def test_each_record_is_bound_once_and_each_seal_begins_with_the_one_before() -> None:
    s = chain()
    for number in range(3):
        s.trail.append(record(number, minutes=number))
    first = seal_audit(s, "nord", at(20))
    s.trail.append(record(9, minutes=25))
    second = seal_audit(s, "nord", at(40))

    one, two = s.seals.of_day("nord", DAY)
    assert (first, second) == (3, 1)
    assert (one.previous, two.previous) == (genesis("nord", DAY), one.hash)
    assert verify_audit(s, "nord", [DAY], at(41)).faults == ()


def test_a_run_with_nothing_new_writes_nothing() -> None:
    s = chain()
    s.trail.append(record(1))
    seal_audit(s, "nord", at(20))

    assert seal_audit(s, "nord", at(21)) == 0
    assert numbers_of(s.seals.of_day("nord", DAY)) == [(1, 1, False)]


def test_a_record_that_may_have_an_earlier_one_still_on_its_way_waits() -> None:
    s = chain()
    s.trail.append(record(1, minutes=0))
    s.trail.append(record(2, minutes=18))

    assert seal_audit(s, "nord", at(20)) == 1
    assert seal_audit(s, "nord", at(24)) == 1


def test_a_record_that_comes_late_is_bound_by_the_next_seal() -> None:
    s = chain()
    s.trail.append(record(1, minutes=60))
    seal_audit(s, "nord", at(80))
    s.trail.append(record(2, minutes=30))

    assert seal_audit(s, "nord", at(81)) == 1
    assert verify_audit(s, "nord", [DAY], at(200)).faults == ()


def test_a_day_that_is_over_is_closed_and_takes_nothing_more() -> None:
    s = chain()
    s.trail.append(record(1))
    seal_audit(s, "nord", at(20))
    seal_audit(s, "nord", at(60 * 17 + 1))  # 01:01 of the next day
    seal_audit(s, "nord", at(60 * 17 + 20))

    assert numbers_of(s.seals.of_day("nord", DAY)) == [(1, 1, False), (2, 0, True)]
    s.trail.append(record(2, minutes=1))
    seal_audit(s, "nord", at(60 * 18))
    assert [f.code for f in verify_audit(s, "nord", [DAY], at(60 * 18)).faults] == ["record_unsealed"]


def test_a_sealer_that_was_away_for_days_makes_up_for_them() -> None:
    s = chain()
    s.trail.append(record(1))
    s.trail.append(record(2, minutes=60 * 24 * 2))

    assert seal_audit(s, "nord", at(60 * 24 * 2 + 30)) == 2
    days = [f"2026-03-{day:02d}" for day in range(1, 5)]
    assert [numbers_of(s.seals.of_day("nord", day)) for day in days] == [
        [],
        [(1, 1, False), (2, 0, True)],
        [(1, 0, True)],
        [(1, 1, False)],
    ]
    assert verify_audit(s, "nord", days, at(60 * 24 * 2 + 31)).faults == ()


def test_sites_have_chains_of_their_own() -> None:
    s = chain()
    s.trail.append(record(1))
    s.trail.append(record(2, site="sud"))

    assert seal_audit(s, "nord", at(20)) == 1
    assert s.seals.of_day("sud", DAY) == []


def test_many_records_make_several_seals() -> None:
    s = chain()
    for number in range(MOST_IN_ONE + 1):
        s.trail.append(record(number, minutes=number / 1000))

    assert seal_audit(s, "nord", at(20)) == MOST_IN_ONE + 1
    assert numbers_of(s.seals.of_day("nord", DAY)) == [(1, MOST_IN_ONE, False), (2, 1, False)]


@dataclass
class KilledAfter:
    """Raises at the n-th write to the seals or the vault, before or after it was done."""

    n: int
    after: bool
    seen: int = field(default=0)

    def __call__(self, write: object, seal: Seal) -> None:
        self.seen += 1
        if self.seen == self.n and not self.after:
            raise InterruptedError
        write(seal)  # type: ignore[operator]
        if self.seen == self.n and self.after:
            raise InterruptedError


class KilledSeals(MemorySealStore):
    kill: KilledAfter

    def append(self, seal: Seal) -> None:
        self.kill(super().append, seal)


class KilledVault(MemoryAnchorVault):
    kill: KilledAfter

    def keep(self, seal: Seal) -> None:
        self.kill(super().keep, seal)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("n", range(1, 7))
def test_a_sealer_killed_anywhere_and_run_again_leaves_a_chain_that_verifies(n: int, after: bool) -> None:
    s = replace(chain(), seals=KilledSeals(), vault=KilledVault())
    s.seals.kill = s.vault.kill = KilledAfter(n, after)  # type: ignore[attr-defined]
    for number in range(MOST_IN_ONE + 5):
        s.trail.append(record(number, minutes=number / 1000))
    next_day = at(60 * 18)

    with pytest.raises(InterruptedError):
        seal_audit(s, "nord", next_day)
    seal_audit(s, "nord", next_day + timedelta(minutes=15))

    report = verify_audit(s, "nord", [DAY], next_day + timedelta(minutes=16))
    assert (report.records, report.faults) == (MOST_IN_ONE + 5, ())


def test_of_two_sealers_at_once_one_goes_on() -> None:
    s = chain()
    s.trail.append(record(1))

    class Racing(MemorySealStore):
        """Another run writes its seal just before ours."""

        def append(self, seal: Seal) -> None:
            super().append(replace(seal, sealed_at=seal.sealed_at - timedelta(seconds=1)))
            super().append(seal)

    with pytest.raises(Conflict):
        seal_audit(replace(s, seals=Racing()), "nord", at(20))
