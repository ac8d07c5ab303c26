"""The report as PDF/A-1b: ReportLab lays it out, pikepdf makes it an archive file.

The same frozen report gives the same bytes: every date comes from the validation instant, identifiers are deterministic. Text passes
`characters.drawable` before layout, since the layout library leaves out in silence what the font lacks.

Source: ISO 19005-1 (PDF/A-1b); Segur CRR.01, DOC.01, DOC.03, DOC.04, DOC.06; INS.52-54.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ris.adapters.report.datamatrix import datamatrix_modules, datamatrix_text
from ris.domain.identity.ins import QualifiedIdentity
from ris.domain.report.characters import drawable
from ris.domain.report.frozen import FrozenReport, Professional

FONTS = {"Report": "SourceSansPro-Regular.ttf", "Report-Bold": "SourceSansPro-Bold.ttf", "Report-Italic": "SourceSansPro-It.ttf"}
_MODULE_MM = 0.5
_INK, _GREY, _RULE = "#1b2733", "#5b6b7a", "#c3ccd5"


def fonts_folder() -> Path:
    """Return where the fonts are: `RIS_FONTS`, else the documents layer beside this package."""
    named = os.environ.get("RIS_FONTS")
    return Path(named) if named else Path(__file__).resolve().parents[5] / "documents" / "fonts"


@cache
def glyphs() -> frozenset[int]:
    """Register the fonts once and return the code points that all of them draw."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    drawn: list[frozenset[int]] = []
    for name, file in FONTS.items():
        font = TTFont(name, str(fonts_folder() / file))
        pdfmetrics.registerFont(font)
        drawn.append(frozenset(font.face.charToGlyph))
    pdfmetrics.registerFontFamily("Report", normal="Report", bold="Report-Bold", italic="Report-Italic", boldItalic="Report-Bold")
    return frozenset.intersection(*drawn)


def render_report(report: FrozenReport) -> bytes:
    """Return the report as a PDF/A-1b file.

    Raises:
        InvalidInput: `character_not_drawable` naming the field.
    """
    return _archived(_laid_out(report), report)


def _laid_out(report: FrozenReport) -> bytes:
    """Return the pages as ReportLab writes them, with embedded fonts only."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    glyphs()
    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=18 * mm,
        bottomMargin=24 * mm,
        initialFontName="Report",
    )
    frame = Frame(
        document.leftMargin, document.bottomMargin, document.width, document.height, id="body", leftPadding=0, rightPadding=0
    )
    foot = _text(report.footer, "footer")

    class Numbered(Canvas):  # type: ignore[misc]
        """A canvas that knows how many pages there are before it writes the first one."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802 - the library's name
            self._kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for state in self._kept:
                self.__dict__.update(state)
                _draw_foot(self, foot, page=self._pageNumber, pages=len(self._kept))
                super().showPage()
            super().save()

    document.addPageTemplates([PageTemplate(id="page", frames=[frame])])
    document.build(
        list(_story(report)), canvasmaker=lambda *a, **k: Numbered(*a, **{**k, "invariant": 1, "initialFontName": "Report"})
    )
    return buffer.getvalue()


def _story(report: FrozenReport) -> Iterator[Any]:
    """Yield the blocks of the report in reading order."""
    from reportlab.platypus import HRFlowable, KeepTogether, Paragraph, Spacer

    styles = _styles()
    yield _letterhead(report)
    yield Spacer(1, 8)
    yield _patient_block(report)
    yield Spacer(1, 10)
    yield Paragraph(_text(report.title, "title"), styles["title"])
    yield Paragraph(f"Examen du {_day(report)} · n° {_text(report.accession_number, 'accession_number')}", styles["small"])
    if report.replaces:
        yield Paragraph(f"Version {report.version} : annule et remplace la version précédente.", styles["strong"])
    yield HRFlowable(width="100%", thickness=0.6, color=_RULE, spaceBefore=4, spaceAfter=6)
    for section in report.sections:
        heading = Paragraph(_text(section.heading, "heading"), styles["heading"])
        paragraphs = [
            Paragraph(_text(part, section.heading).replace("\n", "<br/>"), styles["body"])
            for part in section.text.split("\n\n")
            if part.strip()
        ]
        yield KeepTogether([heading, *paragraphs[:1]])
        yield from paragraphs[1:]
    yield Spacer(1, 10)
    yield KeepTogether(_validation(report))


