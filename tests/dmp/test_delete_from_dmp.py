"""A report taken back from the DMP: once, whatever is lost or killed; what never arrived never leaves."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.identity.patient import IdentityStatus
from tests.support.dmp import World

DELIVERED, PENDING, WITHDRAWN, HELD = (
    DeliveryState.DELIVERED,
    DeliveryState.PENDING,
    DeliveryState.WITHDRAWN,
    DeliveryState.HELD,
)


def fed() -> World:
    """Return a world whose first version is in the DMP."""
    world = World()
    world.plan()
    world.run()
    assert DELIVERED is world.row().state
    return world


def ended(world: World, version: int = 2) -> Delivery:
    world.run(version)
    return world.settle(version)


def test_what_is_there_is_deleted_and_asked_for_once() -> None:
    world = fed()
    row = world.delete()

    after = ended(world)

    assert (DELIVERED, DELETE, {}) == (after.state, after.operation, world.dmp.documents)
    assert [(world.row().document_id, row.planned_at)] == world.dmp.deletions
    assert "td0.2" not in world.dmp.asked[2:]


def test_a_patient_who_opposed_or_whose_identity_changed_since_still_has_it_deleted() -> None:
    world = fed()
    world.exams.exam = replace(world.exams.exam, information="IO")
    world.patients.patient = replace(world.patients.patient, status=IdentityStatus.PROVISOIRE, ins=None, strict=None)
    world.delete()

    assert DELIVERED is ended(world).state
    assert {} == world.dmp.documents


@pytest.mark.parametrize(
    "script", [["lost"], ["cut"], ["died"], ["killed"], ["unavailable"], ["busy"], ["cut", "unavailable", "lost"]]
)
def test_whatever_is_lost_it_ends_deleted(script: list[str]) -> None:
    world = fed()
    world.delete()
    world.dmp.script = ["ok", *script]  # the entry is looked up first

    assert DELIVERED is ended(world).state
    assert {} == world.dmp.documents


def test_every_place_to_fail_ends_the_same() -> None:
    for words in itertools.product(("ok", "unavailable", "killed", "cut", "lost"), repeat=3):
        world = fed()
        world.delete()
        world.dmp.script = list(words)

        assert DELIVERED is ended(world).state, words
        assert {} == world.dmp.documents, words


def test_what_is_gone_already_is_deleted() -> None:
    world = fed()
    world.delete()
    world.dmp.documents.clear()

    assert (DELIVERED, []) == (ended(world).state, world.dmp.deletions)


def test_a_refusal_of_the_first_try_is_a_persons_and_of_a_repetition_is_an_end() -> None:
    world = fed()
    world.delete()
    world.dmp.script = ["ok", "DMPAccessDeniedByRightsService"]
    first = ended(world)
    assert (DeliveryState.REJECTED, "DMPAccessDeniedByRightsService") == (first.state, first.remote_code)

    again = fed()
    again.delete()
    again.dmp.script = ["ok", "cut", "ok", "ok", "XDSRegistryMetadataError"]
    assert (DELIVERED, "XDSRegistryMetadataError") == ((row := ended(again)).state, row.remote_code)


def test_a_version_that_never_arrived_never_leaves() -> None:
    world = World()
    world.plan(qualified=False)
    assert HELD is world.row().state

    assert (WITHDRAWN, "deleted") == ((row := world.delete()).state, row.reason)
    world.run()
    assert ([], []) == (world.dmp.submissions, world.dmp.deletions)


@pytest.mark.parametrize(("word", "arrived"), [("lost", True), ("cut", False)])
def test_a_version_whose_end_is_unknown_is_asked_about_before_it_is_deleted(word: str, arrived: bool) -> None:
    world = World()
    world.plan()
    world.dmp.script = [
        "ok",
        word,
        "unavailable",
        "unavailable",
        "unavailable",
        "unavailable",
        "unavailable",
        "unavailable",
        "unavailable",
    ]
    world.run()
    assert world.row().unknown
    world.dmp.script = []
    world.delete()

    world.run(2)
    for version in (1, 2):
        world.settle(version)

    assert {} == world.dmp.documents
    assert (DELIVERED if arrived else WITHDRAWN, DELIVERED) == (world.row(1).state, world.row(2).state)
    assert (1, int(arrived)) == (len(world.dmp.submissions), len(world.dmp.deletions))


def test_after_a_deletion_a_new_version_is_a_first_submission() -> None:
    world = fed()
    world.delete()
    ended(world)

    world.plan(3)
    world.run(3)

    assert DELIVERED is world.row(3).state
    assert "" == world.dmp.replaced[world.row(3).document_id]


def test_nothing_of_a_withheld_row_leaves_whatever_is_started() -> None:
    world = World()
    row = world.plan()
    world.deliveries.save(replace(row, state=HELD, reason="withheld", due_at=None))

    world.run()

    assert (HELD, "withheld", []) == (world.row().state, world.row().reason, world.dmp.submissions)


def test_a_deletion_that_is_refused_at_once_is_for_a_person_and_one_sent_again_is_done() -> None:
    once, again = fed(), fed()
    for world, script in ((once, ["ok", "XDSRegistryError"]), (again, ["ok", "lost", "ok", "XDSRegistryError"])):
        world.delete()
        world.dmp.script = script
        world.run(2)

    assert (DeliveryState.REJECTED, "XDSRegistryError") == (once.row(2).state, once.row(2).reason)
    assert once.dmp.documents
    assert DELIVERED is again.settle(2).state
    assert {} == again.dmp.documents
