"""docs/figures.md against the tests: each figure is printed, under its name, by the test it points to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs/figures.md").read_text("utf-8").splitlines()
    if line.startswith("|") and "`tests/" in line
]


def test_there_are_figures() -> None:
    assert len(ROWS) >= 8


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_figure_is_printed_by_the_test_it_points_to(row: list[str]) -> None:
    figure, _, value, count, where = row
    source = (ROOT / where.strip("`")).read_text("utf-8")
    printed = "\n".join(re.findall(r"print\((.*?)\n    (?:\)|assert|$)", source, re.DOTALL) or [source])

    named = re.match(r"`([^`]+)`", figure)
    if named:
        pattern = re.sub(r"(\d+)", r"(?:\1|\\{\\w+\\})", re.escape(named.group(1)).replace(r"\ ", " "))
        assert re.search(pattern, printed), "no test prints this figure"
    assert value
    assert re.search(r"\d", count), "no N"
