"""The intake as deployed: from the inbound queue to patients, requests, the operator's list and delivery rows."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from infra.local.cloud.client import Cloud
from ris.adapters.agenda.er7 import read
from ris.adapters.agenda.ledger import DynamoMessageLedger
from ris.adapters.dynamodb import Table
from ris.application.agenda.book_appointment import BookAppointment, book_appointment
from ris.application.agenda.services import Services
from ris.contracts.queues import Hl7Acknowledged, Hl7Inbound, Hl7Outbound
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.orders import request_id_of
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.identity.patient import Identifier, Patient
from tests.support.agenda_cloud import cloud_services, own_day, queue_url
from tests.support.cloud import deployed_cloud
from tests.support.dispatch import ack
from tests.support.hl7 import PLACER, message, msh, obr, orc, pid
from tests.support.waiting import until

cloud = deployed_cloud()
SITE = "sud"


@pytest.fixture(scope="module")
def s(cloud: Cloud) -> Services:
    return cloud_services(cloud)


@dataclass
class Partner:
    """A hospital's system behind the site's gateway, and a patient nobody else has."""

    cloud: Cloud
    s: Services

    def __post_init__(self) -> None:
        self.run = "".join(chr(65 + int(digit, 16)) for digit in uuid.uuid4().hex[:10])
        at = self.s.reference.site(SITE)
        assert at is not None
        self.authority = at.ipp_authority
        names = self.cloud.function_env("PortalFunction")
        self.ledger = DynamoMessageLedger(Table(self.cloud.client("dynamodb"), names["TABLE_MESSAGES"]))

    def sends(
        self, frame: bytes, *, s3_key: str = "", envelope: Hl7Inbound | Hl7Acknowledged | None = None, body: str = ""
    ) -> None:
        number = uuid.uuid4().hex
        envelope = envelope or Hl7Inbound(
            site=SITE,
            spool_id=f"g-{number}",
            received_at=datetime.now(UTC),
            frame="" if s3_key else base64.b64encode(frame).decode(),
            s3_key=s3_key,
            sha256=hashlib.sha256(frame).hexdigest(),
            default_charset="8859/1",
        )
        self.cloud.client("sqs").send_message(
            QueueUrl=queue_url(self.cloud, "hl7-inbound.fifo"),
            MessageBody=body or envelope.model_dump_json(),
            MessageGroupId=self.run,
            MessageDeduplicationId=number,
        )

    def answers(self, message_id: str, outcome: str = "AA") -> None:
        said = Hl7Acknowledged(
            site=SITE,
            spool_id=uuid.uuid4().hex,
            received_at=datetime.now(UTC),
            destination="PACS",
            message_id=message_id,
            outcome=outcome,  # type: ignore[arg-type]
            frame=base64.b64encode(ack(outcome, message_id)).decode(),
        )
        self.sends(b"", envelope=said)

    def message(self, kind: str, *segments: str, control_id: str = "", charset: str = "UNICODE UTF-8", **fields: str) -> bytes:
        codec = "utf-8" if "UTF" in charset else "latin-1"
        who = pid(pid_3=f"{self.run}^^^X&{self.authority}&ISO^PI", **{"pid_5": f"{self.run}^ZOE^^^^^L", **fields})
        return message(msh(kind, control_id or f"{self.run}{uuid.uuid4().hex[:6]}", charset=charset), who, *segments, charset=codec)

    def patient(self) -> Patient | None:
        return self.s.patients.find_by_identifier(Identifier(self.run, self.authority, "PI"))

    def listed(self) -> list[tuple[str, str]]:
        mine = [each for each in self.ledger.parked(SITE, limit=500) if self.run.encode() in each.frame]
        return [(entry.reason, entry.place) for entry in mine]

    def outbound(self, wanted: Callable[[Hl7Outbound], bool]) -> list[Hl7Outbound]:
        sqs, url = self.cloud.client("sqs"), queue_url(self.cloud, f"{SITE}-hl7-outbound.fifo")
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return [one for one in (Hl7Outbound.model_validate_json(each["Body"]) for each in found) if wanted(one)]


@pytest.fixture
def partner(cloud: Cloud, s: Services) -> Partner:
    return Partner(cloud, s)


def booked(partner: Partner, request_id: str = "", patient_id: str = "") -> Exam:
    now = datetime.now(UTC)
    (room, *_) = [r for r in partner.s.reference.rooms(SITE) if "CT" in _kinds(partner.s, r.modalities)]
    command = BookAppointment(SITE, request_id or None, patient_id, "ZBQK001", room.room, own_day(now), "09:00", None, "acc")
    return book_appointment(partner.s, command, now)


def _kinds(s: Services, modalities: tuple[str, ...]) -> set[str]:
    return {one.dicom_modality for one in s.reference.modalities(SITE) if one.modality in modalities}


def test_an_admission_and_an_order_become_a_patient_and_a_request(partner: Partner, s: Services) -> None:
    placer = f"OPN-{partner.run}"
    partner.sends(partner.message("ADT^A04^ADT_A01", charset="8859/1", pid_5=f"{partner.run}^GWÉNAËLLE^^^^^L"))
    partner.sends(partner.message("ORM^O01^ORM_O01", orc(placer=placer), obr(placer, "ZBQK001^Scanner^CCAM"), pid_5=""))

    request = until(lambda: s.exams.get_request(request_id_of(SITE, placer, PLACER)))

    patient = partner.patient()
    assert patient is not None
    assert (patient.traits.birth_given, request.patient_id) == ("GWÉNAËLLE", patient.patient_id)
    assert s.patients.search(f"{partner.run} gwenaelle", limit=5) == [patient]


def test_the_same_message_twice_has_one_effect_and_other_bytes_are_an_incident(partner: Partner) -> None:
    frame = partner.message("ADT^A28^ADT_A05", control_id=f"{partner.run}1")
    partner.sends(frame)
    partner.sends(frame)
    partner.sends(partner.message("ADT^A28^ADT_A05", control_id=f"{partner.run}1", pid_5=f"{partner.run}^AUTRE^^^^^L"))

    assert until(partner.listed) == [("control_id_repeated", "MSH-10")]

    patient = partner.patient()
    assert patient is not None
    assert (patient.version, patient.traits.birth_given) == (1, "ZOE")


def test_what_cannot_be_applied_waits_while_the_next_messages_pass(partner: Partner) -> None:
    partner.sends(partner.message("ADT^A40^ADT_A39"))
    partner.sends(partner.message("ADT^A28^ADT_A05", pid_5='""'))
    partner.sends(b"\xff" + partner.run.encode())
    partner.sends(partner.message("ADT^A28^ADT_A05"))

    until(partner.patient)

    assert partner.listed() == [("message_type_not_supported", "MSH-9"), ("birth_name_missing", "PID-5"), ("no_msh", "MSH")]


def test_a_large_message_comes_through_its_bucket(cloud: Cloud, partner: Partner) -> None:
    frame = partner.message("ADT^A28^ADT_A05", "NTE|1||" + "x" * 300_000)
    bucket = cloud.function_env("IntakeHl7Function")["BUCKET_MESSAGES"]
    cloud.client("s3").put_object(Bucket=bucket, Key=f"inbound/{partner.run}", Body=frame)

    partner.sends(frame, s3_key=f"inbound/{partner.run}")

    assert until(partner.patient)


def test_a_cancelled_order_frees_the_booked_exam(partner: Partner, s: Services) -> None:
    placer = f"OPN-{partner.run}"
    partner.sends(partner.message("ORM^O01", orc(placer=placer), obr(placer, "ZBQK001^Scanner^CCAM")))
    request = until(lambda: s.exams.get_request(request_id_of(SITE, placer, PLACER)))
    exam = booked(partner, request.request_id, request.patient_id)
    until(lambda: _state(s, exam) is ExamState.BOOKED)

    partner.sends(partner.message("ORM^O01", orc("CA", placer)))

    until(lambda: _state(s, exam) is ExamState.CANCELLED)
    after = until(lambda: (r := s.exams.get_request(request.request_id)) and r.state.value == "cancelled" and r)
    assert after.state.value == "cancelled"
    assert partner.listed() == []


def _state(s: Services, exam: Exam) -> ExamState | None:
    found = s.exams.get(exam.accession_number)
    return found.state if found else None


def test_an_order_goes_out_to_the_pacs_and_its_answer_settles_the_row(cloud: Cloud, partner: Partner, s: Services) -> None:
    partner.sends(partner.message("ADT^A28^ADT_A05", pid_5=f"L'{partner.run}^ZOÉ^^^^^L"))
    patient = until(partner.patient)
    exam = booked(partner, patient_id=patient.patient_id)
    taken: list[Hl7Outbound] = []

    def left() -> bool:
        taken.extend(partner.outbound(lambda one: exam.accession_number.encode() in base64.b64decode(one.frame)))
        return bool(taken)

    until(left)
    order = read(base64.b64decode(taken[0].frame))
    assert order.first("PID").field(5).component(1).text() == f"L'{partner.run}"  # type: ignore[union-attr]
    assert order.first("ZDS").field(1).component(1).text() == exam.study_instance_uid  # type: ignore[union-attr]

    partner.answers(taken[0].message_id)
    partner.answers(taken[0].message_id)

    def settled() -> Any:
        return [row for row in s.deliveries.of_owner(exam.accession_number) if row.state is DeliveryState.DELIVERED]

    (row,) = until(settled)
    assert (row.channel, row.recipient, row.message_id, row.remote_code) == ("hl7_pacs_order", "PACS", taken[0].message_id, "AA")


def test_an_answer_to_nothing_is_an_incident(partner: Partner) -> None:
    partner.answers(partner.run)

    assert until(partner.listed) == [("acknowledgement_of_nothing_sent", "MSA-2")]


def test_no_value_of_a_patient_is_in_the_functions_log(cloud: Cloud, partner: Partner) -> None:
    partner.sends(partner.message("ADT^A28^ADT_A05", pid_13=f"^PRN^PH^^^^^^^^^{partner.run}0100", pid_7=f"1975{partner.run}"))
    partner.sends(partner.message("ADT^A28^ADT_A05", pid_5=f'""^{partner.run}'))
    until(partner.listed)

    lines = cloud.logs("IntakeHl7Function")

    assert any("INTAKE_HL7_003" in line and "PID-5" in line for line in lines)
    assert not [line for line in lines if partner.run in line]
