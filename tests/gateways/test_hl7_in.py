"""The MLLP door in one process: answers, connections, time, and a disk that refuses."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateways.edge.config import MllpSettings
from gateways.edge.hl7 import mllp
from gateways.edge.hl7.intake import Intake
from gateways.edge.hl7.listener import MllpListener
from gateways.edge.spool import HL7_KINDS, Spool
from tests.support.gateway import Clock, a_store, adt, eventually, segments


class Line:
    """A sender in the same loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._decoder, self._frames = mllp.Decoder(), []

    async def answer(self) -> dict[str, list[str]] | None:
        async with asyncio.timeout(10):
            while not self._frames:
                data = await self.reader.read(65536)
                if not data:
                    return None
                self._frames += [event.payload for event in self._decoder.feed(data)]
        return segments(self._frames.pop(0))

    async def ask(self, payload: bytes) -> list[str]:
        self.writer.write(mllp.encode(payload))
        answer = await self.answer()
        assert answer is not None
        return answer["MSA"]


@asynccontextmanager
async def a_door(folder: Path, limit_bytes: int = 0, **settings: float) -> AsyncIterator[tuple[MllpListener, Spool, Intake]]:
    with a_store(folder, limit_bytes) as store:
        ids = itertools.count(1)
        spool = Spool(store)
        intake = Intake(spool, clock=Clock(), new_id=lambda: f"OWN{next(ids)}")
        listener = MllpListener(MllpSettings(**settings), intake)  # type: ignore[arg-type]
        await listener.start()
        try:
            yield listener, spool, intake
        finally:
            await listener.stop()


async def a_line(listener: MllpListener) -> Line:
    return Line(*await asyncio.open_connection("127.0.0.1", listener.port, family=socket.AF_INET))


def test_aa_means_the_very_bytes_are_in_the_spool(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path) as (listener, spool, _):
            line = await a_line(listener)
            frame = adt("A1", charset="8859/1", name="ESSAI^GWÉNAËLLE")

            assert ["MSA", "AA", "A1"] == await line.ask(frame)

            (row_id,) = spool.first_of_each_source(HL7_KINDS, 10)
            row = spool.load(row_id)
            assert frame == row.body
            assert "AGENDA|CIM" == row.source

    asyncio.run(scene())


def test_many_frames_sent_without_waiting_are_answered_in_order(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path) as (listener, spool, _):
            line = await a_line(listener)
            line.writer.write(b"\r\nnoise".join(mllp.encode(adt(f"A{n}")) for n in range(200)))

            answers = [await line.answer() for _ in range(200)]

            assert [f"A{n}" for n in range(200)] == [answer["MSA"][2] for answer in answers if answer]
            assert 200 == spool.waiting()

    asyncio.run(scene())


def test_a_refused_message_leaves_the_line_open_for_the_next(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path) as (listener, spool, _):
            line = await a_line(listener)

            assert "AE" == (await line.ask(adt("A1").replace(b"|A1|", b"||")))[1]
            assert ["MSA", "AA", "A2"] == await line.ask(adt("A2"))
            assert 1 == spool.waiting()

    asyncio.run(scene())


def test_a_frame_without_its_end_is_refused_by_its_id_and_the_next_is_taken(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path) as (listener, spool, _):
            line = await a_line(listener)
            line.writer.write(b"\x0b" + adt("HALF") + mllp.encode(adt("WHOLE")))

            answers = [await line.answer(), await line.answer()]

            assert [["MSA", "AE", "HALF"], ["MSA", "AA", "WHOLE"]] == [answer["MSA"] for answer in answers if answer]
            assert 1 == spool.waiting()

    asyncio.run(scene())


def test_a_start_block_inside_a_message_gets_one_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path) as (listener, _, _):
            line = await a_line(listener)
            line.writer.write(mllp.encode(adt("A1").replace(b"LOU", b"L\x0bU")))
            line.writer.write(mllp.encode(adt("A2")))

            assert ["MSA", "AE", "A1"] == (await line.answer() or {})["MSA"]
            assert ["MSA", "AA", "A2"] == (await line.answer() or {})["MSA"]

    asyncio.run(scene())


def test_a_doubled_start_block_changes_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path) as (listener, _, _):
            line = await a_line(listener)
            line.writer.write(b"\x0b" + mllp.encode(adt("A1")))

            assert ["MSA", "AA", "A1"] == (await line.answer() or {})["MSA"]

    asyncio.run(scene())


def test_a_frame_cut_by_the_end_of_the_connection_leaves_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path) as (listener, spool, intake):
            line = await a_line(listener)
            line.writer.write(b"\x0b" + adt("HALF"))
            line.writer.write_eof()

            assert ["MSA", "AE", "HALF"] == (await line.answer() or {})["MSA"]
            assert await line.answer() is None
            assert ["MSA", "AA", "A2"] == await (await a_line(listener)).ask(adt("A2"))
            assert 1 == spool.waiting() == intake.counts["AA"]

    asyncio.run(scene())


def test_a_full_disk_is_answered_ar_and_the_frame_is_not_forgotten_by_the_sender(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path, limit_bytes=300_000) as (listener, spool, _):
            line = await a_line(listener)
            large = adt("BIG") + b"NTE|1||" + b"x" * 500_000 + b"\r"

            assert ["MSA", "AR", "BIG"] == await line.ask(large)
            assert ["MSA", "AA", "A2"] == await line.ask(adt("A2"))
            assert 1 == spool.waiting()

    asyncio.run(scene())


def test_no_ack_without_store(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path) as (listener, spool, _):
            spool._store.close()
            line = await a_line(listener)

            assert ["MSA", "AR", "A1"] == await line.ask(adt("A1"))

    asyncio.run(scene())


def test_an_oversized_frame_is_refused_once_and_costs_no_memory(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path, max_frame_bytes=10_000) as (listener, _, _):
            line = await a_line(listener)

            assert ["MSA", "AE", "BIG"] == await line.ask(adt("BIG") + b"x" * 3_000_000)
            assert ["MSA", "AA", "A2"] == await line.ask(adt("A2"))

    asyncio.run(scene())


def test_a_frame_that_drips_is_ended_and_a_silent_line_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path, frame_timeout_s=0.1, idle_timeout_s=0.2) as (listener, _, _):
            dripping, silent = await a_line(listener), await a_line(listener)
            dripping.writer.write(b"\x0bMSH|^~\\&|A")

            assert "AE" == (await dripping.answer() or {})["MSA"][1]
            assert await dripping.answer() is None
            assert await silent.answer() is None
            await eventually(lambda: listener.connections == 0)

    asyncio.run(scene())


def test_unfinished_frames_together_stay_within_their_memory(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path, memory_bytes=200_000) as (listener, _, _):
            lines = [await a_line(listener) for _ in range(6)]
            for line in lines:
                line.writer.write(b"\x0b" + adt("BIG") + b"x" * 60_000)
            await eventually(lambda: listener.connections < 6)

            assert listener._held <= 200_000
            assert 3 <= listener.connections

    asyncio.run(scene())


def test_past_the_limit_the_line_idle_for_longest_makes_room(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path, max_connections=2) as (listener, _, _):
            first, second = await a_line(listener), await a_line(listener)
            await eventually(lambda: listener.connections == 2)
            for connection in listener._connections:
                connection.last_heard -= 10
            await second.ask(adt("A1"))

            assert ["MSA", "AA", "A2"] == await (await a_line(listener)).ask(adt("A2"))
            assert await first.answer() is None

    asyncio.run(scene())
