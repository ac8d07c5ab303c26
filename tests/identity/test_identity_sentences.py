"""Each code that identity qualification can raise or keep has one French sentence."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ris.portal.french import SENTENCES
from tests.support.stacks import ROOT

RIS = ROOT / "layers" / "ris" / "python" / "ris"
FILES = sorted([*(RIS / "domain" / "identity").glob("*.py"), *(RIS / "application" / "identity").glob("*.py"), *(RIS / "adapters" / "identity").glob("insi_*.py")])  # fmt: skip
RAISED = {"InvalidInput", "Refused", "RemoteRejected", "RemoteUnavailable", "InsiUnavailable", "InsiRejected"}
# Codes of INSi and of its transport (national facts, 1.6), and what the breaker makes of its name.
OF_INSI = {
    "desir_550", "desir_560", "insi_101", "insi_102", "siram_40", "siram_100", "insi_502", "insi_503", "insi_504", "insi_breaker_open",
    "insi_01", "insi_02",
}  # fmt: skip
# What only a program can cause: our own identifiers, never shown.
OURS = {"unknown_event", "unknown_patient", "unknown_site", "unknown_answer", "workflows_unavailable"}


def codes_of(path: Path) -> set[str]:
    """Return the codes a module raises, and those it returns or keeps as a reason."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED and node.args:
            found |= texts(node.args[0])
        if isinstance(node, ast.keyword) and node.arg == "reason":
            found |= texts(node.value)
        if isinstance(node, ast.Return) and path.name == "answers.py" and node.value is not None:
            found |= texts(node.value)
    return {code for code in found if re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", code)}


def texts(node: ast.AST) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def test_the_walk_finds_codes() -> None:
    found = set().union(*map(codes_of, FILES))

    assert {"character_not_allowed", "insi_sex_missing", "identity_blocked", "insi_unreachable", "strict_traits_locked"} <= found


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.parent.name}-{path.name}")
def test_every_code_has_a_sentence(path: Path) -> None:
    assert set() == codes_of(path) - OURS - set(SENTENCES)


@pytest.mark.parametrize("code", sorted(OF_INSI))
def test_every_code_of_insi_has_a_sentence_that_says_who_acts_or_that_nobody_need(code: str) -> None:
    assert re.search(r"accueil|informatique|automatiquement|sans action|seuls|cellule", SENTENCES[code])
