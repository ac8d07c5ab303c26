"""Composition of what the operator's command needs beside the other families: the reference table and its book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris.bootstrap.dispatch import table

if TYPE_CHECKING:
    from ris.application.load_reference import ReferenceTable
    from ris.application.reference import ReferenceBook


def reference_table() -> ReferenceTable:
    """Return the loader's side of the reference table."""
    from ris.adapters.reference.dynamodb import DynamoReferenceTable

    return DynamoReferenceTable(table("REFERENCE"))


def reference_book() -> ReferenceBook:
    """Return the readers' side of the reference table."""
    from ris.adapters.reference.dynamodb import DynamoReferenceBook

    return DynamoReferenceBook(table("REFERENCE"))
