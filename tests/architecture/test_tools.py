"""The linters, the formatter, the type checker and the import contracts, as tests: `make lint` is this folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.stacks import ROOT

BIN = Path(sys.executable).parent
COMMANDS = {
    "ruff check": ["ruff", "check", "--quiet", "--output-format=concise", "."],
    "ruff format": ["ruff", "format", "--check", "--quiet", "--diff", "."],
    "mypy": ["mypy", "--no-error-summary"],
    "import-linter": ["lint-imports", "--no-cache"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_it_is_content(name: str) -> None:
    tool, *arguments = COMMANDS[name]
    done = subprocess.run([str(BIN / tool), *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)

    assert done.returncode == 0, f"{name}:\n{(done.stdout + done.stderr)[-6000:]}"
