"""What a report must be before it is validated."""

from __future__ import annotations

import pytest

from ris.domain.report.frozen import Section
from ris.domain.report.rules import TEXT_MAXIMUM, problems_of
from tests.support.reports import TEXT


def codes(title: str = "Scanner", sections: tuple[Section, ...] = TEXT) -> list[tuple[str, str]]:
    return [(problem.code, problem.field) for problem in problems_of(title, sections)]


def test_a_report_with_title_and_conclusion_has_no_problem() -> None:
    assert [] == codes()


@pytest.mark.parametrize("heading", ["Conclusion", "CONCLUSION :", " conclusions", "Conclusión"])
def test_a_conclusion_is_found_by_its_heading(heading: str) -> None:
    assert [] == codes(sections=(Section(heading, "Normal."),))


INVISIBLE = ("\u00a0\u202f", "\u200b", "\ufeff \u00ad", "\u2028\t")


@pytest.mark.parametrize(
    "sections",
    [
        (),
        (Section("Résultats", "Normal."),),
        (Section("Conclusion", " \n "),),
        *((Section("Conclusion", text),) for text in INVISIBLE),
    ],
)
def test_a_report_without_conclusion_is_refused(sections: tuple[Section, ...]) -> None:
    assert ("conclusion_missing", "Conclusion") in codes(sections=sections)


@pytest.mark.parametrize(("title", "code"), [("", "title_missing"), ("  ", "title_missing"), ("x" * 129, "title_too_long")])
def test_a_title_is_one_line_of_1_to_128_characters(title: str, code: str) -> None:
    assert [(code, "title")] == codes(title)
    assert [] == codes("x" * 128)


@pytest.mark.parametrize("nothing", INVISIBLE)
def test_what_no_reader_sees_is_neither_title_nor_heading(nothing: str) -> None:
    assert ["title_missing", "heading_missing"] == [code for code, _ in codes(nothing, (Section(nothing, "texte"), *TEXT))]


def test_the_length_counts_what_is_printed() -> None:
    assert [] == codes("x" * 127 + "\u00ad\u00ad" + "y")


def test_a_character_is_named_with_its_field() -> None:
    found = problems_of("Scan\x07ner", (Section("Résultats", "漢"), Section("Conclu\x00sion", "x"), Section("Conclusion", "x")))

    assert [
        ("character_not_drawable", "title", "U+0007 control character"),
        ("character_not_drawable", "Résultats", "U+6F22 CJK UNIFIED IDEOGRAPH-6F22"),
        ("character_not_drawable", "Conclu\x00sion", "U+0000 control character"),
    ] == [(problem.code, problem.field, problem.detail) for problem in found]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert ["title_missing", "heading_missing", "conclusion_missing"] == [code for code, _ in codes("", (Section("", "texte"),))]


def test_a_text_too_long_is_refused() -> None:
    assert [("report_too_long", "sections")] == codes(sections=(Section("Conclusion", "x" * (TEXT_MAXIMUM + 1)),))
    assert [] == codes(sections=(Section("Conclusion", "x" * 150_000),))
