"""The table that every file holds: the same rows in CSV, workbook and JSON, described in docs/usage.md.

| level | one row for |
|---|---|
| `ensemble` | each indicator, over the whole period and everybody asked about |
| `mois` | each indicator and month |
| `detail` | each indicator, month, FINESS and RPPS that has something |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from ris.application.usage.dashboard import Dashboard, Line, line_of
from ris.domain.usage.figures import BY_CODE, SHOWN, Axis, Shown, summed
from ris.domain.usage.period import Period, month_of

ALL, MONTH, DETAIL = "ensemble", "mois", "detail"
Cell = str | int | Decimal | None


@dataclass(frozen=True)
class Row:
    """One row of the table; its fields are the columns, in this order.

    Args:
        first: First day of what it counts, `last` its last.
        month: Empty on the level `ensemble`.
        finess: Geographic; empty on the levels above `detail`, `rpps` too.
        total: `qualified` and `unqualified` add up to it where the indicator is split; else they are None.
        out_of: Code of what it is a share of; empty where it is none.
        share: Percent with two decimals; None where there is nothing to divide by.
    """

    level: str
    code: str
    first: str
    last: str
    month: str
    finess: str
    rpps: str
    total: int
    qualified: int | None
    unqualified: int | None
    out_of: str
    out_of_total: int | None
    share: Decimal | None


def rows_of(found: Dashboard) -> list[tuple[str, list[Row]]]:
    """Return the rows as they stand in a file: the whole first (under an empty code), then each indicator's."""
    period, whole = found.asked.period, found.figures
    sheets = [("", [_row(ALL, period, "", Axis("", ""), line_of(shown, whole)) for shown in SHOWN])]
    sheets += [(shown.code, list(_of_indicator(found, shown))) for shown in SHOWN]
    return sheets


def _of_indicator(found: Dashboard, shown: Shown) -> Iterator[Row]:
    for month, axes in found.months.items():
        yield _row(MONTH, _part(found.asked.period, month), month, Axis("", ""), line_of(shown, summed(axes.values())))
    for month, axes in found.months.items():
        for axis, figures in axes.items():
            line = line_of(shown, figures)
            if line.total or line.out_of or any(name in figures for name in shown.figures):
                yield _row(DETAIL, _part(found.asked.period, month), month, axis, line)


def _part(period: Period, month: str) -> Period:
    whole = month_of(month)
    return Period(max(period.first, whole.first), min(period.last, whole.last))


def _row(level: str, period: Period, month: str, axis: Axis, line: Line) -> Row:
    return Row(
        level,
        line.shown.code,
        period.first,
        period.last,
        month,
        axis.finess,
        axis.rpps,
        line.total,
        line.qualified,
        line.unqualified,
        line.shown.out_of,
        line.out_of,
        line.percent,
    )


def is_known(code: str) -> bool:
    """Say whether it is the code of an indicator."""
    return code in BY_CODE
