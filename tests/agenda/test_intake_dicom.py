"""MPPS over the queue `dicom-inbound.fifo`, as a gateway sends them, to the deployed function."""

import uuid
from datetime import UTC, datetime

import pytest

from infra.local.cloud.client import Cloud
from ris.adapters.agenda.gateways import DynamoGatewayBook
from ris.adapters.dynamodb import Table
from ris.application.agenda.services import Services
from ris.contracts.queues import DicomInbound, GatewayStatus, StationSeen
from ris.domain.agenda.exam import ExamState
from tests.support.agenda_cloud import Feed, cloud_services, held, queue_url, state
from tests.support.cloud import deployed_cloud
from tests.support.queues import queue_event
from tests.support.waiting import until

cloud = deployed_cloud()


@pytest.fixture(scope="module")
def s(cloud: Cloud) -> Services:
    return cloud_services(cloud)


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


def test_a_gateway_that_says_how_it_is_is_known_and_gets_the_worklist_it_asks_for(cloud: Cloud, s: Services) -> None:
    exam = held(s)
    until(lambda: ExamState.BOOKED is state(s, exam))
    table = Table(cloud.client("dynamodb"), cloud.function_env("IntakeDicomFunction")["TABLE_MESSAGES"])
    feed, now = Feed(cloud, exam), datetime.now(UTC)
    status = GatewayStatus(
        kind="status",
        site="nord",
        gateway_id=f"g-{uuid.uuid4().hex[:8]}",
        version="1",
        sent_at=now,
        started_at=now,
        spool_rows=0,
        spool_oldest_s=0,
        feed_steps=0,
        stations=(StationSeen(ae_title="CT_NORD", last_find_at=now),),
        wants_feed=True,
    )

    cloud.client("sqs").send_message(
        QueueUrl=queue_url(cloud, "dicom-inbound.fifo"),
        MessageBody=status.model_dump_json(),
        MessageGroupId=status.gateway_id,
        MessageDeduplicationId=status.gateway_id,
    )

    until(lambda: DynamoGatewayBook(table).get("nord", status.gateway_id))
    until(lambda: feed.shows("scheduled"))


def test_images_that_arrive_are_noted_on_their_exam(cloud: Cloud, s: Services) -> None:
    exam = held(s)
    until(lambda: ExamState.BOOKED is state(s, exam))

    mpps(cloud, "instances_available", f"1.2.{uuid.uuid4().int}", {"0020000D": {"vr": "UI", "Value": [exam.study_instance_uid]}})

    until(lambda: s.exams.get(exam.accession_number).images_at)  # type: ignore[union-attr]


def test_a_promise_to_keep_images_is_noted_on_the_exam_of_the_series_it_begins_with(cloud: Cloud, s: Services) -> None:
    exam, image = held(s), f"1.2.{uuid.uuid4().int}"
    until(lambda: ExamState.BOOKED is state(s, exam))
    listed = {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [image]}}]}

    mpps(cloud, "storage_committed", f"1.2.{uuid.uuid4().int}", {"00081199": listed})
    study, series = {"vr": "UI", "Value": [exam.study_instance_uid]}, {"vr": "SQ", "Value": [{"00081199": listed}]}
    mpps(cloud, "instances_available", f"1.2.{uuid.uuid4().int}", {"0020000D": study, "00081115": series})

    until(lambda: s.exams.get(exam.accession_number).committed_at)  # type: ignore[union-attr]


def test_an_envelope_that_is_none_fails_alone_and_tells_nothing(cloud: Cloud) -> None:
    bodies = ({"site": "nord", "dataset": "CANARY-DUPONT"}, "CANARY-DUPONT")

    answer = cloud.invoke("IntakeDicomFunction", queue_event(*bodies, queue="x-dicom-inbound.fifo", names=("one", "two")))

    assert ["one", "two"] == [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert not [line for line in cloud.logs("IntakeDicomFunction") if "CANARY" in line]
