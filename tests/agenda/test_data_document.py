"""docs/data.md names every kind of key that an adapter writes, and every waiting list."""

import re

import pytest

from infra.local.cloud.client import ROOT

DOCUMENT = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
ADAPTERS = sorted((ROOT / "layers/ris/python/ris/adapters").rglob("*.py"))
CODE = "\n".join(path.read_text(encoding="utf-8") for path in ADAPTERS)


@pytest.mark.parametrize("kind", sorted(set(re.findall(r'f"([A-Z_]+#)', CODE))))
def test_every_kind_of_key_is_documented(kind: str) -> None:
    assert f"`{kind}" in DOCUMENT


def test_every_waiting_list_is_documented() -> None:
    named = set(re.findall(r'due\(f"\{site\}#([a-z_]+)"', CODE))

    assert {"to_book", "hold", "publication", "delivery", "unscheduled", "parked"} <= named
    assert not [one for one in named if f"`{{site}}#{one}`" not in DOCUMENT]
