"""Each alarm is worked out over figures: it calls for what it is there for, and stays silent otherwise."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.stacks import Resource, site, tenant

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


def site_alarm(name: str) -> dict[str, Any]:
    found: dict[str, Any] = site().named("AWS::CloudWatch::Alarm", AlarmName=f"ris-demo-nord-{name}").properties
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


@pytest.mark.parametrize("schedule", tenant().all("AWS::Events::Rule"), ids=lambda rule: rule.logical_id)
@pytest.mark.parametrize(
    ("runs", "errors", "expected"),
    [(1, 0, False), (1, None, False), (2, 1, False), (1, 1, True), (0, None, True), (None, None, True)],
)
def test_every_schedule_calls_when_none_of_its_runs_ends_well(
    schedule: Resource, runs: float | None, errors: float | None, expected: bool
) -> None:
    dimension = [{"Name": "FunctionName", "Value": schedule.properties["Name"]}]
    (alarm,) = [
        alarm.properties
        for alarm in tenant().all("AWS::CloudWatch::Alarm")
        if dimension
        in [one["MetricStat"]["Metric"].get("Dimensions") for one in alarm.properties["Metrics"] if "MetricStat" in one]
    ]
    others = {one["Id"]: None for one in alarm["Metrics"] if not one["ReturnData"]}

    assert calls(alarm, others | {"runs": runs, "errors": errors}) == expected
    assert alarm["TreatMissingData"] == "breaching"
    watched = {one["MetricStat"]["Period"] * alarm["EvaluationPeriods"] for one in alarm["Metrics"] if "MetricStat" in one}
    every = int(schedule.properties["ScheduleExpression"].removeprefix("rate(").split()[0])
    unit = 3600 if "hours" in schedule.properties["ScheduleExpression"] else 60
    assert min(watched) >= 2 * every * unit  # one late run is no call


@pytest.mark.parametrize(("hl7", "dicom", "expected"), [(600, 0, False), (601, 0, True), (0, 601, True)])
def test_a_message_of_either_queue_that_waits_over_ten_minutes_calls(hl7: float, dicom: float, expected: bool) -> None:
    assert calls(alarm_named("oldest-message"), {"hl7": hl7, "dicom": dicom}) == expected


@pytest.mark.parametrize(("first", "second", "expected"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_a_dead_letter_of_any_queue_calls(first: float, second: float, expected: bool) -> None:
    of_a_site = site_alarm("dead-letters")

    assert calls(alarm_named("dead-letters"), {"hl7": first, "dicom": second}) == expected
    assert calls(of_a_site, {"worklist": first, "hl7": second}) == expected


@pytest.mark.parametrize(
    ("name", "metric", "stat", "silent", "calling"),
    [
        ("gateway-refuses", "GatewaySpoolRefuses", "Maximum", 0, 1),
        ("gateway-spool", "GatewaySpoolAge", "Maximum", 600, 601),
        ("gateway-feed", "GatewayFeedAge", "Maximum", 600, 601),
        ("gateway-clock", "GatewayClockSkew", "Maximum", 5000, 5001),
        ("gateway-certificate", "GatewayCertificateDays", "Minimum", 31, 30),
    ],
)
def test_what_a_gateway_says_calls_past_its_limit_for_its_own_site(
    name: str, metric: str, stat: str, silent: float, calling: float
) -> None:
    alarm = site_alarm(name)
    (figure,) = alarm["Metrics"]
    breaches = {
        "GreaterThanThreshold": lambda value: value > alarm["Threshold"],
        "LessThanOrEqualToThreshold": lambda value: value <= alarm["Threshold"],
    }[alarm["ComparisonOperator"]]

    assert (metric, stat) == (figure["MetricStat"]["Metric"]["MetricName"], figure["MetricStat"]["Stat"])
    assert [{"Name": "Site", "Value": "nord"}] == figure["MetricStat"]["Metric"]["Dimensions"]
    assert (True, False) == (breaches(calling), breaches(silent))
    assert figure["MetricStat"]["Period"] >= 600  # two sweeps, so that one that is late is no end of the trouble


def test_a_site_s_gateway_is_one_call_and_its_certificate_and_dead_letters_another() -> None:
    alarms = {alarm.logical_id: alarm.properties for alarm in site().all("AWS::CloudWatch::Alarm")}
    composite = site().named("AWS::CloudWatch::CompositeAlarm").properties
    in_rule = set(re.findall(r'"([\w-]+)"', composite["AlarmRule"]))
    by_itself = {name for name, alarm in alarms.items() if alarm.get("AlarmActions")}

    assert composite["AlarmActions"] == composite["OKActions"] == [tenant().named("AWS::SNS::Topic").reference]
    assert {"DeadLettersAlarm", "GatewayCertificateAlarm"} == by_itself
    assert set(alarms) == in_rule | by_itself
    assert not in_rule & by_itself


def rule_of_trouble() -> str:
    composite = tenant().named("AWS::CloudWatch::CompositeAlarm").properties
    topic = tenant().named("AWS::SNS::Topic").reference
    assert [topic] == composite["AlarmActions"] == composite["OKActions"]
    return " ".join(composite["AlarmRule"].split())


def in_trouble(rule: str, breaching: set[str]) -> bool:
    """Work out the rule of a composite alarm (Amazon CloudWatch: `ALARM("name")`, OR)."""
    assert re.fullmatch(r'ALARM\("[\w-]+"\)( OR ALARM\("[\w-]+"\))*', rule)
    return any(name in breaching for name in re.findall(r'ALARM\("([\w-]+)"\)', rule))


def test_an_alarm_calls_by_the_one_composite_or_by_itself_and_never_by_both() -> None:
    alarms = {alarm.reference: alarm.properties for alarm in tenant().all("AWS::CloudWatch::Alarm")}
    in_rule = set(re.findall(r'"([\w-]+)"', rule_of_trouble()))
    by_itself = {name for name, alarm in alarms.items() if alarm.get("AlarmActions") or alarm.get("OKActions")}

    assert set(alarms) == in_rule | by_itself
    assert not in_rule & by_itself
    assert {f"Certificates{days}DaysAlarm" for days in (7, 30, 60, 90)} == by_itself


def test_trouble_is_one_call_when_it_begins_and_one_when_all_of_it_is_over() -> None:
    rule, calls_made, before = rule_of_trouble(), [], False
    course: list[set[str]] = [
        set(),
        {"OpenBreakerAlarm"},  # a remote is down
        {"OpenBreakerAlarm", "StuckRowsAlarm"},  # what waits for it
        {"StuckRowsAlarm", "DeadLettersAlarm"},
        set(),
        set(),
        {"SilentGatewayAlarm"},
        set(),
    ]

    for breaching in course:
        now = in_trouble(rule, breaching)
        if now is not before:
            calls_made.append("begins" if now else "over")
        before = now

    assert ["begins", "over", "begins", "over"] == calls_made


@pytest.mark.parametrize(
    ("name", "metric", "silent", "calling"), [("stuck-rows", "StuckMinutes", 60, 61), ("silent-gateway", "SilentMinutes", 10, 11)]
)
def test_what_lasts_calls_after_its_time(name: str, metric: str, silent: int, calling: int) -> None:
    alarm = alarm_named(name)
    (figure,) = alarm["Metrics"]

    assert (metric, "Maximum") == (figure["MetricStat"]["Metric"]["MetricName"], figure["MetricStat"]["Stat"])
    assert ("GreaterThanThreshold", True, False) == (
        alarm["ComparisonOperator"],
        calling > alarm["Threshold"],
        silent > alarm["Threshold"],
    )
    assert alarm["TreatMissingData"] == "notBreaching"  # nothing stuck is no figure
