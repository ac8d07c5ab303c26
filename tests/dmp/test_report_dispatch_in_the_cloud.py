"""The deployed machine with its real functions, a key in KMS and the strict DMP over mutual TLS: fed once, whatever is lost."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from infra.local.cloud.client import ROOT, Cloud, start_cloud
from infra.local.services.dmp import RECORDS, Dmp, DmpDoors
from infra.local.services.dmp_evidence import Received
from infra.local.services.recorder import Recorder
from infra.local.services.soap_door import Trust
from ris.adapters.dispatch.dmp.signature_document import sign_submission
from ris.adapters.dispatch.dmp.submission import signature_id, submission_set_id
from ris.adapters.keys.kms_rsa import KmsRsaPrivateKey
from ris.adapters.report.cda import build_cda
from ris.adapters.report.pdf import render_report
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.dmp import CHANNEL, RECIPIENT, planned_dmp
from ris.domain.report.version import CDA, SIGNATURE
from tests.support.frozen_reports import a_frozen_report
from tests.support.grants import called, granted, idle, missing
from tests.support.kms_signer import certificate_of, key_in_kms
from tests.support.national import STRUCTURE, Pki, control, make_pki
from tests.support.signed_exams import PUBLIC, SignedExams
from tests.support.stacks import tenant

ENTITY = "990000017"
SETTINGS = {
    "lps_name": "RIS", "lps_version": "1", "lps_homologation": "HOMOL-1", "lps_oid": "2.25.9", "read_timeout_s": 5,
    "settle_s": 0, "sending_for_s": 0.2, "workflow_s": 0, "breaker_failures": 99,
}  # fmt: skip
NUMBERS = itertools.count(1)


@dataclass
class Deployed(SignedExams):
    """The running product, the DMP it feeds, and everything a test asks of them."""

    control: str
    key: KmsRsaPrivateKey
    certificate: Any

    def validated(self, **patient: Any) -> str:
        """Leave a signed version and its planned row."""
        number = next(NUMBERS)
        accession, document = f"2600000{number:04}", f"2.25.7000{number}"
        report = a_frozen_report(
            accession_number=accession, document_id=document, set_id=f"2.25.6000{number}", study_instance_uid=f"2.25.5000{number}",
            logged_in_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        cda = build_cda(report, render_report(report))
        signature = sign_submission(
            signature_id=signature_id(report), submission_set_id=submission_set_id(report), documents={report.document_id: cda},
            signed_at=report.validated_at, key=self.key, certificate=self.certificate,
        )  # fmt: skip
        planned = planned_dmp(accession, "nord", 1, document, datetime.now(UTC), qualified=True)
        return self.add(number, report, {CDA: cda, SIGNATURE: signature}, [planned], **patient)

    def dispatch(self, accession: str) -> dict[str, Any]:
        return self.run(accession, [self.row(accession)])

    def row(self, accession: str) -> Delivery:
        found = self.rows.get(accession, CHANNEL, RECIPIENT, 1)
        assert found is not None
        return found

    def schedule(self, **faults: list[Any]) -> None:
        control(self.control, schedule={name.replace("_", "-").replace("td0-2", "td0.2"): told for name, told in faults.items()})

    def stored(self, accession: str) -> list[str]:
        document = self.row(accession).document_id
        return [one["unique_id"] for one in control(self.control)["documents"] if one["unique_id"] == document]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("dispatch")
    pki = make_pki(tmp_path_factory.mktemp("pki"))
    service = Dmp(
        recorder=Recorder(folder / "dmp"), received=Received(cda=folder / "cda", pdf=folder / "pdf"),
        ca=pki.files["ca"], crl=pki.files["crl"], records=RECORDS,
    )  # fmt: skip
    doors = DmpDoors(service, Trust(**pki.files))
    parameters = {**PUBLIC, "DmpUrl": doors.status["url"], "DmpSettings": json.dumps(SETTINGS)}
    with start_cloud(folder / "cloud", ROOT / "template.yaml", parameters=parameters, schedules=False, scale=40) as cloud:
        yield seeded(cloud, pki, doors.status["control"])
        assert cloud.faults() == []
    doors.close()


def seeded(cloud: Cloud, pki: Pki, control_url: str) -> Deployed:
    key = key_in_kms(cloud.client("kms"), f"{cloud.function_env('SendToDmpFunction')['SIGN_KEY_ALIAS_PREFIX']}{ENTITY}")
    certificate = certificate_of(pki.authority, key, STRUCTURE)
    client = pki.client("DMP", STRUCTURE)
    deployed = Deployed(cloud, ENTITY, control_url, key, certificate)
    deployed.put_secret(
        f"legal-entity/{ENTITY}/dmp",
        {
            "certificate_pem": client.certificate_pem().decode(), "key_pem": client.key_pem().decode(),
            "chain_pem": pki.authority.chain_pem().decode(),
        },
    )  # fmt: skip
    sign = certificate.public_bytes(serialization.Encoding.PEM).decode()
    deployed.put_secret(f"legal-entity/{ENTITY}/sign-certificate", {"certificate_pem": sign})
    deployed.load_group()
    return deployed


def test_a_signed_version_is_fed_without_a_click(deployed: Deployed) -> None:
    accession = deployed.validated()

    ended = deployed.dispatch(accession)

    assert ended["status"] == "SUCCEEDED"
    assert (deployed.row(accession).state, deployed.row(accession).attempts) == (DeliveryState.DELIVERED, 1)
    assert len(deployed.stored(accession)) == 1
    assert "275126322074974" not in json.dumps(ended["output"])


@pytest.mark.parametrize("fault", ["lost_answer", "http_504", "cut_after_reading"])
def test_a_lost_answer_is_one_document(deployed: Deployed, fault: str) -> None:
    accession = deployed.validated()
    deployed.schedule(iti_41=[fault])

    deployed.dispatch(accession)
    if deployed.row(accession).state is DeliveryState.PENDING:  # it was not stored: the sweep sends the same bytes again
        deployed.rows.save(replace(deployed.row(accession), due_at=datetime.now(UTC)))
        swept(deployed, accession)

    assert deployed.row(accession).state is DeliveryState.DELIVERED
    assert len(deployed.stored(accession)) == 1


def swept(deployed: Deployed, accession: str) -> None:
    """Let the sweep start the row again, and wait for that execution."""
    deployed.cloud.invoke("SweepDueFunction", {"sites": ["nord"]})
    row = deployed.row(accession)
    described = deployed.cloud.client("stepfunctions").list_executions(
        stateMachineArn=deployed.cloud.function_env("SweepDueFunction")["DISPATCH_STATE_MACHINE_ARN"]
    )
    (arn,) = [
        one["executionArn"] for one in described["executions"] if one["name"] == f"dispatch-{accession}-1-{row.executions}-dmp-DMP"
    ]
    deployed.cloud.wait_execution(arn)


def test_an_opposition_is_never_sent(deployed: Deployed) -> None:
    accession = deployed.validated(consents={"ZFA-9": "IO"})

    deployed.dispatch(accession)

    assert (deployed.row(accession).state, deployed.row(accession).reason) == (DeliveryState.WITHDRAWN, "opposition")
    assert deployed.stored(accession) == []


def test_an_outage_waits_in_the_row_and_the_sweep_sends_it(deployed: Deployed) -> None:
    accession = deployed.validated()
    deployed.schedule(td0_2=[{"fault": "http_503", "times": 7}])
    deployed.dispatch(accession)
    row = deployed.row(accession)
    assert (row.state, row.reason, row.unknown) == (DeliveryState.PENDING, "dmp_503", False)

    deployed.rows.save(replace(row, due_at=datetime.now(UTC)))
    swept(deployed, accession)

    assert deployed.row(accession).state is DeliveryState.DELIVERED


def test_the_refusal_of_the_dmp_is_on_the_row_and_in_no_history(deployed: Deployed) -> None:
    accession = deployed.validated()
    deployed.schedule(iti_41=[{"fault": "registry_error", "code": "XDSRegistryMetadataError", "context": "ADRUN 275126322074974"}])

    ended = deployed.dispatch(accession)

    row = deployed.row(accession)
    assert (row.state, row.remote_code) == (DeliveryState.REJECTED, "XDSRegistryMetadataError")
    assert "ADRUN" not in json.dumps(ended["output"])


def test_a_record_that_is_closed_is_a_failure_that_finance_can_count(deployed: Deployed) -> None:
    accession = deployed.validated()
    record = {"matricule": "275126322074974", "oid": "1.2.250.1.213.1.4.10"}
    closed = {"status": "closed", "closed_on": "20260301", "reason": "patient"}
    control(deployed.control, record={**record, **closed})
    try:
        deployed.dispatch(accession)
    finally:
        control(deployed.control, record={**record, "status": "open"})

    row = deployed.row(accession)
    assert (row.state, row.reason, bool(row.failure)) == (DeliveryState.REJECTED, "dmp_closed", True)
    assert deployed.stored(accession) == []


@pytest.mark.parametrize("function", ["CheckDmpFunction", "SendToDmpFunction", "ReconcileWithDmpFunction"])
def test_what_each_function_called_is_what_it_may_call(deployed: Deployed, function: str) -> None:
    """Last in the module: every way through the functions was taken."""
    resource = tenant().resources[function]
    calls = called(deployed.cloud.calls(), function)
    grants = granted(tenant(), resource)

    assert calls
    assert missing(grants, calls) == set()
    assert {right for right in idle(grants, calls) if not right.action.startswith(("logs:", "xray:"))} == set()
