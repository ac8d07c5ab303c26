"""What the demo expects of INSi and the DMP comes out of the files they were given, never out of the product."""

from pathlib import Path

import pytest

from infra.local.demo import er7
from infra.local.demo.__main__ import INPUT
from infra.local.demo.identities import Known, expected, record_of

NATIONAL = Path(__file__).with_name("national_input")
TEST_NIR = "1.2.250.1.213.1.4.10"


def known(folder: Path) -> Known | None:
    return expected([folder / "insi.csv"], er7.read(folder / "01-ADT_A04.hl7"))


@pytest.mark.parametrize(
    ("folder", "ins"),
    [
        (INPUT / "order_to_modality", ("275126322074974", TEST_NIR)),
        (NATIONAL / "order_to_modality-corsica", ("180032B02040123", TEST_NIR)),
        (NATIONAL / "order_to_modality-nia", ("109076322088835", "1.2.250.1.213.1.4.9")),
    ],
)
def test_a_patient_is_found_with_number_key_and_the_oid_the_environment_keeps(folder: Path, ins: tuple[str, str]) -> None:
    found = known(folder)

    assert found is not None
    assert (found.matricule, found.oid) == ins


def test_without_a_file_the_vendors_test_identities_are_known() -> None:
    patient = er7.read(NATIONAL / "order_to_modality-corsica" / "01-ADT_A04.hl7")

    assert expected([], patient) == known(NATIONAL / "order_to_modality-corsica")


def test_somebody_whom_insi_does_not_know_is_nobody() -> None:
    stranger = er7.read(Path(__file__).with_name("second_input") / "order_to_modality" / "01-ADT_A04.hl7")

    assert expected([], stranger) is None


def test_a_record_is_open_unless_the_file_says_otherwise() -> None:
    folder = NATIONAL / "order_to_modality-closed"
    closed = known(folder)
    other = known(NATIONAL / "order_to_modality-corsica")
    assert closed is not None
    assert other is not None

    assert record_of([folder / "dmp.csv"], closed) == ("closed", "20260115")
    assert record_of([folder / "dmp.csv"], other) == ("open", "")
