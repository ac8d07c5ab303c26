"""The agenda's machine, feed and sweep as deployed: the real template, machine, queues and rights."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.cloud.client import Cloud, FunctionFailed
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.services import Services
from ris.domain.agenda.exam import ExamState
from tests.support.agenda_cloud import Feed, cloud_services, held, state
from tests.support.cloud import deployed_cloud
from tests.support.waiting import until

cloud = deployed_cloud()


@pytest.fixture(scope="module")
def s(cloud: Cloud) -> Services:
    return cloud_services(cloud)


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
