"""Spool to queues: in order within a source, nothing lost, whatever the cloud does."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from contextlib import asynccontextmanager
from pathlib import Path

from gateways.edge.backoff import Backoff
from gateways.edge.forwarder import EnvelopeWriter, Forwarder
from gateways.edge.spool import DICOM_KINDS, HL7_KINDS, NewRow, Spool
from ris.contracts.queues import DicomInbound, Hl7Inbound
from tests.support.gateway import NOW, Clock, MemoryCloud, a_spool, adt, eventually

QUEUE = "hl7-inbound.fifo"


def message(number: int, source: str = "AGENDA|CIM", size: int = 0) -> NewRow:
    return NewRow("message", source, NOW, {"default_charset": "8859/1"}, adt(f"A{number}") + b"x" * size)


@asynccontextmanager
async def forwarding(spool: Spool, cloud: MemoryCloud, kinds=HL7_KINDS):
    writer = EnvelopeWriter(cloud, site="nord", gateway_id="edge-1", bucket="messages", group_key="key")
    forwarder = Forwarder(spool, cloud, writer, kinds=kinds, queue_url=QUEUE, clock=Clock(), backoff=Backoff(0.001, 0.002))
    loop = asyncio.get_running_loop()
    spool.on_new(lambda: loop.call_soon_threadsafe(forwarder.wake.set))
    task = asyncio.create_task(forwarder.run())
    try:
        yield forwarder
    finally:
        assert not task.done(), "the forwarder ended"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def numbers(cloud: MemoryCloud, group: str | None = None) -> list[int]:
    entries = [entry for _, entry in cloud.sent if group is None or entry.group == group]
    frames = [base64.b64decode(json.loads(entry.body)["frame"]) for entry in entries]
    return [int(frame.split(b"|")[9][1:]) for frame in frames]


def test_an_envelope_carries_the_very_bytes_and_no_value_in_its_attributes(tmp_path: Path) -> None:
    async def scene() -> None:
        cloud = MemoryCloud()
        with a_spool(tmp_path) as spool:
            async with forwarding(spool, cloud):
                spool.append(message(1)).result(10)
                await eventually(lambda: spool.waiting() == 0)

        (entry,) = (entry for _, entry in cloud.sent)
        envelope = Hl7Inbound.model_validate_json(entry.body)
        assert adt("A1") == base64.b64decode(envelope.frame)
        assert hashlib.sha256(adt("A1")).hexdigest() == envelope.sha256
        assert ("nord", "edge-1-1", "8859/1", NOW) == (
            envelope.site,
            envelope.spool_id,
            envelope.default_charset,
            envelope.received_at,
        )
        assert "AGENDA" not in entry.group + entry.deduplication_id
        assert 64 == len(entry.group) == len(entry.deduplication_id)

    asyncio.run(scene())


def test_ten_sources_stay_in_order_while_the_queue_refuses_at_random(tmp_path: Path) -> None:
    async def scene() -> None:
        cloud = MemoryCloud()
        refused: dict[str, int] = {}

        def refuse(entry) -> bool:
            refused[entry.entry_id] = refused.get(entry.entry_id, 0) + 1
            return int(entry.entry_id) % 7 == 0 and refused[entry.entry_id] < 3

        cloud.refuse = refuse
        with a_spool(tmp_path) as spool:
            for number in range(200):
                spool.append(message(number, source=f"S{number % 10}")).result(10)
            async with forwarding(spool, cloud):
                await eventually(lambda: spool.waiting() == 0)

        groups = {entry.group for _, entry in cloud.sent}
        assert 10 == len(groups)
        for group in groups:
            assert sorted(numbers(cloud, group)) == numbers(cloud, group)
        assert list(range(200)) == sorted(numbers(cloud))

    asyncio.run(scene())


def test_a_source_that_the_queue_refuses_holds_up_no_other(tmp_path: Path) -> None:
    async def scene() -> None:
        cloud = MemoryCloud()
        with a_spool(tmp_path) as spool:
            for number in range(30):
                spool.append(message(number, source="bad" if number % 3 == 0 else "good"))
            spool.append(message(99, source="bad")).result(10)
            bad = spool.first_of_each_source(HL7_KINDS, 10)[0]
            cloud.refuse = lambda entry: entry.entry_id == str(bad)
            async with forwarding(spool, cloud):
                await eventually(lambda: spool.waiting() == 11)

        assert [number for number in range(30) if number % 3] == numbers(cloud)

    asyncio.run(scene())


def test_the_forwarder_survives_any_adapter_error(tmp_path: Path) -> None:
    async def scene() -> None:
        cloud = MemoryCloud(down=True)
        with a_spool(tmp_path) as spool:
            async with forwarding(spool, cloud):
                spool.append(message(1)).result(10)
                await eventually(lambda: cloud.calls > 3)
                assert 1 == spool.waiting()
                cloud.down = False
                await eventually(lambda: spool.waiting() == 0)

        assert [1] == numbers(cloud)

    asyncio.run(scene())


def test_a_large_body_goes_by_the_bucket(tmp_path: Path) -> None:
    async def scene() -> None:
        cloud = MemoryCloud()
        with a_spool(tmp_path) as spool:
            async with forwarding(spool, cloud):
                spool.append(message(1, size=2_100_000)).result(10)
                await eventually(lambda: spool.waiting() == 0)

        (body,) = cloud.bodies(QUEUE)
        ((bucket, key),) = cloud.objects
        assert ("messages", key, "") == (bucket, body["s3_key"], body["frame"])
        assert adt("A1") + b"x" * 2_100_000 == cloud.objects[bucket, key]
        assert body["sha256"] == hashlib.sha256(cloud.objects[bucket, key]).hexdigest()
        assert len(json.dumps(body)) < 1000

    asyncio.run(scene())


def test_a_large_mpps_keeps_its_series_and_leaves_its_images_in_the_bucket(tmp_path: Path) -> None:
    images = [{"00081155": {"vr": "UI", "Value": [f"1.2.3.{n}"]}} for n in range(9000)]
    series = {"0020000E": {"vr": "UI", "Value": ["1.2.3"]}, "00081140": {"vr": "SQ", "Value": images}}
    dataset = {"00400252": {"vr": "CS", "Value": ["COMPLETED"]}, "00400340": {"vr": "SQ", "Value": [series]}}
    facts = {"calling_ae_title": "CT1", "sop_instance_uid": "1.2.9"}

    async def scene() -> None:
        cloud = MemoryCloud()
        with a_spool(tmp_path) as spool:
            async with forwarding(spool, cloud, DICOM_KINDS):
                spool.append(NewRow("mpps_set", "dicom|CT1", NOW, facts, json.dumps(dataset).encode())).result(10)
                await eventually(lambda: spool.waiting() == 0)

        envelope = DicomInbound.model_validate(cloud.bodies(QUEUE)[0])
        assert ("mpps_set", "CT1", "1.2.9") == (envelope.operation, envelope.calling_ae_title, envelope.sop_instance_uid)
        assert [{"0020000E": {"vr": "UI", "Value": ["1.2.3"]}}] == envelope.dataset["00400340"]["Value"]
        assert [dataset] == [json.loads(body) for body in cloud.objects.values()]

    asyncio.run(scene())


def test_what_waited_leaves_after_a_restart_and_never_twice(tmp_path: Path) -> None:
    async def scene() -> None:
        cloud = MemoryCloud()
        with a_spool(tmp_path) as spool:
            for number in range(20):
                spool.append(message(number)).result(10)
        with a_spool(tmp_path) as spool:
            assert 20 == spool.waiting()
            async with forwarding(spool, cloud):
                await eventually(lambda: spool.waiting() == 0)
        with a_spool(tmp_path) as spool:
            assert 0 == spool.waiting()

        assert list(range(20)) == numbers(cloud)

    asyncio.run(scene())


def test_only_forwarded_rows_past_their_retention_are_wiped(tmp_path: Path) -> None:
    from datetime import timedelta

    with a_spool(tmp_path) as spool:
        rows = [spool.load(spool.append(message(number)).result(10)) for number in range(3)]
        spool.mark_forwarded(rows[:2], NOW).result(10)

        assert 0 == spool.purge(NOW + timedelta(days=29), timedelta(days=30))
        assert 2 == spool.purge(NOW + timedelta(days=31), timedelta(days=30))
        assert 1 == spool.waiting()
        assert adt("A2") == spool.load(rows[2].id).body
    assert adt("A0") not in (tmp_path / "spool.sqlite3").read_bytes()
