"""The page on permissions is the table that decides."""

from __future__ import annotations

from ris.domain.access.policy import POLICY
from ris.domain.access.session import RIGHTS, ROLES
from tests.permissions import DOCUMENT, document


def test_the_document_is_what_the_table_says() -> None:
    # Stale? python -m tests.permissions
    assert DOCUMENT.read_text("utf-8") == document()


def test_every_role_right_and_action_has_its_row() -> None:
    first = {line.split("|")[1].strip(" `") for line in document().splitlines() if line.startswith("| `")}

    assert first == {*ROLES, *RIGHTS, *POLICY}


def test_a_mark_stands_under_the_role_that_may() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in document().splitlines() if line.count("|") > len(ROLES)]
    head = rows[0]
    marked = {row[0].strip("`"): {role for role, mark in zip(head, row, strict=True) if mark == "●"} for row in rows[2:]}

    assert marked == {action: set(rule.roles) for action, rule in POLICY.items()}
