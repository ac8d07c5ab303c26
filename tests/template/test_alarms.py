"""Each alarm is worked out over figures: it calls for what it is there for, and stays silent otherwise."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.stacks import site, tenant

_FUNCTIONS = {
    "MAX": max,
    "SUM": sum,
    "FILL": lambda value, instead: instead if value is None else value,
    "IF": lambda condition, then, otherwise: then if condition else otherwise,
}


def calls(alarm: dict[str, Any], figures: dict[str, float | None]) -> bool:
    """Tell whether one period with these figures breaches; a figure nobody sent is None.

    Source: Amazon CloudWatch, metric math (the functions the templates use).
    """
    (expression,) = [metric["Expression"] for metric in alarm["Metrics"] if metric["ReturnData"]]
    assert {metric["Id"] for metric in alarm["Metrics"] if not metric["ReturnData"]} == set(figures)
    python = re.sub(r"\bOR\b", "or", expression)
    value = eval(python, {"__builtins__": {}}, {**_FUNCTIONS, **figures})
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    return bool(value > alarm["Threshold"])


def alarm_named(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tenant().named("AWS::CloudWatch::Alarm", AlarmName=f"ris-demo-{name}").properties
    return found


@pytest.mark.parametrize(
    ("runs", "errors", "overdue", "expected"),
    [
        (1, 0, None, False),
        (2, 0, 0, False),
        (2, 1, None, False),  # one of them ended well
        (1, 1, None, True),
        (0, None, None, True),
        (None, None, None, True),  # a sweep that never runs sends no figure at all
        (1, 0, 3, True),
    ],
)
def test_the_sweep_calls_when_none_ends_well_or_rows_are_overdue(
    runs: float | None, errors: float | None, overdue: float | None, expected: bool
) -> None:
    assert calls(alarm_named("overdue-sweep"), {"runs": runs, "errors": errors, "overdue": overdue}) == expected


@pytest.mark.parametrize(("hl7", "dicom", "expected"), [(600, 0, False), (601, 0, True), (0, 601, True)])
def test_a_message_of_either_queue_that_waits_over_ten_minutes_calls(hl7: float, dicom: float, expected: bool) -> None:
    assert calls(alarm_named("oldest-message"), {"hl7": hl7, "dicom": dicom}) == expected


@pytest.mark.parametrize(("first", "second", "expected"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_a_dead_letter_of_any_queue_calls(first: float, second: float, expected: bool) -> None:
    of_a_site = site().named("AWS::CloudWatch::Alarm").properties

    assert calls(alarm_named("dead-letters"), {"hl7": first, "dicom": second}) == expected
    assert calls(of_a_site, {"worklist": first, "hl7": second}) == expected
