"""The real definition of identity_qualification, run in the embedded cloud over functions that fail as told.

Every state, every retrier and every catcher is executed; the last test counts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.asl_rules import rules_met, rules_of
from tests.support.scripted_machine import Run, definition, scripted

MACHINE = definition("identity_qualification")
STATES: dict[str, Any] = {**MACHINE["States"], **MACHINE["States"]["TellPartners"]["ItemProcessor"]["States"]}
ANSWER = json.dumps({"answer_id": "2026#01", "code": "00"})
TELL = "tell"
# Each scenario: what each attempt of each function does; `tell` is an answer of ApplyIdentityEvent with one row to send.
SCENARIOS: dict[str, dict[str, list[str]]] = {
    "fact, nobody to tell": {},
    "fact, told": {"ApplyIdentityEvent": [TELL]},
    "question": {"QueryInsi": [ANSWER], "ApplyIdentityEvent": [TELL]},
    "question after an outage": {"QueryInsi": ["RemoteUnavailable", "Lambda.TooManyRequestsException", ANSWER]},
    "question after a killed function": {"QueryInsi": ["crash", ANSWER]},
    "INSi down for ever": {"QueryInsi": ["RemoteUnavailable"]},
    "question rejected": {"QueryInsi": ["RemoteRejected"]},
    "question crashes for ever": {"QueryInsi": ["UnexpectedError"]},
    "applied after an outage": {"ApplyIdentityEvent": ["RemoteUnavailable", "crash", TELL]},
    "apply refused": {"ApplyIdentityEvent": ["InvalidInput"]},
    "tables down for ever": {"ApplyIdentityEvent": ["RemoteUnavailable"]},
    "apply crashes for ever": {"ApplyIdentityEvent": ["UnexpectedError"]},
    "sent after an outage": {"ApplyIdentityEvent": [TELL], "SendHl7": ["RemoteUnavailable", "ok"]},
    "sending refused": {"ApplyIdentityEvent": [TELL], "SendHl7": ["Refused"]},
    "gateway queue down for ever": {"ApplyIdentityEvent": [TELL], "SendHl7": ["RemoteUnavailable"]},
    "sender killed": {"ApplyIdentityEvent": [TELL], "SendHl7": ["crash"]},
    "recorded after a killed function": {
        "ApplyIdentityEvent": [TELL], "SendHl7": ["OutcomeUnknown"], "RecordOutcome": ["crash", "RemoteUnavailable", "ok"],
    },
    "never recorded": {"ApplyIdentityEvent": [TELL], "SendHl7": ["RemoteRejected"], "RecordOutcome": ["UnexpectedError"]},
}  # fmt: skip


def script_of(scenario: dict[str, list[str]], name: str) -> dict[str, list[str]]:
    """Return the script with `tell` and `ok` of ApplyIdentityEvent put into words."""
    row = {"accession_number": name, "channel": "hl7_pacs_identity", "recipient": "PACS"}
    said = {"state": "applied", "status": "QUAL", "code": ""}
    words = {TELL: json.dumps({**said, "rows": [row]}), "ok": json.dumps({**said, "rows": []})}
    apply = [words.get(word, word) for word in scenario.get("ApplyIdentityEvent", ["ok"])]
    return {"QueryInsi": [ANSWER], **scenario, "ApplyIdentityEvent": apply}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    with scripted(tmp_path_factory, "identity_qualification") as world:
        started = {}
        for number, (name, scenario) in enumerate(SCENARIOS.items()):
            key = f"{number:06}"
            world.script(key, script_of(scenario, key))
            kind = "query" if "QueryInsi" in scenario else "fact"
            # The scripted functions look for `accession_number`; the machine hands its input on whole.
            given = {"patient_id": "p-1", "site": "nord", "event": {"event_id": key, "kind": kind}, "accession_number": key}
            started[name] = (key, world.cloud.start("IdentityQualificationStateMachine", f"identity-p-1-{key}", given))
        yield {name: world.ended(key, arn) for name, (key, arn) in started.items()}


def test_a_fact_is_applied_without_asking_insi_and_the_partners_are_told(runs: dict[str, Run]) -> None:
    run = runs["fact, told"]

    assert (run.status, run.states) == (
        "SUCCEEDED", ["IsQuestion", "ApplyIdentityEvent", "TellPartners", "SendHl7", "Told", "Qualified"]
    )  # fmt: skip
    assert [{"accession_number": "000001", "channel": "hl7_pacs_identity", "recipient": "PACS"}] == run.inputs["SendHl7"]
    assert "SendHl7" not in runs["fact, nobody to tell"].inputs


def test_a_question_hands_on_which_answer_was_kept_and_nothing_of_it(runs: dict[str, Run]) -> None:
    (given,) = runs["question"].inputs["ApplyIdentityEvent"]

    assert {"answer_id": "2026#01", "code": "00"} == given["query"]
    assert set(given) == {"patient_id", "site", "event", "query", "accession_number"}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("INSi down for ever", "RemoteUnavailable"),
        ("question rejected", "RemoteRejected"),
        ("question crashes for ever", "UnexpectedError"),
    ],
)
def test_a_question_without_an_answer_is_applied_as_one(runs: dict[str, Run], name: str, error: str) -> None:
    (given,) = runs[name].inputs["ApplyIdentityEvent"]

    assert (runs[name].status, given["error"]["Error"]) == ("SUCCEEDED", error)
    assert "scripted" in given["error"]["Cause"]
    assert len(runs[name].inputs["QueryInsi"]) == (1 if name == "question rejected" else 3)


@pytest.mark.parametrize("name", ["question after an outage", "question after a killed function", "applied after an outage"])
def test_what_can_be_done_again_is_done_again(runs: dict[str, Run], name: str) -> None:
    assert (runs[name].status, runs[name].states[-1]) == ("SUCCEEDED", "Qualified")


@pytest.mark.parametrize(
    ("name", "error", "attempts"),
    [
        ("apply refused", "InvalidInput", 1),
        ("tables down for ever", "RemoteUnavailable", 7),
        ("apply crashes for ever", "UnexpectedError", 4),
    ],
)
def test_what_is_never_applied_ends_with_the_error_s_name(runs: dict[str, Run], name: str, error: str, attempts: int) -> None:
    run = runs[name]

    assert (run.status, run.error, run.states[-1]) == ("FAILED", error, "NotApplied")
    assert attempts == len(run.inputs["ApplyIdentityEvent"])


@pytest.mark.parametrize("name", ["sending refused", "sender killed"])
def test_nothing_is_sent_again_blindly(runs: dict[str, Run], name: str) -> None:
    run = runs[name]

    assert (run.status, len(run.inputs["SendHl7"]), run.states[-3:]) == ("SUCCEEDED", 1, ["RecordOutcome", "Told", "Qualified"])
    (given,) = run.inputs["RecordOutcome"]
    assert (given["channel"], given["recipient"]) == ("hl7_pacs_identity", "PACS")


def test_every_state_retrier_and_catcher_was_executed(runs: dict[str, Run]) -> None:
    visited = {state for run in runs.values() for state in run.states}

    assert visited == set(STATES)
    assert rules_met(STATES, (run.errors for run in runs.values())) == rules_of(STATES)


def test_inputs_hold_identifiers_and_codes_only(runs: dict[str, Run]) -> None:
    allowed = {"patient_id", "site", "event", "query", "error", "accession_number", "channel", "recipient", "cause", "applied"}
    for run in runs.values():
        for given in (one for each in run.inputs.values() for one in each):
            assert set(given) <= allowed
