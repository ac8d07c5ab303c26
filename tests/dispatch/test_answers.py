"""Acknowledgements and failures in any order, twice, late, or of somebody else."""

import itertools

import pytest

from ris.application.agenda.messages import MessageState
from ris.application.agenda.parked_messages import dismiss_message, replay_message
from ris.contracts.causes import code_of_cause
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.errors import Refused
from tests.support.agenda import NOW
from tests.support.dispatch import Dispatch, ack
from tests.support.hl7 import Intake

ERR = "ERR||PID^1^7|207^Application error^HL70357|E||||Numéro inconnu"


@pytest.fixture
def dispatch():
    return Dispatch()


@pytest.fixture
def exam(dispatch):
    return dispatch.booked()


def test_aa_delivers(dispatch, exam):
    row = dispatch.answer(dispatch.send(exam).message_id)

    assert (row.state, row.remote_code, row.due_at, row.unknown) == (DeliveryState.DELIVERED, "AA", None, False)


def test_ae_rejects_with_the_peers_code_and_words(dispatch, exam):
    message_id = dispatch.send(exam).message_id

    row = dispatch.answer(message_id, "AE", frame=ack("AE", message_id, err=ERR))

    assert (row.state, row.reason, row.due_at) == (DeliveryState.REJECTED, "refused_by_peer", None)
    assert (row.remote_code, row.remote_words) == ("207", "Numéro inconnu")


def test_an_old_peers_err_1_is_read_too(dispatch, exam):
    message_id = dispatch.send(exam).message_id

    row = dispatch.answer(message_id, "AE", frame=ack("AE", message_id, err="ERR|PID^1^7^103&Table value not found"))

    assert (row.remote_code, row.remote_words) == ("103", "Table value not found")


def test_ar_is_sent_again_later_with_the_same_message_id(dispatch, exam):
    message_id = dispatch.send(exam).message_id

    row = dispatch.answer(message_id, "AR", minutes=1)
    assert (row.state, row.reason, row.remote_code) == (DeliveryState.PENDING, "postponed_by_peer", "AR")
    dispatch.again(row, 3)

    assert [sent.message_id for sent in dispatch.gate.sent] == [message_id] * 2


@pytest.mark.parametrize(("unknown", "reason"), [(True, "no_answer"), (False, "peer_unreachable")])
def test_no_answer_goes_again_and_says_whether_it_may_have_arrived(dispatch, exam, unknown, reason):
    message_id = dispatch.send(exam).message_id

    row = dispatch.answer(message_id, "none", unknown=unknown)

    assert (row.state, row.unknown, row.reason) == (DeliveryState.PENDING, unknown, reason)
    assert dispatch.again(row, 60).reason == "handed_over"


@pytest.mark.parametrize("order", list(itertools.permutations(["AA", "AE", "AR", "none", "AA"], 3)))
def test_one_aa_among_other_answers_delivers_whatever_their_order_and_repetition(dispatch, exam, order):
    message_id = dispatch.send(exam).message_id

    for outcome in order:
        dispatch.answer(message_id, outcome)
        dispatch.answer(message_id, outcome)

    expected = DeliveryState.DELIVERED if "AA" in order else DeliveryState.REJECTED if "AE" in order else DeliveryState.PENDING
    assert dispatch.row(exam).state is expected


def test_a_repeated_answer_writes_nothing(dispatch, exam):
    message_id = dispatch.send(exam).message_id

    assert dispatch.answer(message_id) == dispatch.answer(message_id, minutes=5)


