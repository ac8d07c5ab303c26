"""cfn-lint on every template and every state machine: no error, no warning."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.stacks import ROOT

TEMPLATES = [ROOT / "template.yaml", *sorted((ROOT / "infra").glob("*.yaml"))]
MACHINES = sorted((ROOT / "statemachines").glob("*.asl.json"))


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What cfn-lint says, by file name; one run for every file, since starting it takes longer than all of them."""
    folder = tmp_path_factory.mktemp("lint")
    wrong = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": "soon"}}}}
    stubs = {**{f"{machine.name}.json": stub(machine) for machine in MACHINES}, "wrong.json": wrong}
    for name, content in stubs.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    files = [*TEMPLATES, *(folder / name for name in stubs)]
    command = [
        str(Path(sys.executable).with_name("cfn-lint")),
        "--regions",
        "eu-west-3",
        "--format",
        "json",
        "--",
        *map(str, files),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    findings: dict[str, list[str]] = {file.name: [] for file in files}
    for finding in json.loads(done.stdout):
        findings[Path(finding["Filename"]).name].append(f"{finding['Rule']['Id']} {finding['Message']} {finding['Location']}")
    return findings


def stub(machine: Path) -> dict[str, Any]:
    """Return a template with the definition in it, its substitutions filled in: cfn-lint does not open DefinitionUri."""
    text = re.sub(r"\$\{(\w+)\}", r"arn:aws:lambda:eu-west-3:123456789012:function:\1", machine.read_text(encoding="utf-8"))
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/states", "Definition": json.loads(text)}
    return {"Resources": {"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_template_passes(said: dict[str, list[str]], template: Path) -> None:
    assert said[template.name] == []


@pytest.mark.parametrize("machine", MACHINES, ids=lambda path: path.name)
def test_every_state_machine_passes(said: dict[str, list[str]], machine: Path) -> None:
    assert said[f"{machine.name}.json"] == []


def test_the_linter_is_awake(said: dict[str, list[str]]) -> None:
    assert [finding.split()[0] for finding in said["wrong.json"]] == ["E3012"]
