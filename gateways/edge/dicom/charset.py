"""Text as a station can read it: transliteration to Latin-1 or ASCII, and names shortened by one rule.

The rule for a component group over 64 characters (PS3.5 6.2, PN), in this order and only as far as needed: suffix, prefix and
middle name go; the given name loses words from its end, then everything after 20 characters; the family name is cut at its end. So
the beginning of the birth name always stays. Descriptions are cut at the length of their VR. Identifiers are never cut.

Source: hard case 16; PS3.5 6.2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

MAX_GROUP = 64
MAX_GIVEN = 20
MAX_LENGTH = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240}
_LIGATURES = str.maketrans(
    {"æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "«": '"', "»": '"'}
)
_WORD_END = re.compile(r"[ -][^ -]*$")
_TO_LATIN_1 = str.maketrans(
    {
        "œ": "oe", "Œ": "OE", "Ÿ": "Y", "€": "EUR", "‘": "'", "’": "'", "‚": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"',
        "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "…": "...", "•": "-", "\u202f": " ", "\u2009": " ", "\u2007": " ",
        "≤": "<=", "≥": ">=", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "™": "(TM)",
    }
)  # fmt: skip


def to_latin_1(value: str) -> str:
    """Return the text with every character in ISO 8859-1; what has no near form becomes `?`."""
    value = value.translate(_TO_LATIN_1)
    if value.isascii():
        return value
    return "".join(_nearest(character) for character in unicodedata.normalize("NFC", value))


def _nearest(character: str) -> str:
    if ord(character) < 0x80 or 0xA0 <= ord(character) <= 0xFF:
        return character
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    plain = plain.translate(_TO_LATIN_1)
    return plain if plain and all(ord(part) < 0x80 or 0xA0 <= ord(part) <= 0xFF for part in plain) else "?"


def to_ascii(value: str) -> str:
    """Return the text with every character in ASCII; what has no near form becomes `?`."""
    if value.isascii():
        return value
    plain = unicodedata.normalize("NFKD", value.translate(_LIGATURES).translate(_TO_LATIN_1))
    return "".join(one if one.isascii() else "?" for one in plain if not unicodedata.combining(one))


def _as_it_is(value: str) -> str:
    return value


# From the narrowest to the one that holds everything.
FITS: dict[str, Callable[[str], str]] = {"ISO_IR 6": to_ascii, "ISO_IR 100": to_latin_1, "ISO_IR 192": _as_it_is}


def holds(charset: str) -> Callable[[str], bool]:
    """Return the test whether a character set holds a text as it is."""
    fits = FITS[charset]
    return lambda value: fits(value) == value


def shorten_name(value: str) -> str:
    """Return a person name with at most 64 characters in each component group."""
    return "=".join(_shorten_group(group) for group in value.split("="))


def _shorten_group(group: str) -> str:
    if len(group) <= MAX_GROUP:
        return group
    family, given, *_ = [*group.split("^"), ""]
    while len(family) + 1 + len(given) > MAX_GROUP and _WORD_END.search(given):
        given = _WORD_END.sub("", given)
    if len(family) + 1 + len(given) > MAX_GROUP:
        given = given[:MAX_GIVEN]
    room = MAX_GROUP - (len(given) + 1 if given else 0)
    return "^".join(filter(None, (family[:room].rstrip(" -"), given)))


def shorten_text(value: str, vr: str) -> str:
    """Return a description cut at the length of its VR."""
    return value[: MAX_LENGTH.get(vr, len(value))]
