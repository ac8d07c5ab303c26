"""Whatever is done to the records or the seals behind the sealer's back, verifying says so."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris.adapters.access.chain_memory import MemoryAnchorKey
from ris.application.access.chain_ports import ChainServices
from ris.application.access.seal_audit import seal_audit
from ris.application.access.verify_audit import verify_audit
from ris.domain.access.audit import AuditRecord
from ris.domain.access.chain import Seal, anchor_of, next_seal, signed
from tests.support.chain import DAY, MORNING, chain, record

LATER = MORNING + timedelta(hours=6)


def sealed(count: int = 12, seals: int = 3) -> ChainServices:
    """Return a chain of some seals over some records."""
    s = chain()
    for number in range(count):
        s.trail.append(record(number, minutes=number, account_id=f"a{number}", object_id=f"E{number}"))
        if number % (count // seals) == count // seals - 1:
            seal_audit(s, "nord", MORNING + timedelta(minutes=number + 6))
    return s


def codes(s: ChainServices) -> set[str]:
    return {fault.code for fault in verify_audit(s, "nord", [DAY], LATER).faults}


def records_of(s: ChainServices) -> list[AuditRecord]:
    return s.trail.records  # type: ignore[attr-defined, no-any-return]


def seals_of(s: ChainServices) -> list[Seal]:
    return s.seals.seals[("nord", DAY)]  # type: ignore[attr-defined, no-any-return]


def change_a_record(s: ChainServices, chance: random.Random) -> None:
    records, number = records_of(s), chance.randrange(12)
    name = chance.choice([f.name for f in fields(AuditRecord) if f.name not in ("site", "instant", "audit_id")])
    records[number] = replace(records[number], **{name: getattr(records[number], name) + chance.choice("abc ")})


def remove_a_record(s: ChainServices, chance: random.Random) -> None:
    del records_of(s)[chance.randrange(12)]


def add_a_record(s: ChainServices, chance: random.Random) -> None:
    s.trail.append(record(100, minutes=chance.random() * 11))


def exchange_two_records(s: ChainServices, chance: random.Random) -> None:
    records = records_of(s)
    a, b = chance.sample(range(12), 2)
    one, two = records[a], records[b]
    records[a] = replace(two, instant=one.instant, audit_id=one.audit_id)
    records[b] = replace(one, instant=two.instant, audit_id=two.audit_id)


def move_a_record(s: ChainServices, chance: random.Random) -> None:
    records, number = records_of(s), chance.randrange(12)
    records[number] = replace(records[number], instant=records[number].instant + timedelta(seconds=chance.randint(1, 600)))


def remove_a_seal(s: ChainServices, chance: random.Random) -> None:
    del seals_of(s)[chance.randrange(3)]


def remove_a_record_and_what_bound_it(s: ChainServices, chance: random.Random) -> None:
    """Rewrite a seal as if the record had never been, with the rest of the chain, but without the key."""
    gone = records_of(s).pop(chance.randrange(12))
    kept = seals_of(s)
    forged: list[Seal] = []
    for seal in kept:
        there = [r for r in records_of(s) if any(r.audit_id in bound.key for bound in seal.bound) and r != gone]
        made = next_seal("nord", DAY, forged[-1] if forged else None, there, seal.sealed_at)
        forged.append(signed(made, seal.signature))
    kept[:] = forged


def cut_off_the_end(s: ChainServices, chance: random.Random) -> None:
    """Remove the last records with the seals that bound them: what is left is a chain that was valid once."""
    kept = chance.randrange(3)
    del seals_of(s)[kept:]
    del records_of(s)[4 * kept :]


def sign_with_another_key(s: ChainServices, chance: random.Random) -> None:
    seals, number = seals_of(s), chance.randrange(3)
    seals[number] = signed(seals[number], MemoryAnchorKey(b"not the sealer's").sign(anchor_of(seals[number])))


def reorder_a_seal(s: ChainServices, chance: random.Random) -> None:
    seals, number = seals_of(s), chance.randrange(3)
    bound = list(seals[number].bound)
    bound[0], bound[-1] = bound[-1], bound[0]
    seals[number] = replace(seals[number], bound=tuple(bound))


def flip_a_bit_of_a_signature(s: ChainServices, chance: random.Random) -> None:
    seals, number = seals_of(s), chance.randrange(3)
    signature = bytearray(seals[number].signature)
    signature[chance.randrange(len(signature))] ^= 1 << chance.randrange(8)
    seals[number] = signed(seals[number], bytes(signature))


TAMPERING: dict[Callable[[ChainServices, random.Random], None], set[str]] = {
    change_a_record: {"record_changed"},
    remove_a_record: {"record_missing"},
    add_a_record: {"record_unsealed"},
    exchange_two_records: {"record_changed"},
    move_a_record: {"record_missing", "record_unsealed"},
    remove_a_seal: {"seal_missing", "seals_cut_off"},
    remove_a_record_and_what_bound_it: {"seal_not_signed"},
    cut_off_the_end: {"seals_cut_off"},
    sign_with_another_key: {"seal_not_signed"},
    reorder_a_seal: {"seal_changed"},
    flip_a_bit_of_a_signature: {"seal_not_signed"},
}


def test_an_untouched_chain_verifies() -> None:
    report = verify_audit(sealed(), "nord", [DAY], LATER)

    assert (report.records, report.seals, report.faults) == (12, 3, ())


@pytest.mark.parametrize("tamper", TAMPERING, ids=lambda tamper: tamper.__name__)
@settings(max_examples=60, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_tampering_is_found_and_named(tamper: Callable[[ChainServices, random.Random], None], chance: random.Random) -> None:
    s = sealed()
    tamper(s, chance)

    assert codes(s) & TAMPERING[tamper]


@settings(max_examples=200, deadline=None)
@given(chance=st.randoms(use_true_random=False), times=st.integers(1, 4))
def test_no_mixture_of_tampering_goes_unseen(chance: random.Random, times: int) -> None:
    s = sealed()
    before = (list(records_of(s)), list(seals_of(s)))
    for _ in range(times):
        try:
            chance.choice(list(TAMPERING))(s, chance)
        except (IndexError, ValueError):
            continue  # an earlier one left too little to tamper with

    assert codes(s) or (records_of(s), seals_of(s)) == before


def test_verifying_says_which_record_and_which_seal() -> None:
    s = sealed()
    changed = records_of(s)[5]
    records_of(s)[5] = replace(changed, account_id="somebody else")
    seals_of(s)[2] = signed(seals_of(s)[2], b"")

    faults = {(fault.code, fault.place) for fault in verify_audit(s, "nord", [DAY], LATER).faults}
    assert faults == {("record_changed", f"2026-03-02T08:05:00.000000Z#{changed.audit_id}"), ("seal_not_signed", "3")}
