"""Strict traits as they may be typed, and local ones as INSi is asked with them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.domain.errors import InvalidInput
from ris.domain.identity.normalise import NameKind, Typed, asked_name, begins_the_list, check_name, typed_name

FAMILY, GIVEN = NameKind.FAMILY, NameKind.GIVEN


@pytest.mark.segur("INS.01")
@pytest.mark.parametrize("name", ["D'ALMEIDA", "DE VINCI", "PAT-TROIS", "DUPONT--DURAND", "'T HOOFT", "X" * 100, "O'"])
def test_a_family_name_of_capitals_space_apostrophe_and_hyphens_is_taken(name: str) -> None:
    assert Typed(name) == typed_name(name, FAMILY, "birth_family")


@pytest.mark.segur("INS.01")
@pytest.mark.parametrize(
    ("name", "kind", "code", "point"),
    [
        ("ADRUN2", FAMILY, "character_not_allowed", "U+0032"),
        ("ADRéN", FAMILY, "character_not_allowed", "U+00E9"),
        ("adrun", FAMILY, "character_not_allowed", "U+0061"),
        ("ŒUVRE", FAMILY, "character_not_allowed", "U+0152"),
        ("A_B", FAMILY, "character_not_allowed", "U+005F"),
        ("A\tB", FAMILY, "character_not_allowed", "U+0009"),
        ("А", FAMILY, "character_not_allowed", "U+0410"),
        ("-ADRUN", FAMILY, "character_misplaced", "U+002D"),
        ("DE  VINCI", FAMILY, "character_misplaced", "U+0020"),
        ("D''ALMEIDA", FAMILY, "character_misplaced", "U+0027"),
        ("D' ALMEIDA", FAMILY, "character_misplaced", "U+0027"),
        ("A---B", FAMILY, "character_misplaced", "U+002D"),
        ("ANNE--MARIE", GIVEN, "character_misplaced", "U+002D"),
        ("ANNE-", GIVEN, "character_misplaced", "U+002D"),
        ("ANNE'", GIVEN, "character_misplaced", "U+0027"),
        ("X" * 101, FAMILY, "trait_too_long", ""),
        ("   ", GIVEN, "trait_missing", ""),
    ],
)
def test_what_insi_would_refuse_is_refused_with_the_character_named(name: str, kind: NameKind, code: str, point: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        typed_name(name, kind, "the_trait")

    assert (code, "the_trait", point) == (refused.value.code, refused.value.field, refused.value.detail)
    assert name.strip() not in str(refused.value) or not name.strip()


def test_a_typographic_apostrophe_becomes_a_plain_one_in_view_of_who_typed() -> None:
    assert Typed("D'ALMEIDA", ("U+2019",)) == typed_name("D\u2019ALMEIDA", FAMILY, "birth_family")


@pytest.mark.parametrize(
    ("local", "asked"),
    [
        ("d’Œuvré", "D'OEUVRE"),
        ("Noëlle-Ève", "NOELLE-EVE"),
        ("Weiß", "WEISS"),
        ("Łukasz", "LUKASZ"),
        ("e\u0301lodie", "ELODIE"),
        ("Anne\u2011Marie", "ANNE-MARIE"),
        ("Jean\u00a0 Paul ", "JEAN PAUL"),
        ("Ñuñez", "NUNEZ"),
    ],
)
def test_local_traits_are_asked_in_capitals_without_accents_or_ligatures(local: str, asked: str) -> None:
    assert asked == asked_name(local, FAMILY, "birth_family")


@pytest.mark.parametrize(("local", "point"), [("Adrun 2", "U+0032"), ("A/B", "U+002F"), ("Αθηνά", "U+0391"), ("a.b", "U+002E")])
def test_a_character_without_equivalent_is_refused_never_stripped(local: str, point: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked_name(local, FAMILY, "birth_family")

    assert ("character_not_allowed", point) == (refused.value.code, refused.value.detail)


@given(st.text(max_size=40))
def test_whatever_is_asked_could_also_have_been_typed(text: str) -> None:
    try:
        asked = asked_name(text, GIVEN, "birth_given")
    except InvalidInput:
        return

    check_name(asked, GIVEN, "birth_given")
    assert asked == asked_name(asked, GIVEN, "birth_given")
    assert set(asked) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ '-")


@pytest.mark.segur("INS.13", "INS.14")
@pytest.mark.parametrize(
    ("first", "listed", "begins"),
    [
        ("ZOE", "ZOE MARIE", True),
        ("Zoé", "ZOE MARIE", True),
        ("JEAN PIERRE", "JEAN-PIERRE PAUL", True),
        ("PIERRE-ALAIN", "PIERRE ALAIN MURIEL", True),
        ("MARIE", "ZOE MARIE", False),
        ("ZO", "ZOE", False),
        ("", "ZOE", False),
    ],
)
def test_a_first_given_name_begins_the_list_hyphen_and_apostrophe_being_a_space(first: str, listed: str, begins: bool) -> None:
    assert begins is begins_the_list(first, listed)
