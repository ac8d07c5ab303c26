"""The agenda's services over the running cloud, as the portal has them, with the demo group and patients of the test's own."""

import itertools
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from infra.local.cloud.client import ROOT, Cloud
from ris.adapters.agenda.dynamodb import DynamoAgendaStore, DynamoExamStore
from ris.adapters.agenda.memory import MemoryOrders, MemoryWorkflows, NoParkedMessages
from ris.adapters.agenda.step_functions import StepFunctionsWorkflows
from ris.adapters.agenda.worklist_queue import QueueWorklistPublisher
from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dynamodb import Table
from ris.adapters.identity.dynamodb import DynamoPatientStore
from ris.adapters.reference.dynamodb import DynamoReferenceBook, DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.application.agenda.book_appointment import BookAppointment, book_appointment
from ris.application.agenda.services import AgendaSettings, Services
from ris.application.load_reference import load_reference
from ris.contracts.queues import WorklistFeed
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.identity.patient import Identifier, Patient, Traits

_DAYS = itertools.count(30)


def cloud_services(cloud: Cloud) -> Services:
    """Return the services, the demo group loaded."""
    names = cloud.function_env("PortalFunction")

    def table(name: str) -> Table:
        return Table(cloud.client("dynamodb"), names[f"TABLE_{name}"])

    load_reference(
        DynamoReferenceTable(table("REFERENCE")),
        read_folder(ROOT / "infra/local/demo/reference"),
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Services(
        exams=DynamoExamStore(table("EXAMS")),
        agenda=DynamoAgendaStore(agenda=table("AGENDA"), exams=table("EXAMS")),
        patients=DynamoPatientStore(table("PATIENTS")),
        reference=DynamoReferenceBook(table("REFERENCE")),
        deliveries=DynamoDeliveryStore(table("EXAMS")),
        orders=MemoryOrders(),
        messages=NoParkedMessages(),
        workflows=StepFunctionsWorkflows(cloud.client("stepfunctions"), booking=names["BOOKING_STATE_MACHINE_ARN"]),
        feed=QueueWorklistPublisher(cloud.client("sqs"), prefix=names["SITE_QUEUE_PREFIX"]),
        settings=AgendaSettings(uid_namespace=names["BOOKING_STATE_MACHINE_ARN"]),
        new_token=lambda: uuid.uuid4().hex,
    )


def own_patient(s: Services, site: str = "nord") -> Patient:
    """Save a patient nobody else in the session has."""
    number = uuid.uuid4().hex[:12]
    at = s.reference.site(site)
    assert at is not None
    traits = Traits(f"ESSAI{number.upper()}", "ZOE", birth_date=date(1984, 5, 13), sex="F")
    return s.patients.save(
        Patient(f"p-{number}", traits, (Identifier(f"IPP-{number}", at.ipp_authority, "PI"),), sites=frozenset({site}))
    )


def own_day(now: datetime) -> str:
    """Return a weekday nobody else in the session books."""
    day = now + timedelta(days=next(_DAYS))
    while day.weekday() >= 5:
        day = now + timedelta(days=next(_DAYS))
    return day.date().isoformat()


def queue_url(cloud: Cloud, name: str) -> str:
    """Return the address of a queue by its name behind the prefix."""
    prefix = cloud.function_env("PortalFunction")["SITE_QUEUE_PREFIX"]
    return str(cloud.client("sqs").get_queue_url(QueueName=f"{prefix}-{name}")["QueueUrl"])


def received(cloud: Cloud, name: str, wanted: Callable[[str], bool]) -> list[str]:
    """Take what lies on a queue and return the wanted bodies; others' messages are put back at once."""
    sqs, url = cloud.client("sqs"), queue_url(cloud, name)
    bodies: list[str] = []
    kept: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", []):
        for message in messages:
            (bodies if wanted(message["Body"]) else kept).append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    for body in kept:
        sqs.send_message(QueueUrl=url, MessageBody=body)
    return bodies


def held(s: Services, now: datetime | None = None, *, start: bool = True) -> Exam:
    """Hold a slot for a patient of its own; `start=False` leaves the booking machine out, as a start that failed does."""
    now = now or datetime.now(UTC)
    if not start:
        s = _without_workflows(s)
    patient = own_patient(s)
    command = BookAppointment("nord", None, patient.patient_id, "ZBQK001", "salle-scanner", own_day(now), "09:00", None, "acc")
    return book_appointment(s, command, now)


def _without_workflows(s: Services) -> Services:
    return replace(s, workflows=MemoryWorkflows())


def state(s: Services, exam: Exam) -> ExamState:
    """Return the state an exam is in now."""
    found = s.exams.get(exam.accession_number)
    assert found is not None
    return found.state


class Feed:
    """What a gateway of the site would know of one exam: it keeps the newest version, whatever came when."""

    def __init__(self, cloud: Cloud, exam: Exam) -> None:
        self._cloud, self._accession = cloud, exam.accession_number
        self._newest: WorklistFeed | None = None

    def shows(self, state: str) -> bool:
        """Take what lies on the queue, and say whether the step is now in that state."""
        for body in received(self._cloud, "nord-worklist-feed", lambda body: self._accession in body):
            one = WorklistFeed.model_validate_json(body)
            if self._newest is None or self._newest.version < one.version:
                self._newest = one
        return self._newest is not None and (self._newest.state, bool(self._newest.dataset)) == (state, state != "removed")
