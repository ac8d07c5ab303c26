"""The definitions as graphs: what cfn-lint and moto both let through, and design decision 4."""

from __future__ import annotations

import ast
import importlib
import json
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.stacks import ROOT

Machine = dict[str, Any]
FILES = sorted((ROOT / "statemachines").glob("*.asl.json"))
MACHINES = [pytest.param(json.loads(path.read_text("utf-8")), id=path.name) for path in FILES]
GROUPS = {"InvalidInput", "Refused", "NotAllowed", "RemoteRejected", "RemoteUnavailable", "OutcomeUnknown"}
FINAL_ERRORS = {"InvalidInput", "Refused", "NotAllowed", "RemoteRejected"}
SAFE_TO_RETRY = {"RemoteUnavailable", "Lambda.TooManyRequestsException"}
# States that speak to somebody else's system: nothing but what surely did not leave is sent again blindly.
# Each with what it goes to when it is known how it ended, and when it is not.
SENDS = {
    "SendHl7": ("RecordOutcome", "RecordOutcome"),
    "SendHl7Report": ("RecordOutcomeHl7", "RecordOutcomeHl7"),
    "SendMail": ("RecordOutcomeMail", "RecordOutcomeMail"),
    "SendToDmp": ("RecordOutcomeDmp", "ReconcileWithDmp"),
}
# What a direct integration says of something that was done before.
DIRECT_ERRORS = {"StepFunctions.ExecutionAlreadyExistsException"}
RETRIES_AT_MOST_S = 180


def graphs(machine: Machine) -> Iterator[Machine]:
    yield machine
    for state in machine["States"].values():
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            yield from graphs(inner)


def states(machine: Machine, kind: str = "") -> list[tuple[str, dict[str, Any]]]:
    return [(name, state) for graph in graphs(machine) for name, state in graph["States"].items() if kind in ("", state["Type"])]


def exits(state: dict[str, Any]) -> list[str]:
    ways = [state.get("Next"), state.get("Default")]
    ways += [catcher["Next"] for catcher in state.get("Catch", [])] + [choice["Next"] for choice in state.get("Choices", [])]
    return [way for way in ways if way]


def reachable(graph: Machine, start: str) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += exits(graph["States"][name])
    return seen


@pytest.mark.parametrize("machine", MACHINES)
def test_every_way_leads_to_a_state_and_every_state_has_a_way_to_it(machine: Machine) -> None:
    for graph in graphs(machine):
        for name, state in graph["States"].items():
            assert set(exits(state)) <= set(graph["States"]), name
            assert ("Next" in state) + ("End" in state) == (state["Type"] not in ("Succeed", "Fail", "Choice")), name
        assert reachable(graph, graph["StartAt"]) == set(graph["States"])


@pytest.mark.parametrize("machine", MACHINES)
def test_state_names_are_unique_in_the_whole_machine(machine: Machine) -> None:
    names = [name for name, _ in states(machine)]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("machine", MACHINES)
def test_every_task_ends_in_time_and_has_a_retry_and_a_last_catch(machine: Machine) -> None:
    for name, task in states(machine, "Task"):
        assert 0 < task["TimeoutSeconds"] <= 300, name
        assert task["Retry"], name
        assert task["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name
        assert all(catcher["ResultPath"] == "$.error" for catcher in task["Catch"]), name


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_final_is_never_retried(machine: Machine) -> None:
    for name, task in states(machine, "Task"):
        # A direct integration raises the service's own errors, never one of our groups.
        for error in FINAL_ERRORS if task["Resource"].endswith("lambda:invoke") else ():
            retrier = next((r for r in task["Retry"] if {error, "States.ALL"} & set(r["ErrorEquals"])), None)
            if not name.startswith("RecordOutcome") and retrier is not None:
                assert retrier["MaxAttempts"] == 0, (name, error)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_state_that_sends_repeats_only_what_surely_did_not_leave(machine: Machine) -> None:
    for name, task in states(machine, "Task"):
        if name not in SENDS:
            continue
        assert {error for retrier in task["Retry"] for error in retrier["ErrorEquals"]} == SAFE_TO_RETRY
        known, unknown = task["Catch"]
        assert set(known["ErrorEquals"]) == FINAL_ERRORS | SAFE_TO_RETRY
        assert unknown["ErrorEquals"] == ["States.ALL"]
        assert (known["Next"], unknown["Next"]) == SENDS[name]


@pytest.mark.parametrize("machine", MACHINES)
def test_retries_take_minutes_not_hours(machine: Machine) -> None:
    # Whatever waits longer is a row with a due time (decision 17).
    for name, task in states(machine, "Task"):
        for retrier in task["Retry"]:
            delays = [
                min(retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2) ** n, retrier.get("MaxDelaySeconds", 10**6))
                for n in range(retrier.get("MaxAttempts", 3))
            ]
            assert sum(delays) <= RETRIES_AT_MOST_S, name


@pytest.mark.parametrize("machine", MACHINES)
def test_errors_are_named_by_the_six_groups_or_by_aws(machine: Machine) -> None:
    named = {
        error
        for _, state in states(machine)
        for rule in [*state.get("Retry", []), *state.get("Catch", [])]
        for error in rule["ErrorEquals"]
    }

    named -= GROUPS | DIRECT_ERRORS
    assert not {error for error in named if not re.match(r"(States|Lambda|Runtime|Sandbox)\.\w+$", error)}


def test_the_six_groups_are_classes_of_the_domain() -> None:
    file = ROOT / "layers" / "ris" / "python" / "ris" / "domain" / "errors.py"
    classes = {node.name for node in ast.parse(file.read_text("utf-8")).body if isinstance(node, ast.ClassDef)}

    assert classes == GROUPS | {"RisError"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_paths_are_plain_jsonpath(path: Path) -> None:
    # Wildcards, filters and JSONata behave otherwise in the embedded cloud (facts of moto), so the product does without.
    text = path.read_text("utf-8")

    assert "JSONata" not in text
    assert not [found for found in re.findall(r'"(\$[^"]*)"', text) if not re.fullmatch(r"\$\$?(\.\w+|\[\d+\])*|\$\{\w+\}", found)]


@pytest.mark.parametrize("machine", MACHINES)
def test_what_a_state_gives_its_function_is_what_the_function_takes(machine: Machine) -> None:
    for name, task in states(machine, "Task"):
        if not task["Resource"].endswith("lambda:invoke"):
            continue
        function = re.sub(
            r"(?<=[a-z0-9])(?=[A-Z])", "_", task["Parameters"]["FunctionName"][2:].removesuffix("FunctionArn}")
        ).lower()
        handler = importlib.import_module(f"functions.{function}.handler").handler
        fields = typing.get_type_hints(handler.__wrapped__)["event"].model_fields
        if "Payload.$" in task["Parameters"]:  # everything the state has: its model takes what it knows
            assert task["Parameters"]["Payload.$"] == "$"
            continue
        given = {key.removesuffix(".$") for key in task["Parameters"]["Payload"]}

        assert {field for field, body in fields.items() if body.is_required()} <= given <= set(fields), name


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_ends_by_itself(machine: Machine) -> None:
    assert 0 < machine["TimeoutSeconds"] <= 3600
    assert not states(machine, "Wait")