def _letterhead(report: FrozenReport) -> Any:
    """Return the structure on the left and the recipients on the right (DOC.04)."""
    from reportlab.platypus import Paragraph, Table

    styles = _styles()
    structure = report.structure
    left = [Paragraph(_text(structure.name, "structure"), styles["brand"])]
    left += [Paragraph(_text(line, "address"), styles["small"]) for line in (*structure.address, structure.phone) if line]
    left += [Paragraph(f"FINESS {_text(structure.finess_geo, 'finess')}", styles["small"])]
    people = ([("Demandeur", report.requester)] if report.requester else []) + [("Copie", person) for person in report.recipients]
    right = [Paragraph(f"{role} : {_named(person)}", styles["small"]) for role, person in people]
    table = Table([[left, right]], colWidths=["60%", "40%"])
    table.setStyle(_plain())
    return table


def _patient_block(report: FrozenReport) -> Any:
    """Return the patient's traits beside the datamatrix; the INS stands only on a qualified identity (INS.52-54)."""
    from reportlab.platypus import Paragraph, Table

    styles = _styles()
    cells: list[Any] = [[Paragraph(line, styles["body"]) for line in _trait_lines(report)]]
    widths: list[str] = ["100%"]
    if report.identity is not None:
        cells.append([_symbol(report.identity), Paragraph("INS à scanner", styles["caption"])])
        widths = ["76%", "24%"]
    table = Table([cells], colWidths=widths)
    table.setStyle(_plain(box=True))
    return table


def _trait_lines(report: FrozenReport) -> Iterator[str]:
    """Yield the lines that say who the patient is, markup included."""
    traits = report.traits
    birth = traits.birth_date.strftime("%d/%m/%Y") if traits.birth_date else _text(traits.birth_date_text, "birth_date")
    sex = {"M": "masculin", "F": "féminin"}.get(traits.sex, "indéterminé")
    yield f"Nom de naissance : <b>{_text(traits.birth_family, 'birth_family')}</b>"
    yield f"Premier prénom de naissance : <b>{_text(traits.birth_given, 'birth_given')}</b>"
    if traits.used_family or traits.used_given:
        yield f"Nom et prénom utilisés : {_text(f'{traits.used_family} {traits.used_given}'.strip(), 'used_family')}"
    yield f"Né(e) le : <b>{birth}</b> · Sexe : <b>{sex}</b>"
    yield f"IPP : {_text(report.ipp.value, 'ipp')}"
    if report.identity is not None:
        ins = report.identity.ins
        nature = "NIA" if ins.authority.endswith("NIA") else "NIR"
        matricule = ins.matricule
        grouped = " ".join(
            (matricule[0], matricule[1:3], matricule[3:5], matricule[5:7], matricule[7:10], matricule[10:13], matricule[13:])
        )
        yield f"Lieu de naissance (INSEE) : {report.identity.traits.birth_place_insee}"
        yield f"INS : <b>{grouped}</b> ({nature})"


def _validation(report: FrozenReport) -> list[Any]:
    """Return who validated and when, with the RPPS (CRR.01)."""
    from reportlab.platypus import Paragraph

    local = report.validated_at.astimezone(ZoneInfo(report.time_zone))
    styles = _styles()
    return [
        Paragraph(f"<b>Validé</b> le {local:%d/%m/%Y} à {local:%H:%M} par {_named(report.author)}", styles["body"]),
        Paragraph(f"RPPS {_text(report.author.rpps, 'rpps')} · version {report.version}", styles["small"]),
    ]


def _symbol(identity: QualifiedIdentity) -> Any:
    """Return the datamatrix as filled rectangles, with a quiet zone of two modules."""
    from reportlab.graphics.shapes import Drawing, Rect
    from reportlab.lib.colors import black
    from reportlab.lib.units import mm

    rows = datamatrix_modules(datamatrix_text(identity))
    size, quiet = _MODULE_MM * mm, 2
    drawing = Drawing((len(rows[0]) + 2 * quiet) * size, (len(rows) + 2 * quiet) * size, initialFontName="Report")
    for y, row in enumerate(reversed(rows)):
        for x, dark in enumerate(row):
            if dark:
                drawing.add(
                    Rect((x + quiet) * size, (y + quiet) * size, size, size, fillColor=black, strokeColor=None, strokeWidth=0)
                )
    return drawing


@cache
def _styles() -> dict[str, Any]:
    """Return the paragraph styles, every one with an embedded font."""
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    def style(name: str, size: float, *, font: str = "Report", colour: str = _INK, **more: Any) -> Any:
        return ParagraphStyle(
            name, fontName=font, bulletFontName="Report", fontSize=size, leading=size * 1.35, textColor=HexColor(colour), **more
        )

    return {
        "brand": style("brand", 14, font="Report-Bold"),
        "title": style("title", 15, font="Report-Bold", spaceAfter=2),
        "heading": style("heading", 11.5, font="Report-Bold", spaceBefore=8, spaceAfter=2),
        "body": style("body", 10.5, spaceAfter=4),
        "strong": style("strong", 10.5, font="Report-Bold"),
        "small": style("small", 9, colour=_GREY),
        "caption": style("caption", 8, colour=_GREY),
    }


