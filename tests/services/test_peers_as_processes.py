"""The peers run as processes of their own: what they send and record, and that they end with whoever started them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import ModalityPerformedProcedureStep, ModalityWorklistInformationFind, Verification

from infra.local.children import Children, python
from infra.local.services.hl7_listener import Application, Listener
from tests.services.test_hl7_listener import ORDER
from tests.support.waiting import until


def output(module: str, *arguments: str) -> Any:
    done = subprocess.run(
        python(f"infra.local.services.{module}", *arguments), capture_output=True, text=True, timeout=30, check=True
    )
    return json.loads(done.stdout)


def test_the_hospital_sends_files_as_they_are_and_reports_what_was_answered(
    pacs: tuple[Listener, Application], tmp_path: Path
) -> None:
    files = {"good.hl7": ORDER.encode(), "bad.hl7": ORDER.replace("|A1|P|", "||P|").encode()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    evidence = tmp_path / "sent"

    good, bad = output(
        "his_sender", "--port", str(pacs[0].port), "--evidence", str(evidence), *(str(tmp_path / name) for name in files)
    )

    assert (good["code"], good["control_id"], good["evidence"]) == ("AA", "A1", ["001-in-ORM_O01.hl7", "001-in-ORM_O01-ack.hl7"])
    assert (bad["code"], bad["errors"][0].split("|")[2]) == ("AE", "MSH^1^10")
    assert (evidence / "001-in-ORM_O01.hl7").read_bytes() == ORDER.encode()


def test_a_peer_that_never_answers_is_none_after_the_time_out(pacs: tuple[Listener, Application], tmp_path: Path) -> None:
    (tmp_path / "m.hl7").write_bytes(ORDER.encode())
    pacs[1].script.schedule("message", ["silence"])

    (result,) = output(
        "his_sender", "--port", str(pacs[0].port), "--evidence", str(tmp_path), "--timeout-s", "0.3", str(tmp_path / "m.hl7")
    )

    assert (result["code"], result["evidence"]) == ("none", ["001-in-ORM_O01.hl7"])


def item() -> Dataset:
    step = Dataset()
    step.ScheduledStationAETitle, step.Modality = "CT_NORD", "CT"
    step.ScheduledProcedureStepID, step.ScheduledStationName = "A1-1", "CT1"
    answer = Dataset()
    answer.SpecificCharacterSet = "ISO_IR 100"
    answer.PatientName, answer.PatientID, answer.AccessionNumber = "HÉRITIER^JOËL", "IPP-1", "A1"
    answer.StudyInstanceUID, answer.RequestedProcedureID = "2.25.1", "A1"
    answer.ScheduledProcedureStepSequence = [step]
    return answer


class Scp:
    """A worklist and MPPS server that keeps what it got."""

    def __init__(self) -> None:
        self.queries: list[Dataset] = []
        self.steps: list[tuple[str, Dataset]] = []
        ae = AE(ae_title="RIS")
        for context in (Verification, ModalityWorklistInformationFind, ModalityPerformedProcedureStep):
            ae.add_supported_context(context)
        handlers = [(evt.EVT_C_FIND, self._find), (evt.EVT_N_CREATE, self._create), (evt.EVT_N_SET, self._set)]
        self.server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = self.server.server_address[1]

    def _find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        self.queries.append(event.identifier)
        yield 0xFF00, item()

    def _create(self, event: evt.Event) -> tuple[int, Dataset]:
        self.steps.append((event.request.AffectedSOPInstanceUID, event.attribute_list))
        return 0x0000, event.attribute_list

    def _set(self, event: evt.Event) -> tuple[int, Dataset]:
        self.steps.append((event.request.RequestedSOPInstanceUID, event.modification_list))
        return 0x0000, event.modification_list


@pytest.fixture
def scp() -> Iterator[Scp]:
    made = Scp()
    yield made
    made.server.shutdown()


def test_a_modality_finds_its_patient_and_performs_the_step(scp: Scp, tmp_path: Path) -> None:
    who = ["--port", str(scp.port), "--calling", "CT_NORD", "--called", "RIS", "--evidence", str(tmp_path)]

    assert output("modality", "echo", *who)["status"] == "0000"
    found = output("modality", "find", *who, "--keys", '{"Modality": "CT", "StationAETitle": "CT_NORD", "Date": "20270101"}')
    (tmp_path / "item.json").write_text(json.dumps(found["items"][0]))
    begun = output("modality", "mpps-create", *who, "--item", str(tmp_path / "item.json"))
    done = output("modality", "mpps-set", *who, "--sop-instance-uid", begun["sop_instance_uid"])

    asked = scp.queries[0].ScheduledProcedureStepSequence[0]
    assert (asked.ScheduledStationAETitle, asked.ScheduledProcedureStepStartDate, asked.Modality) == ("CT_NORD", "20270101", "CT")
    (created_uid, created), (set_uid, changed) = scp.steps
    assert created_uid == set_uid == begun["sop_instance_uid"] == done["sop_instance_uid"]
    reference = created.ScheduledStepAttributesSequence[0]
    assert (reference.AccessionNumber, reference.StudyInstanceUID, reference.ScheduledProcedureStepID) == ("A1", "2.25.1", "A1-1")
    assert (created.PerformedProcedureStepStatus, changed.PerformedProcedureStepStatus) == ("IN PROGRESS", "COMPLETED")
    assert [*found["evidence"], *begun["evidence"], *done["evidence"]] == ["001-mwl.dcm", "002-mpps-create.dcm", "003-mpps-set.dcm"]
    kept = dcmread(tmp_path / "001-mwl.dcm")
    assert (str(kept.PatientName), kept.PatientID) == ("HÉRITIER^JOËL", "IPP-1")
    assert dcmread(tmp_path / "002-mpps-create.dcm").PerformedStationAETitle == "CT_NORD"


def test_a_simulator_ends_with_whoever_started_it(tmp_path: Path) -> None:
    settings = {"status_file": str(tmp_path / "s"), "evidence": str(tmp_path / "e"), "name": "PACS", "types": ["ORM^O01"]}
    (tmp_path / "c.json").write_text(json.dumps(settings))
    start = "import sys; from infra.local.children import Children, python; c = Children(); "
    start += (
        f"c.spawn('pacs', python('infra.local.services.hl7_listener', '--config', {str(tmp_path / 'c.json')!r})); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE)
    until((tmp_path / "s").exists)
    pid = json.loads((tmp_path / "s").read_text())["pid"]

    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()

    until(lambda: not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_a_provider_serves_discovery_over_its_own_tls(tmp_path: Path) -> None:
    import ssl

    from infra.local.demo.pki import Authority, write_server
    from tests.support.https import get

    authority = Authority()
    settings = {"status_file": str(tmp_path / "s"), "evidence": str(tmp_path / "e"), "clients": []}
    settings["tls"] = write_server(tmp_path, "psc", authority)
    (tmp_path / "c.json").write_text(json.dumps(settings))

    with Children() as children:
        children.spawn("psc", python("infra.local.services.psc", "--config", str(tmp_path / "c.json")))
        until((tmp_path / "s").exists)
        status = json.loads((tmp_path / "s").read_text())
        context = ssl.create_default_context(cadata=authority.chain_pem().decode())
        told = json.loads(get(status["issuer"] + "/.well-known/wallet-openid-configuration", context))

    assert told["issuer"] == status["issuer"]
    assert told["authorization_endpoint"] == status["front"] + "/auth"
    assert told["token_endpoint"].startswith("https://")


def test_modalities_stay_switched_on_and_refuse_what_is_no_operation(scp: Scp, tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"status_file": str(tmp_path / "s")}))
    who = ["--port", str(scp.port), "--calling", "CT_NORD", "--called", "RIS", "--evidence", str(tmp_path)]

    with Children() as children:
        children.spawn("modality", python("infra.local.services.modality_console", "--config", str(tmp_path / "c.json")))
        until((tmp_path / "s").exists)
        door = json.loads((tmp_path / "s").read_text())["control"]
        answers = [urllib3.request("POST", door, json=asked) for asked in (["echo", *who], ["find", *who], ["steal"], "nothing")]

    assert [answer.status for answer in answers] == [200, 200, 400, 400]
    assert [answer.json()["status"] for answer in answers[:2]] == ["0000", "0000"]
    assert answers[1].json()["evidence"] == ["001-mwl.dcm"]
