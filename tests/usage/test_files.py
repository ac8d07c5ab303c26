"""CSV, workbook and plot hold the same figures, cell by cell; numbers are numbers, identifiers are text, and nothing is a formula."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pytest
from lxml import etree

from ris.adapters.usage import french
from ris.adapters.usage.files import csv_of, json_of
from ris.adapters.usage.plot import described, style_hashes, svg_of
from ris.adapters.usage.workbook import xlsx_of
from ris.application.usage.count_usage import recount
from ris.application.usage.dashboard import Asked, Dashboard, dashboard
from ris.application.usage.export import ALL, DETAIL, MONTH, Row, rows_of
from ris.domain.usage.figures import SHOWN
from ris.domain.usage.period import Period
from tests.support.usage import FINESS, SIGNATORIES, fact, noon, recounted, years
from tests.usage.test_count_usage import LATER, House

YEAR = Period("2025-01-01", "2025-12-31")
MADE = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
HEAD = [heading for heading, _ in french.COLUMNS]
TEXT = {"Niveau", "Code", "Indicateur", "Du", "Au", "Mois", "FINESS géographique", "RPPS du signataire", "Rapporté à"}


@pytest.fixture(scope="module")
def house() -> House:
    made = House(years(9, 120, datetime(2025, 1, 1, tzinfo=UTC), 12))
    for site in ("nord", "sud"):
        recount(made.s, site, YEAR, LATER)
    return made


@pytest.fixture(scope="module")
def found(house: House) -> Dashboard:
    return dashboard(house.s, Asked(("nord", "sud"), YEAR))


def in_csv(text: str) -> list[list[object]]:
    """Read a file as a French spreadsheet would."""
    assert text.startswith("\ufeff")
    assert "\r\n" in text
    head, *rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=";")
    assert head == HEAD
    return [[_value(name, cell) for name, cell in zip(HEAD, row, strict=True)] for row in rows]


def _value(name: str, cell: str) -> object:
    if cell == "" or name in TEXT:
        return cell or None
    return Decimal(cell.replace(",", ".")) if name == "Taux (%)" else int(cell)


def in_workbook(content: bytes) -> tuple[list[str], list[list[object]]]:
    """Read every sheet, its head left out."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    rows: list[list[object]] = []
    for sheet in book.worksheets:
        head, *listed = sheet.iter_rows()
        assert [cell.value for cell in head] == HEAD
        for row in listed:
            for name, cell in zip(HEAD, row, strict=True):
                assert cell.data_type == ("s" if name in TEXT else "n") or cell.value is None, (sheet.title, cell.coordinate)
            values = [cell.value for cell in row]
            rows.append(
                [Decimal(f"{v:.2f}") if n == "Taux (%)" and v is not None else v for n, v in zip(HEAD, values, strict=True)]
            )
    return book.sheetnames, rows


@pytest.mark.segur("TBB.01")
def test_csv_and_workbook_are_equal_cell_by_cell(found: Dashboard) -> None:
    sheets = rows_of(found)
    names, book = in_workbook(xlsx_of(sheets, MADE))

    assert names == [french.SUMMARY, *(shown.code for shown in SHOWN)]
    assert in_csv(csv_of(sheets)) == book
    assert len(book) > 500


def test_levels_of_a_file_each_add_up_to_the_brute_recount(house: House, found: Dashboard) -> None:
    rows = [row for _, of_sheet in rows_of(found) for row in of_sheet]
    brute = recounted(house.facts, "nord", YEAR.first, YEAR.last) + recounted(house.facts, "sud", YEAR.first, YEAR.last)
    for shown in SHOWN:
        wanted = sum(number for (name, _, _), number in brute.items() if name in shown.figures)
        for level in (ALL, MONTH, DETAIL):
            assert wanted == sum(row.total for row in rows if (row.code, row.level) == (shown.code, level)), (shown.code, level)
    assert all(
        row.total == row.qualified + row.unqualified for row in rows if row.qualified is not None and row.unqualified is not None
    )
    for finess in FINESS.values():
        for rpps in SIGNATORIES:
            theirs = sum(row.total for row in rows if (row.code, row.level, row.finess, row.rpps) == ("dmp", DETAIL, finess, rpps))
            assert theirs == sum(brute[(f"dmp.{end}", finess, rpps)] for end in ("qualified", "unqualified"))


def test_a_part_of_a_month_says_its_days_and_a_filter_leaves_the_others_out(house: House) -> None:
    asked = Asked(("nord", "sud"), Period("2025-03-15", "2025-04-10"), finess=FINESS["sud"], rpps=SIGNATORIES[1])
    rows = [row for _, of_sheet in rows_of(dashboard(house.s, asked)) for row in of_sheet]

    assert {(row.first, row.last) for row in rows if row.level == MONTH} == {
        ("2025-03-15", "2025-03-31"),
        ("2025-04-01", "2025-04-10"),
    }
    assert {(row.finess, row.rpps) for row in rows if row.level == DETAIL} == {(FINESS["sud"], SIGNATORIES[1])}
    brute = recounted(house.facts, "sud", "2025-03-15", "2025-04-10")
    total = next(row.total for row in rows if (row.level, row.code) == (ALL, "validated"))
    assert total == sum(brute[(f"validated.{end}", FINESS["sud"], SIGNATORIES[1])] for end in ("qualified", "unqualified"))


