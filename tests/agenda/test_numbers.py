import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.domain.agenda.numbers import accession_number, accession_of_step, step_id, study_instance_uid
from ris.domain.errors import InvalidInput

counts = st.integers(1, 10**10 - 1)


@given(counts, st.integers(2020, 2199), st.integers(1, 9))
def test_numbers_fit_their_value_representation_and_lead_back(count: int, year: int, rank: int) -> None:
    accession = accession_number(count, year=year)
    step = step_id(accession, rank)

    assert accession.isdigit()
    assert len(step) <= 16
    assert accession == accession_of_step(step)
    assert accession == accession_of_step(f" {step} ")


@given(counts, counts)
def test_one_count_is_one_number(one: int, other: int) -> None:
    assert (one == other) is (accession_number(one, year=2026) == accession_number(other, year=2026))


@pytest.mark.parametrize("sps_id", ["", "SPS1", "260000000001", "260000000001-", "26-x", "-1", "ABC-1", "²600000-1"])
def test_a_step_of_somebody_else_names_no_exam(sps_id: str) -> None:
    assert "" == accession_of_step(sps_id)


@given(counts)
def test_a_study_uid_is_a_uuid_under_its_root(count: int) -> None:
    uid = study_instance_uid(accession_number(count, year=2026), root="2.25", namespace="arn:one")
    value = int(uid.removeprefix("2.25."))

    assert len(uid) <= 64
    assert 8 == uuid.UUID(int=value).version
    assert uuid.RFC_4122 == uuid.UUID(int=value).variant


def test_the_longest_root_still_fits() -> None:
    assert len(study_instance_uid("260000000001", root="1.2.250.1.99999.12345678", namespace="x")) <= 64
    for root in ("1.2.250.1.99999.123456789", "2.", "a.b", "2.025", ""):
        with pytest.raises(InvalidInput, match="no_such_root"):
            study_instance_uid("260000000001", root=root, namespace="x")


def test_two_deployments_never_give_the_same_study_uid() -> None:
    one, other = (study_instance_uid("260000000001", root="2.25", namespace=namespace) for namespace in ("arn:one", "arn:two"))

    assert one != other
    assert one == study_instance_uid("260000000001", root="2.25", namespace="arn:one")
