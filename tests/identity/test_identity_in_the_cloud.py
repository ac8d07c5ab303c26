"""The deployed machine with its real functions and the strict INSi over mutual TLS: both orders, a bad day, bad answers."""

from __future__ import annotations

import base64
import functools
import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud.client import ROOT, Cloud, start_cloud
from infra.local.services.insi import KNOWN, Insi, InsiDoors
from infra.local.services.recorder import Recorder
from infra.local.services.soap_door import Trust
from ris.adapters.breaker import DynamoBreakerStore
from ris.adapters.dynamodb import Table
from ris.adapters.identity.dynamodb import DynamoPatientStore
from ris.adapters.identity.step_functions import StepFunctionsIdentity, execution_name
from ris.adapters.reference.dynamodb import DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.application.breaker import Breaker
from ris.application.identity.record_identity_event import ask_insi, record_identity_event
from ris.application.identity.services import RecordServices
from ris.application.load_reference import load_reference
from ris.domain.identity.events import DocumentRecorded, IdentityEvent, InsiAccepted, StrictTraitEdited
from ris.domain.identity.ins import OID_NIA, OID_NIR_TEST
from ris.domain.identity.insi import InsiState
from ris.domain.identity.patient import Identifier, Patient, Traits, TraitsChange
from ris.domain.identity.rniv import StatusChange
from tests.support.identity import segment_of, triggers
from tests.support.national import IDAM, STRUCTURE, Pki, control, make_pki

ENTITY = "630999001"
SETTINGS = {
    "idam": IDAM, "software": "ris", "version": "1", "oid_mapping": {"1.2.250.1.213.1.4.8": OID_NIR_TEST}, "read_timeout_s": 5,
    "breaker_failures": 3, "breaker_pause_s": 1, "breaker_longest_pause_s": 1, "rules": {"ask_again_after_s": 1},
}  # fmt: skip
NUMBERS = itertools.count(1)


