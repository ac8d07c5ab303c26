"""Which characters a report may hold: what the font cannot draw is replaced by a stated equivalent or refused by name.

A character that a PDF library silently leaves out of a report is a danger to a patient, so every text passes here first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Container

from ris.domain.errors import InvalidInput

EQUIVALENTS = {
    "‑": "-",  # non-breaking hyphen
    "\u00ad": "",  # soft hyphen: invisible by definition
    "\u200b": "",  # zero width space
    "\ufeff": "",  # byte order mark
    "\t": " ",
}
"""Replaced without asking: nothing a reader sees is lost."""


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
        if character != "\n" and (ord(character) not in glyphs or unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"}):
            name = unicodedata.name(character, "control character")
            raise InvalidInput("character_not_drawable", field=field, detail=f"U+{ord(character):04X} {name}")
    return drawn
