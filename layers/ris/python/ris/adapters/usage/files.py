"""The table of figures as CSV and as JSON; the workbook and the plot are beside it, as they need libraries of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

from ris.adapters.usage.french import COLUMNS, LABELS
from ris.application.csv_text import csv_text, guarded
from ris.application.usage.export import Cell, Row

Sheets = Sequence[tuple[str, Sequence[Row]]]


def cells(row: Row) -> list[Cell]:
    """Return a row's cells in the order of the columns; text is such that no spreadsheet takes it for a formula."""
    values = {**vars(row), "label": LABELS[row.code]}
    return [_cell(values[field]) for _, field in COLUMNS]


def csv_of(sheets: Sheets) -> str:
    """Return the table as CSV: byte order mark, `;`, decimal comma, every level in one list."""
    return csv_text([heading for heading, _ in COLUMNS], (cells(row) for _, rows in sheets for row in rows))


def json_of(sheets: Sheets) -> str:
    """Return the table as JSON: a list of objects named as the fields, shares as decimal text."""
    listed = [{**vars(row), "label": LABELS[row.code], "share": _text(row.share)} for _, rows in sheets for row in rows]
    return json.dumps(listed, ensure_ascii=False, indent=1)


def _cell(value: Cell) -> Cell:
    if isinstance(value, str):
        return str(guarded(value))
    return value


def _text(share: Decimal | None) -> str | None:
    return None if share is None else str(share)
