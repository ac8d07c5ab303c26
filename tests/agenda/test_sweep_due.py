from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ris.adapters.agenda.memory import MemoryExamStore, MemoryRows, MemoryWorkflows
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.ports import Orders
from ris.application.agenda.sweep_due import sweep_due
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.request import RequestState
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.errors import RemoteUnavailable
from tests.support.agenda import NOW, World, a_patient, a_request

LATE = NOW + timedelta(minutes=3)
EXPIRED = NOW + timedelta(minutes=15)


@pytest.fixture
def world() -> World:
    return World()


def test_an_expired_hold_is_given_back_with_its_request(world: World) -> None:
    world.s.exams.save_request(a_request())
    exam = world.held(request_id="r-1")

    report = sweep_due(world.s, "nord", EXPIRED)

    assert (1, 0) == (report.expired, report.overdue)
    assert ExamState.EXPIRED is world.exam(exam.accession_number).state
    assert [] == world.slots("scanner") == world.slots("ct1")
    request = world.s.exams.get_request("r-1")
    assert request is not None
    assert RequestState.TO_BOOK is request.state
    assert ExamState.HELD is world.held(request_id="r-1").state


def test_a_hold_that_still_has_time_is_left_alone(world: World) -> None:
    exam = world.held()

    report = sweep_due(world.s, "nord", LATE - timedelta(seconds=1))

    assert 0 == report.expired + report.restarted + report.overdue
    assert ExamState.HELD is world.exam(exam.accession_number).state


def test_a_machine_that_never_ran_is_started_again_under_a_new_name(world: World) -> None:
    world.workflows.unavailable = True
    exam = world.held()
    world.workflows.unavailable = False

    report = sweep_due(world.s, "nord", LATE)
    sweep_due(world.s, "nord", LATE + timedelta(seconds=10))

    assert (1, 1) == (report.restarted, report.overdue)
    assert {f"booking-{exam.accession_number}-2": (exam.accession_number, exam.hold_token)} == world.workflows.started


class BehindExams(MemoryExamStore):
    """Exams whose lists show what was there when the store was made."""

    def __init__(self, rows: MemoryRows) -> None:
        super().__init__(rows)
        self._before = super().held("nord", limit=100)

    def held(self, site: str, *, limit: int) -> list[Exam]:
        return self._before


def test_a_list_that_is_behind_starts_nothing_for_an_exam_already_booked(world: World) -> None:
    exam = world.held()
    behind = BehindExams(world.rows)
    confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)
    world.workflows.started.clear()

    sweep_due(replace(world.s, exams=behind), "nord", LATE)
    sweep_due(replace(world.s, exams=behind), "nord", EXPIRED)

    assert {} == world.workflows.started
    assert ExamState.BOOKED is world.exam(exam.accession_number).state


def test_a_restarted_machine_books_the_exam(world: World) -> None:
    world.workflows.unavailable = True
    exam = world.held()
    started = MemoryWorkflows(lambda accession, token: confirm_booking(world.s, accession, token, LATE) and None)

    sweep_due(replace(world.s, workflows=started), "nord", LATE)

    assert ExamState.BOOKED is world.exam(exam.accession_number).state


def test_a_booking_whose_machine_died_before_publishing_is_published(world: World) -> None:
    exam = world.held()
    confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)

    report = sweep_due(world.s, "nord", LATE)

    assert (1, 1) == (report.republished, report.overdue)
    assert [exam.steps[0].sps_id] == list(world.feed.shown())
    assert [exam.accession_number] == world.orders.planned
    assert 0 == sweep_due(world.s, "nord", LATE + timedelta(hours=1)).republished


def test_a_sweep_of_one_site_leaves_the_others(world: World) -> None:
    world.held()

    assert 0 == sweep_due(world.s, "nuit", EXPIRED).expired


def a_delivery(number: int, due_at: datetime | None) -> Delivery:
    return Delivery(f"26000000000{number}", "nord", "hl7_pacs_order", "PACS", f"M{number}", DeliveryState.PENDING, due_at=due_at)


def test_overdue_deliveries_are_handed_to_dispatch(world: World) -> None:
    world.deliveries.save(a_delivery(1, NOW))
    world.deliveries.save(a_delivery(2, LATE))
    world.deliveries.save(a_delivery(3, None))

    report = sweep_due(world.s, "nord", NOW)

    assert (1, 1) == (report.resent, report.overdue)
    assert ["M1"] == [one.message_id for one in world.orders.sent_again]


class FailingOrders(Orders):
    """Raises for one row, a bug for another, and sends the rest."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def plan(self, exam: Exam, now: datetime) -> None:
        raise NotImplementedError

    def send_again(self, delivery: Delivery, now: datetime) -> None:
        if delivery.message_id == "M1":
            raise RemoteUnavailable("down")
        if delivery.message_id == "M2":
            raise KeyError("a bug")
        self.sent.append(delivery.message_id)


def test_a_row_that_fails_keeps_no_other_from_being_treated(world: World) -> None:
    world.patients.save(a_patient(2))
    world.held(patient_id="p-2")
    for number in (1, 2, 3):
        world.deliveries.save(a_delivery(number, NOW))
    orders = FailingOrders()

    report = sweep_due(replace(world.s, orders=orders), "nord", EXPIRED)

    assert ["M3"] == orders.sent
    assert (1, 1, 2, ("KeyError", "RemoteUnavailable")) == (report.expired, report.resent, report.failed, report.errors)
