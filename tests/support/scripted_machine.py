"""One real definition of a state machine in a cloud of its own, over functions that do what a script says.

A script names, for each function, what each of its attempts does; the last word stands for all that follow. Two minutes of back-off take less
than a second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud.client import Cloud, start_cloud
from tests.support.asl_rules import followed, inputs_of
from tests.support.stacks import ROOT

FIXTURES = ROOT / "tests" / "statemachines" / "fixtures"


@dataclass
class Run:
    """One execution that has ended.

    Args:
        inputs: Each function with the inputs of its attempts.
        states: Those it entered, in order.
        errors: Each state with the errors of its attempts, in order; a success is `ok`.
    """

    status: str
    error: str
    output: dict[str, Any]
    inputs: dict[str, list[dict[str, Any]]]
    states: list[str] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Scripted:
    """The cloud of a machine, and where its functions read what they do."""

    cloud: Cloud
    folder: Path

    def script(self, key: str, script: dict[str, list[str]]) -> None:
        """Say what the functions do in the execution whose input has this `accession_number`."""
        (self.folder / f"{key}.json").write_text(json.dumps(script), "utf-8")

    def ended(self, key: str, arn: str) -> Run:
        """Wait for an execution and return what became of it."""
        described = self.cloud.wait_execution(arn)
        states, errors = followed(self.cloud.history(arn))
        inputs = inputs_of(self.folder, key)
        return Run(described["status"], described.get("error", ""), described.get("output", {}), inputs, states, errors)


def definition(machine: str) -> dict[str, Any]:
    """Return the real definition of a machine."""
    found: dict[str, Any] = json.loads((ROOT / "statemachines" / f"{machine}.asl.json").read_text("utf-8"))
    return found


@contextmanager
def scripted(factory: pytest.TempPathFactory, machine: str) -> Iterator[Scripted]:
    """Start a cloud with this machine."""
    folder = factory.mktemp("scripts")
    parameters = {"Scripts": str(folder)}
    with start_cloud(factory.mktemp("cloud"), FIXTURES / f"{machine}.yaml", parameters=parameters, scale=400) as cloud:
        yield Scripted(cloud, folder)
