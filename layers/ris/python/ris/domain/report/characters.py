"""Which characters a report may hold: what the font cannot draw is replaced by a stated equivalent or refused by name.

A character that a PDF library silently leaves out of a report is a danger to a patient, so every text passes here first: when it is
validated, by the table below, and again when it is drawn, by the font's own glyphs.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass

from ris.domain.errors import InvalidInput

_MISREAD = {chr(byte): bytes((byte,)).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
"""C1 controls of a text whose bytes were Windows-1252 and were read as ISO 8859-1: what its writer saw."""
_BULLETS = dict.fromkeys("\uf0b7\uf0a7\uf0d8\uf076\u25cf\u25aa", "\u2022")
"""Bullets of a word processor, most of them private to its symbol fonts. No other private character is guessed: a sign might change."""

_INVISIBLE = dict.fromkeys("\u200c\u200d\u200e\u200f\u2060", "")
"""Joiners and marks of direction."""

PASTED = {**_MISREAD, **_BULLETS, **_INVISIBLE}
"""Replaced in a text that a person writes or pastes, in its writer's view; in a name or an address they stay refused."""

EQUIVALENTS = {
    "\u2010": "-",  # hyphen
    "\u2011": "-",  # non-breaking hyphen
    "\u00ad": "",  # soft hyphen: invisible by definition
    "\u200b": "",  # zero width space
    "\ufeff": "",  # byte order mark
    "\t": " ",
    "\u03a9": "\u2126",  # omega as typed or composed, drawn as the ohm sign it looks like
    "\u03bc": "\u00b5",  # mu, drawn as the micro sign it looks like
    **dict(zip("\ufb00\ufb01\ufb02\ufb03\ufb04", ("ff", "fi", "fl", "ffi", "ffl"), strict=True)),  # ligatures of a copied page
    "\u2028": "\n",  # line separator
    "\u2029": "\n\n",  # paragraph separator
    **{chr(space): " " for space in range(0x2000, 0x200B) if space != 0x2007},  # spaces of other widths
}
"""Replaced without asking: nothing a reader sees is lost."""

_RANGES = """
20-7E A0-131 134-149 14C-165 168-17E 180 18F 192 1A0-1A1 1AF-1B0 1CD-1DC 1E6-1E7 1EA-1EB 218-21B 237 243 251 259 261
2B0 2B2-2B3 2B7-2B9 2BB-2BC 2BE-2BF 2C6-2CC 2D8-2DD 2E1-2E3 300-304 306-30C 30F 312-313 31B 323-324 326-328 32E 331
3C0 1D43 1D47-1D49 1D4D 1D4F-1D50 1D52 1D56-1D58 1D5B 1D9C 1DA0 1DBB 1E06-1E07 1E0C-1E0F 1E16-1E17 1E20-1E21 1E24-1E25
1E2A-1E2B 1E34-1E3B 1E42-1E49 1E52-1E53 1E5A-1E63 1E6C-1E6F 1E80-1E85 1E8E-1E8F 1E92-1E93 1E97 1E9E 1EA0-1EF9 2007
2012-2015 2018-201A 201C-201E 2020-2022 2026 202F-2030 2032-2033 2039-203A 2044 2070-2071 2074-2079 207D-2089
208D-208E 2094 20A1 20A4 20A6-20A7 20AB-20AC 20B1-20B2 20B5 20B9-20BA 2113 2117 2120 2122 2126 212E 2153-2154
215B-215E 2190-2193 2202 2206 220F 2211-2212 2215 2219-221A 221E 222B 2248 2260 2264-2265 231C-231F 25A0 25B2-25B3
25B6-25B7 25BC-25BD 25C0-25C1 25C6 25C9-25CA 2610-2611 266A 2713 2752 2E22-2E25 FB00-FB02 FEFF
"""
"""Code points that every face of the report's font draws, in hexadecimal; a test compares them with the font itself."""


def _points(ranges: str) -> frozenset[int]:
    ends = [one.split("-") for one in ranges.split()]
    return frozenset(point for each in ends for point in range(int(each[0], 16), int(each[-1], 16) + 1))


DRAWN = _points(_RANGES)
"""The same, as a set."""


_ALL = {**PASTED, **EQUIVALENTS}


@dataclass(frozen=True)
class Printed:
    """What becomes of a text when it is printed, besides its words.

    Args:
        replaced: Each character that is printed as another, with that other (empty: left out) and how often.
        refused: Each character that cannot be printed, and how often.
    """

    replaced: tuple[tuple[str, str, int], ...] = ()
    refused: tuple[tuple[str, int], ...] = ()


def printed(text: str) -> Printed:
    """Return what becomes of a text, so that its writer sees it before validation; a tab is no news to anybody."""
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    counts = Counter(composed)
    replaced = [(one, _ALL[one], count) for one, count in counts.items() if one in _ALL and one != "\t"]
    refused = [(one, count) for one, count in counts.items() if one not in _ALL and not _draws(one, DRAWN)]
    return Printed(tuple(replaced), tuple(refused))


def mended(text: str) -> str:
    """Return a text with what a paste brought along replaced: see `PASTED`."""
    return "".join(PASTED.get(character, character) for character in text)


def _draws(character: str, glyphs: Container[int]) -> bool:
    unfit = unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"}
    return character == "\n" or (ord(character) in glyphs and not unfit)


def drawable(text: str, glyphs: Container[int], *, field: str) -> str:
    """Return the text in NFC with every character drawable.

    Args:
        text: What a person wrote; line feeds stay.
        glyphs: Code points of the font.
        field: Name of the field for the error.

    Raises:
        InvalidInput: `character_not_drawable`; the detail names the code point, never the text around it.
    """
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    drawn = "".join(EQUIVALENTS.get(character, character) for character in composed)
    for character in drawn:
        if not _draws(character, glyphs):
            name = unicodedata.name(character, "control character")
            raise InvalidInput("character_not_drawable", field=field, detail=f"U+{ord(character):04X} {name}")
    return drawn
