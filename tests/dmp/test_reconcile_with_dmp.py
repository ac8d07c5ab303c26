"""The lost answer, whatever its shape: one document, and a row that says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.dispatch.reconcile_with_dmp import reconcile_with_dmp
from ris.application.dispatch.record_outcome import OutcomeServices, record_outcome
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.errors import RemoteUnavailable
from ris.domain.identity.patient import IdentityStatus
from tests.support.dmp import ACCESSION, World


@pytest.fixture
def world() -> World:
    world = World()
    world.plan()
    return world


def unknown(world: World, *, there: bool) -> None:
    world.force(unknown=True, reason="dmp_answer_lost", attempts=1, changed_at=world.now)
    if there:
        world.dmp.documents["2.25.201"] = (b"<cda v='1'/>", b"<signature/>")
    world.now += timedelta(seconds=6)


def ask(world: World) -> Delivery:
    return reconcile_with_dmp(world.s, ACCESSION, 1, world.now)


def test_found_is_delivered(world: World) -> None:
    unknown(world, there=True)

    assert ask(world).state is DeliveryState.DELIVERED
    assert (world.dmp.asked, world.dmp.submissions) == (["td3.1b"], [])


def test_absent_lets_the_same_bytes_go_again_later(world: World) -> None:
    unknown(world, there=False)

    row = ask(world)

    assert (row.state, row.unknown, row.reason) == (DeliveryState.PENDING, False, "absent")
    assert row.due_at == world.now + timedelta(minutes=1)
    assert world.settle().state is DeliveryState.DELIVERED
    assert len(world.dmp.documents) == 1


@pytest.mark.parametrize(("reason", "seconds"), [("dmp_answer_lost", 5), ("sending", 90)])
def test_the_answer_is_not_believed_too_early(world: World, reason: str, seconds: int) -> None:
    world.force(unknown=True, reason=reason, attempts=1, changed_at=world.now)
    world.now += timedelta(seconds=seconds - 1)

    with pytest.raises(RemoteUnavailable, match="dmp_settling"):
        ask(world)
    assert world.dmp.asked == []


@pytest.mark.parametrize("state", [s for s in DeliveryState if s is not DeliveryState.PENDING])
def test_a_row_that_is_not_unknown_asks_nobody(world: World, state: DeliveryState) -> None:
    world.force(state=state)

    assert ask(world).state is state
    assert world.dmp.asked == []


def test_an_outage_leaves_it_unknown(world: World) -> None:
    unknown(world, there=True)
    world.dmp.script = ["unavailable"]

    with pytest.raises(RemoteUnavailable, match="dmp_503"):
        ask(world)
    assert world.row().unknown


def test_a_question_that_is_refused_leaves_it_unknown_and_shows_why(world: World) -> None:
    unknown(world, there=True)
    world.dmp.script = ["DMPAccessDeniedByRightsService"]

    row = ask(world)

    assert (row.unknown, row.reason, row.remote_code) == (True, "DMPAccessDeniedByRightsService", "DMPAccessDeniedByRightsService")
    assert row.due_at is not None
    assert world.settle().state is DeliveryState.DELIVERED


def test_no_question_carries_the_ins_of_an_identity_that_is_not_qualified(world: World) -> None:
    unknown(world, there=True)
    qualified = world.patients.patient
    world.patients.patient = replace(qualified, status=IdentityStatus.RECUPEREE)

    row = ask(world)

    assert (world.dmp.asked, row.unknown, row.reason) == ([], True, "identity_not_qualified")
    world.patients.patient = qualified
    assert world.settle().state is DeliveryState.DELIVERED


def test_an_absence_says_nothing_of_a_later_attempt(world: World) -> None:
    unknown(world, there=False)
    asked = world.dmp.entry_uuid

    def meanwhile(*given: object, **named: object) -> str:
        world.force(attempts=2, reason="sending")
        return asked(*given, **named)  # type: ignore[arg-type]

    world.dmp.entry_uuid = meanwhile  # type: ignore[method-assign]

    assert ask(world).unknown


@pytest.mark.parametrize("word", ["lost", "died"])
def test_the_lost_answer_is_one_document(world: World, word: str) -> None:
    world.dmp.script = ["ok", word]

    world.run()

    assert world.settle().state is DeliveryState.DELIVERED
    assert (len(world.dmp.documents), world.dmp.submissions) == (1, ["2.25.201"])


def test_a_duplicate_after_the_same_bytes_is_delivered(world: World) -> None:
    """The registry said absent while the repository still worked: the resend meets our own document."""
    world.dmp.script = ["ok", "lost"]
    hidden = world.dmp.entry_uuid
    world.dmp.entry_uuid = lambda *_, **__: ""  # type: ignore[method-assign]
    world.run()
    assert world.row().reason == "absent"
    world.dmp.entry_uuid = hidden  # type: ignore[method-assign]

    assert world.settle().state is DeliveryState.DELIVERED
    assert (len(world.dmp.documents), len(world.dmp.submissions)) == (1, 2)


def test_a_second_execution_in_the_middle_of_a_submission_doubles_nothing(world: World) -> None:
    world.dmp.during.append(lambda: world.now and list(world.steps()))  # type: ignore[func-returns-value,arg-type]

    world.run()

    assert world.row().state is DeliveryState.DELIVERED
    assert len(world.dmp.documents) == 1


@pytest.mark.parametrize(
    ("error", "unknown_before", "state", "unknown_after"),
    [
        ("RemoteRejected", True, "rejected", False),
        ("RemoteRejected", False, "rejected", False),
        ("Refused", False, "rejected", False),
        ("Refused", True, "pending", True),
        ("InvalidInput", False, "rejected", False),
        ("RemoteUnavailable", True, "pending", True),
        ("RemoteUnavailable", False, "pending", False),
        ("States.Timeout", True, "pending", True),
        ("Lambda.Unknown", False, "pending", False),
    ],
)
def test_the_row_knows_itself_whether_it_was_perhaps_sent(
    world: World, error: str, unknown_before: bool, state: str, unknown_after: bool
) -> None:
    world.force(unknown=unknown_before)

    for _ in range(2):
        row = record_outcome(
            OutcomeServices(world.deliveries, world.exams), ACCESSION, "dmp", "DMP", error, "some_code", world.now, report_version=1
        )
        assert (row.state.value, row.unknown, row.reason) == (state, unknown_after, "some_code")


@pytest.mark.parametrize(("code", "state"), [("identity_not_qualified", "held"), ("patient_opposed", "withdrawn")])
def test_what_an_event_can_mend_is_not_rejected(world: World, code: str, state: str) -> None:
    row = record_outcome(
        OutcomeServices(world.deliveries, world.exams), ACCESSION, "dmp", "DMP", "Refused", code, world.now, report_version=1
    )

    assert row.state.value == state


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.REJECTED, DeliveryState.WITHDRAWN])
def test_an_error_recorded_late_changes_nothing(world: World, state: DeliveryState) -> None:
    before = world.force(state=state, due_at=None)
    for error in ("RemoteRejected", "Refused", "RemoteUnavailable", "Lambda.Unknown"):
        after = record_outcome(
            OutcomeServices(world.deliveries, world.exams), ACCESSION, "dmp", "DMP", error, "", world.now, report_version=1
        )
        assert after == before
