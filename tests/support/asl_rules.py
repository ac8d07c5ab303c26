"""What a run of a state machine met of its retriers and catchers, by the rules of the Amazon States Language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Rule = tuple[str, str, int]


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
