"""The whole gateway against a cloud in memory: HL7 in, MPPS, worklist and outbound, with the cable cut in between; and the AWS adapter."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways.edge.cloud import AwsCloud, Cloud, Entry
from gateways.edge.config import Settings
from gateways.edge.gateway import Gateway
from gateways.edge.hl7 import mllp
from tests.support.gateway import MemoryCloud, MllpClient, ScriptedPeer, ack, adt, eventually, segments
from tests.support.worklist import ended, performed, query, step

QUEUES = {"hl7_inbound": "in", "dicom_inbound": "dicom", "worklist_feed": "feed", "hl7_outbound": "out"}


def put(cloud: MemoryCloud, queue: str, **body: object) -> None:
    cloud.queues[queue].append(
        Entry("1", json.dumps({"site": "nord", **body}), "g", f"{queue}-{json.dumps(body, default=str)[:200]}")
    )


def settings(folder: Path, pacs_port: int) -> Settings:
    return Settings.model_validate(
        {
            "site": "nord",
            "gateway_id": "edge-nord",
            "mllp": {},
            "dicom": {"modalities": [{"ae_title": "CT1"}]},
            "destinations": {"PACS": {"host": "127.0.0.1", "port": pacs_port, "backoff_first_s": 0.01}},
            "spool": str(folder / "spool"),
            "queues": QUEUES,
            "bucket_messages": "messages",
            "group_key": "key",
            "poll_wait_s": 0,
            "status_file": str(folder / "status.json"),
        }
    )


def modality(port: int, act) -> object:
    from pynetdicom import AE

    entity = AE(ae_title="CT1")
    for abstract in ("1.2.840.10008.5.1.4.31", "1.2.840.10008.3.1.2.3.3"):
        entity.add_requested_context(abstract)
    association = entity.associate("127.0.0.1", port, ae_title="RISMWL")
    try:
        return act(association)
    finally:
        association.release()


def names(association) -> list[str]:
    answers = association.send_c_find(query(PatientName=""), "1.2.840.10008.5.1.4.31")
    return [str(dataset.PatientName) for status, dataset in answers if status.Status == 0xFF00]


def exams_done(cloud: MemoryCloud) -> list[dict]:
    return [body for body in cloud.bodies("dicom") if body["kind"] == "mpps"]


def send(port: int, message_id: str) -> str:
    with MllpClient(port) as line:
        return segments(line.exchange(adt(message_id)))["MSA"][1]


def test_a_site_works_on_while_the_cable_is_cut_and_drains_once_and_in_order(tmp_path: Path) -> None:
    async def scene() -> None:
        cloud = MemoryCloud()
        async with ScriptedPeer(lambda frame: mllp.encode(ack(frame))) as pacs:
            gateway = Gateway(settings(tmp_path, pacs.port), cloud=cloud)
            await gateway.start()
            try:
                ports = json.loads((tmp_path / "status.json").read_text())
                put(cloud, "feed", sps_id="SPS1", version=1, state="scheduled", dataset=step(1).to_json_dict())
                put(cloud, "out", destination="PACS", message_id="M1", frame=base64.b64encode(adt("M1")).decode())
                await eventually(lambda: len(gateway.worklist) == 1 and len(cloud.bodies("in")) == 1)
                (report,) = cloud.bodies("in")
                assert ("acknowledgement", "PACS", "M1", "AA") == tuple(
                    report[name] for name in ("kind", "destination", "message_id", "outcome")
                )

                cloud.down = True
                for number in range(5):
                    assert "AA" == await asyncio.to_thread(send, ports["mllp_port"], f"A{number}")
                found = await asyncio.to_thread(modality, ports["dicom_port"], names)
                assert ["ESSAI^LOU"] == found
                mpps = "1.2.840.10008.3.1.2.3.3"
                await asyncio.to_thread(
                    modality,
                    ports["dicom_port"],
                    lambda a: (a.send_n_create(performed(step(1)), mpps, "1.2.3"), a.send_n_set(ended("COMPLETED"), mpps, "1.2.3")),
                )
                assert [] == await asyncio.to_thread(modality, ports["dicom_port"], names)
                assert gateway.figures()["spool"]["waiting"] == 7

                cloud.down = False
                await eventually(lambda: len(cloud.bodies("in")) == 6 and len(exams_done(cloud)) == 2, 20)
                frames = [base64.b64decode(body["frame"]) for body in cloud.bodies("in")[1:]]
                assert [adt(f"A{number}") for number in range(5)] == frames
                assert ["mpps_create", "mpps_set"] == [body["operation"] for body in exams_done(cloud)]
                assert {"CT1"} == {body["calling_ae_title"] for body in exams_done(cloud)}
            finally:
                await gateway.stop()

    asyncio.run(scene())


@pytest.fixture(scope="module")
def aws_door() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture(params=["memory", "aws"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[Cloud, str, str]:
    if request.param == "memory":
        return MemoryCloud(), "queue.fifo", "bucket"
    import boto3

    for name, value in {
        "ENDPOINT_URL": request.getfixturevalue("aws_door"),
        "ACCESS_KEY_ID": "a",
        "SECRET_ACCESS_KEY": "b",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")
    name = f"{request.node.name[:20].replace('[', '-').replace('_', '-')}.fifo"
    url = boto3.client("sqs").create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    boto3.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-3"}) if not any(
        one["Name"] == "bucket" for one in boto3.client("s3").list_buckets()["Buckets"]
    ) else None
    return AwsCloud(), url, "bucket"


def test_the_cloud_port_keeps_order_and_forgets_what_was_deleted(cloud: tuple[Cloud, str, str]) -> None:
    port, queue, _ = cloud
    entries = [Entry(str(n), f"body {n}", "group", f"dedup-{n}") for n in range(3)]

    assert set() == port.send(queue, entries)
    assert set() == port.send(queue, entries[:1])
    messages = port.receive(queue, 0)
    for message in messages:
        port.delete(queue, message.receipt)

    assert ["body 0", "body 1", "body 2"] == [message.body for message in messages]
    assert [] == port.receive(queue, 0)


def test_the_cloud_port_keeps_objects(cloud: tuple[Cloud, str, str]) -> None:
    port, _, bucket = cloud

    port.put_object(bucket, "hl7/nord/1", b"\x00\xff")

    assert b"\x00\xff" == port.get_object(bucket, "hl7/nord/1")
