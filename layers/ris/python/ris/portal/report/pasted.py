"""What becomes of the characters a word processor brings along: those printed as others, and those that cannot be printed, in French."""

from __future__ import annotations

from dataclasses import dataclass

from ris.domain.report.characters import printed
from ris.portal.report.typed import Typed

_NAMES = {
    "\u2010": "trait d’union",
    "\u2011": "trait d’union insécable",
    "\u00ad": "trait d’union conditionnel",
    "\u200b": "espace sans largeur",
    "\ufeff": "marque d’ordre des octets",
    "\u2028": "séparateur de ligne",
    "\u2029": "séparateur de paragraphe",
    "\u03a9": "oméga",
    "\u03bc": "mu",
    "\u25cf": "puce",
    "\u25aa": "puce",
}
_PRIVATE = range(0xE000, 0xF900)


@dataclass(frozen=True)
class Replacement:
    """One kind of character, everywhere in the text.

    Args:
        code: `U+00AD`.
        name: In French; empty where it has none of ours.
        by: What is printed instead; empty: nothing.
        count: How often.
    """

    code: str
    name: str
    by: str
    count: int


@dataclass(frozen=True)
class Refused:
    """One kind of character that cannot be printed, in one place of the text."""

    code: str
    place: str
    count: int


@dataclass(frozen=True)
class Pasted:
    """Both."""

    replaced: tuple[Replacement, ...]
    refused: tuple[Refused, ...]


def pasted(typed: Typed) -> Pasted:
    """Return what becomes of the characters of a text, before its writer validates it."""
    replaced: dict[tuple[str, str], int] = {}
    refused: list[Refused] = []
    texts = [("Titre", typed.title)] + [
        (each.heading or "sans intitulé", f"{each.heading}\n{each.text}") for each in typed.sections
    ]
    for place, text in texts:
        found = printed(text)
        for character, by, count in found.replaced:
            replaced[character, by] = replaced.get((character, by), 0) + count
        refused += [Refused(_code(character), place, count) for character, count in found.refused]
    kinds = (Replacement(_code(one), _name(one), by, count) for (one, by), count in sorted(replaced.items()))
    return Pasted(tuple(kinds), tuple(refused))


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"


def _name(character: str) -> str:
    point = ord(character)
    if point in range(0x80, 0xA0):
        return "caractère mal décodé"
    if point in _PRIVATE:
        return "puce de traitement de texte"
    if point in range(0x2000, 0x200B):
        return "espace"
    if point in range(0xFB00, 0xFB05):
        return "ligature"
    return _NAMES.get(character, "caractère invisible" if not character.isprintable() else "")
