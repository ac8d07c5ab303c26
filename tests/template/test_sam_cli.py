"""The AWS SAM CLI's own opinion, from a venv of its own: it wants other versions than the developer's environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stacks import ROOT

VENV = ROOT / "build" / "sam-cli"
VERSION = "1.170.0"


@pytest.fixture(scope="module")
def sam() -> Path:
    """Return the installed command, or skip by name."""
    command = VENV / "bin" / "sam"
    if not command.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True, capture_output=True, timeout=120)
        pip = [
            str(VENV / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            f"aws-sam-cli=={VERSION}",
        ]
        done = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            pytest.skip("aws-sam-cli cannot be installed here")
    return command


@pytest.mark.slow
def test_sam_validates_the_template(sam: Path, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "SAM_CLI_TELEMETRY": "0",
        "AWS_DEFAULT_REGION": "eu-west-3",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    command = [str(sam), "validate", "--lint", "--template", str(ROOT / "template.yaml"), "--region", "eu-west-3"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=180)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout + done.stderr
