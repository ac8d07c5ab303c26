"""A report as HL7: which message each destination gets, once under one number, and never out of turn."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.adapters.agenda.er7 import Message, read
from ris.application.dispatch.restart_dispatch import restart_dispatch
from ris.application.dispatch.send_hl7 import send_hl7
from ris.domain.agenda.request import ImagingRequest
from ris.domain.dispatch.channels import HL7_REPORT
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.mail import surely_not_left
from ris.domain.dispatch.stuck import stuck_since
from ris.domain.errors import InvalidInput, RemoteUnavailable
from ris.domain.report.marks import Marks, Reason
from tests.support.dmp import ACCESSION
from tests.support.letters import Letters, a_site


@pytest.fixture
def world() -> Letters:
    made = Letters()
    made.validate()
    return made


def sent(world: Letters, recipient: str = "HIS", version: int = 1) -> Delivery:
    return send_hl7(world.hl7, ACCESSION, HL7_REPORT, recipient, world.now, report_version=version)


def message(world: Letters) -> Message:
    return read(world.gate.sent[-1][2], "UNICODE UTF-8")


def words(world: Letters) -> tuple[str, str, str, str]:
    """Return event, ORC-1, OBX-11 and TXA-13."""
    found = message(world)
    txa = found.first("TXA")
    obx, orc = found.first("OBX"), found.first("ORC")
    assert obx is not None
    assert orc is not None
    return (
        found.header.field(9).component(2).word(), orc.field(1).word(), obx.field(11).word(), txa.field(13).word() if txa else "",
    )  # fmt: skip


def test_the_hospital_gets_a_document_and_the_pacs_a_result(world: Letters) -> None:
    world.dispatch()

    kinds = {destination: read(frame, "UNICODE UTF-8").header.field(9).raw for destination, _, frame in world.gate.sent}
    assert kinds == {"HIS": "MDM^T02^MDM_T02", "PACS": "ORU^R01^ORU_R01"}
    assert all(len(number) == 20 for _, number, _ in world.gate.sent)
    for recipient in ("HIS", "PACS"):
        assert world.of(HL7_REPORT, recipient).reason == "handed_over"


@pytest.mark.parametrize(
    ("operation", "reason", "expected", "modif"),
    [
        ("create", Reason.VALIDATION, ("T02", "NW", "F", ""), "N"),
        ("replace", Reason.CORRECTION, ("T10", "RO", "C", "2.25.201"), "N"),
        ("replace", Reason.ANNOUNCEMENT, ("T10", "RO", "C", "2.25.201"), "Y"),
        ("delete", Reason.DELETION, ("T04", "CA", "D", ""), "N"),
    ],
)
def test_event_order_control_and_result_status_agree(
    world: Letters, operation: str, reason: Reason, expected: tuple[str, ...], modif: str
) -> None:
    world.dispatch()
    world.validate(2, reason=reason)
    row = world.of(HL7_REPORT, "HIS", 2)
    before = {} if operation == "create" else {"predecessor": "2.25.201", "predecessor_version": 1}
    world.deliveries.save(replace(row, operation=operation, **before))

    sent(world, version=2)

    assert words(world) == expected
    flag = next(obx for obx in message(world).all("OBX") if obx.field(3).component(1).word() == "MODIF_CONF_CODE")
    # What is deleted is the version before, with what was said of it then.
    assert flag.field(5).component(1).word() == modif


@pytest.mark.parametrize("marks", [Marks(announcement_pending=True), Marks(masked_to_professionals=True)])
def test_the_marks_travel_as_flags(marks: Marks) -> None:
    world = Letters()
    world.validate(marks=marks)

    sent(world)

    flags = {obx.field(3).component(1).word(): obx.field(5).component(1).word() for obx in message(world).all("OBX")[1:]}
    assert flags["INVISIBLE_PATIENT"] == ("Y" if marks.announcement_pending else "N")
    assert flags["MASQUE_PS"] == ("Y" if marks.masked_to_professionals else "N")
    assert {flags[name] for name in ("DESTDMP", "DESTMSSANTEPS", "DESTMSSANTEPAT", "ACK_RECEPTION")} == {"N"}


def test_what_was_handed_over_waits_for_its_answer_and_a_resend_is_the_same_bytes(world: Letters) -> None:
    sent(world)
    sent(world)
    assert len(world.gate.sent) == 1

    world.now = (world.of(HL7_REPORT, "HIS").due_at or world.now) + timedelta(seconds=1)
    sent(world)

    assert world.gate.sent[0] == world.gate.sent[1]


def test_an_acceptance_delivers_and_a_refusal_waits_for_a_person(world: Letters) -> None:
    world.dispatch()
    world.acknowledge(world.of(HL7_REPORT, "HIS").message_id, "AE")
    world.acknowledge(world.of(HL7_REPORT, "PACS").message_id, "AA", destination="PACS")
    rejected = world.of(HL7_REPORT, "HIS")
    assert (rejected.state, rejected.reason) == (DeliveryState.REJECTED, "refused_by_peer")
    assert world.of(HL7_REPORT, "PACS").state is DeliveryState.DELIVERED
    assert [fact.channel for fact in world.deliveries.facts].count(HL7_REPORT) == 1

    restart_dispatch(world.restarts, rejected, world.now, by_person=True)
    list(world.execution(1, (HL7_REPORT, "HIS")))
    world.acknowledge(rejected.message_id)

    assert world.of(HL7_REPORT, "HIS").state is DeliveryState.DELIVERED
    assert [number for _, number, _ in world.gate.sent].count(rejected.message_id) == 2


def test_an_answer_ar_goes_again_by_itself(world: Letters) -> None:
    world.dispatch()
    number = world.of(HL7_REPORT, "HIS").message_id
    world.acknowledge(number, "AR")
    assert world.of(HL7_REPORT, "HIS").reason == "postponed_by_peer"

    world.now += timedelta(minutes=20)
    world.sweep_all()
    world.acknowledge(number)

    assert world.of(HL7_REPORT, "HIS").state is DeliveryState.DELIVERED


def test_what_is_never_acknowledged_goes_again_ever_more_rarely_and_is_shown_as_stuck(world: Letters) -> None:
    list(world.execution(1, (HL7_REPORT, "HIS")))
    first = world.of(HL7_REPORT, "HIS")
    assert stuck_since(first) is None  # its answer is awaited
    started, sent = len(world.starts.names), len(world.gate.sent)

    world.now = first.due_at or world.now
    world.sweep_all()

    row = world.of(HL7_REPORT, "HIS")
    assert (row.attempts, stuck_since(row)) == (2, first.planned_at)
    begun = world.now
    while (row := world.of(HL7_REPORT, "HIS")).due_at is not None and row.due_at < begun + timedelta(days=5):
        world.now = max(world.now, row.due_at)
        restart_dispatch(world.restarts, row, world.now)
        list(world.execution(1, (HL7_REPORT, "HIS")))
    of_this_row = [name for name in world.starts.names[started:] if name.endswith("HIS")]
    # A quarter of an hour three times, then hourly: each execution sends once, under the same number.
    assert 100 < len(of_this_row) <= 5 * 24 + 4
    assert [n for _, n, _ in world.gate.sent[sent:]].count(row.message_id) == len(of_this_row)

    world.acknowledge(row.message_id)
    assert (world.of(HL7_REPORT, "HIS").state, stuck_since(world.of(HL7_REPORT, "HIS"))) == (DeliveryState.DELIVERED, None)


def test_an_execution_that_dies_before_it_sends_again_leaves_the_row_perhaps_received(world: Letters) -> None:
    list(world.execution(1, (HL7_REPORT, "HIS")))
    row = world.of(HL7_REPORT, "HIS")
    world.now = row.due_at or world.now

    after = restart_dispatch(world.restarts, row, world.now)

    assert (after.reason, after.unknown, after.attempts) == ("unacknowledged", True, 1)
    assert not surely_not_left(after)
    assert stuck_since(after) == row.planned_at


def test_an_older_version_that_never_left_is_overtaken(world: Letters) -> None:
    world.validate(2)

    assert (sent(world).state, sent(world).reason) == (DeliveryState.WITHDRAWN, "superseded")
    assert world.gate.sent == []


def test_nothing_leaves_of_what_is_not_planned_or_not_signed(world: Letters) -> None:
    with pytest.raises(InvalidInput, match="unknown_delivery"):
        sent(world, "DRIMBOX")
    world.versions.signed_too = False
    with pytest.raises(RemoteUnavailable, match="version_not_signed"):
        sent(world)
    assert world.gate.sent == []


def test_a_queue_that_is_down_leaves_the_row_to_be_found(world: Letters) -> None:
    world.gate.script = ["unavailable"] * 20

    list(world.execution(1, (HL7_REPORT, "HIS")))

    row = world.of(HL7_REPORT, "HIS")
    assert (row.state, row.due_at is not None) == (DeliveryState.PENDING, True)
    world.gate.script = []
    world.settle_all(days=1)
    assert world.gate.sent


def test_the_hospitals_own_visit_and_the_sites_return_address_are_in_its_message() -> None:
    world = Letters(site=a_site(who_sends="platform", reply_to="secretariat@est.mssante.example"))
    world.validate()
    order = ImagingRequest(
        "r-1", "nord", "p-1", "OPN-1", "1.2.250.1.99999.7", "ZBQK001", "CCAM", "Scanner",
        visit_number="V-26-0042", visit_authority="1.2.250.1.99999.1",
    )  # fmt: skip
    world.exams.order, world.exams.exam = order, replace(world.exams.exam, request_id="r-1")

    sent(world)

    pv1 = message(world).first("PV1")
    assert pv1 is not None
    assert pv1.field(19).component(1).word() == "V-26-0042"
    assert b"REPLY^Reply to^participation" in world.gate.sent[-1][2]
    assert b"^NET^X.400^secretariat@est.mssante.example" in world.gate.sent[-1][2]
