"""The deployed machine with its real functions, the strict operator and the site's queue: every row of a version by its own channel."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.cloud.client import ROOT, start_cloud
from infra.local.services.directory import MAILBOXES, Directory, DirectoryDoors
from ris.adapters.report.cda import build_cda
from ris.adapters.report.pdf import render_report
from ris.adapters.usage.dynamodb import DynamoUsageFacts
from ris.domain.dispatch.channels import HL7_REPORT, MSS_PATIENT, MSS_PROFESSIONAL
from ris.domain.dispatch.delivery import Delivery, DeliveryState, Origin
from ris.domain.report.plan import PlanFacts, planned_rows
from ris.domain.report.version import CDA, PDF
from tests.support.frozen_reports import a_frozen_report
from tests.support.grants import called, granted, idle, missing
from tests.support.mss import DOCTOR, MAILBOX, PASSWORD, PATIENT, Post, open_post
from tests.support.national import make_pki
from tests.support.signed_exams import PUBLIC, SignedExams
from tests.support.stacks import tenant
from tests.support.waiting import until

ENTITY, REQUESTER, UNREACHABLE = "630999001", "89990005678", "89990009999"
PEOPLE = (
    "rpps;family;given;profession;speciality_code;speciality;structure;finess;mailbox;kind;red_list;description\n"
    f"{REQUESTER};EXEMPLE;LUC;10;SM54;Médecine Générale;;;{DOCTOR};PER;;\n"
)
SETTINGS = {
    "product": "DEV000001",
    "lps_name": "RIS",
    "lps_version": "1",
    "lps_oid": "2.25.9",
    "timeout_s": 5,
    "unknown_for_s": 0.5,
}
NUMBERS = itertools.count(1)


@dataclass
class Deployed(SignedExams):
    """The running product, the operator, and everything a test asks of them."""

    post: Post

    def validated(self, *professionals: str, cda: bytes = b"", **patient: Any) -> str:
        """Leave a signed version and its planned rows."""
        number = next(NUMBERS)
        accession = f"2600001{number:04}"
        report = a_frozen_report(
            accession_number=accession, document_id=f"2.25.8000{number}", set_id=f"2.25.8100{number}", study_instance_uid=f"2.25.8200{number}"
        )  # fmt: skip
        rows = planned_rows(
            PlanFacts(
                accession, "nord", 1, report.document_id, datetime.now(UTC), qualified=True, professionals=professionals or (REQUESTER,),
                destinations=("HIS",), origin=Origin("Europe/Paris", ENTITY, "630999100", "89990001234", qualified=True),
            )
        )  # fmt: skip
        pdf = render_report(report)
        return self.add(number, report, {PDF: pdf, CDA: cda or build_cda(report, pdf)}, rows, **patient)

    def dispatch(self, accession: str, *channels: str) -> dict[str, Any]:
        """Run the machine for the pending rows of some channels."""
        rows = [row for row in self.rows.of_owner(accession) if row.state is DeliveryState.PENDING and row.channel in channels]
        return self.run(accession, rows)

    def row(self, accession: str, channel: str, recipient: str = "") -> Delivery:
        (found,) = [r for r in self.rows.of_owner(accession) if r.channel == channel and recipient in ("", r.recipient)]
        return found

    def read_mailbox(self) -> dict[str, Any]:
        """Read the mailboxes of all sites: two of the three have none."""
        return dict(self.cloud.invoke("ReconcileMailFunction", {}))


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("letters")
    pki = make_pki(tmp_path_factory.mktemp("pki"))
    post = open_post(pki, folder / "post")
    (folder / "people.csv").write_text(PEOPLE, "utf-8")
    directory = DirectoryDoors(
        Directory(people=[str(folder / "people.csv")], keys=[]), tls={name: pki.files[name] for name in ("certificate", "key")}
    )
    servers = f"smtp://127.0.0.1:{post.doors.status['smtp_port']} imap://127.0.0.1:{post.doors.status['imap_port']}"
    parameters = {
        **PUBLIC,
        "MssUrl": servers, "MssSettings": json.dumps(SETTINGS), "DirectoryUrl": f"{directory.status['extract']}/{MAILBOXES}.zip",
        "DirectoryCa": pki.authority.chain_pem().decode(),
    }  # fmt: skip
    with start_cloud(
        folder / "cloud", ROOT / "template.yaml", parameters=parameters, schedules=False, scale=40,
        site_template=ROOT / "infra" / "site.yaml", sites=[{"Prefix": "ris-demo", "Site": "nord"}],
    ) as cloud:  # fmt: skip
        client = pki.client("MSS")
        deployed = Deployed(cloud, ENTITY, post)
        deployed.put_secret(
            "mailbox/nord",
            {
                "address": MAILBOX, "label": "Imagerie du Nord", "password": PASSWORD, "ca_pem": pki.authority.chain_pem().decode(),
                "certificate_pem": client.certificate_pem().decode(), "key_pem": client.key_pem().decode(),
            },
        )  # fmt: skip
        deployed.load_group()
        yield deployed
        assert cloud.faults() == []
    directory.close()
    post.doors.close()


def test_the_directory_is_taken_up_once(deployed: Deployed) -> None:
    first, second = (deployed.cloud.invoke("ImportDirectoryFunction", {}) for _ in range(2))

    assert (first, second) == ({"written": 1, "unreadable": 0}, {"written": 0, "unreadable": 0})


@pytest.mark.segur("MSS.19", "MSS.22", "MSS.23")
def test_requester_and_patient_are_mailed_and_their_receipts_settle_the_rows(deployed: Deployed) -> None:
    accession = deployed.validated()

    ended = deployed.dispatch(accession, MSS_PROFESSIONAL, MSS_PATIENT)

    assert ended["status"] == "SUCCEEDED"
    for channel in (MSS_PROFESSIONAL, MSS_PATIENT):
        row = deployed.row(accession, channel)
        assert (row.state, row.reason, row.attempts) == (DeliveryState.PENDING, "accepted_by_operator", 1)
    assert deployed.row(accession, MSS_PROFESSIONAL).address == DOCTOR
    assert "275126322074974" not in json.dumps(ended["output"]) + json.dumps(ended.get("input", {}))

    until(lambda: deployed.read_mailbox() and deployed.row(accession, MSS_PROFESSIONAL).read_at is not None, timeout_s=20)
    assert deployed.row(accession, MSS_PROFESSIONAL).state is DeliveryState.DELIVERED
    before = deployed.row(accession, MSS_PROFESSIONAL)
    assert deployed.read_mailbox()["failed"] == 0
    assert deployed.row(accession, MSS_PROFESSIONAL) == before
    month = datetime.now(UTC).astimezone().strftime("%Y-%m")
    facts = [
        fact for fact in DynamoUsageFacts(deployed.table("USAGE")).of_month("nord", month) if fact.accession_number == accession
    ]
    assert {(fact.channel, fact.value) for fact in facts} == {(MSS_PROFESSIONAL, 1), (MSS_PATIENT, 1)}


def test_a_bounce_corrects_the_figure(deployed: Deployed) -> None:
    accession = deployed.validated()
    deployed.post.control(receipts={PATIENT: [[{"answer": "dsn", "action": "failed", "status": "5.1.1"}]]})
    try:
        deployed.dispatch(accession, MSS_PATIENT)
        until(
            lambda: deployed.read_mailbox() and deployed.row(accession, MSS_PATIENT).state is not DeliveryState.PENDING,
            timeout_s=20,
        )
    finally:
        deployed.post.forget()

    row = deployed.row(accession, MSS_PATIENT)
    assert (row.state, row.reason, row.fact) == (DeliveryState.REJECTED, "recipient_unknown", "")


def test_a_standard_mail_is_placed_by_the_archive_it_returns(deployed: Deployed) -> None:
    accession = deployed.validated()
    deployed.post.control(receipts={DOCTOR: [[{"answer": "ko", "code": "902", "returned": "archive"}]]})
    try:
        deployed.dispatch(accession, MSS_PROFESSIONAL)
        until(
            lambda: deployed.read_mailbox() and deployed.row(accession, MSS_PROFESSIONAL).state is not DeliveryState.PENDING,
            timeout_s=20,
        )
    finally:
        deployed.post.forget()

    assert deployed.row(accession, MSS_PROFESSIONAL).reason == "integration_902"


def test_an_answer_lost_behind_the_final_dot_is_one_message_id(deployed: Deployed) -> None:
    accession = deployed.validated()
    deployed.post.control(schedule={"data": ["cut_after_dot"]})

    deployed.dispatch(accession, MSS_PROFESSIONAL)

    row = deployed.row(accession, MSS_PROFESSIONAL)
    assert row.unknown or row.state is DeliveryState.DELIVERED
    until(
        lambda: deployed.read_mailbox() and deployed.row(accession, MSS_PROFESSIONAL).state is DeliveryState.DELIVERED, timeout_s=20
    )
    counts = [
        facts
        for name, facts in deployed.post.control()["messages"].items()
        if name.replace("-", "").strip("<").startswith(row.message_id)
    ]
    assert [facts["accepted"] for facts in counts] == [1]


def test_a_busy_operator_is_tried_again_by_the_machine(deployed: Deployed) -> None:
    accession = deployed.validated()
    deployed.post.control(schedule={"rcpt": [{"fault": "reply", "code": 451, "text": "4.3.0 later"}]})

    deployed.dispatch(accession, MSS_PROFESSIONAL)

    assert deployed.row(accession, MSS_PROFESSIONAL).accepted_at is not None


def test_who_has_no_address_waits_for_paper_and_who_refused_gets_nothing(deployed: Deployed) -> None:
    accession = deployed.validated(UNREACHABLE, refusals=frozenset({"PATIENT"}))

    deployed.dispatch(accession, MSS_PROFESSIONAL, MSS_PATIENT)

    assert (deployed.row(accession, MSS_PROFESSIONAL).state, deployed.row(accession, MSS_PROFESSIONAL).reason) == (
        DeliveryState.HELD, "to_print",
    )  # fmt: skip
    assert deployed.row(accession, MSS_PATIENT).reason == "refusal"


@pytest.mark.parametrize("size", [0, 24 * 1024 * 1024])
def test_a_report_goes_to_the_gateway_whole_and_a_large_one_by_reference(deployed: Deployed, size: int) -> None:
    cda = b"<ClinicalDocument/>" + b"x" * size if size else b""
    accession = deployed.validated(cda=cda)

    deployed.dispatch(accession, HL7_REPORT, *([MSS_PROFESSIONAL] if size else []))

    row = deployed.row(accession, HL7_REPORT, "HIS")
    assert (row.state, row.reason) == (DeliveryState.PENDING, "handed_over")
    frame = received(deployed, row.message_id, by_reference=size > 0)
    assert f"|{row.message_id}|P|2.6|".encode() in frame
    assert f"ACC-{accession}".encode() not in frame
    document = next(line for line in frame.split(b"\r") if line.startswith(b"OBX|1|ED"))
    sent = base64.b64decode(document.split(b"Base64^")[1].split(b"|")[0])
    assert not size or hashlib.sha256(sent).digest() == hashlib.sha256(cda).digest()
    if size:
        assert deployed.row(accession, MSS_PROFESSIONAL).state in (DeliveryState.PENDING, DeliveryState.REJECTED)


def received(deployed: Deployed, message_id: str, *, by_reference: bool) -> bytes:
    """Take the envelope off the site's queue, as its gateway does, and return the message."""
    sqs = deployed.cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="ris-demo-nord-hl7-outbound.fifo")["QueueUrl"]

    def taken() -> bytes | None:
        for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            envelope = json.loads(one["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            if envelope["message_id"] == message_id:
                assert bool(envelope["s3_key"]) == by_reference
                if not by_reference:
                    return base64.b64decode(envelope["frame"])
                bucket = deployed.cloud.function_env("SendHl7Function")["BUCKET_MESSAGES"]
                return bytes(deployed.cloud.client("s3").get_object(Bucket=bucket, Key=envelope["s3_key"])["Body"].read())
        return None

    found = until(taken, timeout_s=20)
    assert isinstance(found, bytes)
    return found


@pytest.mark.parametrize("function", ["SendMailFunction", "ReconcileMailFunction", "ImportDirectoryFunction"])
def test_what_each_function_called_is_what_it_may_call(deployed: Deployed, function: str) -> None:
    """Last in the module: every way through the functions was taken."""
    resource = tenant().resources[function]
    calls = called(deployed.cloud.calls(), function)
    grants = granted(tenant(), resource)

    assert calls
    assert missing(grants, calls) == set()
    assert {right for right in idle(grants, calls) if not right.action.startswith(("logs:", "xray:"))} == set()


def test_a_report_is_handed_over_with_no_more_rights_than_granted(deployed: Deployed) -> None:
    calls = called(deployed.cloud.calls(), "SendHl7Function")

    assert calls
    assert missing(granted(tenant(), tenant().resources["SendHl7Function"]), calls) == set()


def test_no_patient_value_is_in_a_log(deployed: Deployed) -> None:
    functions = ("SendMailFunction", "ReconcileMailFunction", "SendHl7Function", "RecordOutcomeFunction")
    text = "\n".join(line for function in functions for line in deployed.cloud.logs(function))

    assert "send_mail" in text
    for value in ("275126322074974", "ADRUN", DOCTOR, "luc.exemple"):
        assert value not in text
