"""Outbound: one ordered queue per destination, one message in flight, every answer reported."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateways.edge.backoff import Backoff
from gateways.edge.cloud import Entry
from gateways.edge.config import DestinationSettings
from gateways.edge.consumer import QueueConsumer
from gateways.edge.hl7 import mllp
from gateways.edge.hl7.outbound import OutboundDesk
from gateways.edge.hl7.outbox import Outbox
from gateways.edge.hl7.sender import DestinationWorker
from gateways.edge.spool import HL7_KINDS, Spool
from tests.support.gateway import Clock, MemoryCloud, ScriptedPeer, a_store, ack, adt, eventually

NOBODY = 9  # a port of 127.0.0.1 where nobody listens


def answers(code: str = "AA", message_id: str | None = None) -> Callable[[bytes], bytes | None]:
    return lambda frame: mllp.encode(ack(frame, code, message_id))


def silence(_: bytes) -> None:
    return None


def envelope(message_id: str, destination: str = "PACS", body: bytes = b"", **more: str) -> str:
    frame = base64.b64encode(body or adt(message_id)).decode()
    return json.dumps({"site": "nord", "destination": destination, "message_id": message_id, "frame": frame, **more})


class Scene:
    """Workers over a store, and what they reported."""

    def __init__(self, spool: Spool, outbox: Outbox, cloud: MemoryCloud, clock: Clock) -> None:
        self.spool, self.outbox, self.cloud, self.clock = spool, outbox, cloud, clock
        self.workers: dict[str, DestinationWorker] = {}
        self.desk = OutboundDesk(cloud, outbox, self.workers, bucket="messages")

    def reports(self) -> list[tuple[str, str, str, bool]]:
        rows = self.spool._store.read(lambda c: c.execute("SELECT facts FROM inbound ORDER BY id").fetchall())
        facts = [json.loads(row[0]) for row in rows]
        return [(fact["destination"], fact["message_id"], fact["outcome"], fact["unknown"]) for fact in facts]


@asynccontextmanager
async def a_scene(folder: Path, ports: dict[str, int], **options: float):
    settings = {"ack_timeout_s": 0.15, "connect_timeout_s": 1, "backoff_first_s": 0.002, "backoff_most_s": 0.01, **options}
    with a_store(folder) as store:
        spool, clock = Spool(store), Clock()
        scene = Scene(spool, Outbox(store, spool, clock), MemoryCloud(), clock)
        tasks = []
        for name, port in ports.items():
            destination = DestinationSettings(host="127.0.0.1", port=port, **settings)  # type: ignore[arg-type]
            scene.workers[name] = DestinationWorker(name, destination, scene.outbox, clock=clock)
            tasks.append(asyncio.create_task(scene.workers[name].run()))
        try:
            yield scene
        finally:
            assert not any(task.done() for task in tasks), "a worker ended"
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def play(folder: Path, *script: Callable[[bytes], bytes | None], **options: float):
    """Decorate a scene with one peer named PACS."""

    def run(body: Callable[[Scene, ScriptedPeer], object]) -> None:
        async def whole() -> None:
            async with ScriptedPeer(*script) as peer, a_scene(folder, {"PACS": peer.port}, **options) as scene:
                await body(scene, peer)  # type: ignore[misc]

        asyncio.run(whole())

    return run


def test_messages_leave_in_order_over_one_connection_and_each_answer_is_reported(tmp_path: Path) -> None:
    @play(tmp_path, answers())
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        for number in range(30):
            await scene.desk.handle(envelope(f"M{number}"))
        await eventually(lambda: len(scene.reports()) == 30)

        assert [adt(f"M{number}") for number in range(30)] == peer.received
        assert [("PACS", f"M{number}", "AA", False) for number in range(30)] == scene.reports()
        assert 1 == peer.connections


def test_an_acknowledgement_goes_back_with_its_bytes(tmp_path: Path) -> None:
    @play(tmp_path, answers())
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        await scene.desk.handle(envelope("M1"))
        await eventually(lambda: scene.spool.waiting() == 1)

        (row_id,) = scene.spool.first_of_each_source(HL7_KINDS, 5)
        assert ack(adt("M1")) == scene.spool.load(row_id).body


def test_ae_is_reported_and_the_next_message_goes(tmp_path: Path) -> None:
    @play(tmp_path, answers("AE"), answers("AA"))
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        await scene.desk.handle(envelope("M1"))
        await scene.desk.handle(envelope("M2"))
        await eventually(lambda: len(scene.reports()) == 2)

        assert [("PACS", "M1", "AE", False), ("PACS", "M2", "AA", False)] == scene.reports()


def test_ar_brings_the_same_message_again_before_the_next(tmp_path: Path) -> None:
    @play(tmp_path, answers("AR"), answers("AR"), answers("AA"))
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        await scene.desk.handle(envelope("M1"))
        await scene.desk.handle(envelope("M2"))
        await eventually(lambda: len(scene.reports()) == 2)

        assert [adt("M1")] * 3 + [adt("M2")] == peer.received
        assert [("PACS", "M1", "AA", False), ("PACS", "M2", "AA", False)] == scene.reports()


def test_silence_brings_the_same_message_again_over_a_new_connection(tmp_path: Path) -> None:
    @play(tmp_path, silence, answers())
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        await scene.desk.handle(envelope("M1"))
        await eventually(lambda: len(scene.reports()) == 1)

        assert [adt("M1"), adt("M1")] == peer.received
        assert 2 == peer.connections


def test_msa_2_must_equal_msh_10_else_the_connection_is_reset(tmp_path: Path) -> None:
    @play(tmp_path, answers("AA", "ANOTHER"), answers("AA", ""), lambda frame: mllp.encode(b"no acknowledgement"), answers())
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        await scene.desk.handle(envelope("M1"))
        await eventually(lambda: len(scene.reports()) == 1)

        assert [("PACS", "M1", "AA", False)] == scene.reports()
        assert [adt("M1")] * 4 == peer.received
        assert 4 == peer.connections


def test_a_second_answer_never_meets_the_next_message(tmp_path: Path) -> None:
    def twice(frame: bytes) -> bytes:
        return mllp.encode(ack(frame)) + mllp.encode(ack(frame, "AE", "M2"))

    @play(tmp_path, twice, answers())
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        await scene.desk.handle(envelope("M1"))
        await scene.desk.handle(envelope("M2"))
        await eventually(lambda: len(scene.reports()) == 2)

        assert ("PACS", "M2", "AA", False) == scene.reports()[1]


def test_a_dead_destination_delays_nobody_else(tmp_path: Path) -> None:
    async def whole() -> None:
        async with AsyncExitStack() as stack:
            peer = await stack.enter_async_context(ScriptedPeer(answers()))
            scene = await stack.enter_async_context(a_scene(tmp_path, {"PACS": NOBODY, "HIS": peer.port}))
            await scene.desk.handle(envelope("M1", "PACS"))
            await scene.desk.handle(envelope("M2", "HIS"))
            await eventually(lambda: len(scene.reports()) == 1)

            assert [("HIS", "M2", "AA", False)] == scene.reports()
            assert scene.outbox.waiting().keys() == {"PACS"}
            assert scene.workers["PACS"].reachable in (None, False)

    asyncio.run(whole())


def test_a_peer_never_reached_is_given_up_as_surely_not_done(tmp_path: Path) -> None:
    async def whole() -> None:
        async with a_scene(tmp_path, {"PACS": NOBODY}, give_up_after_s=3600) as scene:
            await scene.desk.handle(envelope("M1"))
            await eventually(lambda: (row := scene.outbox.next("PACS")) is not None and row.attempts > 1)
            assert [] == scene.reports()
            scene.clock.pass_by(hours=2)
            await eventually(lambda: len(scene.reports()) == 1)

            assert [("PACS", "M1", "none", False)] == scene.reports()

    asyncio.run(whole())


def test_a_peer_that_never_answers_is_given_up_as_unknown(tmp_path: Path) -> None:
    @play(tmp_path, silence, give_up_after_s=3600, ack_timeout_s=0.03)
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        await scene.desk.handle(envelope("M1"))
        await eventually(lambda: len(peer.received) > 1)
        scene.clock.pass_by(hours=2)
        await eventually(lambda: len(scene.reports()) == 1)

        assert [("PACS", "M1", "none", True)] == scene.reports()


def test_the_same_id_while_it_waits_is_one_message_and_after_its_end_goes_again(tmp_path: Path) -> None:
    @play(tmp_path, answers())
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        await scene.desk.handle(envelope("M1"))
        await eventually(lambda: len(scene.reports()) == 1)
        await scene.desk.handle(envelope("M1"))
        await eventually(lambda: len(scene.reports()) == 2)

        assert 2 == len(peer.received)

    with a_store(tmp_path / "other") as store:
        outbox = Outbox(store, Spool(store), Clock())
        assert [True, False] == [outbox.put("PACS", "M1", b"one").result(10) for _ in range(2)]


def test_what_waited_leaves_after_a_restart(tmp_path: Path) -> None:
    async def whole() -> None:
        async with a_scene(tmp_path, {"PACS": NOBODY}) as scene:
            await scene.desk.handle(envelope("M1"))
            await scene.desk.handle(envelope("M2"))
        async with ScriptedPeer(answers()) as peer, a_scene(tmp_path, {"PACS": peer.port}) as scene:
            await eventually(lambda: len(scene.reports()) == 2)
            assert [adt("M1"), adt("M2")] == peer.received

    asyncio.run(whole())


def test_a_destination_the_site_does_not_have_is_reported_at_once(tmp_path: Path) -> None:
    @play(tmp_path, answers())
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        await scene.desk.handle(envelope("M1", "NOWHERE"))

        assert [("NOWHERE", "M1", "none", False)] == scene.reports()


def test_a_two_mebibyte_document_leaves_from_the_bucket(tmp_path: Path) -> None:
    @play(tmp_path, answers(), ack_timeout_s=10)
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        document = adt("M1") + b"OBX|1|ED|" + b"A" * 2_100_000 + b"\r"
        scene.cloud.objects["messages", "k"] = document
        await scene.desk.handle(json.dumps({"site": "nord", "destination": "PACS", "message_id": "M1", "s3_key": "k"}))
        await eventually(lambda: len(scene.reports()) == 1)

        assert [document] == peer.received


def test_a_queue_message_is_deleted_only_once_it_is_durable_here(tmp_path: Path) -> None:
    async def whole() -> None:
        async with a_scene(tmp_path, {"PACS": NOBODY}) as scene:
            for number in range(3):
                scene.cloud.queues["out"].append(Entry(str(number), envelope(f"M{number}"), "g", f"d{number}"))
            scene.spool._store.close()
            options = {"name": "hl7_outbound", "ordered": True, "wait_s": 0}
            task = asyncio.create_task(
                QueueConsumer(scene.cloud, "out", scene.desk.handle, backoff=Backoff(0.001, 0.01), **options).run()  # type: ignore[arg-type]
            )
            await eventually(lambda: scene.cloud.calls > 3)
            assert [] == scene.cloud.deleted
            assert not task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(whole())


def test_a_body_that_is_no_envelope_is_left_to_the_dead_letters(tmp_path: Path) -> None:
    @play(tmp_path, answers())
    async def _(scene: Scene, peer: ScriptedPeer) -> None:
        with pytest.raises(ValidationError):
            await scene.desk.handle('{"site": "nord"}')
        scene.cloud.queues["out"] += [Entry("1", "{", "g", "d1"), Entry("2", envelope("M2"), "g", "d2")]
        consumer = QueueConsumer(scene.cloud, "out", scene.desk.handle, name="x", ordered=True, wait_s=0)
        assert await consumer._take(scene.cloud.receive("out", 0))
        assert [] == scene.cloud.deleted
        unordered = QueueConsumer(scene.cloud, "out", scene.desk.handle, name="x", ordered=False, wait_s=0)
        scene.cloud.bring_back()
        assert await unordered._take(scene.cloud.receive("out", 0))
        assert ["out#d2"] == scene.cloud.deleted
