"""The table of figures as a workbook: one sheet for each indicator, numbers as numbers, every identifier as text, native charts.

XlsxWriter is imported when a workbook is asked for.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ris.adapters.usage.files import Sheets, cells
from ris.adapters.usage.french import COLUMNS, LABELS, SUMMARY
from ris.application.usage.export import MONTH, Cell, Row

if TYPE_CHECKING:
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

_WIDTHS = {"label": 52, "finess": 20, "rpps": 20, "out_of": 18, "out_of_total": 16}
_PLACE = {field: number for number, (_, field) in enumerate(COLUMNS)}


def xlsx_of(sheets: Sheets, made_at: datetime) -> bytes:
    """Return the workbook; the same figures of the same instant give the same cells.

    Args:
        sheets: The rows, by indicator.
        made_at: Aware UTC; stands in the workbook's properties.
    """
    import xlsxwriter

    held = io.BytesIO()
    with xlsxwriter.Workbook(
        held, {"in_memory": True, "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    ) as book:
        book.set_properties({"title": "Indicateurs d’usage", "created": made_at.replace(tzinfo=None)})
        formats = {
            "head": book.add_format({"bold": True, "text_wrap": True, "bottom": 1}),
            "text": book.add_format({"num_format": "@"}),
        }
        formats |= {"number": book.add_format({"num_format": "0"}), "share": book.add_format({"num_format": "0.00"})}
        for code, rows in sheets:
            sheet = book.add_worksheet(code or SUMMARY)
            _written(sheet, rows, formats)
            _charted(book, sheet, code, rows)
    return held.getvalue()


def _written(sheet: Worksheet, rows: Sequence[Row], formats: dict[str, Any]) -> None:
    for column, (heading, field) in enumerate(COLUMNS):
        sheet.set_column(column, column, _WIDTHS.get(field, 12))
        sheet.write_string(0, column, heading, formats["head"])
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(cells(row)):
            _write(sheet, number, column, value, formats)


def _write(sheet: Worksheet, row: int, column: int, value: Cell, formats: dict[str, Any]) -> None:
    if isinstance(value, str):
        if value:
            sheet.write_string(row, column, value, formats["text"])
    elif isinstance(value, Decimal):
        sheet.write_number(row, column, float(value), formats["share"])
    elif value is not None:
        sheet.write_number(row, column, value, formats["number"])


def _charted(book: Workbook, sheet: Worksheet, code: str, rows: Sequence[Row]) -> None:
    """Put the chart of its months beside an indicator's rows, the qualified on the others where it is split."""
    months = sum(row.level == MONTH for row in rows)
    if not code or not months:
        return
    fields = ("total",) if rows[0].qualified is None else ("qualified", "unqualified")
    chart = book.add_chart({"type": "column", "subtype": "stacked"})
    for field in fields:
        chart.add_series(
            {
                "name": [sheet.get_name(), 0, _PLACE[field]],
                "categories": [sheet.get_name(), 1, _PLACE["month"], months, _PLACE["month"]],
                "values": [sheet.get_name(), 1, _PLACE[field], months, _PLACE[field]],
            }
        )
    chart.set_title({"name": LABELS[code], "name_font": {"size": 12}})
    chart.set_y_axis({"num_format": "0", "min": 0})
    sheet.insert_chart(1, len(COLUMNS) + 1, chart, {"description": f"{LABELS[code]}, par mois", "x_scale": 1.4})
