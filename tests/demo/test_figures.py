"""What the receiving sides hold is counted exam by exam, from their own evidence: what came back, was refused or was not answered is none."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.demo.journeys import figures
from tests.support.frozen_reports import a_frozen_report
from tests.support.hl7_reports import a_report_message
from tests.support.mss import DOCTOR, PATIENT, a_mail, documents

EXAM = "26000000001"
NONE: dict[str, set[str]] = {"dmp": set(), "professional": set(), "patient": set(), "files_all": set()}
MAIL = {"accepted": 1, "refused": 0, "numbers": [1], "returned": []}


class Receivers:
    """Simulators that say what they are told to, with the evidence of one report."""

    def __init__(self, folder: Path) -> None:
        self.out = SimpleNamespace(folder=folder)
        self.gateways = {"est": None}
        for name, file, content in (
            ("cda", "2.25.1.xml", documents(a_frozen_report())[1]),
            ("mssante", "001.eml", a_mail()),
            ("hl7", "001-out-MDM_T02.hl7", a_report_message()),
        ):
            (folder / name).mkdir()
            (folder / name / file).write_bytes(content)
        message = {"control_id": "R1", "evidence": ["001-out-MDM_T02.hl7"]}
        self.said: dict[str, dict[str, Any]] = {
            "dmp": {"documents": []},
            "mss": {"messages": {}},
            "HIS-est": {"received": [message], "zam": []},
        }

    def report(self, name: str) -> dict[str, Any]:
        return self.said[name]


@pytest.fixture
def receivers(tmp_path: Path) -> Receivers:
    return Receivers(tmp_path)


def held(receivers: Receivers) -> dict[str, set[str]]:
    return figures.received(receivers)  # type: ignore[arg-type]


def test_nothing_was_received(receivers: Receivers) -> None:
    assert held(receivers) == NONE


def test_a_document_that_was_replaced_or_deleted_was_received_and_its_signature_is_no_report(receivers: Receivers) -> None:
    kept = {"unique_id": "2.25.1", "kind": "report", "status": "Deleted"}
    receivers.said["dmp"]["documents"] = [kept, {"unique_id": "2.25.2", "kind": "signature", "status": "Approved"}]

    assert held(receivers) == {**NONE, "dmp": {EXAM}}


@pytest.mark.parametrize(
    ("count", "professional"),
    [
        ({**MAIL, "recipients": {DOCTOR: 1}}, {EXAM}),
        ({**MAIL, "recipients": {DOCTOR: 1}, "returned": [DOCTOR]}, set()),
        ({**MAIL, "recipients": {}, "accepted": 0, "refused": 3}, set()),
    ],
)
def test_a_mail_counts_once_it_was_taken_and_no_more_when_it_came_back(
    receivers: Receivers, count: dict[str, Any], professional: set[str]
) -> None:
    receivers.said["mss"]["messages"] = {"<1@x>": count}

    assert held(receivers) == {**NONE, "professional": professional}


def test_a_platforms_yes_counts_and_its_no_does_not(receivers: Receivers) -> None:
    said = [("Z01", "", "Y"), ("Z02", DOCTOR, "Y"), ("Z02", PATIENT, "N")]
    receivers.said["HIS-est"]["zam"] = [
        {"event": event, "recipient": recipient, "answer": answer, "message_id": "R1", "code": "AA"}
        for event, recipient, answer in said
    ]

    assert held(receivers) == {**NONE, "dmp": {EXAM}, "professional": {EXAM}}


def test_the_totals_of_a_file_are_those_of_the_whole_period_alone() -> None:
    rows = ["Niveau;Code;Total", "ensemble;dmp;3", "mois;dmp;2", "ensemble;patient;0"]

    assert figures.totals(("\ufeff" + "\r\n".join(rows) + "\r\n").encode()) == {"dmp": 3, "patient": 0}