@dataclass
class Deployed:
    """The running product and the INSi it asks."""

    cloud: Cloud
    insi: InsiDoors
    evidence: Path

    def __post_init__(self) -> None:
        names = self.cloud.function_env("PortalFunction")
        self.machine = self.cloud.function_env("SweepDueFunction")["IDENTITY_STATE_MACHINE_ARN"]
        self.patients = DynamoPatientStore(Table(self.cloud.client("dynamodb"), names["TABLE_PATIENTS"]))
        self.breakers = DynamoBreakerStore(Table(self.cloud.client("dynamodb"), names["TABLE_MESSAGES"]))
        self.queue = f"{names['SITE_QUEUE_PREFIX']}-nord-hl7-outbound.fifo"
        workflows = StepFunctionsIdentity(self.cloud.client("stepfunctions"), machine=self.machine)
        self.record = RecordServices(self.patients, workflows)

    def known(self, family: str, given: str, born: date, sex: str, **more: str) -> str:
        """Make somebody known at nord, and return the id."""
        patient_id = f"p-insi-{next(NUMBERS)}"
        traits = Traits(family, given, birth_date=born, birth_date_text=f"{born:%Y%m%d}", sex=sex, **more)
        identifier = Identifier(f"IPP-{patient_id}", "1.2.250.1.99999.1", "PI")
        self.patients.save(Patient(patient_id, traits, (identifier,), sites=frozenset({"nord"})))
        return patient_id

    def zoe(self) -> str:
        return self.known("Adrun", "Zoé", date(1975, 12, 31), "F")

    def ask(self, patient_id: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        event = ask_insi(self.record, patient_id, site="nord", by="acc", event_id=f"q-{next(NUMBERS)}", now=now)
        return self.ended(execution_name(event))

    def say(self, patient_id: str, kind: type, **said: Any) -> dict[str, Any]:
        event_id = f"e-{next(NUMBERS)}"
        event: IdentityEvent = kind(at=datetime.now(UTC), by="acc", site="nord", **said)
        record_identity_event(self.record, patient_id, event, event_id=event_id, may_correct=True)
        return self.ended(f"identity-{patient_id}-{event_id}")

    def ended(self, name: str) -> dict[str, Any]:
        return self.cloud.wait_execution(f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}")

    def patient(self, patient_id: str) -> Patient:
        found = self.patients.get(patient_id)
        assert found is not None
        return found

    def history(self, patient_id: str) -> list[tuple[str, str]]:
        lines: list[StatusChange] = self.patients.history(patient_id, limit=9)[::-1]
        return [(line.before.value, line.after.value) for line in lines]

    def sent(self) -> list[str]:
        """Take what stands on nord's outbound queue, whoever it is for."""
        sqs = self.cloud.client("sqs")
        url = sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]
        found: list[str] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", []):
            for message in messages:
                found.append(base64.b64decode(json.loads(message["Body"])["frame"]).decode())
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def schedule(self, *faults: Any) -> None:
        control(self.insi.status["control"], schedule={"search": list(faults)})

    def calls(self) -> dict[str, int]:
        return dict(control(self.insi.status["control"])["calls"])

    def calm(self) -> None:
        """Forget an outage that another test left."""
        self.breakers.save(Breaker("insi", version=self.breakers.get("insi").version))


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("identity")
    pki = make_pki(tmp_path_factory.mktemp("pki"))
    insi = InsiDoors(Insi(recorder=Recorder(folder / "insi"), identities=KNOWN, idams=[IDAM]), Trust(**pki.files))
    parameters = {
        "OidcUrl": "https://oidc.invalid", "PscUrl": "https://psc.invalid", "PublicUrl": "{portal_url}",
        "InsiUrl": insi.status["url"], "InsiSettings": json.dumps(SETTINGS),
    }  # fmt: skip
    with start_cloud(
        folder / "cloud", ROOT / "template.yaml", parameters=parameters, schedules=False, scale=40,
        site_template=ROOT / "infra/site.yaml", sites=[{"Site": "nord"}],
    ) as cloud:  # fmt: skip
        yield seeded(cloud, pki, insi, folder)
        assert cloud.faults() == []
    insi.close()


