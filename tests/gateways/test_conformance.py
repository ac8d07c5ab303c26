"""The conformance statements against the code."""

from __future__ import annotations

import re
from pathlib import Path

import pydicom.datadict
import pytest
from pydantic import ValidationError

from gateways.edge.config import ModalitySettings, Settings
from gateways.edge.dicom import keys, negotiation
from gateways.edge.dicom.dimse import MAX_COMMAND, MAX_DATASET
from gateways.edge.dicom.finding import MAX_IDENTIFIER
from gateways.edge.log import ALLOWED_FIELDS, Log

ROOT = Path(__file__).resolve().parents[2]


def test_the_key_table_of_the_statement_is_the_codes_own() -> None:
    assert keys.markdown_table() in (ROOT / "docs/conformance/dicom.md").read_text("utf-8")


def test_the_statement_names_every_setting_of_a_title_every_service_and_every_size() -> None:
    text = (ROOT / "docs/conformance/dicom.md").read_text("utf-8")
    settings = set(ModalitySettings.model_fields) - {"ae_title"}
    services = {negotiation.VERIFICATION, negotiation.WORKLIST, negotiation.MPPS}
    services |= {negotiation.INSTANCE_AVAILABILITY, negotiation.STORAGE_COMMITMENT}

    assert settings == set(re.findall(r"^\| `(\w+)` \|", text, re.M))
    assert services == set(re.findall(r"^\| [^|]+ \| (1\.2\.840\.[\d.]+) \|", text, re.M))
    assert f"ours is {negotiation.MAX_LENGTH:,}" in text
    assert f"command {MAX_COMMAND // 1024} KiB, identifier {MAX_IDENTIFIER // 1024} KiB" in text
    assert f"data set {MAX_DATASET // 2**20} MiB" in text


@pytest.mark.parametrize("key", keys.KEYS, ids=lambda key: key.keyword)
def test_every_key_is_the_dictionarys(key: keys.Key) -> None:
    tag = key.path[-1]

    assert key.keyword == pydicom.datadict.keyword_for_tag(tag)
    assert key.vr == pydicom.datadict.dictionary_VR(tag)
    assert (key.match is keys.Match.SEQUENCE or key.match is keys.Match.RETURN_ONLY) or key.vr != "SQ"


def test_required_matching_keys_of_the_standard_are_matched() -> None:
    required = {"ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledProcedureStepStartTime", "Modality"}
    required |= {"ScheduledPerformingPhysicianName", "PatientName", "PatientID", "ScheduledProcedureStepSequence"}

    assert required == {key.keyword for key in keys.KEYS if key.required}
    assert not [key for key in keys.KEYS if key.required and key.match is keys.Match.RETURN_ONLY]


def test_log_lines_have_codes_of_their_own_and_fields_of_a_closed_list() -> None:
    codes = [line.value[0] for line in Log]

    assert len(set(codes)) == len(codes)
    assert not {"code", "message", "level", "at"} & ALLOWED_FIELDS


def test_every_field_a_line_is_given_is_allowed() -> None:
    import ast

    given = set()
    for path in (ROOT / "gateways").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "emit":
                given |= {keyword.arg for keyword in node.keywords if keyword.arg}

    assert given <= ALLOWED_FIELDS


def test_the_settings_the_readme_shows_are_settings() -> None:
    text = (ROOT / "gateways/edge/README.md").read_text("utf-8")
    settings = Settings.model_validate_json(text.split("```json")[1].split("```")[0])

    assert {"PACS", "HIS"} == settings.destinations.keys()
    assert settings.queues is not None


def test_a_setting_that_is_none_is_named_without_its_value() -> None:
    with pytest.raises(ValidationError) as error:
        Settings.model_validate({"site": "nord", "grop_key": "SECRET"})

    assert "grop_key" in str(error.value)
    assert "SECRET" not in str(error.value)
    with pytest.raises(ValidationError, match=r"dicom\.port"):
        Settings.model_validate({"dicom": {"port": 65536}})
