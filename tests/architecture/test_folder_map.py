"""The README's map of folders is the tree, and what it names exists."""

from __future__ import annotations

import re

from tests.support.stacks import ROOT

README = (ROOT / "README.md").read_text("utf-8")
NOT_MAPPED = {"build"}


def mapped() -> dict[str, str]:
    section = README.split("## The folders")[1].split("\n## ")[0]
    return dict(re.findall(r"(?m)^\| `([^`]+)` \| (.+) \|$", section))


def test_every_folder_of_the_top_is_on_the_map_and_every_entry_exists() -> None:
    tree = {
        f"{path.name}/"
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(".") and not path.name.endswith(".egg-info")
    }

    assert tree - {f"{name}/" for name in NOT_MAPPED} == {name for name in mapped() if name.endswith("/")}
    assert all((ROOT / name).exists() for name in mapped())


def test_every_layer_is_described() -> None:
    assert not [path.name for path in (ROOT / "layers").iterdir() if path.is_dir() and f"`{path.name}" not in mapped()["layers/"]]


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"))

    assert numbers == list(range(1, len(numbers) + 1))
