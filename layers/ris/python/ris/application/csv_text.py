"""Tables as CSV that spreadsheets of a French office open as they are, and in which no cell is a formula.

UTF-8 with a byte order mark, `;` between fields, CRLF after lines (RFC 4180 but for the separator, which is that of the French locale).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

BOM = "\ufeff"
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]], *, beginning: bool = True) -> str:
    """Return the text of a table.

    Args:
        header: Names of the columns.
        rows: Their values; None is an empty cell, numbers stand as they are.
        beginning: Whether this is the beginning of a file, with mark and header; else what comes behind another part.
    """
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    if beginning:
        text.write(BOM)
        writer.writerow(header)
    writer.writerows([guarded(value) for value in row] for row in rows)
    return text.getvalue()


def guarded(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula: text that begins like one has an apostrophe before it (OWASP, CSV injection).

    A Decimal stands with a decimal comma.
    """
    if isinstance(value, Decimal):
        return str(value).replace(".", ",")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text
