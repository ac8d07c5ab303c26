"""Strict traits as they may be typed, and local traits as INSi is asked with them.

INSi rejects what is not capitals, space, apostrophe or hyphen; it corrects nothing. So what a person types is refused with the name of
the character, and what another system once wrote with accents is put into capitals only for the question. A character that has no
defined equivalent (a digit, `_`, `/`) is refused, never stripped.

Source: INS implementation guide, rules on the strict traits (EF_INS01_03, EF_INS10_01 and _02); national facts on INSi, 1.2.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

from ris.domain.errors import InvalidInput

LONGEST = 100
_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ '-")
_IN_VIEW = {"\u2019": "'"}
"""What typing replaces in view of the user: the apostrophe that a telephone or a word processor writes."""
_EQUIVALENTS = {
    "\u2019": "'",
    "\u02bc": "'",
    "\u2010": "-",
    "\u2011": "-",
    "\u00a0": " ",
    "\u202f": " ",
    "Œ": "OE",
    "Æ": "AE",
    "ß": "SS",
    "ẞ": "SS",
    "Ø": "O",
    "Đ": "D",
    "Ð": "D",
    "Ł": "L",
    "Ħ": "H",
    "\ufb01": "FI",
    "\ufb02": "FL",
    "Ĳ": "IJ",
}


class NameKind(Enum):
    """What a name is; the two follow different rules."""

    FAMILY = "family"
    GIVEN = "given"


@dataclass(frozen=True)
class Typed:
    """A strict trait as it will be kept.

    Args:
        text: Capitals, space, apostrophe and hyphen only.
        replaced: Code points that were replaced, to be shown to who typed: `U+2019`.
    """

    text: str
    replaced: tuple[str, ...] = ()


def code_point(character: str) -> str:
    """Return `U+00E9`: a character named without being shown."""
    return f"U+{ord(character):04X}"


def typed_name(text: str, kind: NameKind, field: str) -> Typed:
    """Return a birth name or birth given names as a person typed them.

    Args:
        text: As typed; blanks around it do not count.
        kind: Rules of the family name or of given names.
        field: Name of the trait, for the refusal.

    Raises:
        InvalidInput: `trait_missing`, `trait_too_long`, `character_not_allowed` (the detail is its code point), `character_misplaced`.
    """
    replaced = tuple(dict.fromkeys(code_point(each) for each in text if each in _IN_VIEW))
    name = "".join(_IN_VIEW.get(each, each) for each in text).strip(" ")
    check_name(name, kind, field)
    return Typed(name, replaced)


def check_name(name: str, kind: NameKind, field: str) -> None:
    """Refuse what INSi would refuse.

    Raises:
        InvalidInput: As `typed_name`.
    """
    if not name:
        raise InvalidInput("trait_missing", field=field)
    if len(name) > LONGEST:
        raise InvalidInput("trait_too_long", field=field)
    stranger = next((each for each in name if each not in _ALLOWED), "")
    if stranger:
        raise InvalidInput("character_not_allowed", field=field, detail=code_point(stranger))
    wrong = _misplaced(name, kind)
    if wrong:
        raise InvalidInput("character_misplaced", field=field, detail=code_point(wrong))


def _misplaced(name: str, kind: NameKind) -> str:
    """Return the first character that stands where it may not, or an empty string."""
    if name[0] in " -":
        return name[0]
    together = re.search(r"[ '](?=[ '])|---", name)
    if together:
        return together[0][0]
    if kind is NameKind.FAMILY:
        return name[-1] if name[-1] == " " else ""
    if "--" in name:
        return "-"
    return name[-1] if name[-1] in "-' " else ""


def asked_name(text: str, kind: NameKind, field: str) -> str:
    """Return a local trait, accents and all, as INSi is asked with it.

    Args:
        text: As its source wrote it.
        kind: Rules of the family name or of given names.
        field: Name of the trait, for the refusal.

    Raises:
        InvalidInput: As `typed_name`; the code point is that of the character as its source wrote it.
    """
    name = re.sub(r" +", " ", "".join(_capital(each, field) for each in text)).strip(" ")
    check_name(name, kind, field)
    return name


def _capital(character: str, field: str) -> str:
    """Return one character in capitals, without accents or ligature."""
    upper = _EQUIVALENTS.get(character) or _EQUIVALENTS.get(character.upper()) or character.upper()
    bare = "".join(each for each in unicodedata.normalize("NFD", upper) if not unicodedata.combining(each))
    if any(each not in _ALLOWED for each in bare):
        raise InvalidInput("character_not_allowed", field=field, detail=code_point(character))
    return bare


def comparable(text: str) -> str:
    """Return a name for a comparison of strict traits: as INSi is asked with it, or unchanged when it cannot be asked."""
    try:
        return "".join(_capital(each, "") for each in text).strip(" ")
    except InvalidInput:
        return text.strip(" ")


def words(given_names: str) -> list[str]:
    """Return the given names of a list; a hyphen holds one together, a space parts two."""
    return [each for each in given_names.split(" ") if each]


def begins_the_list(first: str, given_names: str) -> bool:
    """Say whether a first given name is the beginning of the list; hyphen and apostrophe count as a space (EXI ID 10)."""
    wanted, listed = (re.sub("[-' ]+", " ", comparable(text)).strip() for text in (first, given_names))
    return bool(wanted) and (listed + " ").startswith(wanted + " ")
