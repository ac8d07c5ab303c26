"""The real definition of report_dispatch, run in the embedded cloud over functions that fail as told.

Every state, every retrier and every catcher is executed; the last test counts them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.asl_rules import rules_met, rules_of
from tests.support.scripted_machine import Run, Scripted, definition, scripted

MACHINE = definition("report_dispatch")
STATES: dict[str, Any] = {**MACHINE["States"], **MACHINE["States"]["DispatchRows"]["ItemProcessor"]["States"]}
DMP, PROFESSIONAL = {"channel": "dmp", "recipient": "DMP"}, {"channel": "mss_professional", "recipient": "89990005678"}
PATIENT, HIS = {"channel": "mss_patient", "recipient": "PATIENT"}, {"channel": "hl7_report", "recipient": "HIS"}
PAPER = {"channel": "to_print", "recipient": "89990009999"}
SEND, ASK, NOTHING = (json.dumps({"next": word, "state": "pending"}) for word in ("send", "reconcile", "nothing"))
# Each scenario: what each attempt of each function does; with `rows`, for other rows than that of the DMP.
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
    "mailed": {},
    "mailed after an outage": {"SendMail": ["RemoteUnavailable", "Lambda.TooManyRequestsException", "ok"]},
    "operator down for ever": {"SendMail": ["RemoteUnavailable"]},
    "mail rejected": {"SendMail": ["RemoteRejected"]},
    "mail's answer lost": {"SendMail": ["OutcomeUnknown"]},
    "mailer killed": {"SendMail": ["crash"]},
    "mail never recorded": {"SendMail": ["Refused"], "RecordOutcome": ["crash"]},
    "handed over": {},
    "handed over after an outage": {"SendHl7": ["RemoteUnavailable", "ok"]},
    "gateway's queue down for ever": {"SendHl7": ["RemoteUnavailable"]},
    "perhaps handed over": {"SendHl7": ["OutcomeUnknown"]},
    "hl7 never recorded": {"SendHl7": ["InvalidInput"], "RecordOutcome": ["UnexpectedError"]},
    "all rows": {"CheckDmp": [SEND]},
    "dmp down, all rows": {"CheckDmp": ["RemoteUnavailable"]},
    "operator down, all rows": {"CheckDmp": [SEND], "SendMail": ["RemoteUnavailable"]},
    "paper only": {},
    "nothing to do": {},
}
ALL = [DMP, PROFESSIONAL, PATIENT, HIS, PAPER]
ROWS: dict[str, list[dict[str, str]]] = {
    **{name: [PROFESSIONAL] for name in SCENARIOS if "mail" in name or name.startswith("operator")},
    **{name: [HIS] for name in SCENARIOS if "handed" in name or "hl7" in name or name.startswith("gateway")},
    **{name: ALL for name in SCENARIOS if name.endswith("all rows")},
    "paper only": [PAPER],
    "nothing to do": [],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    with scripted(tmp_path_factory, "report_dispatch") as world:
        started = {}
        for number, (name, script) in enumerate(SCENARIOS.items()):
            accession = f"{number:06}"
            world.script(accession, script)
            given = {"accession_number": accession, "version": 1, "rows": ROWS.get(name, [DMP])}
            started[name] = (accession, world.cloud.start("ReportDispatchStateMachine", f"dispatch-{accession}-1-1", given))
        yield {name: ended(world, accession, arn) for name, (accession, arn) in started.items()}


def ended(world: Scripted, accession: str, arn: str) -> Run:
    """Return what became of it; rows side by side write one history, which does not say whose error it is."""
    run = world.ended(accession, arn)
    return run if len(run.output.get("rows", [])) <= 1 else replace(run, errors={})


def attempts(run: Run) -> dict[str, int]:
    return {name: len(given) for name, given in run.inputs.items()}


def test_a_version_is_checked_and_fed(runs: dict[str, Run]) -> None:
    run = runs["fed"]

    assert run.status == "SUCCEEDED"
    assert run.states == ["DispatchRows", "Channel", "CheckDmp", "DmpNext", "SendToDmp", "Dispatched"]
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


@pytest.mark.parametrize("name", ["mail's answer lost", "mailer killed", "mail rejected"])
def test_a_mail_that_perhaps_left_or_was_refused_is_recorded_and_never_sent_again_here(runs: dict[str, Run], name: str) -> None:
    run = runs[name]

    assert attempts(run) == {"SendMail": 1, "RecordOutcome": 1}
    assert "RecordOutcomeMail" in run.states
    (given,) = run.inputs["RecordOutcome"]
    assert (given["channel"], given["recipient"], given["version"]) == ("mss_professional", "89990005678", 1)


def test_a_report_goes_to_the_gateway_by_name_of_its_destination_and_version(runs: dict[str, Run]) -> None:
    assert runs["handed over"].inputs == {
        "SendHl7": [{"accession_number": runs["handed over"].output["accession_number"], "version": 1, **HIS}]
    }
    assert runs["perhaps handed over"].inputs["RecordOutcome"][0]["error"] == "OutcomeUnknown"


def test_one_channel_that_is_down_stops_no_other(runs: dict[str, Run]) -> None:
    assert attempts(runs["all rows"]) == {"CheckDmp": 1, "SendToDmp": 1, "SendMail": 2, "SendHl7": 1}
    assert attempts(runs["dmp down, all rows"]) == {"CheckDmp": 7, "RecordOutcome": 1, "SendMail": 2, "SendHl7": 1}
    assert attempts(runs["operator down, all rows"]) == {
        "CheckDmp": 1,
        "SendToDmp": 1,
        "SendMail": 14,
        "RecordOutcome": 2,
        "SendHl7": 1,
    }
    assert runs["paper only"].inputs == runs["nothing to do"].inputs == {}


def test_no_branch_ever_fails(runs: dict[str, Run]) -> None:
    assert {name: run.status for name, run in runs.items() if run.status != "SUCCEEDED"} == {}
    assert runs["never recorded"].states[-2:] == ["RowNotRecorded", "Dispatched"]


def test_every_state_retrier_and_catcher_was_executed(runs: dict[str, Run]) -> None:
    visited = {state for run in runs.values() for state in run.states}

    assert visited == set(STATES)
    assert rules_met(STATES, (run.errors for run in runs.values())) == rules_of(STATES)


def test_inputs_and_outputs_stay_small_and_hold_identifiers_only(runs: dict[str, Run]) -> None:
    for run in runs.values():
        assert len(json.dumps(run.output)) < 8192
        for given in (one for each in run.inputs.values() for one in each):
            assert set(given) <= {"accession_number", "version", "channel", "recipient", "error", "cause"}
