"""Whether a version may leave: the row first, then what we know, then the DMP."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.dispatch.check_dmp import check_dmp
from ris.application.dispatch.dmp_port import RecordState
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.errors import InvalidInput, RemoteUnavailable
from ris.domain.identity.ins import OID_NIR_TEST, Ins
from ris.domain.identity.patient import IdentityStatus
from tests.support.dmp import ACCESSION, World
from tests.support.frozen_reports import a_qualified_identity


@pytest.fixture
def world() -> World:
    world = World()
    world.plan()
    return world


def outcome(world: World) -> tuple[str, str, str]:
    step = check_dmp(world.s, ACCESSION, 1, world.now)
    assert step.row == world.row()
    return step.next, step.row.state.value, step.row.reason


def test_an_open_record_is_fed(world: World) -> None:
    assert outcome(world) == ("send", "pending", "")
    assert world.dmp.asked == ["td0.2"]


def test_no_record_is_held_until_the_next_day_and_then_fed(world: World) -> None:
    world.dmp.state = RecordState("none")

    assert outcome(world) == ("nothing", "held", "no_dmp")
    assert world.row().due_at == world.now + timedelta(days=1)
    world.dmp.state = RecordState("open")
    assert world.settle().state is DeliveryState.DELIVERED


def test_a_closed_record_is_rejected_with_its_date_and_reason(world: World) -> None:
    world.dmp.state = RecordState("closed", "20260401", "FERMETURE_DEMANDE_PATIENT")

    assert outcome(world) == ("nothing", "rejected", "dmp_closed")
    assert (world.row().remote_code, world.row().remote_words) == ("DMPClosed", "20260401 FERMETURE_DEMANDE_PATIENT")
    assert world.row().due_at is None


@pytest.mark.parametrize("where", ["patient", "episode"])
def test_an_opposition_withdraws_without_asking_anybody(world: World, where: str) -> None:
    if where == "patient":
        world.patients.patient = replace(world.patients.patient, consents={"ZFA-9": "IO"})
    else:
        world.exams.exam = replace(world.exams.exam, information="IO")

    assert outcome(world) == ("nothing", "withdrawn", "opposition")
    assert world.dmp.asked == []


@pytest.mark.parametrize("said", ["INO", "NA", ""])
def test_information_not_collected_holds_nothing(world: World, said: str) -> None:
    world.patients.patient = replace(world.patients.patient, consents={"ZFA-9": said})

    assert outcome(world)[0] == "send"


@pytest.mark.parametrize("status", [status for status in IdentityStatus if status is not IdentityStatus.QUALIFIEE])
def test_an_identity_that_is_no_longer_qualified_is_held_without_asking(world: World, status: IdentityStatus) -> None:
    world.patients.patient = replace(world.patients.patient, status=status)

    assert outcome(world) == ("nothing", "held", "identity")
    assert (world.dmp.asked, world.row().due_at) == ([], None)


def test_another_ins_than_the_document_s_is_held() -> None:
    world = World()
    world.plan(identity=a_qualified_identity(ins=Ins("180012A00100192", OID_NIR_TEST)))

    assert outcome(world) == ("nothing", "held", "identity")


def test_a_document_without_ins_is_held_whatever_the_patient_is_now() -> None:
    world = World()
    world.plan(qualified=False, identity=None)

    assert outcome(world) == ("nothing", "held", "identity")
    assert len(world.deliveries.history) == 1, "nothing changed, so nothing is written"


@pytest.mark.parametrize(
    "state", [DeliveryState.DELIVERED, DeliveryState.REJECTED, DeliveryState.WITHDRAWN, DeliveryState.DELEGATED]
)
def test_a_settled_row_asks_nobody(world: World, state: DeliveryState) -> None:
    world.force(state=state, due_at=None)

    assert outcome(world)[0] == "nothing"
    assert world.dmp.asked == []


def test_an_unknown_row_is_asked_about_and_not_checked(world: World) -> None:
    world.force(unknown=True, reason="sending")

    assert outcome(world)[0] == "reconcile"
    assert world.dmp.asked == []


def test_a_certificate_of_another_structure_never_calls(world: World) -> None:
    world.dmp.structure_of = {"990000025": "1990000033"}

    assert outcome(world) == ("nothing", "rejected", "structure_not_certificates")
    assert world.dmp.asked == []


def test_the_remote_s_refusal_is_on_the_row_with_its_words(world: World) -> None:
    world.dmp.script = ["DMPAccessDeniedByRightsService"]

    assert outcome(world) == ("nothing", "rejected", "DMPAccessDeniedByRightsService")
    assert world.row().remote_words.startswith("ZOE ADRUN")


def test_an_outage_opens_the_breaker_and_then_nobody_is_called(world: World) -> None:
    world.dmp.script = ["unavailable"] * 9
    for _ in range(3):
        with pytest.raises(RemoteUnavailable, match="dmp_503"):
            check_dmp(world.s, ACCESSION, 1, world.now)

    assert outcome(world) == ("nothing", "pending", "dmp_breaker_open")
    assert len(world.dmp.asked) == 3
    (incident,) = world.breakers.incidents("dmp", limit=9)
    assert (incident.failures, incident.closed_at) == (3, None)

    world.dmp.script = []
    assert world.settle().state is DeliveryState.DELIVERED
    (incident,) = world.breakers.incidents("dmp", limit=9)
    assert incident.closed_at is not None


def test_a_wrong_certificate_stops_the_others_too(world: World) -> None:
    for version in (2, 3, 4):
        world.plan(version)
    world.dmp.script = ["DMPInvalidCertificate"] * 4

    states = [check_dmp(world.s, ACCESSION, version, world.now).row.state for version in (1, 2, 3, 4)]

    assert states == [DeliveryState.REJECTED] * 3 + [DeliveryState.PENDING]


def test_what_is_unknown_to_us_is_our_own_error(world: World) -> None:
    with pytest.raises(InvalidInput, match="unknown_delivery"):
        check_dmp(world.s, ACCESSION, 9, world.now)
    world.versions.reports.clear()
    with pytest.raises(InvalidInput, match="unknown_version"):
        check_dmp(world.s, ACCESSION, 1, world.now)
