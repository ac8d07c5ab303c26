"""What the pages say can be followed: every relative link and every command of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents import ROOT, anchors, commands, dead_links, emphasised, faults, help_texts, pages, screens

PAGES = pages()
GUIDES = [page for page in PAGES if page.parent.name in ("guides", "runbooks")]
BY_DAYS = {"certificates-N-days"}
CYAN = re.compile(r"\[cyan\](.*?)\[/cyan\]", re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not dead_links(page, page.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(ROOT).as_posix() for page in PAGES])
def test_every_command_exists(page: Path) -> None:
    assert not [fault for words in commands(page.read_text("utf-8")) for fault in faults(words)]


@pytest.mark.parametrize("page", GUIDES, ids=[page.stem for page in GUIDES])
def test_every_word_of_the_screen_is_on_the_screen(page: Path) -> None:
    assert not [words for words in emphasised(page.read_text("utf-8")) if words not in screens()]


def test_every_alarm_is_explained() -> None:
    of_the_tenant = re.findall(r'AlarmName: !Sub "\$\{Prefix\}-([a-z-]+)"', (ROOT / "infra/monitoring.yaml").read_text("utf-8"))
    of_a_site = re.findall(r'AlarmName: !Sub "\$\{Prefix\}-\$\{Site\}-([a-z-]+)"', (ROOT / "infra/site.yaml").read_text("utf-8"))
    deployed = {*of_the_tenant, *(f"SITE-{name}" for name in of_a_site)}
    section = (ROOT / "docs/guides/operator.md").read_text("utf-8").split("## Alarms")[1].split("\n## ")[0]
    told = {name for row in section.splitlines() if row.startswith("| `") for name in re.findall(r"`([^`]+)`", row.split("|")[1])}

    assert {name for name in deployed if not re.search("[0-9]", name)} == (told | {"trouble"}) - BY_DAYS


def test_every_example_of_the_help_exists() -> None:
    examples = [words for text in help_texts() for words in commands("\n\n".join(f"`{each}`" for each in CYAN.findall(text)))]

    assert len([words for words in examples if words[0] == "ris"]) > 20
    assert not [fault for words in examples for fault in faults(words)]


def test_the_pages_and_commands_that_readers_begin_with_are_looked_at() -> None:
    names = {page.relative_to(ROOT).as_posix() for page in PAGES}
    said = {" ".join(words[:3]) for page in PAGES for words in commands(page.read_text("utf-8")) if not faults(words)}

    assert {"README.md", "docs/guides/operator.md", "docs/runbooks/restore.md", "gateways/edge/README.md"} <= names
    assert {"make demo", "ris dispatch retry", "ris gateway run", "python -m tests.requirements"} <= said


def test_a_dead_link_or_anchor_is_found() -> None:
    text = (
        "# A head, *twice*\n# A head, twice\n[a](README.md#two-commands) [b](#a-head-twice-1) [c](nowhere.md) ![d](docs/no.png)\n"
    )
    text += "[e](README.md#nothing) [f](#a-head-twice-2) [g](https://example.org/x#y) [h](../../etc/hosts)\n\n`[i](no.md)`\n"

    assert anchors(text) == {"a-head-twice", "a-head-twice-1"}
    assert dead_links(ROOT / "CHANGELOG.md", text) == [
        "nowhere.md",
        "docs/no.png",
        "README.md#nothing",
        "#a-head-twice-2",
        "../../etc/hosts",
    ]


def test_a_label_that_no_page_has_is_found() -> None:
    assert [words for words in emphasised("*Valider et suivant*, **then** *Valider et dormir*") if words not in screens()] == [
        "Valider et dormir"
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("make nothing of it; `make demo OUT=x` and `make deploy`", ["make deploy"]),
        ("```sh\nmake up   # then make lunch\nCHOICE=x make sleep\n```", ["make sleep"]),
        ("`ris dispatch retry --since 2h` `ris dispatch resend` `ris send`", ["ris dispatch resend", "ris send"]),
        ("`.venv/bin/ris --stack-outputs f.json site list --jso`", ["ris site list --jso"]),
        ("    ris gateway stop --now\n", ["ris gateway stop"]),
        ("`ris certificates csr FINESS > a` `ris --help` `ris …` `ris.domain`", []),
        ("```sh\naws s3 ls && ris certificats list\nx=$(ris audit check nord)\n```", ["ris certificats", "ris audit check"]),
        ("`python -m tests.nothing` `.venv/bin/python -m tests.permissions --check`", ["python -m tests.nothing"]),
    ],
)
def test_a_command_that_does_not_exist_is_found(text: str, found: list[str]) -> None:
    assert [fault for words in commands(text) for fault in faults(words)] == found