def _plain(*, box: bool = False) -> Any:
    """Return a table style without lines but an optional frame."""
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import TableStyle

    rules: list[tuple[Any, ...]] = [("FONTNAME", (0, 0), (-1, -1), "Report"), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    rules += [("LEFTPADDING", (0, 0), (-1, -1), 8 if box else 0), ("RIGHTPADDING", (0, 0), (-1, -1), 6 if box else 0)]
    if box:
        rules += [
            ("BOX", (0, 0), (-1, -1), 0.6, HexColor(_RULE)),
            ("TOPPADDING", (0, 0), (-1, -1), 6),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
        ]
    return TableStyle(rules)


def _draw_foot(canvas: Any, notice: str, *, page: int, pages: int) -> None:
    """Write the page number and the notice on personal data (DOC.06) under the body."""
    from reportlab.lib.colors import HexColor
    from reportlab.lib.units import mm
    from reportlab.platypus import Paragraph

    canvas.saveState()
    canvas.setFillColor(HexColor(_GREY))
    canvas.setFont("Report", 8.5)
    canvas.drawRightString(190 * mm, 10 * mm, f"page {page}/{pages}")
    if notice:
        paragraph = Paragraph(notice, _styles()["caption"])
        _, height = paragraph.wrap(145 * mm, 14 * mm)
        paragraph.drawOn(canvas, 20 * mm, max(6 * mm, 18 * mm - height))
    canvas.restoreState()


def _archived(pages: bytes, report: FrozenReport) -> bytes:
    """Return the pages as PDF/A-1b: output intent, XMP, no Info, version 1.4, deterministic identifier.

    Raises:
        AssertionError: A font is not embedded; our bug.
    """
    import pikepdf

    with pikepdf.open(io.BytesIO(pages)) as pdf:
        for page in pdf.pages:
            if "/Trans" in page:
                del page["/Trans"]
            _require_embedded_fonts(page)
        profile = pdf.make_stream(
            (Path(pikepdf.__file__).parent / "pdfa" / "data" / "sRGB.icc").read_bytes(), N=3, Alternate=pikepdf.Name.DeviceRGB
        )
        intent = pikepdf.Dictionary(
            Type=pikepdf.Name.OutputIntent,
            S=pikepdf.Name.GTS_PDFA1,
            OutputConditionIdentifier=pikepdf.String("sRGB IEC61966-2.1"),
            DestOutputProfile=profile,
        )
        pdf.Root.OutputIntents = pikepdf.Array([intent])
        pdf.Root.Metadata = pdf.make_stream(_xmp(report), Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML)
        if "/Info" in pdf.trailer:
            del pdf.trailer["/Info"]
        written = io.BytesIO()
        pdf.save(written, force_version="1.4", object_stream_mode=pikepdf.ObjectStreamMode.disable, deterministic_id=True)
    return written.getvalue()


def _require_embedded_fonts(page: Any) -> None:
    """Stop on a font without its file."""
    for font in page.get("/Resources", {}).get("/Font", {}).values():
        descriptors = [f.get("/FontDescriptor") for f in font.get("/DescendantFonts", [font])]
        assert all(d is not None and any(k in d for k in ("/FontFile", "/FontFile2", "/FontFile3")) for d in descriptors), str(
            font.get("/BaseFont")
        )


def _xmp(report: FrozenReport) -> bytes:
    """Return the XMP packet: one description per schema, values as elements."""
    instant = report.validated_at.isoformat(timespec="seconds")
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{rdf}">'
        '<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">'
        "<pdfaid:part>1</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>"
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:format>application/pdf</dc:format>'
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(report.title)}</rdf:li></rdf:Alt></dc:title></rdf:Description>'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
        f"<xmp:CreateDate>{instant}</xmp:CreateDate><xmp:ModifyDate>{instant}</xmp:ModifyDate></rdf:Description>"
        '</rdf:RDF></x:xmpmeta>\n<?xpacket end="w"?>'
    ).encode()


def _text(value: str, field: str) -> str:
    """Return a person's text ready for a paragraph: drawable and escaped."""
    return escape(drawable(value, glyphs(), field=field), quote=False)


def _named(person: Professional) -> str:
    """Return a professional's name as printed."""
    title = "Dr " if person.profession_code == "10" else ""
    return _text(f"{title}{person.given} {person.family}".strip(), "professional")


def _day(report: FrozenReport) -> str:
    """Return the day of the exam in the site's civil time."""
    return report.performed_start.astimezone(ZoneInfo(report.time_zone)).strftime("%d/%m/%Y")
