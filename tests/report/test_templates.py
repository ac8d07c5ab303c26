"""Templates and phrases: which fit, what an empty report opens with, what is added to one that was begun."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ris.adapters.reference.files import ReferenceFaults, read_folder
from ris.domain.report.frozen import Section
from ris.domain.report.templates import STANDARD, Macro, Template, filled_from, for_exam, opened_with, with_macro

DEMO = Path(__file__).parents[2] / "infra" / "local" / "demo" / "reference"
CONCLUDES = (("Indication", ""), ("Résultats", "Sans anomalie."), ("Conclusion", "Normal."))
ROWS = [
    Template("any", "Tout", CONCLUDES),
    Template("ct", "Scanner", CONCLUDES, dicom_modality="CT"),
    Template("chest", "Thorax", CONCLUDES, exam_code="ZBQK001"),
    Template("mine", "Le mien", CONCLUDES, account_id="dr.rayon"),
    Template("mine-chest", "Mon thorax", CONCLUDES, exam_code="ZBQK001", account_id="dr.rayon"),
    Template("mr", "IRM", CONCLUDES, dicom_modality="MR"),
    Template("theirs", "Le sien", CONCLUDES, account_id="dr.second"),
]


@pytest.mark.parametrize(
    ("exam", "modality", "account", "expected"),
    [
        ("ZBQK001", "CT", "dr.rayon", "mine-chest mine chest ct any"),
        ("ZBQK001", "CT", "dr.third", "chest ct any"),
        ("XXXX", "MR", "dr.second", "theirs mr any"),
        ("", "", "", "any"),
    ],
)
def test_ones_own_comes_before_everybodys_and_the_exam_before_its_modality(
    exam: str, modality: str, account: str, expected: str
) -> None:
    found = for_exam(ROWS, exam_code=exam, dicom_modality=modality, account_id=account)

    assert expected.split() == [one.template_id for one in found]


def test_an_empty_report_opens_with_why_the_exam_was_asked() -> None:
    assert Section("Indication", "Toux.") == opened_with(ROWS[0], "Toux.")[0]
    assert [Section("Indication", "Toux."), *STANDARD[1:]] == list(opened_with(None, "Toux."))
    written = Template("x", "X", (("Indication", "Bilan."), ("Conclusion", "")))
    assert Section("Indication", "Bilan.") == opened_with(written, "Toux.")[0]


def test_a_template_adds_what_is_missing_before_the_conclusion_and_changes_no_word() -> None:
    typed = (Section("INDICATION", "Toux."), Section("Remarque", ""), Section("Conclusion ", "À moi."))

    filled = filled_from(typed, ROWS[0])

    assert [*typed[:2], Section("Résultats", "Sans anomalie."), typed[2]] == list(filled)
    assert filled == filled_from(filled, ROWS[0])
    assert [Section(*each) for each in CONCLUDES] == list(filled_from((), ROWS[0]))


def test_a_phrase_goes_behind_what_its_section_says() -> None:
    phrase = Macro("m", "M", "Stable.", heading="Résult")
    typed = (Section("Résultats", "Nodule.\n"), Section("Conclusion", "  "))

    assert "Nodule.\nStable." == with_macro(typed, 0, phrase)[0].text
    assert "Stable." == with_macro(typed, 1, phrase)[1].text
    assert typed == with_macro(typed, 2, phrase)
    assert [True, False] == [phrase.fits(" résultats du jour"), phrase.fits("Conclusion")]


@pytest.mark.parametrize(
    ("file", "change", "field"),
    [
        ("report_templates.json", {"exam_code": "NOWHERE"}, "exam_code"),
        ("report_templates.json", {"account_id": "nobody"}, "account_id"),
        ("report_templates.json", {"sections": [{"heading": "Résultats"}]}, ""),
        ("report_templates.json", {"sections": [{"heading": "Conclusion", "text": "\u2603"}]}, "sections.0.text"),
        ("report_templates.json", {"dicom_modality": "ZZ"}, "dicom_modality"),
        ("report_templates.json", {"unheard": 1}, "unheard"),
        ("report_macros.json", {"text": ""}, "text"),
        ("report_macros.json", {"exam_code": "NOWHERE"}, "exam_code"),
        ("sites.json", {"pacs_url": "https://pacs.example/{PatientID}"}, "pacs_url"),
        ("sites.json", {"pacs_url": "javascript:alert(1)"}, "pacs_url"),
        ("sites.json", {"report_late_hours": 0}, "report_late_hours"),
    ],
)
def test_a_fault_in_the_files_names_file_row_and_field(tmp_path: Path, file: str, change: dict[str, object], field: str) -> None:
    folder = shutil.copytree(DEMO, tmp_path / "reference")
    rows = json.loads((folder / file).read_text())
    (folder / file).write_text(json.dumps([{**rows[0], **change}, *rows[1:]]))

    with pytest.raises(ReferenceFaults) as found:
        read_folder(folder)

    assert [(file, 1, field)] == [(fault.file, fault.row, fault.field) for fault in found.value.faults]


def test_a_group_without_templates_is_whole(tmp_path: Path) -> None:
    folder = shutil.copytree(DEMO, tmp_path / "reference")
    for name in ("report_templates.json", "report_macros.json"):
        (folder / name).unlink()

    data = read_folder(folder)

    assert ((), ()) == (data.report_templates, data.report_macros)
