"""The searches of one question to INSi, in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ris.domain.errors import InvalidInput
from ris.domain.identity.attempts import PlaceUse, attempts
from ris.domain.identity.patient import Traits

CATARINA = Traits("Tchitchi", "Ola", "Ola Catarina Bella", birth_date=date(1936, 6, 21), sex="F", birth_place_insee="63220")


def names(traits: Traits, **more: PlaceUse) -> list[str]:
    return [each.query.birth_given for each in attempts(traits, **more)]


@pytest.mark.segur("INS.50")
def test_each_given_name_alone_then_the_whole_list() -> None:
    assert ["OLA", "CATARINA", "BELLA", "OLA CATARINA BELLA"] == names(CATARINA)


@pytest.mark.parametrize(
    ("first", "listed", "asked"),
    [
        ("ZOE", "", ["ZOE"]),
        ("ZOE", "ZOE", ["ZOE"]),
        ("JEAN PIERRE", "JEAN PIERRE PAUL", ["JEAN PIERRE", "PAUL", "JEAN PIERRE PAUL"]),
        ("PIERRE-ALAIN", "PIERRE-ALAIN MURIEL", ["PIERRE-ALAIN", "MURIEL", "PIERRE-ALAIN MURIEL"]),
        ("MARIE", "ZOE MARIE", ["MARIE", "ZOE", "ZOE MARIE"]),
    ],
)
def test_no_name_is_asked_twice_and_a_compound_one_stays_whole(first: str, listed: str, asked: list[str]) -> None:
    assert asked == names(replace(CATARINA, birth_given=first, birth_given_all=listed))


def test_the_birth_place_is_sent_when_known_or_only_after_several_were_found() -> None:
    first = attempts(CATARINA)
    later = attempts(CATARINA, place=PlaceUse.AFTER_SEVERAL)

    assert {"63220"} == {each.query.birth_place_insee for each in first}
    assert [("", False)] * 4 + [("63220", True)] * 4 == [(a.query.birth_place_insee, a.only_after_several) for a in later]


@pytest.mark.parametrize(
    ("change", "field"), [({"birth_date": None}, "birth_date"), ({"sex": "U"}, "sex"), ({"birth_family": "Adr1"}, "birth_family")]
)
def test_what_insi_cannot_be_asked_with_is_named(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        attempts(replace(CATARINA, **change))  # type: ignore[arg-type]

    assert field == refused.value.field
