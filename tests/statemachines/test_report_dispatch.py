"""The real definition of report_dispatch, run in the embedded cloud over functions that fail as told.

Every state, every retrier and every catcher is executed; the last test counts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud.client import Cloud, start_cloud
from tests.support.stacks import ROOT

MACHINE = json.loads((ROOT / "statemachines" / "report_dispatch.asl.json").read_text("utf-8"))
STATES: dict[str, Any] = {**MACHINE["States"], **MACHINE["States"]["DispatchChannels"]["Branches"][0]["States"]}
SEND, ASK, NOTHING = (json.dumps({"next": word, "state": "pending"}) for word in ("send", "reconcile", "nothing"))
# Each scenario: what each attempt of each function does.
SCENARIOS: dict[str, dict[str, list[str]]] = {
    "fed": {"CheckDmp": [SEND]},
    "no record": {"CheckDmp": [NOTHING]},
    "unknown before": {"CheckDmp": [ASK]},
    "checked after an outage": {"CheckDmp": ["RemoteUnavailable", "Lambda.TooManyRequestsException", SEND]},
    "checked after a killed function": {"CheckDmp": ["crash", SEND]},
    "check refused": {"CheckDmp": ["InvalidInput"]},
    "dmp down for ever": {"CheckDmp": ["RemoteUnavailable"]},
    "check crashes for ever": {"CheckDmp": ["UnexpectedError"]},
    "sent after an outage": {"CheckDmp": [SEND], "SendToDmp": ["RemoteUnavailable", "ok"]},
    "rejected": {"CheckDmp": [SEND], "SendToDmp": ["RemoteRejected"]},
    "sending refused": {"CheckDmp": [SEND], "SendToDmp": ["Refused"]},
    "not reached for ever": {"CheckDmp": [SEND], "SendToDmp": ["RemoteUnavailable"]},
    "answer lost": {"CheckDmp": [SEND], "SendToDmp": ["OutcomeUnknown"]},
    "sender killed": {"CheckDmp": [SEND], "SendToDmp": ["crash"]},
    "sender crashes": {"CheckDmp": [SEND], "SendToDmp": ["UnexpectedError"]},
    "asked too early": {"CheckDmp": [SEND], "SendToDmp": ["OutcomeUnknown"], "ReconcileWithDmp": ["RemoteUnavailable", "ok"]},
    "asked after a killed function": {"CheckDmp": [ASK], "ReconcileWithDmp": ["crash", "ok"]},
    "never answered": {"CheckDmp": [ASK], "ReconcileWithDmp": ["RemoteUnavailable"]},
    "question refused": {"CheckDmp": [ASK], "ReconcileWithDmp": ["InvalidInput"]},
    "recorded after a killed function": {"CheckDmp": ["InvalidInput"], "RecordOutcome": ["crash", "RemoteUnavailable", "ok"]},
    "never recorded": {"CheckDmp": ["InvalidInput"], "RecordOutcome": ["UnexpectedError"]},
}


@dataclass
class Run:
    """One execution that has ended.

    Args:
        errors: Each state with the errors of its attempts, in order; a success is `ok`.
        inputs: Each function with the inputs of its attempts.
    """

    status: str
    output: dict[str, Any]
    inputs: dict[str, list[dict[str, Any]]]
    states: list[str] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    scripts = tmp_path_factory.mktemp("scripts")
    template = Path(__file__).parent / "fixtures" / "report_dispatch.yaml"
    # Two minutes of back-off take less than a second at this scale.
    with start_cloud(tmp_path_factory.mktemp("cloud"), template, parameters={"Scripts": str(scripts)}, scale=400) as cloud:
        started = {}
        for number, (name, script) in enumerate(SCENARIOS.items()):
            accession = f"{number:06}"
            (scripts / f"{accession}.json").write_text(json.dumps(script), "utf-8")
            given = {"accession_number": accession, "version": 1}
            started[name] = (accession, cloud.start("ReportDispatchStateMachine", f"dispatch-{accession}-1-1", given))
        yield {name: ended(cloud, scripts, accession, arn) for name, (accession, arn) in started.items()}


def ended(cloud: Cloud, scripts: Path, accession: str, arn: str) -> Run:
    described = cloud.wait_execution(arn)
    inputs = {
        file.name.split(".")[1]: [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        for file in scripts.glob(f"{accession}.*.jsonl")
    }
    run = Run(described["status"], described.get("output", {}), inputs)
    for event in cloud.history(arn):
        kind = event["type"]
        if kind.endswith("StateEntered"):
            run.states.append(event["stateEnteredEventDetails"]["name"])
        elif kind == "TaskSucceeded":
            run.errors.setdefault(run.states[-1], []).append("ok")
        elif kind in ("TaskFailed", "TaskTimedOut"):
            details = event["taskFailedEventDetails" if kind == "TaskFailed" else "taskTimedOutEventDetails"]
            run.errors.setdefault(run.states[-1], []).append(details["error"])
    return run


def attempts(run: Run) -> dict[str, int]:
    return {name: len(given) for name, given in run.inputs.items()}


def test_a_version_is_checked_and_fed(runs: dict[str, Run]) -> None:
    run = runs["fed"]

    assert run.status == "SUCCEEDED"
    assert run.states == ["DispatchChannels", "CheckDmp", "DmpNext", "SendToDmp", "Dispatched"]
    assert run.inputs["SendToDmp"] == [{"accession_number": "000000", "version": 1}]


def test_what_needs_no_sending_ends_after_the_check(runs: dict[str, Run]) -> None:
    assert attempts(runs["no record"]) == {"CheckDmp": 1}
    assert attempts(runs["unknown before"]) == {"CheckDmp": 1, "ReconcileWithDmp": 1}


@pytest.mark.parametrize("name", ["answer lost", "sender killed", "sender crashes"])
def test_an_unknown_end_is_asked_about_and_never_sent_again(runs: dict[str, Run], name: str) -> None:
    assert attempts(runs[name]) == {"CheckDmp": 1, "SendToDmp": 1, "ReconcileWithDmp": 1}


@pytest.mark.parametrize("name", ["rejected", "sending refused"])
def test_a_refusal_is_recorded_at_once(runs: dict[str, Run], name: str) -> None:
    assert attempts(runs[name]) == {"CheckDmp": 1, "SendToDmp": 1, "RecordOutcome": 1}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("rejected", "RemoteRejected"),
        ("sending refused", "Refused"),
        ("not reached for ever", "RemoteUnavailable"),
        ("dmp down for ever", "RemoteUnavailable"),
        ("check refused", "InvalidInput"),
        ("check crashes for ever", "UnexpectedError"),
        ("never answered", "RemoteUnavailable"),
    ],
)
def test_the_outcome_that_is_recorded_names_the_row_and_the_error(runs: dict[str, Run], name: str, error: str) -> None:
    (given,) = runs[name].inputs["RecordOutcome"]

    assert (given["channel"], given["recipient"], given["version"], given["error"]) == ("dmp", "DMP", 1, error)
    assert json.loads(json.loads(given["cause"])["errorMessage"])["code"] == "scripted"


def test_retries_are_as_many_as_the_definition_says(runs: dict[str, Run]) -> None:
    assert attempts(runs["dmp down for ever"])["CheckDmp"] == 7
    assert attempts(runs["check crashes for ever"])["CheckDmp"] == 4
    assert attempts(runs["not reached for ever"])["SendToDmp"] == 7
    assert attempts(runs["never answered"])["ReconcileWithDmp"] == 7
    assert attempts(runs["never recorded"])["RecordOutcome"] == 7
    assert attempts(runs["check refused"])["CheckDmp"] == 1


def test_no_branch_ever_fails(runs: dict[str, Run]) -> None:
    assert {name: run.status for name, run in runs.items() if run.status != "SUCCEEDED"} == {}
    assert runs["never recorded"].states[-2:] == ["DmpNotRecorded", "Dispatched"]


def test_every_state_retrier_and_catcher_was_executed(runs: dict[str, Run]) -> None:
    visited = {state for run in runs.values() for state in run.states}
    used = {rule for run in runs.values() for state, errors in run.errors.items() for rule in matched(state, errors)}
    rules = {
        (state, kind, number)
        for state, body in STATES.items()
        for kind in ("Retry", "Catch")
        for number in range(len(body.get(kind, [])))
    }

    assert visited == set(STATES)
    assert used == rules


def matched(state: str, errors: list[str]) -> Iterator[tuple[str, str, int]]:
    """Yield the retriers and catchers that a state's errors met, by the rules of the language."""
    body, spent = STATES[state], {}
    for error in errors:
        if error == "ok":
            return
        retrier = first(body["Retry"], error)
        if retrier is not None:
            yield state, "Retry", retrier
            spent[retrier] = spent.get(retrier, 0) + 1
            if spent[retrier] <= body["Retry"][retrier].get("MaxAttempts", 3):
                continue
        catcher = first(body["Catch"], error)
        if catcher is not None:
            yield state, "Catch", catcher


def first(rules: list[dict[str, Any]], error: str) -> int | None:
    return next((n for n, rule in enumerate(rules) if {error, "States.ALL"} & set(rule["ErrorEquals"])), None)


def test_inputs_and_outputs_stay_small_and_hold_identifiers_only(runs: dict[str, Run]) -> None:
    for run in runs.values():
        assert len(json.dumps(run.output)) < 8192
        for given in (one for each in run.inputs.values() for one in each):
            assert set(given) <= {"accession_number", "version", "channel", "recipient", "error", "cause"}