def test_identifiers_keep_their_zeros_and_shares_their_comma() -> None:
    house = House([fact("26000000001", noon(2025, 3, 3), kind="validated", plan=("dmp:pending:",), author="00012345678")] * 1)
    house.facts += [fact("26000000002", noon(2025, 3, 3), kind="validated", plan=("dmp:pending:",), author="00012345678")]
    house.facts += [fact("26000000003", noon(2025, 3, 3), kind="validated", plan=("dmp:pending:",), author="00012345678")]
    house.facts += [
        fact("26000000001", noon(2025, 3, 3), author="00012345678"),
        fact("26000000002", noon(2025, 3, 4), author="00012345678"),
    ]
    recount(house.s, "nord", YEAR, LATER)
    text = csv_of(rows_of(dashboard(house.s, Asked(("nord",), YEAR))))

    assert ";00012345678;2;2;0;due_dmp;3;66,67\r\n" in text
    assert ";=" not in text


@pytest.mark.parametrize("evil", ["=1+1", "+33", "-2", "@SUM(A1)", "\tx", '=HYPERLINK("http://x")'])
def test_a_cell_that_begins_like_a_formula_is_text_in_both(evil: str) -> None:
    row = Row(DETAIL, "dmp", "2025-01-01", "2025-01-31", "2025-01", evil, evil, -3, None, None, "due_dmp", 4, Decimal("-75.00"))
    sheets = [("dmp", [row])]
    _, (cells,) = in_workbook(xlsx_of(sheets, MADE))

    assert in_csv(csv_of(sheets)) == [cells]
    assert cells[HEAD.index("FINESS géographique")] == f"'{evil}"
    assert (cells[HEAD.index("Total")], cells[HEAD.index("Taux (%)")]) == (-3, Decimal("-75.00"))
    with zipfile.ZipFile(io.BytesIO(xlsx_of(sheets, MADE))) as book:
        assert not any("<f>" in book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet"))


def test_each_indicator_has_a_chart_of_its_months(found: Dashboard) -> None:
    with zipfile.ZipFile(io.BytesIO(xlsx_of(rows_of(found), MADE))) as book:
        charts = [book.read(name).decode() for name in book.namelist() if re.fullmatch(r"xl/charts/chart\d+\.xml", name)]

    assert len(charts) == len(SHOWN)
    assert "dmp!$F$2:$F$13" in charts[1]
    assert sum("$K$2:$K$13" in chart for chart in charts) == sum(shown.split for shown in SHOWN)


def test_json_says_the_same(found: Dashboard) -> None:
    sheets = rows_of(found)
    listed = json.loads(json_of(sheets))

    assert [each["total"] for each in listed] == [row[HEAD.index("Total")] for row in in_csv(csv_of(sheets))]
    assert {type(each["share"]) for each in listed} == {str, type(None)}


def test_the_plot_runs_nothing_loads_nothing_and_says_its_numbers(found: Dashboard) -> None:
    svg = svg_of(found)
    root = etree.fromstring(svg.encode())
    tags = {etree.QName(each).localname for each in root.iter(etree.Element)}
    months = next(line for line in rows_of(found) if line[0] == "dmp")[1]

    assert "script" not in tags
    assert not any(name == "style" or name.startswith("on") for each in root.iter(etree.Element) for name in each.attrib)
    assert not re.search(r"(href|src)=\"http|@import|url\(", svg)
    assert root.findtext("{*}desc") == described(found)
    assert all(f"{row.month} {row.total}" in described(found) for row in months if row.level == MONTH)
    assert style_hashes(svg).count("sha256-") == 1
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "plot-title plot-text")


def test_every_figure_has_its_name_and_a_sheet_title_a_workbook_takes() -> None:
    assert set(french.LABELS) == {shown.code for shown in SHOWN}
    assert len(set(french.LABELS.values())) == len(SHOWN)
    assert all(len(shown.code) <= 31 for shown in SHOWN)
    assert all(shown.out_of in ("", *french.LABELS) for shown in SHOWN)
    assert {field for _, field in french.COLUMNS} - {"label"} == set(Row.__dataclass_fields__)


def test_nothing_to_divide_by_is_no_share(found: Dashboard) -> None:
    empty = dashboard(House().s, replace(found.asked, sites=("nord",)))

    assert {(line.total, line.percent) for line in empty.lines} == {(0, None)}
    assert empty.counted_until is None
