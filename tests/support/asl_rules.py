"""What a run of a state machine met of its retriers and catchers, by the rules of the Amazon States Language."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Rule = tuple[str, str, int]


def inputs_of(scripts: Path, key: str) -> dict[str, list[dict[str, Any]]]:
    """Return each scripted function with the inputs of its attempts."""
    return {
        file.name.split(".")[1]: [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        for file in scripts.glob(f"{key}.*.jsonl")
    }


def followed(history: Iterable[dict[str, Any]]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the states an execution entered, and each state with the errors of its attempts, in order; a success is `ok`."""
    states: list[str] = []
    errors: dict[str, list[str]] = {}
    for event in history:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            states.append(event["stateEnteredEventDetails"]["name"])
        elif kind == "TaskSucceeded":
            errors.setdefault(states[-1], []).append("ok")
        elif kind in ("TaskFailed", "TaskTimedOut"):
            details = event["taskFailedEventDetails" if kind == "TaskFailed" else "taskTimedOutEventDetails"]
            errors.setdefault(states[-1], []).append(details["error"])
    return states, errors


def rules_of(states: dict[str, Any]) -> set[Rule]:
    """Return every retrier and catcher of a machine's states."""
    return {
        (state, kind, number)
        for state, body in states.items()
        for kind in ("Retry", "Catch")
        for number in range(len(body.get(kind, [])))
    }


def rules_met(states: dict[str, Any], errors: Iterable[dict[str, list[str]]]) -> set[Rule]:
    """Return the retriers and catchers that executions met.

    Args:
        errors: Of each execution, as `followed` gives them.
    """
    return {rule for one in errors for state, met in one.items() for rule in matched(states, state, met)}


def matched(states: dict[str, Any], state: str, errors: list[str]) -> Iterator[Rule]:
    """Yield the retriers and catchers that a state's errors met, in order; `ok` ends them."""
    body, spent = states[state], {}
    for error in errors:
        if error == "ok":
            return
        retrier = _first(body["Retry"], error)
        if retrier is not None:
            yield state, "Retry", retrier
            spent[retrier] = spent.get(retrier, 0) + 1
            if spent[retrier] <= body["Retry"][retrier].get("MaxAttempts", 3):
                continue
        catcher = _first(body["Catch"], error)
        if catcher is not None:
            yield state, "Catch", catcher


def _first(rules: list[dict[str, Any]], error: str) -> int | None:
    return next((n for n, rule in enumerate(rules) if {error, "States.ALL"} & set(rule["ErrorEquals"])), None)
