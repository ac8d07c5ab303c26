"""The searches that one question to INSi consists of, in the required order.

With several given names: the first alone, each other alone, then the whole list. The search stops at the first 00 or at the first technical
fault; 01 and 02 both go on. Whether the birth place is in the first searches or is added after a 02 is a setting: the sources differ.

Source: CNDA test behaviour and the INS implementation guide; national facts on INSi, 1.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ris.domain.errors import InvalidInput
from ris.domain.identity.insi import InsiQuery
from ris.domain.identity.normalise import NameKind, asked_name, words
from ris.domain.identity.patient import Traits


class PlaceUse(Enum):
    """When the birth place is part of a search."""

    WHEN_KNOWN = "when_known"
    AFTER_SEVERAL = "after_several"


@dataclass(frozen=True)
class Attempt:
    """One search.

    Args:
        only_after_several: It is made only when one before it answered 02.
    """

    query: InsiQuery
    only_after_several: bool = False


def given_names(traits: Traits) -> list[str]:
    """Return the given names to search with, in order: the first, the others of the list, the list; each once.

    Raises:
        InvalidInput: As `normalise.asked_name`.
    """
    first = asked_name(traits.birth_given, NameKind.GIVEN, "birth_given")
    if not traits.birth_given_all.strip():
        return [first]
    whole = asked_name(traits.birth_given_all, NameKind.GIVEN, "birth_given_all")
    # A first name of two words (JEAN PIERRE) is one name, wherever it stands in the list.
    others = words((whole + " ").removeprefix(first + " "))
    return list(dict.fromkeys([first, *others, whole]))


def attempts(traits: Traits, *, place: PlaceUse = PlaceUse.WHEN_KNOWN) -> list[Attempt]:
    """Return the searches for a patient, in order.

    Args:
        traits: As known here, accents and all.
        place: When the birth place is sent.

    Raises:
        InvalidInput: `strict_trait_missing` (date or sex), or what a name cannot be asked with; the field names the trait.
    """
    if traits.birth_date is None:
        raise InvalidInput("strict_trait_missing", field="birth_date")
    if traits.sex not in {"M", "F"}:
        raise InvalidInput("strict_trait_missing", field="sex")
    family = asked_name(traits.birth_family, NameKind.FAMILY, "birth_family")
    day = traits.birth_date.isoformat()
    names = given_names(traits)

    def queries(insee: str) -> list[InsiQuery]:
        return [InsiQuery(family, name, traits.sex, day, insee) for name in names]

    insee = traits.birth_place_insee
    if place is PlaceUse.WHEN_KNOWN or not insee:
        return [Attempt(query) for query in queries(insee)]
    return [*(Attempt(query) for query in queries("")), *(Attempt(query, only_after_several=True) for query in queries(insee))]
