"""The real definition of report_signing, run in the embedded cloud over functions that fail as told.

Every state, every retrier and every catcher is executed; the last test counts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.asl_rules import rules_met, rules_of
from tests.support.scripted_machine import Run, Scripted, definition, scripted

MACHINE = definition("report_signing")
TASKS = ("FreezeReport", "RenderReport", "BuildCda", "SignSubmission")


def scenarios() -> dict[str, dict[str, list[str]]]:
    """Return what each attempt of each function does, by the name of the scenario."""
    found: dict[str, dict[str, list[str]]] = {
        "all is well": {},
        "dispatched before": {},
        "dispatch cannot start": {},
        "a deletion": {"FreezeReport": ["signed"]},
    }
    for task in TASKS:
        found[f"{task} after an outage"] = {task: ["RemoteUnavailable", "Lambda.TooManyRequestsException", "ok"]}
        found[f"{task} after a killed function"] = {task: ["crash", "ok"]}
        found[f"{task} refused"] = {task: ["InvalidInput"]}
        found[f"{task} down for ever"] = {task: ["RemoteUnavailable"]}
        found[f"{task} crashes for ever"] = {task: ["UnexpectedError"]}
    return found


ROWS = [{"channel": "dmp", "recipient": "DMP"}]
SCENARIOS = scenarios()


@dataclass
class Signing(Run):
    """One signing that has ended.

    Args:
        dispatches: Executions of the dispatch that this version has.
        sizes: Lengths of what states took in and gave out.
    """

    dispatches: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


def given(accession: str) -> dict[str, Any]:
    return {
        "accession_number": accession,
        "version": 1,
        "draft_rev": 4,
        "validator_account": "dr.rayon",
        "validated_at": "2026-11-26T09:15:30Z",
        "logged_in_at": "2026-11-26T08:02:00Z",
    }


def answer(accession: str, task: str, word: str) -> str:
    """Return what a function says to one attempt: what is frozen is not signed yet, a deletion is."""
    if word not in ("ok", "signed"):
        return word
    state = "frozen" if (task, word) == ("FreezeReport", "ok") else "signed"
    said = {"accession_number": accession, "version": 1, "state": state, "dispatch_name": f"dispatch-{accession}-1-1", "rows": ROWS}
    return json.dumps(said)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Signing]]:
    with scripted(tmp_path_factory, "report_signing") as world:
        started = {}
        for number, (name, script) in enumerate(SCENARIOS.items()):
            accession = f"{number:06}"
            world.script(accession, {task: [answer(accession, task, word) for word in script.get(task, ["ok"])] for task in TASKS})
            machine = "UnconnectedStateMachine" if name == "dispatch cannot start" else "ReportSigningStateMachine"
            if name == "dispatched before":
                dispatch = world.cloud.start("ReportDispatchStateMachine", f"dispatch-{accession}-1-1", {"somebody": "else"})
                world.cloud.wait_execution(dispatch)
            started[name] = (accession, world.cloud.start(machine, f"signing-{accession}-1", given(accession)))
        yield {name: ended(world, accession, arn) for name, (accession, arn) in started.items()}


def ended(world: Scripted, accession: str, arn: str) -> Signing:
    run = world.ended(accession, arn)
    machine = world.cloud.state_machines["ReportDispatchStateMachine"]
    listed = world.cloud.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    dispatches = [one["name"] for one in listed if one["name"].startswith(f"dispatch-{accession}-")]
    return Signing(**vars(run), dispatches=dispatches, sizes=list(sizes_in(world.cloud.history(arn))))


def sizes_in(history: Iterable[dict[str, Any]]) -> Iterator[int]:
    for event in history:
        kind = event["type"]
        if kind.endswith(("StateEntered", "StateExited")):
            details = event["stateEnteredEventDetails" if kind.endswith("Entered") else "stateExitedEventDetails"]
            yield len(details.get("input", details.get("output", "")))


def test_a_validated_report_is_made_signed_and_its_dispatch_started(runs: dict[str, Signing]) -> None:
    run = runs["all is well"]

    assert (run.status, run.states) == (
        "SUCCEEDED", ["FreezeReport", "AreThereDocumentsToMake", *TASKS[1:], "StartDispatch", "Signed"],
    )  # fmt: skip
    assert run.inputs["FreezeReport"] == [given("000000")]
    assert run.inputs["SignSubmission"] == [{"accession_number": "000000", "version": 1}]
    assert run.dispatches == ["dispatch-000000-1-1"]


def test_a_deletion_has_no_documents_to_make_and_is_dispatched(runs: dict[str, Signing]) -> None:
    run = runs["a deletion"]

    assert (run.status, run.states) == (
        "SUCCEEDED", ["FreezeReport", "AreThereDocumentsToMake", "NothingToSign", "StartDispatch", "Signed"],
    )  # fmt: skip
    assert run.dispatches == ["dispatch-000003-1-1"]


def test_a_dispatch_that_was_started_before_is_a_start_that_was_done(runs: dict[str, Signing]) -> None:
    run = runs["dispatched before"]

    assert (run.status, run.states[-2:]) == ("SUCCEEDED", ["StartDispatch", "Signed"])
    assert run.errors["StartDispatch"] == ["StepFunctions.ExecutionAlreadyExistsException"]
    assert run.dispatches == ["dispatch-000001-1-1"]


def test_a_dispatch_that_cannot_start_is_left_to_the_sweep(runs: dict[str, Signing]) -> None:
    run = runs["dispatch cannot start"]

    assert (run.status, run.states[-1], run.dispatches) == ("FAILED", "NotDispatched", [])
    assert len(run.errors["StartDispatch"]) == 7


@pytest.mark.parametrize("task", TASKS)
def test_what_can_be_done_again_is_done_again(runs: dict[str, Signing], task: str) -> None:
    for name in ("after an outage", "after a killed function"):
        assert (runs[f"{task} {name}"].status, runs[f"{task} {name}"].states[-1]) == ("SUCCEEDED", "Signed")


@pytest.mark.parametrize("task", TASKS)
def test_a_refusal_is_final_at_once_and_nothing_is_dispatched(runs: dict[str, Signing], task: str) -> None:
    run = runs[f"{task} refused"]

    assert (run.status, run.error, run.states[-2:]) == ("FAILED", "InvalidInput", [task, "NotSigned"])
    assert len(run.inputs[task]) == 1
    assert run.dispatches == []


@pytest.mark.parametrize("task", TASKS)
def test_retries_are_as_many_as_the_definition_says(runs: dict[str, Signing], task: str) -> None:
    assert len(runs[f"{task} down for ever"].inputs[task]) == 7
    assert len(runs[f"{task} crashes for ever"].inputs[task]) == 4
    assert {runs[f"{task} {name}"].states[-1] for name in ("down for ever", "crashes for ever")} == {"NotSigned"}


def test_every_state_retrier_and_catcher_was_executed(runs: dict[str, Signing]) -> None:
    visited = {state for run in runs.values() for state in run.states}

    assert visited == set(MACHINE["States"])
    assert rules_met(MACHINE["States"], (run.errors for run in runs.values())) == rules_of(MACHINE["States"])


def test_inputs_and_outputs_stay_small_and_hold_identifiers_only(runs: dict[str, Signing]) -> None:
    allowed = {"accession_number", "version", "draft_rev", "validator_account", "validated_at", "logged_in_at"}

    assert max(size for run in runs.values() for size in run.sizes) < 8192
    for run in runs.values():
        for one in (one for each in run.inputs.values() for one in each):
            assert set(one) <= allowed