def test_an_answer_to_a_withdrawn_row_leaves_it(dispatch, exam):
    from ris.application.agenda.cancel_exam import cancel_exam
    from ris.application.dispatch.plan_order import plan_order

    row = plan_order(dispatch.world.deliveries, exam, NOW)
    cancel_exam(dispatch.world.s, exam.accession_number, "patient", "acc", NOW)
    dispatch.send(exam)

    assert dispatch.answer(row.message_id).state is DeliveryState.WITHDRAWN


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"message_id": "NOTHING"}, "acknowledgement_of_nothing_sent"),
        ({"site": "nuit"}, "acknowledgement_of_nothing_sent"),
        ({"destination": "HIS"}, "acknowledgement_of_nothing_sent"),
        ({"frame": ack("AA", "OTHER")}, "acknowledgement_of_another_message"),
    ],
)
def test_an_answer_to_nothing_of_ours_is_kept_and_moves_nothing(dispatch, exam, changes, reason):
    row = dispatch.send(exam)
    given = {"message_id": row.message_id, **changes}

    assert dispatch.answer(**given) is None
    assert dispatch.answer(**given) is None

    assert [entry.reason for entry in dispatch.ledger.parked(given.get("site", "nord"), limit=9)] == [reason]
    assert dispatch.row(exam) == row


@pytest.mark.parametrize(
    "frame", [b"\xff\xff", b"MSH|^~\\&|", b"MSH|^~\\&|PACS\rPID|1\r", "MSH|^~\\&|PACS\rMSA|AA|é\r".encode("latin-1")]
)
def test_words_that_cannot_be_read_do_not_hide_the_answer(dispatch, exam, frame):
    row = dispatch.send(exam)

    assert dispatch.answer(row.message_id, frame=frame).state is DeliveryState.DELIVERED


def test_a_kept_answer_can_be_dismissed_and_not_replayed(dispatch, exam):
    dispatch.answer("NOTHING")
    (entry,) = dispatch.ledger.parked("nord", limit=9)
    intake = Intake(ledger=dispatch.ledger)

    with pytest.raises(Refused, match="nothing_to_replay"):
        replay_message(intake.s, "nord", entry.entry_id, "acc", NOW)

    assert dismiss_message(intake.s, "nord", entry.entry_id, "acc", NOW).state is MessageState.DISMISSED


@pytest.mark.parametrize(
    ("error", "state", "unknown"),
    [
        ("InvalidInput", DeliveryState.REJECTED, False),
        ("Refused", DeliveryState.REJECTED, False),
        ("NotAllowed", DeliveryState.REJECTED, False),
        ("RemoteRejected", DeliveryState.REJECTED, False),
        ("RemoteUnavailable", DeliveryState.PENDING, False),
        ("Lambda.TooManyRequestsException", DeliveryState.PENDING, False),
        ("OutcomeUnknown", DeliveryState.PENDING, True),
        ("States.Timeout", DeliveryState.PENDING, True),
        ("Lambda.Unknown", DeliveryState.PENDING, True),
        ("UnexpectedError", DeliveryState.PENDING, True),
        ("Sandbox.Timedout", DeliveryState.PENDING, True),
    ],
)
def test_an_error_nobody_named_is_an_unknown_outcome_and_goes_again(dispatch, exam, error, state, unknown):
    row = dispatch.record(exam, error, "the_code")

    assert (row.state, row.unknown, row.reason) == (state, unknown, "the_code")
    assert (row.due_at is None) == (state is DeliveryState.REJECTED)


def test_a_failure_recorded_after_the_answer_changes_nothing(dispatch, exam):
    delivered = dispatch.answer(dispatch.send(exam).message_id)

    assert dispatch.record(exam, "States.Timeout") == delivered
    assert dispatch.record(exam, "Refused") == delivered


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (r'{"errorMessage": "{\"code\": \"exam_not_booked\", \"field\": \"\"}", "errorType": "Refused"}', "exam_not_booked"),
        ('{"code": "slot_taken"}', "slot_taken"),
        ('{"errorMessage": "Task timed out after 3.00 seconds"}', ""),
        ('{"code": "DUPONT Zoé <script>"}', ""),
        ('{"code": {"a": 1}}', ""),
        ("[1]", ""),
        ("", ""),
    ],
)
def test_the_code_of_a_cause(cause, code):
    assert code_of_cause(cause) == code
