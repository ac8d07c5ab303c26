"""The real definition of announcement_release, run in the embedded cloud over a function that fails as told: every state, retrier, catcher."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.asl_rules import rules_met, rules_of
from tests.support.scripted_machine import Run, Scripted, definition, scripted

MACHINE = definition("announcement_release")
SCENARIOS: dict[str, list[str]] = {
    "all is well": ["ok"],
    "signed before": ["ok"],
    "signing cannot start": ["ok"],
    "after an outage": ["RemoteUnavailable", "Lambda.TooManyRequestsException", "ok"],
    "after a killed function": ["crash", "ok"],
    "refused": ["Refused"],
    "down for ever": ["RemoteUnavailable"],
    "crashes for ever": ["UnexpectedError"],
}


@dataclass
class Release(Run):
    """One release that has ended, with the signings it started and what they were given."""

    signings: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


def given(accession: str) -> dict[str, Any]:
    return {
        "accession_number": accession,
        "version": 2,
        "draft_rev": 9,
        "validator_account": "dr.rayon",
        "validated_at": "2026-11-26T09:15:30Z",
        "logged_in_at": "2026-11-26T08:02:00Z",
        "reason": "announcement",
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Release]]:
    with scripted(tmp_path_factory, "announcement_release") as world:
        started = {}
        for number, (name, script) in enumerate(SCENARIOS.items()):
            accession = f"{number:06}"
            ok = json.dumps(
                {"accession_number": accession, "version": 2, "state": "frozen", "signing_name": f"signing-{accession}-2"}
            )
            world.script(accession, {"FreezeReport": [ok if word == "ok" else word for word in script]})
            machine = "UnconnectedStateMachine" if name == "signing cannot start" else "AnnouncementReleaseStateMachine"
            if name == "signed before":
                signing = world.cloud.start("ReportSigningStateMachine", f"signing-{accession}-2", {"somebody": "else"})
                world.cloud.wait_execution(signing)
            started[name] = (accession, world.cloud.start(machine, f"announcement-{accession}-2", given(accession)))
        yield {name: ended(world, accession, arn) for name, (accession, arn) in started.items()}


def ended(world: Scripted, accession: str, arn: str) -> Release:
    run, states = world.ended(accession, arn), world.cloud.client("stepfunctions")
    listed = states.list_executions(stateMachineArn=world.cloud.state_machines["ReportSigningStateMachine"])["executions"]
    mine = [one for one in listed if one["name"].startswith(f"signing-{accession}-")]
    signings = [(one["name"], json.loads(states.describe_execution(executionArn=one["executionArn"])["input"])) for one in mine]
    return Release(**vars(run), signings=signings)


@pytest.mark.segur("CRR.03")
def test_the_version_is_frozen_and_its_signing_started(runs: dict[str, Release]) -> None:
    run = runs["all is well"]

    assert (run.status, run.states) == ("SUCCEEDED", ["FreezeReport", "StartSigning", "Released"])
    assert run.signings == [("signing-000000-2", given("000000"))]
    assert [{name: value for name, value in given("000000").items() if name != "reason"}] == run.inputs["FreezeReport"]


def test_a_signing_that_was_started_before_is_a_start_that_was_done(runs: dict[str, Release]) -> None:
    assert (runs["signed before"].status, runs["signed before"].states[-1]) == ("SUCCEEDED", "Released")
    assert runs["signed before"].errors["StartSigning"] == ["StepFunctions.ExecutionAlreadyExistsException"]


def test_a_signing_that_cannot_start_is_left_to_the_sweep(runs: dict[str, Release]) -> None:
    run = runs["signing cannot start"]

    assert (run.status, run.states[-1], run.signings) == ("FAILED", "NotSigned", [])
    assert len(run.errors["StartSigning"]) == 7


def test_what_can_be_done_again_is_done_again_and_a_refusal_is_final(runs: dict[str, Release]) -> None:
    assert {"Released"} == {runs[name].states[-1] for name in ("after an outage", "after a killed function")}
    assert ("FAILED", "Refused", 1) == (runs["refused"].status, runs["refused"].error, len(runs["refused"].inputs["FreezeReport"]))
    assert (7, 4) == (len(runs["down for ever"].inputs["FreezeReport"]), len(runs["crashes for ever"].inputs["FreezeReport"]))


def test_every_state_retrier_and_catcher_was_executed(runs: dict[str, Release]) -> None:

    assert set(MACHINE["States"]) == {state for run in runs.values() for state in run.states}
    assert rules_of(MACHINE["States"]) == rules_met(MACHINE["States"], (run.errors for run in runs.values()))