def seeded(cloud: Cloud, pki: Pki, insi: InsiDoors, folder: Path) -> Deployed:
    prefix = cloud.function_env("QueryInsiFunction")["SECRET_PREFIX"]
    for name, service in (("insi-manu", "INSI-MANU"), ("insi-auto", "INSI-AUTO")):
        client = pki.client(service, STRUCTURE)
        content = {
            "certificate_pem": client.certificate_pem().decode(), "key_pem": client.key_pem().decode(),
            "chain_pem": pki.authority.chain_pem().decode(),
        }  # fmt: skip
        secret = {"Name": f"{prefix}/legal-entity/{ENTITY}/{name}", "SecretString": json.dumps(content)}
        cloud.client("secretsmanager").create_secret(**secret)
    reference = Table(cloud.client("dynamodb"), cloud.function_env("PortalFunction")["TABLE_REFERENCE"])
    load_reference(
        DynamoReferenceTable(reference), read_folder(ROOT / "infra/local/demo/reference"), now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    return Deployed(cloud, insi, folder)


@pytest.mark.segur("INS.22", "INS.23", "INS.24", "INS.25", "INS.48")
def test_both_orders_end_in_a_qualified_identity_and_the_pacs_learns_it(deployed: Deployed) -> None:
    deployed.calm()
    rows = []
    for document_first in (True, False):
        patient_id = deployed.zoe()
        steps = [
            functools.partial(deployed.say, patient_id, DocumentRecorded, code="CN"),
            functools.partial(deployed.ask, patient_id),
        ]
        ends = [step() for step in (steps if document_first else steps[::-1])]
        assert ["SUCCEEDED"] * 2 == [end["status"] for end in ends]
        assert "275126322074974" not in json.dumps([end["output"] for end in ends])
        rows.append(deployed.patient(patient_id))

    plain = [replace(row, patient_id="", identifiers=(), updated_at=None, proof=None, insi=None) for row in rows]
    assert plain[0] == plain[1]
    assert ("QUAL", "275126322074974", OID_NIR_TEST) == (
        rows[0].status.value,
        rows[0].ins and rows[0].ins.matricule,
        rows[0].ins and rows[0].ins.oid,
    )
    messages = deployed.sent()
    assert ["A31"] * 4 == triggers(messages)
    assert [False, True, False, True] == ["^INS" in segment_of(message, "PID")[3] for message in messages]


def test_corsica_nia_and_a_second_first_name(deployed: Deployed) -> None:
    deployed.calm()
    corsican = deployed.known("Corse", "Anthony", date(1980, 3, 2), "M", birth_place_insee="2B020")
    nia = deployed.known("PROVISOIRE", "MATRICULE", date(2009, 7, 1), "M")
    second = deployed.known("Tchitchi", "Ola", date(1936, 6, 21), "F", birth_given_all="Ola Catarina Bella")
    for patient_id in (corsican, nia, second):
        assert "SUCCEEDED" == deployed.ask(patient_id)["status"]

    assert ["180032B02040123", "109076322088835", "236066322083656"] == [
        (ins := deployed.patient(each).ins) and ins.matricule for each in (corsican, nia, second)
    ]
    assert OID_NIA == (deployed.patient(nia).ins or pytest.fail("no INS")).oid
    assert ["00", "01"] == [answer.code for answer in deployed.patients.answers(second, limit=9)]
    assert b"236066322083" in deployed.patients.answers(second, limit=1)[0].raw


@pytest.mark.segur("INS.13", "INS.14", "INS.32", "INS.33", "INS.34", "INS.35", "INS.36")
def test_what_differs_waits_for_a_person_and_an_edit_takes_the_ins_back(deployed: Deployed) -> None:
    deployed.calm()
    patient_id = deployed.known("ADRUN", "ZOE", date(1975, 12, 31), "F", birth_given_all="ZOE MARIE")
    deployed.ask(patient_id)
    waiting = deployed.patient(patient_id).insi
    assert waiting is not None
    assert (InsiState.PENDING, ("birth_given_all",)) == (waiting.state, waiting.differences)

    deployed.say(patient_id, InsiAccepted, asked_at=waiting.asked_at)
    deployed.say(patient_id, DocumentRecorded, code="PA")
    deployed.sent()
    deployed.say(patient_id, StrictTraitEdited, change=TraitsChange(birth_family="ADRUNE"))

    assert [("PROV", "RECUP"), ("RECUP", "QUAL"), ("QUAL", "VALI")] == deployed.history(patient_id)
    (message,) = deployed.sent()
    assert ("A47", "275126322074974") == (triggers([message])[0], segment_of(message, "MRG")[1][:15])
    edited = deployed.patient(patient_id)
    assert edited.due_at is not None
    deployed.patients.save(replace(edited, due_at=None, due_site=""))  # no other test's sweep asks for this one


def test_a_bad_day_of_insi_is_one_incident_and_the_sweep_asks_with_the_other_certificate(deployed: Deployed) -> None:
    deployed.calm()
    before, known = deployed.calls(), len(deployed.breakers.incidents("insi", limit=99))
    patient_id = deployed.zoe()
    deployed.schedule({"fault": "http_503_html", "times": 3})

    assert "SUCCEEDED" == deployed.ask(patient_id)["status"]
    row = deployed.patient(patient_id)
    assert ("PROV", "insi_503", True) == (row.status.value, row.insi and row.insi.reason, row.due_at is not None)
    assert known + 1 == len(deployed.breakers.incidents("insi", limit=99))
    assert 3 == len([answer for answer in deployed.patients.answers(patient_id, limit=9) if answer.error == "insi_503"])

    deployed.patients.save(replace(row, due_at=datetime.now(UTC) - timedelta(hours=1)))
    breaker = deployed.breakers.get("insi")
    deployed.breakers.save(replace(breaker, next_try_at=datetime.now(UTC)))
    swept(deployed, patient_id)

    assert "RECUP" == deployed.patient(patient_id).status.value
    (incident, *_) = deployed.breakers.incidents("insi", limit=1)
    assert (3, True) == (incident.failures, incident.closed_at is not None)
    assert (3, 1) == tuple(deployed.calls().get(name, 0) - before.get(name, 0) for name in ("INSI-MANU", "INSI-AUTO"))


def swept(deployed: Deployed, patient_id: str) -> None:
    """Let the sweep ask again, and wait for that execution."""
    deployed.cloud.invoke("SweepDueFunction", {"sites": ["nord"]})
    listed = deployed.cloud.client("stepfunctions").list_executions(stateMachineArn=deployed.machine)["executions"]
    (name,) = [one["name"] for one in listed if one["name"].startswith(f"identity-{patient_id}-due-")]
    deployed.ended(name)


@pytest.mark.parametrize("fault", ["not_xml", "dtd", "cut_xml", "cut_answer", "other_request", "http_504", "cut_after_reading"])
def test_an_answer_that_cannot_be_believed_leaves_the_identity_and_is_kept(deployed: Deployed, fault: str) -> None:
    deployed.calm()
    patient_id = deployed.zoe()
    deployed.schedule({"fault": fault, "times": 3})

    assert "SUCCEEDED" == deployed.ask(patient_id)["status"]

    row = deployed.patient(patient_id)
    assert ("PROV", InsiState.FAILED, True) == (row.status.value, row.insi and row.insi.state, row.due_at is not None)
    kept = deployed.patients.answers(patient_id, limit=9)
    assert 3 == len(kept), [(answer.error, answer.asked_at) for answer in kept]
    if fault in ("not_xml", "dtd", "cut_xml", "other_request"):
        assert {"insi_answer_unreadable"} == {answer.error for answer in kept}
        assert all(answer.raw for answer in kept)


def test_what_somebody_must_repair_is_not_asked_again(deployed: Deployed) -> None:
    deployed.calm()
    patient_id = deployed.zoe()
    deployed.schedule("desir_550")

    deployed.ask(patient_id)

    row = deployed.patient(patient_id)
    assert ("desir_550", None) == (row.insi and row.insi.reason, row.due_at)
    assert 1 == len(deployed.patients.answers(patient_id, limit=9))


def test_an_outage_never_touches_the_booking(deployed: Deployed) -> None:
    """ConfirmBooking records the question; whatever INSi does then is its own execution."""
    from ris.application.agenda.book_appointment import book_appointment
    from tests.support.agenda import a_booking
    from tests.support.agenda_cloud import cloud_services

    deployed.calm()
    patient_id = deployed.zoe()
    deployed.schedule({"fault": "http_503", "times": 3})
    services = cloud_services(deployed.cloud)
    room = services.reference.rooms("nord")[0]
    kinds = {one.modality: one.dicom_modality for one in services.reference.modalities("nord")}
    exam = next(one for one in services.reference.catalogue() if one.dicom_modality == kinds[room.modalities[0]])
    day = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}"
    command = a_booking(patient_id=patient_id, exam_code=exam.exam_code, room=room.room, day=day, start="10:00")

    held = book_appointment(services, command, datetime.now(UTC))
    booking = deployed.cloud.function_env("PortalFunction")["BOOKING_STATE_MACHINE_ARN"].replace(":stateMachine:", ":execution:")
    ended = deployed.cloud.wait_execution(f"{booking}:booking-{held.accession_number}")
    deployed.ended(f"identity-{patient_id}-booking-{held.accession_number}")

    assert "SUCCEEDED" == ended["status"]
    row = deployed.patient(patient_id)
    assert ("PROV", InsiState.FAILED) == (row.status.value, row.insi and row.insi.state)
    with suppress(IndexError):
        deployed.sent()
