"""What a PACS is told when an exam is moved or cancelled: one row, one MSH-10 for each word, nothing older after something newer."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.adapters.agenda.er7 import read
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.move_exam import move_exam
from ris.application.agenda.placing import Place
from ris.application.dispatch.plan_order import plan_order
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import CREATE, DELETE, REPLACE, DeliveryState
from tests.support.agenda import DAY, NOW
from tests.support.dispatch import CHANNEL, PACS, Dispatch


class Told(Dispatch):
    """A dispatch whose agenda plans orders as the product does."""

    def __post_init__(self) -> None:
        from dataclasses import replace

        super().__post_init__()
        world = self.world
        world.s = replace(world.s, orders=_Orders(self))

    def moved(self, exam: Exam, start: str) -> Exam:
        return move_exam(self.world.s, exam.accession_number, Place("nord", "scanner", DAY, start), "acc", NOW)

    def cancelled(self, exam: Exam) -> Exam:
        return cancel_exam(self.world.s, exam.accession_number, "patient", "acc", NOW)

    def words(self) -> list[tuple[str, str]]:
        """ORC-1 and the start told, of every message that left."""
        messages = [read(sent.frame, "UNICODE UTF-8") for sent in self.gate.sent]
        return [(one.first("ORC").field(1).raw, one.first("OBR").field(36).raw[8:12]) for one in messages]


class _Orders:
    def __init__(self, dispatch: Dispatch) -> None:
        self.dispatch = dispatch

    def plan(self, exam, now):  # type: ignore[no-untyped-def]
        plan_order(self.dispatch.world.deliveries, exam, now)

    def send_again(self, delivery, now):  # type: ignore[no-untyped-def]
        raise AssertionError("the sweep is not part of this")


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_move_is_a_change_and_a_cancellation_takes_the_order_back(told: Told) -> None:
    exam = told.booked()
    first = told.send(exam)
    told.answer(first.message_id)

    told.moved(exam, "15:00")
    second = told.send(exam, 1)
    told.answer(second.message_id)
    told.cancelled(exam)
    third = told.send(exam, 2)
    told.answer(third.message_id)

    assert [("NW", "0900"), ("XO", "1500"), ("CA", "1500")] == told.words()
    assert 3 == len({first.message_id, second.message_id, third.message_id})
    assert (DELETE, DeliveryState.DELIVERED) == (told.row(exam).operation, told.row(exam).state)
    assert told.gate.sent[-1].frame.count(b"|CA|") >= 2


def test_an_answer_to_an_earlier_word_settles_nothing(told: Told) -> None:
    exam = told.booked()
    first = told.send(exam)
    told.moved(exam, "15:00")

    late = told.answer(first.message_id)

    assert late == told.row(exam)
    assert (REPLACE, DeliveryState.PENDING) == (told.row(exam).operation, told.row(exam).state)
    assert [] == told.ledger.parked("nord", limit=5)


def test_what_never_left_is_told_as_it_is_now_or_not_at_all(told: Told) -> None:
    exam = told.booked()
    told.moved(exam, "15:00")
    told.send(exam)
    other = told.world.booked(exam_code="ZZQK024", start="11:00")
    told.cancelled(other)
    told.send(other)

    assert [("NW", "1500")] == told.words()
    assert DeliveryState.WITHDRAWN is told.row(other).state


def test_what_perhaps_left_is_taken_back(told: Told) -> None:
    from ris.adapters.dispatch.memory import MemoryHl7Gate
    from ris.domain.errors import OutcomeUnknown

    told.gate = MemoryHl7Gate(OutcomeUnknown("no_answer"))
    told.__post_init__()
    exam = told.booked()
    with pytest.raises(OutcomeUnknown):
        told.send(exam)

    told.cancelled(exam)

    assert (DELETE, DeliveryState.PENDING) == (told.row(exam).operation, told.row(exam).state)


def test_an_order_the_pacs_refused_goes_again_as_an_order_after_a_move_and_is_never_taken_back(told: Told) -> None:
    exam = told.booked()
    first = told.send(exam)
    told.answer(first.message_id, "AE")
    told.moved(exam, "15:00")
    second = told.send(exam, 1)
    told.answer(second.message_id, "AE")
    told.cancelled(exam)

    assert [("NW", "0900"), ("NW", "1500")] == told.words()
    assert first.message_id != second.message_id
    assert DeliveryState.WITHDRAWN is told.row(exam).state


STEPS = ("send", "answer", "refuse", "move", "cancel", "late")


@given(st.lists(st.sampled_from(STEPS), max_size=12))
def test_whatever_happens_the_last_word_is_about_the_exam_as_it_is(steps: list[str]) -> None:
    """A PACS that takes every message ends with what the exam is, once everything was sent."""
    told = Told()
    exam, starts, ids = told.booked(), iter(f"{hour}:00" for hour in range(10, 18)), []
    for number, step in enumerate(steps):
        row = told.world.deliveries.get(exam.accession_number, CHANNEL, PACS)
        match step:
            case "send":
                ids.append(told.send(exam, number * 60).message_id)
            case "answer" if row and row.attempts:
                told.answer(row.message_id)
            case "refuse" if row and row.attempts:
                told.answer(row.message_id, "AE")
            case "late" if ids:
                told.answer(ids[0])
            case "move" if told.world.exam(exam.accession_number).state.value == "booked":
                exam = told.moved(exam, next(starts, "18:00"))
            case "cancel":
                exam = told.cancelled(exam)
    row = told.send(exam, 10_000)

    last = told.words()[-1:] or [("", "")]
    gone = told.world.exam(exam.accession_number).state.value == "cancelled"
    if gone and told.gate.sent:
        refused_first = row.operation == CREATE
        assert refused_first or last[0][0] == "CA"
    elif not gone and row.state is DeliveryState.PENDING:
        wanted = timedelta(hours=2) + told.world.exam(exam.accession_number).appointment.start
        assert last[0] == ({CREATE: "NW", REPLACE: "XO"}[row.operation], f"{wanted:%H%M}")
