"""Submitting a version: the row before the call, the same bytes at each resend, and every refusal before or by the DMP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ris.application.dispatch.restart_dispatch import restart_dispatch
from ris.application.dispatch.send_to_dmp import send_to_dmp
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.errors import OutcomeUnknown, Refused, RemoteRejected, RemoteUnavailable
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.frozen import Structure
from tests.support.dmp import ACCESSION, Killed, World

OTHER = Structure("1990000033", "Imagerie de l'Est", "990000033", "SA08", "Cabinet de groupe", "AMBULATOIRE")


@pytest.fixture
def world() -> World:
    world = World()
    world.plan()
    return world


def send(world: World, version: int = 1) -> Delivery:
    return send_to_dmp(world.s, ACCESSION, version, world.now)


def test_the_attempt_is_on_the_row_before_anything_leaves(world: World) -> None:
    seen: list[Delivery] = []
    world.dmp.during.append(lambda: seen.append(world.row()))

    row = send(world)

    assert [(one.attempts, one.unknown, one.reason) for one in seen] == [(1, True, "sending")]
    assert (row.state, row.attempts, row.unknown, row.due_at) == (DeliveryState.DELIVERED, 1, False, None)
    assert world.dmp.documents == {"2.25.201": (b"<cda v='1'/>", b"<signature/>")}


@pytest.mark.parametrize("state", [s for s in DeliveryState if s is not DeliveryState.PENDING])
def test_a_row_that_is_not_pending_sends_nothing(world: World, state: DeliveryState) -> None:
    world.force(state=state)

    assert send(world).state is state
    assert world.dmp.submissions == []


def test_an_unknown_row_is_never_sent(world: World) -> None:
    world.force(unknown=True)

    with pytest.raises(OutcomeUnknown, match="dmp_outcome_unknown"):
        send(world)
    assert world.dmp.submissions == []


@pytest.mark.parametrize("word", ["lost", "cut"])
def test_a_lost_answer_leaves_the_row_unknown(world: World, word: str) -> None:
    world.dmp.script = [word]

    with pytest.raises(OutcomeUnknown, match="dmp_answer_lost"):
        send(world)
    assert (world.row().unknown, world.row().reason, world.row().attempts) == (True, "dmp_answer_lost", 1)


@pytest.mark.parametrize("word", ["killed", "died"])
def test_a_killed_function_leaves_the_row_unknown(world: World, word: str) -> None:
    world.dmp.script = [word]

    with pytest.raises(Killed):
        send(world)
    assert (world.row().unknown, world.row().reason) == (True, "sending")


@pytest.mark.parametrize("word", ["unavailable", "busy"])
def test_what_surely_did_not_arrive_is_known(world: World, word: str) -> None:
    world.dmp.script = [word]

    with pytest.raises(RemoteUnavailable):
        send(world)
    row = world.row()
    assert (row.state, row.unknown) == (DeliveryState.PENDING, False)
    assert row.due_at is not None
    assert send(world).state is DeliveryState.DELIVERED


def test_a_refusal_is_on_the_row_and_its_words_go_nowhere_else(world: World) -> None:
    world.dmp.script = ["XDSRegistryMetadataError"]

    with pytest.raises(RemoteRejected) as raised:
        send(world)
    assert (raised.value.code, raised.value.detail) == ("XDSRegistryMetadataError", "")
    row = world.row()
    assert (row.state, row.remote_code) == (DeliveryState.REJECTED, "XDSRegistryMetadataError")
    assert "275126322074974" in row.remote_words


def test_a_code_that_may_hold_a_value_is_not_let_out(world: World) -> None:
    world.dmp.script = ["Patient 275126322074974 inconnu"]

    with pytest.raises(RemoteRejected, match="dmp_unknown_code"):
        send(world)
    assert world.row().remote_code == "dmp_unknown_code"


def test_other_bytes_under_our_id_are_never_sent_again(world: World) -> None:
    world.dmp.documents["2.25.201"] = (b"<other/>", b"<signature/>")

    with pytest.raises(RemoteRejected, match="XDSNonIdenticalHash"):
        send(world)
    assert world.settle().state is DeliveryState.REJECTED
    assert len(world.dmp.submissions) == 1


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("identity_not_qualified", {"status": IdentityStatus.VALIDEE}),
        ("identity_not_qualified", {"ins": None}),
        ("patient_opposed", {"consents": {"ZFA-9": "IO"}}),
    ],
)
def test_the_patient_s_state_at_that_instant_decides(world: World, code: str, change: dict) -> None:
    world.patients.patient = replace(world.patients.patient, **change)

    with pytest.raises(Refused, match=code):
        send(world)
    assert (world.dmp.submissions, world.row().attempts) == ([], 0)


def test_a_structure_that_is_not_the_certificate_s_is_refused(world: World) -> None:
    world.dmp.structure_of = {"990000025": OTHER.struct_idnat}

    with pytest.raises(Refused, match="structure_not_certificates"):
        send(world)
    assert (world.dmp.submissions, world.row().attempts) == ([], 0)


def test_another_structures_document_is_not_replaced(world: World) -> None:
    send(world)
    world.versions.reports[1] = replace(world.versions.reports[1], structure=OTHER)
    world.plan(2)

    with pytest.raises(Refused, match="another_structures_document"):
        send(world, 2)
    assert world.dmp.submissions == ["2.25.201"]


def test_a_replacement_names_the_entry_of_what_it_replaces(world: World) -> None:
    send(world)
    world.plan(2)

    assert send(world, 2).state is DeliveryState.DELIVERED
    assert world.dmp.replaced == {"2.25.201": "", "2.25.202": "urn:uuid:2.25.201"}


def test_a_version_whose_predecessor_never_left_is_a_first_submission(world: World) -> None:
    world.force(state=DeliveryState.HELD, reason="identity", due_at=None)
    world.plan(2)

    send(world, 2)

    assert world.dmp.replaced == {"2.25.202": ""}


@pytest.mark.parametrize("gone", [DeliveryState.REJECTED, DeliveryState.WITHDRAWN])
def test_a_version_the_dmp_refused_does_not_stand_in_the_way_of_the_next(world: World, gone: DeliveryState) -> None:
    send(world)
    world.plan(2)
    world.deliveries.save(replace(world.row(2), state=gone, reason="XDSRegistryError", due_at=None))
    world.plan(3)

    assert send(world, 3).state is DeliveryState.DELIVERED
    assert world.dmp.replaced == {"2.25.201": "", "2.25.203": "urn:uuid:2.25.201"}, "it replaces the last one that is there"


def test_a_replacement_waits_for_its_predecessor(world: World) -> None:
    world.plan(2)

    with pytest.raises(RemoteUnavailable, match="predecessor_pending"):
        send(world, 2)
    assert world.dmp.submissions == []


def test_what_is_replaced_and_no_longer_there_is_for_a_person(world: World) -> None:
    send(world)
    world.plan(2)
    world.dmp.documents.clear()

    with pytest.raises(Refused, match="replaced_document_absent"):
        send(world, 2)


def test_a_version_that_is_not_signed_yet_waits(world: World) -> None:
    world.versions.signed_too = False

    with pytest.raises(RemoteUnavailable, match="version_not_signed"):
        send(world)
    assert world.row().attempts == 0


def test_a_success_that_could_not_be_written_is_unknown_and_found(world: World) -> None:
    world.deliveries.script = ["ok", *["unavailable"] * 20]

    with pytest.raises(OutcomeUnknown, match="outcome_not_written"):
        send(world)
    world.deliveries.script = []
    assert world.settle().state is DeliveryState.DELIVERED
    assert world.dmp.submissions == ["2.25.201"]


def test_a_row_is_restarted_once_under_a_new_name(world: World) -> None:
    row = world.row()
    late = row.due_at
    assert late is not None

    restart_dispatch(world.restarts, row, late)
    restart_dispatch(world.restarts, row, late)  # a second sweep, whose list is behind

    assert world.starts.names == [f"dispatch-{ACCESSION}-1-1", f"dispatch-{ACCESSION}-1-2-dmp-DMP"]


def test_a_start_that_failed_is_done_again(world: World) -> None:
    world.starts.unavailable = True
    world.now = world.row().due_at or world.now
    world.sweep()
    world.starts.unavailable = False

    assert world.settle().state is DeliveryState.DELIVERED


def test_a_person_sends_a_rejected_version_again(world: World) -> None:
    world.dmp.script = ["XDSUnknownPatientId"]
    world.run()
    rejected = world.row()
    assert restart_dispatch(world.restarts, rejected, world.now).state is DeliveryState.REJECTED

    restart_dispatch(world.restarts, rejected, world.now, by_person=True)
    world.run()

    assert world.row().state is DeliveryState.DELIVERED
    assert world.starts.names[-1] == f"dispatch-{ACCESSION}-1-2-dmp-DMP"


def test_an_end_that_comes_late_says_nothing_of_a_later_attempt(world: World) -> None:
    world.dmp.script = ["cut"]
    world.dmp.during.append(lambda: world.force(attempts=2, reason="sending") and None)

    with pytest.raises(OutcomeUnknown):
        send(world)
    assert (world.row().attempts, world.row().reason) == (2, "sending")


def test_an_attempt_that_another_execution_began_meanwhile_is_not_doubled(world: World) -> None:
    record = world.dmp.record

    def meanwhile(legal_entity: str) -> object:
        world.force(unknown=True, attempts=1, reason="sending")
        return record(legal_entity)

    world.dmp.record = meanwhile  # type: ignore[method-assign,assignment]

    with pytest.raises(OutcomeUnknown, match="dmp_outcome_unknown"):
        send(world)
    assert (world.dmp.submissions, world.row().attempts) == ([], 1)
