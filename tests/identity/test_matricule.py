"""The matricule: pattern and key, against a second implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.fr import nir

from ris.domain.errors import InvalidInput
from ris.domain.identity.ins import ins_key, typed_matricule

OFFICIAL = [
    "275126322074974", "236066322083656", "297022A02077878", "180032B02040123", "109076322083489", "109076322088835",
    "207058575627097", "279035121518989", "162018885045327", "274075176079430",
]  # fmt: skip
NUMBERS = st.builds(
    "{}{}{}".format,
    st.from_regex(r"[0-9]{5}", fullmatch=True),
    st.one_of(st.from_regex(r"[0-9]{2}", fullmatch=True), st.sampled_from(["2A", "2B"])),
    st.from_regex(r"[0-9]{6}", fullmatch=True),
)


@pytest.mark.segur("INS.08")
@pytest.mark.parametrize("matricule", OFFICIAL)
def test_official_test_matricules_are_taken(matricule: str) -> None:
    assert matricule == typed_matricule(matricule)


@given(NUMBERS)
def test_the_key_is_the_one_of_python_stdnum(number: str) -> None:
    assert nir.calc_check_digits(number) == ins_key(number)
    assert number + ins_key(number) == typed_matricule(number.lower() + " " + ins_key(number))


@given(NUMBERS, st.integers(0, 99))
def test_every_other_key_is_refused(number: str, key: int) -> None:
    if f"{key:02d}" == ins_key(number):
        return

    with pytest.raises(InvalidInput, match="matricule_key"):
        typed_matricule(f"{number}{key:02d}")


@pytest.mark.parametrize("month", ["00", "13", "20", "30", "42", "50", "99"])
@pytest.mark.parametrize("department", ["20", "91", "97", "98", "99", "2A", "2B"])
def test_no_month_and_no_department_is_illegal(month: str, department: str) -> None:
    number = f"199{month}{department}001001"

    assert number + ins_key(number) == typed_matricule(number + ins_key(number))


@pytest.mark.segur("INS.08")
@pytest.mark.parametrize(
    "text", ["", "27512632207497", "2751263220749744", "2A5126322074974", "275122C22074974", "27512632207497A"]
)
def test_what_has_not_the_shape_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="matricule_shape"):
        typed_matricule(text)
