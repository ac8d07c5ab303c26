"""The demo's catalogue says nothing from memory: each LOINC code and each region is in the national value set, and means what the label says."""

import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from infra.local.demo import group

SETS = Path(__file__).resolve().parents[3] / "shared" / "schemas" / "cda" / "jeuxDeValeurs"
KINDS = {"CT": "CT", "MR": "RM", "US": "échographie", "MG": "MG", "DX": "RX"}
CONTRAST = {"sans injection": "sans contraste", "avec injection": "avec contraste"}

pytestmark = pytest.mark.skipif(not SETS.is_dir(), reason="the national value sets are not here")


def value_set(name: str) -> dict[str, str]:
    """Return the labels of a value set by code."""
    concepts = etree.parse(SETS / f"JDV_{name}_CISIS.xml").iter("{*}Concept")
    return {concept.get("code"): concept.get("displayName") for concept in concepts}


EXAMS = [pytest.param(row, id=row["exam_code"]) for row in group.table("catalogue")]


@pytest.mark.parametrize("exam", EXAMS)
def test_the_loinc_code_is_an_exam_of_that_kind_with_or_without_contrast(exam: dict[str, Any]) -> None:
    said = value_set("CodesDocumentImagerie")[exam["loinc"]]

    assert said.split()[0] == KINDS[exam["dicom_modality"]]
    for label, means in CONTRAST.items():
        assert (label in exam["label"]) == (means in said), said
    if "bilatérale" in exam["label"]:
        assert "bilatéral" in said


@pytest.mark.parametrize("exam", EXAMS)
def test_region_and_modality_are_in_their_value_sets(exam: dict[str, Any]) -> None:
    assert exam["region_code"] in value_set("RegionAnatomique")
    assert exam["dicom_modality"] in value_set("ModaliteAcquisition")


def test_a_ccam_code_has_four_letters_and_three_figures() -> None:
    assert all(re.fullmatch(r"[A-Z]{4}\d{3}", row["exam_code"]) for row in group.table("catalogue"))
