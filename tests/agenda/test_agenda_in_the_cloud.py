"""The agenda's four functions as deployed: the real template, machine, queues and rights."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.cloud.client import Cloud, FunctionFailed
from ris.adapters.agenda.memory import MemoryWorkflows
from ris.application.agenda.book_appointment import BookAppointment, book_appointment
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.services import Services
from ris.contracts.queues import DicomInbound, WorklistFeed
from ris.domain.agenda.exam import Exam, ExamState
from tests.support.agenda_cloud import cloud_services, own_day, own_patient, queue_url, received
from tests.support.cloud import deployed_cloud
from tests.support.waiting import until

cloud = deployed_cloud()


@pytest.fixture(scope="module")
def s(cloud: Cloud) -> Services:
    return cloud_services(cloud)


def held(s: Services, now: datetime | None = None, *, start: bool = True) -> Exam:
    now = now or datetime.now(UTC)
    if not start:
        s = _without_workflows(s)
    patient = own_patient(s)
    command = BookAppointment("nord", None, patient.patient_id, "ZBQK001", "salle-scanner", own_day(now), "09:00", None, "acc")
    return book_appointment(s, command, now)


def _without_workflows(s: Services) -> Services:
    return replace(s, workflows=MemoryWorkflows())


def state(s: Services, exam: Exam) -> ExamState:
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


def mpps(cloud: Cloud, operation: str, uid: str, dataset: dict[str, object]) -> None:
    envelope = DicomInbound(
        site="nord",
        spool_id=f"g-{uuid.uuid4().hex}",
        received_at=datetime.now(UTC),
        calling_ae_title="CT_NORD",
        operation=operation,  # type: ignore[arg-type]
        sop_instance_uid=uid,
        dataset=dataset,
    )
    cloud.client("sqs").send_message(
        QueueUrl=queue_url(cloud, "dicom-inbound.fifo"),
        MessageBody=envelope.model_dump_json(),
        MessageGroupId=uid,
        MessageDeduplicationId=envelope.spool_id,
    )


def test_the_machine_books_publishes_and_plans_the_order(cloud: Cloud, s: Services) -> None:
    exam = held(s)
    (execution,) = until(
        lambda: [one for one in cloud.executions("BookingStateMachine") if one["name"] == f"booking-{exam.accession_number}"]
    )

    ended = cloud.wait_execution(execution["executionArn"])

    assert "SUCCEEDED" == ended["status"]
    assert ExamState.BOOKED is state(s, exam)
    assert Feed(cloud, exam).shows("scheduled")
    assert ["hl7_pacs_order"] == [row.channel for row in s.deliveries.of_owner(exam.accession_number)]
    texts = [json.dumps(event, default=str) for event in cloud.history(execution["executionArn"])]
    assert max(map(len, texts)) < 8_192, "no state's input or output grows"
    patient = s.patients.get(exam.patient_id)
    assert patient is not None
    assert not [text for text in texts if patient.traits.birth_family in text], "no patient value in a state"


def test_a_start_done_twice_is_one_execution(cloud: Cloud, s: Services) -> None:
    exam = held(s)
    s.workflows.start_booking(exam.accession_number, exam.hold_token)
    until(lambda: ExamState.BOOKED is state(s, exam))
    s.workflows.start_booking(exam.accession_number, exam.hold_token)

    named = [one for one in cloud.executions("BookingStateMachine") if exam.accession_number in one["name"]]
    assert 1 == len(named)


def test_a_refusal_reaches_the_machine_as_its_group(cloud: Cloud, s: Services) -> None:
    exam = held(s, start=False)

    with pytest.raises(FunctionFailed) as failure:
        cloud.invoke("ConfirmBookingFunction", {"accession_number": exam.accession_number, "hold_token": "guessed"})

    assert "Refused" == failure.value.kind
    assert "wrong_token" == json.loads(failure.value.payload["errorMessage"])["code"]
    assert ExamState.HELD is state(s, exam)


def test_an_mpps_over_the_queue_moves_the_exam_and_the_feed(cloud: Cloud, s: Services) -> None:
    exam = held(s)
    until(lambda: ExamState.BOOKED is state(s, exam))
    uid = f"1.2.{uuid.uuid4().int}"
    step = {"00400009": {"vr": "SH", "Value": [exam.steps[0].sps_id]}}

    created = {"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}, "00400270": {"vr": "SQ", "Value": [step]}}
    feed = Feed(cloud, exam)
    mpps(cloud, "mpps_create", uid, created)
    until(lambda: ExamState.IN_PROGRESS is state(s, exam))
    until(lambda: feed.shows("in_progress"))
    mpps(cloud, "mpps_set", uid, {"00400252": {"vr": "CS", "Value": ["COMPLETED"]}})
    until(lambda: ExamState.COMPLETED is state(s, exam))

    until(lambda: feed.shows("removed"))


def test_a_discontinued_exam_gives_its_reservation_back(cloud: Cloud, s: Services) -> None:
    """The one path on which intake deletes: its role must allow it."""
    exam = held(s)
    until(lambda: ExamState.BOOKED is state(s, exam))
    uid = f"1.2.{uuid.uuid4().int}"
    step = {"00080050": {"vr": "SH", "Value": [exam.accession_number]}}
    reason = {"00080100": {"vr": "SH", "Value": ["110513"]}}

    mpps(
        cloud,
        "mpps_create",
        uid,
        {"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}, "00400270": {"vr": "SQ", "Value": [step]}},
    )
    mpps(
        cloud,
        "mpps_set",
        uid,
        {"00400252": {"vr": "CS", "Value": ["DISCONTINUED"]}, "00400281": {"vr": "SQ", "Value": [reason]}},
    )

    until(lambda: ExamState.DISCONTINUED is state(s, exam))
    assert "" == s.exams.planned(*exam.reservation)


def test_the_sweep_frees_expired_holds_and_starts_what_never_ran(cloud: Cloud, s: Services) -> None:
    now = datetime.now(UTC)
    gone = held(s, now - timedelta(minutes=20), start=False)
    stuck = held(s, now - timedelta(minutes=5), start=False)

    answer = cloud.invoke("SweepDueFunction", {"sites": ["nord"]})

    assert answer["failed"] == 0
    assert answer["overdue"] >= 1
    assert ExamState.EXPIRED is state(s, gone)
    until(lambda: ExamState.BOOKED is state(s, stuck))
    assert [] == [line for line in cloud.logs("SweepDueFunction") if "SWEEP_DUE_003" in line]
    assert [line for line in cloud.logs("SweepDueFunction") if "SWEEP_DUE_002" in line]


def test_the_schedule_sweeps_every_site(cloud: Cloud, s: Services) -> None:
    exam = held(s, datetime.now(UTC) - timedelta(minutes=20), start=False)

    cloud.fire("SweepDueSchedule")

    until(lambda: ExamState.EXPIRED is state(s, exam))


def test_the_sweep_publishes_what_was_confirmed_and_never_published(cloud: Cloud, s: Services) -> None:
    then = datetime.now(UTC) - timedelta(minutes=5)
    exam = held(s, then, start=False)
    confirm_booking(s, exam.accession_number, exam.hold_token, then)

    cloud.invoke("SweepDueFunction", {"sites": ["nord"]})

    assert Feed(cloud, exam).shows("scheduled")
    assert 1 == len(s.deliveries.of_owner(exam.accession_number))


def test_a_cancelled_exam_is_removed_from_the_feed(cloud: Cloud, s: Services) -> None:
    exam = held(s)
    until(lambda: ExamState.BOOKED is state(s, exam))

    cancel_exam(s, exam.accession_number, "patient", "acc", datetime.now(UTC))

    feed = Feed(cloud, exam)
    until(lambda: feed.shows("removed"))
