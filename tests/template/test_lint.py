"""cfn-lint on every template and every state machine: no error, no warning."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stacks import ROOT

TEMPLATES = [ROOT / "template.yaml", *sorted((ROOT / "infra").glob("*.yaml"))]
MACHINES = sorted((ROOT / "statemachines").glob("*.asl.json"))


def lint(*files: Path) -> str:
    """Return what cfn-lint says, nothing when it is content."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "eu-west-3", "--", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    return (done.stdout + done.stderr) if done.returncode else ""


def test_every_template_passes() -> None:
    assert lint(*TEMPLATES) == ""


@pytest.mark.parametrize("machine", MACHINES, ids=lambda path: path.name)
def test_every_state_machine_passes(machine: Path, tmp_path: Path) -> None:
    # cfn-lint does not open DefinitionUri: the definition stands in a stub, its substitutions filled in.
    text = re.sub(r"\$\{(\w+)\}", r"arn:aws:lambda:eu-west-3:123456789012:function:\1", machine.read_text(encoding="utf-8"))
    definition = json.loads(text)
    role = "arn:aws:iam::123456789012:role/states"
    stub = {
        "Resources": {"M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": role, "Definition": definition}}}
    }
    file = tmp_path / "stub.json"
    file.write_text(json.dumps(stub), encoding="utf-8")

    assert lint(file) == ""


def test_the_linter_is_awake(tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text(
        json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": "soon"}}}}), "utf-8"
    )

    assert "E3012" in lint(file)
