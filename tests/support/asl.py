"""A small interpreter of our own state machines, over plain functions: the same definition, thousands of times a minute.

It knows Task, Choice (StringEquals), Map and Parallel (one after the other), Succeed and Fail, with Retry and Catch; tasks are called by
their state's name. It is a generator that stops before each task, so that a test can run two executions between one another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import Any

Task = Callable[[dict[str, Any]], dict[str, Any]]
Steps = Generator[str, None, Any]


class Ended(Exception):
    """The machine ended in a Fail state, or an error nobody caught."""


class Failure(Exception):
    """What a task let out: the error's name and its cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error)
        self.error, self.cause = error, cause


def execution(
    machine: dict[str, Any], tasks: Callable[[str], Task], given: dict[str, Any], waited: Callable[[float], None]
) -> Steps:
    """Run a machine.

    Args:
        tasks: Gives the function of a Task state.
        given: Input.
        waited: Told each pause of a retrier, in seconds.
    """
    data, name = dict(given), machine["StartAt"]
    while True:
        state = machine["States"][name]
        kind = state["Type"]
        if kind == "Fail":
            raise Ended(name)
        if kind == "Succeed":
            return data
        if kind == "Choice":
            name = _chosen(state, data)
            continue
        try:
            result = yield from _result(name, state, tasks, data, waited)
        except Failure as failed:
            caught = _matching(state.get("Catch", []), failed.error)
            if caught is None:
                raise Ended(name) from failed
            data, name = {**data, caught["ResultPath"][2:]: {"Error": failed.error, "Cause": failed.cause}}, caught["Next"]
            continue
        data = {**data, state["ResultPath"][2:]: result}
        if state.get("End"):
            return data
        name = state["Next"]


def _result(
    name: str, state: dict[str, Any], tasks: Callable[[str], Task], data: dict[str, Any], waited: Callable[[float], None]
) -> Steps:
    if state["Type"] == "Parallel":
        outputs = []
        for branch in state["Branches"]:
            outputs.append((yield from execution(branch, tasks, data, waited)))
        return outputs
    if state["Type"] == "Map":
        outputs = []
        for index, item in enumerate(_value(state["ItemsPath"], data)):
            seen = {**data, "$": {"Map": {"Item": {"Index": index, "Value": item}}}}
            chosen = {
                key.removesuffix(".$"): _value(value, seen) if key.endswith(".$") else value
                for key, value in state["ItemSelector"].items()
            }
            outputs.append((yield from execution(state["ItemProcessor"], tasks, chosen, waited)))
        return outputs
    payload = {
        key.removesuffix(".$"): _value(value, data) if key.endswith(".$") else value
        for key, value in state["Parameters"]["Payload"].items()
    }
    spent: dict[int, int] = {}
    while True:
        yield name
        try:
            return {"result": tasks(name)(json.loads(json.dumps(payload)))}
        except Failure as failed:
            retrier = _matching(state.get("Retry", []), failed.error)
            number = state["Retry"].index(retrier) if retrier else -1
            if retrier is None or spent.get(number, 0) >= retrier.get("MaxAttempts", 3):
                raise
            pause = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2) ** spent.get(number, 0)
            waited(min(pause, retrier.get("MaxDelaySeconds", pause)))
            spent[number] = spent.get(number, 0) + 1


def _chosen(state: dict[str, Any], data: dict[str, Any]) -> str:
    return next((c["Next"] for c in state["Choices"] if _value(c["Variable"], data) == c["StringEquals"]), state["Default"])


def _matching(rules: list[dict[str, Any]], error: str) -> dict[str, Any] | None:
    return next((rule for rule in rules if {error, "States.ALL"} & set(rule["ErrorEquals"])), None)


def _value(path: str, data: Any) -> Any:
    for part in path.removeprefix("$.").split(".") if not path.startswith("$$.") else ["$", *path.removeprefix("$$.").split(".")]:
        data = data[part]
    return data
