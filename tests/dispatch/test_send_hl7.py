"""A row before any send, the same MSH-10 at each, and nothing sent for what is settled or gone."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.adapters.dispatch.memory import MemoryHl7Gate
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.dispatch.plan_order import plan_order
from ris.application.dispatch.send_hl7 import send_hl7
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.dispatch.transitions import message_id_of
from ris.domain.errors import InvalidInput, OutcomeUnknown, Refused, RemoteUnavailable
from tests.support.agenda import NOW
from tests.support.dispatch import CHANNEL, PACS, Dispatch


@pytest.fixture
def dispatch():
    return Dispatch()


def test_an_order_leaves_once_and_its_row_awaits_the_answer(dispatch):
    exam = dispatch.booked()

    row = dispatch.send(exam)
    again = dispatch.send(exam, 1)

    (sent,) = dispatch.gate.sent
    assert (sent.site, sent.destination, sent.message_id, sent.owner, sent.attempt) == (
        "nord",
        PACS,
        row.message_id,
        exam.accession_number,
        1,
    )
    assert (row.state, row.unknown, row.attempts, row.reason) == (DeliveryState.PENDING, False, 1, "handed_over")
    assert row.due_at > NOW
    assert again == row


def test_a_planned_row_is_the_one_that_is_sent(dispatch):
    exam = dispatch.booked()

    planned = plan_order(dispatch.world.deliveries, exam, NOW)
    assert plan_order(dispatch.world.deliveries, exam, NOW + timedelta(hours=1)) == planned
    dispatch.send(exam)

    assert [row.message_id for row in dispatch.world.deliveries.of_owner(exam.accession_number)] == [planned.message_id]


def test_a_resend_is_the_same_bytes_under_the_same_message_id(dispatch):
    exam = dispatch.booked()
    row = dispatch.send(exam)

    dispatch.send(exam, 16)

    first, second = dispatch.gate.sent
    assert (first.frame, first.message_id) == (second.frame, second.message_id)
    assert (first.attempt, second.attempt) == (1, 2)
    assert row.message_id.encode() in first.frame


def test_what_surely_did_not_leave_is_raised_and_sent_by_the_next_try():
    dispatch = Dispatch(gate=MemoryHl7Gate(RemoteUnavailable("cloud_unavailable")))
    exam = dispatch.booked()

    with pytest.raises(RemoteUnavailable):
        dispatch.send(exam)
    row = dispatch.send(exam)

    assert len(dispatch.gate.sent) == 1
    assert (row.reason, row.attempts) == ("handed_over", 2)


def test_what_perhaps_left_stays_unknown_until_the_same_goes_again():
    dispatch = Dispatch(gate=MemoryHl7Gate(OutcomeUnknown("no_answer")))
    exam = dispatch.booked()

    with pytest.raises(OutcomeUnknown):
        dispatch.send(exam)

    assert (dispatch.row(exam).state, dispatch.row(exam).unknown) == (DeliveryState.PENDING, True)
    assert dispatch.again(dispatch.row(exam), 2).unknown is False
    assert len(dispatch.gate.sent) == 1


def test_an_answer_faster_than_our_own_note_stands(dispatch):
    exam = dispatch.booked()

    class Answering(MemoryHl7Gate):
        def send(self, **given):
            super().send(**given)
            dispatch.answer(given["message_id"])

    dispatch.gate = Answering()
    dispatch.__post_init__()
    row = dispatch.send(exam)

    assert row.state is DeliveryState.DELIVERED
    assert dispatch.row(exam) == row


def test_a_settled_row_sends_nothing(dispatch):
    exam = dispatch.booked()
    row = dispatch.send(exam)
    dispatch.answer(row.message_id)

    assert dispatch.send(exam, 60).state is DeliveryState.DELIVERED
    assert len(dispatch.gate.sent) == 1


def test_nothing_leaves_for_an_exam_that_was_cancelled(dispatch):
    exam = dispatch.booked()
    plan_order(dispatch.world.deliveries, exam, NOW)
    cancel_exam(dispatch.world.s, exam.accession_number, "patient", "acc", NOW)

    row = dispatch.send(exam)

    assert (row.state, row.reason, row.due_at) == (DeliveryState.WITHDRAWN, "exam_cancelled", None)
    assert dispatch.gate.sent == []


def test_a_hold_is_no_order(dispatch):
    exam = dispatch.world.held()

    with pytest.raises(Refused, match="exam_not_booked"):
        dispatch.send(exam)


@pytest.mark.parametrize(("accession", "channel", "code"), [("nothing", CHANNEL, "unknown_exam"), ("x", "fax", "unknown_channel")])
def test_what_does_not_exist_is_refused_by_name(dispatch, accession, channel, code):
    with pytest.raises(InvalidInput, match=code):
        send_hl7(dispatch.s, accession, channel, PACS, NOW)


def test_the_sweep_finds_a_row_nobody_sent_and_backs_off_while_the_queue_is_away():
    outage = [RemoteUnavailable("cloud_unavailable") for _ in range(7)]
    dispatch = Dispatch(gate=MemoryHl7Gate(*outage))
    exam = dispatch.booked()
    row, minutes, pauses = plan_order(dispatch.world.deliveries, exam, NOW), 0.0, []

    for _ in outage:
        minutes = (row.due_at - NOW) / timedelta(minutes=1)
        assert row in dispatch.world.deliveries.due("nord", now=NOW + timedelta(minutes=minutes), limit=9)
        row = dispatch.again(row, minutes)
        pauses.append((row.due_at - NOW) / timedelta(minutes=1) - minutes)

    assert pauses == [1, 2, 5, 15, 60, 60, 60]
    assert dispatch.again(row, minutes + 60).reason == "handed_over"


def test_a_row_the_sweep_cannot_send_for_its_content_is_rejected_with_its_reason(dispatch):
    exam = dispatch.booked()
    row = plan_order(dispatch.world.deliveries, exam, NOW)
    dispatch.world.patients._patients.clear()

    after = dispatch.again(row, 6)

    assert (after.state, after.reason, after.due_at) == (DeliveryState.REJECTED, "unknown_patient", None)


@given(*[st.text(max_size=30)] * 4)
def test_a_message_id_fits_msh_10_and_is_a_function_of_its_row(site, owner, channel, recipient):
    message_id = message_id_of(site, owner, channel, recipient)

    assert len(message_id) == 20
    assert message_id.isascii()
    assert message_id.isalnum()
    assert message_id == message_id_of(site, owner, channel, recipient)
    assert message_id != message_id_of(site + "x", owner, channel, recipient)
