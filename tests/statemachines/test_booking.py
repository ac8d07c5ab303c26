"""The real definition of booking, run in the embedded cloud over functions that fail as told.

Every state, every retrier and every catcher is executed; the last test counts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.asl_rules import rules_met, rules_of
from tests.support.scripted_machine import Run, definition, scripted

MACHINE = definition("booking")
# Each scenario: what each attempt of each function does.
SCENARIOS: dict[str, dict[str, list[str]]] = {
    "all is well": {},
    "hold expired": {"ConfirmBooking": ["Refused"]},
    "confirmed after an outage": {"ConfirmBooking": ["RemoteUnavailable", "Lambda.TooManyRequestsException", "ok"]},
    "confirmed after a killed function": {"ConfirmBooking": ["crash", "OutcomeUnknown", "ok"]},
    "confirmation crashes for ever": {"ConfirmBooking": ["UnexpectedError"]},
    "confirmation throttled for ever": {"ConfirmBooking": ["Lambda.TooManyRequestsException"]},
    "published after an outage": {"PublishWorklist": ["RemoteUnavailable", "ok"]},
    "published after a killed function": {"PublishWorklist": ["crash", "ok"]},
    "publication refused": {"PublishWorklist": ["InvalidInput"]},
    "feed down for ever": {"PublishWorklist": ["RemoteUnavailable"]},
    "sent after an outage": {"SendHl7": ["RemoteUnavailable", "ok"]},
    "sending refused": {"SendHl7": ["Refused"]},
    "gateway queue down for ever": {"SendHl7": ["RemoteUnavailable"]},
    "sender killed": {"SendHl7": ["crash"]},
    "sender crashes": {"SendHl7": ["UnexpectedError"]},
    "perhaps sent": {"SendHl7": ["OutcomeUnknown"]},
    "recorded after a killed function": {"SendHl7": ["RemoteRejected"], "RecordOutcome": ["crash", "RemoteUnavailable", "ok"]},
    "moved": {},
    "moved while the feed is away": {"PublishWorklist": ["RemoteUnavailable", "ok"]},
    "never recorded": {"SendHl7": ["OutcomeUnknown"], "RecordOutcome": ["UnexpectedError"]},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    with scripted(tmp_path_factory, "booking") as world:
        started = {}
        for number, (name, script) in enumerate(SCENARIOS.items()):
            accession = f"{number:06}"
            world.script(accession, script)
            given = {"accession_number": accession, "hold_token": "a-token"}
            given |= {"change": "moved-1"} if name.startswith("moved") else {}
            started[name] = (accession, world.cloud.start("BookingStateMachine", f"booking-{accession}", given))
        yield {name: world.ended(accession, arn) for name, (accession, arn) in started.items()}


def test_a_booking_is_confirmed_published_and_sent(runs: dict[str, Run]) -> None:
    run = runs["all is well"]

    assert (run.status, run.states) == ("SUCCEEDED", ["NewOrChanged", "ConfirmBooking", "PublishWorklist", "SendHl7", "Booked"])
    assert run.inputs["ConfirmBooking"] == [{"accession_number": "000000", "hold_token": "a-token"}]
    assert run.inputs["SendHl7"] == [{"accession_number": "000000", "channel": "hl7_pacs_order", "recipient": "PACS"}]
    assert "RecordOutcome" not in run.inputs


@pytest.mark.parametrize("name", ["moved", "moved while the feed is away"])
def test_an_exam_that_was_moved_is_published_and_sent_and_not_confirmed_again(runs: dict[str, Run], name: str) -> None:
    run = runs[name]

    assert (run.status, run.states) == ("SUCCEEDED", ["NewOrChanged", "PublishWorklist", "SendHl7", "Booked"])
    assert "ConfirmBooking" not in run.inputs


@pytest.mark.parametrize("name", ["confirmed after an outage", "confirmed after a killed function", "published after an outage"])
def test_what_can_be_done_again_is_done_again(runs: dict[str, Run], name: str) -> None:
    assert (runs[name].status, runs[name].states[-1]) == ("SUCCEEDED", "Booked")


def test_a_killed_confirmation_is_run_again(runs: dict[str, Run]) -> None:
    run = runs["confirmed after a killed function"]

    assert run.errors["ConfirmBooking"][1:] == ["OutcomeUnknown", "ok"]
    assert run.errors["ConfirmBooking"][0] not in ("ok", "OutcomeUnknown")


@pytest.mark.parametrize(
    ("name", "error", "last"),
    [
        ("hold expired", "Refused", "NotBooked"),
        ("confirmation crashes for ever", "UnexpectedError", "NotBooked"),
        ("confirmation throttled for ever", "Lambda.TooManyRequestsException", "NotBooked"),
        ("publication refused", "InvalidInput", "NotPublished"),
        ("feed down for ever", "RemoteUnavailable", "NotPublished"),
        ("never recorded", "UnexpectedError", "NotRecorded"),
    ],
)
def test_what_cannot_be_done_ends_with_the_error_s_name(runs: dict[str, Run], name: str, error: str, last: str) -> None:
    run = runs[name]

    assert (run.status, run.error, run.states[-1]) == ("FAILED", error, last)


def test_a_refusal_is_final_at_once(runs: dict[str, Run]) -> None:
    assert len(runs["hold expired"].inputs["ConfirmBooking"]) == 1
    assert len(runs["publication refused"].inputs["PublishWorklist"]) == 1
    assert "SendHl7" not in runs["publication refused"].inputs


@pytest.mark.parametrize("name", ["sending refused", "sender killed", "sender crashes", "perhaps sent"])
def test_nothing_is_sent_again_blindly(runs: dict[str, Run], name: str) -> None:
    run = runs[name]

    assert len(run.inputs["SendHl7"]) == 1
    assert (run.status, run.states[-2:]) == ("SUCCEEDED", ["RecordOutcome", "Booked"])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("sending refused", "Refused"),
        ("gateway queue down for ever", "RemoteUnavailable"),
        ("perhaps sent", "OutcomeUnknown"),
        ("sender crashes", "UnexpectedError"),
    ],
)
def test_the_outcome_that_is_recorded_names_the_row_and_the_error(runs: dict[str, Run], name: str, error: str) -> None:
    (given,) = runs[name].inputs["RecordOutcome"]

    assert (given["channel"], given["recipient"], given["error"]) == ("hl7_pacs_order", "PACS", error)
    assert json.loads(json.loads(given["cause"])["errorMessage"])["code"] == "scripted"


def test_a_sender_s_death_is_recorded_as_neither_group(runs: dict[str, Run]) -> None:
    (given,) = runs["sender killed"].inputs["RecordOutcome"]

    assert given["error"] not in ("InvalidInput", "Refused", "NotAllowed", "RemoteRejected", "RemoteUnavailable")


def test_retries_are_as_many_as_the_definition_says(runs: dict[str, Run]) -> None:
    assert runs["gateway queue down for ever"].errors["SendHl7"] == ["RemoteUnavailable"] * 7
    assert runs["feed down for ever"].errors["PublishWorklist"] == ["RemoteUnavailable"] * 7
    assert runs["confirmation crashes for ever"].errors["ConfirmBooking"] == ["UnexpectedError"] * 4
    assert runs["never recorded"].errors["RecordOutcome"] == ["UnexpectedError"] * 7


def test_every_state_retrier_and_catcher_was_executed(runs: dict[str, Run]) -> None:
    visited = {state for run in runs.values() for state in run.states}

    assert visited == set(MACHINE["States"])
    assert rules_met(MACHINE["States"], (run.errors for run in runs.values())) == rules_of(MACHINE["States"])


def test_inputs_and_outputs_stay_small_and_hold_identifiers_only(runs: dict[str, Run]) -> None:
    for run in runs.values():
        assert len(json.dumps(run.output)) < 8192
        for given in (one for each in run.inputs.values() for one in each):
            assert set(given) <= {"accession_number", "hold_token", "channel", "recipient", "error", "cause"}
