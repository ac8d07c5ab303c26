"""What a gateway of version 0.1 put on the queues, stored as it wrote it, goes through the cloud's functions of today and has its effect."""

from __future__ import annotations

import base64
import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ris.adapters.agenda.gateways import MemoryGatewayBook
from ris.application.agenda.gateways import Certificate, Gateway
from tests.support.agenda import World
from tests.support.dispatch import Dispatch
from tests.support.hl7 import Intake, adt

SAMPLES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parents[1] / "gateways/envelopes-0.1.json").read_text("utf-8"))


def consume(module: ModuleType, name: str, **content: Any) -> list[dict[str, str]]:
    """Give the function one sample, its content and nothing of its shape replaced, and return the failures."""
    assert content.keys() <= SAMPLES[name].keys()
    record = {
        "messageId": name,
        "body": json.dumps(SAMPLES[name] | content),
        "attributes": {"MessageGroupId": "g"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-3:000000000000:queue.fifo",
    }
    failures: list[dict[str, str]] = module.handler({"Records": [record]}, object())["batchItemFailures"]
    return failures


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, Intake, Dispatch]:
    made, dispatch = Intake(), Dispatch()
    module = importlib.import_module("functions.intake_hl7.handler")
    monkeypatch.setattr(module, "intake_services", lambda: made.s)
    monkeypatch.setattr(module, "acknowledgement_services", lambda: dispatch.answers)
    return module, made, dispatch


@pytest.fixture
def dicom(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, World, MemoryGatewayBook]:
    world, book = World(), MemoryGatewayBook()
    module = importlib.import_module("functions.intake_dicom.handler")
    monkeypatch.setattr(module, "services", lambda: world.s)
    monkeypatch.setattr(module, "gateways", lambda: book)
    return module, world, book


def test_a_message_makes_its_patient(intake: tuple[ModuleType, Intake, Dispatch]) -> None:
    module, made, _ = intake

    assert [] == consume(module, "Hl7Inbound", frame=base64.b64encode(adt(ipp="IPP-31")).decode())

    assert made.patient("IPP-31") is not None


def test_an_acknowledgement_of_nothing_of_ours_is_kept(
    intake: tuple[ModuleType, Intake, Dispatch], capsys: pytest.CaptureFixture[str]
) -> None:
    module, _, _ = intake

    assert [] == consume(module, "Hl7Acknowledged")

    assert "INTAKE_HL7_006" in capsys.readouterr().out


def test_a_performed_step_reaches_its_exam_or_the_list(dicom: tuple[ModuleType, World, MemoryGatewayBook]) -> None:
    module, world, _ = dicom
    exam = world.booked()
    step = {"00400009": {"vr": "SH", "Value": [exam.steps[0].sps_id]}}
    dataset = {**SAMPLES["DicomInbound"]["dataset"], "00400270": {"vr": "SQ", "Value": [step]}}

    assert [] == consume(module, "DicomInbound", dataset=dataset)
    assert [] == consume(module, "DicomInbound", sop_instance_uid="1.2.4")

    found = world.s.exams.get(exam.accession_number)
    assert found is not None
    assert "in_progress" == found.state.value
    assert ["1.2.4"] == [one.performed.sop_instance_uid for one in world.s.exams.mpps_to_reconcile("nord", limit=9)]


def test_a_status_is_kept_with_what_that_version_did_not_say_as_it_was(dicom: tuple[ModuleType, World, MemoryGatewayBook]) -> None:
    module, _, book = dicom
    said = SAMPLES["GatewayStatus"]

    assert [] == consume(module, "GatewayStatus")

    kept = book.get("nord", "nord-1")
    assert kept is not None
    assert (said["version"], said["spool_rows"], said["clock_skew_s"]) == (kept.version, kept.spool_rows, kept.clock_skew_s)
    assert ("mllp", True) == (kept.certificates[0].name, isinstance(kept.certificates[0], Certificate))
    assert (Gateway.every_s, False) == (kept.every_s, kept.spool_refuses)
