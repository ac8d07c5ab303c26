"""The table of characters: the font's own, and what is replaced without a loss."""

from __future__ import annotations

import unicodedata

import pypdfium2
import pytest

from ris.adapters.report.pdf import glyphs, render_report
from ris.domain.errors import InvalidInput
from ris.domain.report.characters import DRAWN, EQUIVALENTS, PASTED, Printed, drawable, mended, printed
from ris.domain.report.frozen import Section
from tests.support.frozen_reports import a_frozen_report


def test_the_table_is_what_every_face_of_the_font_draws() -> None:
    assert glyphs() == DRAWN


@pytest.mark.parametrize("character", sorted(EQUIVALENTS))
def test_an_equivalent_is_drawable_itself(character: str) -> None:
    drawn = drawable(f"a{character}b", DRAWN, field="title")

    assert f"a{EQUIVALENTS[character]}b" == drawn
    assert drawn == drawable(drawn, DRAWN, field="title")


def test_what_a_keyboard_composes_is_drawn_as_one_character() -> None:
    assert "é œ Ω µ" == unicodedata.normalize("NFC", "é œ ") + drawable("\u03a9 \u03bc", DRAWN, field="t").replace("\u2126", "Ω")
    assert "\u2126" == drawable("\u2126", DRAWN, field="t")


@pytest.mark.parametrize("character", [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))])
def test_a_control_character_is_refused_by_name_or_is_a_line(character: str) -> None:
    if character in "\n\r\t":
        assert drawable(character, DRAWN, field="t") in ("\n", " ")
        return
    with pytest.raises(InvalidInput) as refused:
        drawable(f"secret{character}", DRAWN, field="t")

    assert f"U+{ord(character):04X}" in refused.value.detail
    assert "secret" not in refused.value.detail


def test_no_character_vanishes_between_the_text_and_the_page() -> None:
    """Every character that passes is found again by a stranger's reader (marks that combine with another one apart)."""
    alone = [chr(point) for point in sorted(DRAWN) if not unicodedata.category(chr(point)).startswith(("M", "Z", "C"))]
    passed = [character for character in alone if drawable(character, DRAWN, field="t") == character]
    report = a_frozen_report(sections=(Section("Conclusion", " ".join(f"x{character}x" for character in passed)),))

    pages = pypdfium2.PdfDocument(render_report(report))
    read = "".join(page.get_textpage().get_text_range() for page in pages).replace("\r\n", " ")

    assert len(passed) > 600
    assert [] == [f"U+{ord(character):04X}" for character in passed if f"x{character}x" not in read]


@pytest.mark.parametrize("character", sorted(PASTED))
def test_what_a_paste_brings_is_replaced_in_the_text_only_and_what_replaces_it_is_drawn(character: str) -> None:
    said = printed(f"a{character}b")

    assert f"a{PASTED[character]}b" == drawable(mended(f"a{character}b"), DRAWN, field="t")
    assert [(character, PASTED[character], 1)] == list(said.replaced)
    assert () == said.refused
    with pytest.raises(InvalidInput, match="character_not_drawable"):
        drawable(f"a{character}b", DRAWN, field="patient.birth_family")


@pytest.mark.parametrize("character", [chr(point) for point in (*range(0xE000, 0xF900, 7), 0x81, 0x2603, 0x1F600, 0xD800)])
def test_what_is_not_sure_is_never_guessed(character: str) -> None:
    if character in PASTED:
        return
    assert ((character, 2),) == printed(f"{character}a{character}").refused
    assert () == printed(f"{character}").replaced


def test_an_ordinary_text_brings_no_news() -> None:
    assert Printed() == printed("Cœur ≤ 3 mm,\tµ « normal » – 5 €\r\né")
