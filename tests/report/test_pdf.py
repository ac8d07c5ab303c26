"""The report as PDF/A-1b: read back by strangers (pikepdf's rules, zxing, pdfium)."""

from __future__ import annotations

from pathlib import Path

import pikepdf.pdfa
import pypdfium2
import pytest
import zxingcpp

from ris.adapters.report.pdf import render_report
from ris.domain.errors import InvalidInput
from ris.domain.report.frozen import Section
from tests.support.frozen_reports import a_frozen_report, a_qualified_identity


def text_of(pdf: bytes) -> str:
    """Return the text of every page."""
    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))


@pytest.mark.segur("DOC.01")
@pytest.mark.parametrize("pages", [1, 40], ids=["one page", "many pages"])
def test_an_independent_reader_takes_it_as_pdf_a_1b(tmp_path: Path, pages: int) -> None:
    report = a_frozen_report(sections=(Section("Résultats", "Pas d'épanchement.\n\n" * 20 * pages),))
    file = tmp_path / "report.pdf"
    file.write_bytes(render_report(report))

    found = pikepdf.pdfa.validate_written(file, "1b").findings

    assert [] == [(finding.rule, finding.message) for finding in found]


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_report(a_frozen_report()) == render_report(a_frozen_report())


@pytest.mark.segur("CRR.01")
def test_it_says_validated_when_and_by_which_rpps() -> None:
    text = text_of(render_report(a_frozen_report()))

    assert "Validé le 26/11/2026 à 10:15 par Dr CLAIRE RAYON" in text
    assert "RPPS 89990001234" in text


@pytest.mark.segur("DOC.03", "INS.52", "INS.53", "INS.54")
def test_a_scanner_reads_the_ins_of_a_qualified_identity() -> None:
    page = pypdfium2.PdfDocument(render_report(a_frozen_report()))[0].render(scale=4).to_pil()

    symbols = [code.bytes for code in zxingcpp.read_barcodes(page)]

    expected = b"IS01" + b"0" * 22 + b"S1275126322074974S21.2.250.1.213.1.4.10S3ZOE\x1dS4ADRUN\x1dS5FS631-12-1975S763220"
    assert [expected] == symbols


def test_an_oid_of_nineteen_characters_is_closed_by_a_separator() -> None:
    from ris.adapters.report.datamatrix import datamatrix_text
    from ris.domain.identity.ins import OID_NIR, Ins

    text = datamatrix_text(a_qualified_identity(ins=Ins("275126322074974", OID_NIR)))

    assert "S21.2.250.1.213.1.4.8\x1dS3" in text


@pytest.mark.segur("INS.37")
def test_an_unqualified_identity_prints_neither_matricule_nor_symbol() -> None:
    pdf = render_report(a_frozen_report(identity=None))
    page = pypdfium2.PdfDocument(pdf)[0].render(scale=4).to_pil()

    assert "INS" not in text_of(pdf)
    assert [] == list(zxingcpp.read_barcodes(page))


@pytest.mark.segur("DOC.04")
def test_every_recipient_is_named() -> None:
    report = a_frozen_report()
    copy = report.requester
    assert copy is not None

    text = text_of(render_report(a_frozen_report(recipients=(copy,))))

    assert "Demandeur : Dr LUC EXEMPLE" in text
    assert "Copie : Dr LUC EXEMPLE" in text


@pytest.mark.segur("DOC.06")
def test_the_notice_on_personal_data_stands_on_every_page() -> None:
    pdf = render_report(a_frozen_report(sections=(Section("Résultats", "Texte.\n\n" * 200),)))
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]

    assert len(pages) > 1
    assert all("protection des données" in page.replace("\r\n", " ") for page in pages)
    assert f"page 1/{len(pages)}" in pages[0]


def test_french_characters_are_right_and_markup_is_text() -> None:
    written = "œdème ≤ 3 µm, l’« épaisseur » <b>5 €</b> & suite"

    assert written in text_of(render_report(a_frozen_report(sections=(Section("Résultats", written),))))


@pytest.mark.parametrize("character", ["\x07", "\x85", "漢", "🙂", "\ue000"])
def test_a_character_the_font_cannot_draw_is_refused_by_name(character: str) -> None:
    report = a_frozen_report(sections=(Section("Résultats", f"avant {character} après"),))

    with pytest.raises(InvalidInput) as refused:
        render_report(report)

    assert ("character_not_drawable", "Résultats") == (refused.value.code, refused.value.field)
    assert f"U+{ord(character):04X}" in refused.value.detail
    assert "avant" not in refused.value.detail


def test_a_non_breaking_hyphen_is_replaced_not_dropped() -> None:
    assert "post-opératoire" in text_of(render_report(a_frozen_report(sections=(Section("R", "post‑opératoire"),))))
