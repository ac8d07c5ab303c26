"""The scan field: what an INS datamatrix says is compared and shown; nothing of it is believed, kept or logged."""

from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.adapters.report.datamatrix import HEADER
from ris.domain.errors import InvalidInput
from ris.domain.identity.datamatrix import differing_traits, read_datamatrix
from ris.domain.identity.ins import OID_NIR, OID_NIR_TEST, Ins, ins_key
from ris.domain.identity.patient import Traits
from tests.support.portal import PortalHouse

NUMBER = "2750612322074"
MATRICULE = NUMBER + ins_key(NUMBER)
FIELDS = {"S1": MATRICULE, "S2": OID_NIR, "S3": "ZOE ANNE", "S4": "ADRUN", "S5": "F", "S6": "12-06-1975", "S7": "63220"}
TRAITS = Traits("ADRUN", "ZOE", birth_date=date(1975, 6, 12), sex="F")


def code(order=tuple(FIELDS), separator="\x1d", header=HEADER, **changes):
    fields = {**FIELDS, **changes}
    variable = {"S3", "S4", *(() if len(fields["S2"]) == 20 else ("S2",))}
    parts = [name + fields[name] + (separator if name in variable and name != order[-1] else "") for name in order]
    return header + "".join(parts)


@pytest.mark.parametrize("separator", ["\x1d", "<GS>", "␝", "^]", "[GS]", ""])
@pytest.mark.parametrize("order", [tuple(FIELDS), ("S3", "S5", "S6", "S7", "S4", "S1", "S2"), ("S4", "S3", "S1", "S2", "S5", "S6")])
def test_a_code_is_read_whatever_the_scanner_makes_of_gs_and_in_any_order(separator, order):
    said = read_datamatrix(code(order, separator))

    assert (Ins(MATRICULE, OID_NIR), "ADRUN", "ZOE ANNE", "ZOE", date(1975, 6, 12), "F", True) == (
        said.ins,
        said.birth_family,
        said.birth_given_all,
        said.birth_given,
        said.birth_date,
        said.sex,
        said.key_holds,
    )
    assert ("63220" if "S7" in order else "") == said.birth_place_insee


@given(
    st.from_regex(r"[A-Z]([A-Z]|['\- ][A-Z]){0,30}S?", fullmatch=True),
    st.from_regex(r"[A-Z]([A-Z]|[' ][A-Z]|-[A-Z]){0,30}S?", fullmatch=True),
    st.permutations(list(FIELDS)),
    st.sampled_from(["\x1d", ""]),
)
def test_names_that_end_like_a_field_are_read_whole(family, given_names, order, separator):
    said = read_datamatrix(code(tuple(order), separator, S3=given_names, S4=family))

    assert (family, given_names) == (said.birth_family, said.birth_given_all)


@pytest.mark.parametrize(
    ("text", "error", "field"),
    [
        ("", "datamatrix_unknown", ""),
        ("3401234567890", "datamatrix_unknown", ""),
        ("DC04FR000001FFFFC0DE", "datamatrix_2d_doc", ""),
        (code(header="IS02" + "0" * 22), "datamatrix_version", ""),
        (code(order=("S1", "S2", "S3", "S5", "S6")), "datamatrix_field", "S4"),
        (code() + "S5M", "datamatrix_field", "S5"),
        (code(S5="I"), "datamatrix_field", "S5"),
        (code(S6="31-02-1975"), "datamatrix_field", "S6"),
        (code(S6="1975-06-12"), "datamatrix_field", "S6"),
        (code(S7="6322"), "datamatrix_field", "S7"),
        (code(S4="ADRUN1"), "datamatrix_field", "S4"),
        (code(S3="ZOÉ"), "datamatrix_field", "S3"),
        (code(S1=MATRICULE[:-1]), "matricule_shape", ""),
        (code(S2="1.2.250.1.213.1.4.99"), "datamatrix_oid", ""),
        (HEADER + "X" + code()[26:], "datamatrix_field", "S1"),
        (HEADER, "datamatrix_field", "S1"),
    ],
)
def test_what_is_no_such_code_is_named(text, error, field):
    with pytest.raises(InvalidInput) as raised:
        read_datamatrix(text)

    assert (error, "code", field) == (raised.value.code, raised.value.field, raised.value.detail)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_and_nothing_else(text):
    for tried in (text, HEADER + text, code() + text):
        with suppress(InvalidInput):
            read_datamatrix(tried)


def test_a_wrong_key_is_said_and_not_refused():
    said = read_datamatrix(code(S1=NUMBER + f"{(int(MATRICULE[-2:]) + 1) % 97:02d}", S2=OID_NIR_TEST))

    assert not said.key_holds


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, ()),
        ({"birth_family": "ADRIEN"}, ("birth_family",)),
        ({"birth_given": "ANNE"}, ("birth_given",)),
        ({"birth_date": date(1975, 6, 13)}, ("birth_date",)),
        ({"sex": "M"}, ("sex",)),
        ({"birth_place_insee": "75056"}, ("birth_place_insee",)),
        ({"birth_family": "Adrun", "birth_given": "Zoé"}, ()),
        ({"birth_date": None, "sex": "U"}, ()),
    ],
)
def test_what_differs_is_named_and_what_one_does_not_know_does_not(change, names):
    assert names == differing_traits(read_datamatrix(code()), replace(TRAITS, **change))


# ---------------------------------------------------------------- the page


@pytest.fixture
def house():
    made = PortalHouse()
    made.patient(1)
    made.patient(2, birth_date=date(1980, 1, 1))
    made.patient(3, sites=("sud",))
    return made


def test_the_page_shows_whom_the_code_may_be_of_the_most_alike_first(house):
    browser = house.browser("accueil.nord")
    known = house.patients.get("p2")
    house.patients.save(replace(known, ins=Ins("175061232207400", OID_NIR)))

    page = browser.post("/scan", {"code": code()})

    found = zip(page.attributes("data-patient"), page.attributes("data-differs"), page.attributes("data-same-ins"), strict=True)
    assert [("p1", "", ""), ("p2", "birth_date", "no")] == list(found)
    assert "Ce code n’est pas signé : il ne prouve rien." in page.text
    assert MATRICULE not in page.body
    assert house.patients.get("p1").ins is None


def test_a_wrong_code_stands_beside_its_field_and_shows_nothing_of_it(house):
    answer = house.browser("accueil.nord").post("/scan", {"code": code(S4="ADRUN1")})

    assert (400, ["code"], ["datamatrix_field"]) == (
        answer.status,
        answer.attributes("data-field"),
        answer.attributes("data-error-code"),
    )
    assert "ADRUN" not in answer.body
    assert MATRICULE not in answer.body


def test_a_scan_of_nobody_says_where_to_look(house):
    page = house.browser("accueil.nord").post("/scan", {"code": code(S4="NOBODY")})

    assert 200 == page.status
    assert "/patients" in page.attributes("href")
