"""The MLLP door in one process: answers, connections, time, and a disk that refuses."""

from __future__ import annotations

import asyncio
import itertools
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateways.edge.config import MllpSettings, TlsSettings
from gateways.edge.hl7 import mllp
from gateways.edge.hl7.intake import Intake
from gateways.edge.hl7.listener import MllpListener
from gateways.edge.spool import HL7_KINDS, Spool
from infra.local.demo.pki import Authority
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
async def a_door(folder: Path, limit_bytes: int = 0, **settings: Any) -> AsyncIterator[tuple[MllpListener, Spool, Intake]]:
    with a_store(folder, limit_bytes) as store:
        ids = itertools.count(1)
        spool = Spool(store)
        intake = Intake(spool, clock=Clock(), new_id=lambda: f"OWN{next(ids)}")
        listener = MllpListener(MllpSettings(**settings), intake)
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

            assert listener.held <= 200_000
            assert 3 <= listener.connections

    asyncio.run(scene())


def test_past_the_limit_the_line_idle_for_longest_makes_room(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path, max_connections=2) as (listener, _, _):
            first, second = await a_line(listener), await a_line(listener)
            await eventually(lambda: listener.connections == 2)
            for connection in listener._lines:
                connection.last_heard -= 10
            await second.ask(adt("A1"))

            assert ["MSA", "AA", "A2"] == await (await a_line(listener)).ask(adt("A2"))
            assert await first.answer() is None

    asyncio.run(scene())


def test_lines_stalled_in_the_middle_of_a_frame_make_room_too(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path, max_connections=20) as (listener, _, _):
            stalled = [await a_line(listener) for _ in range(20)]
            for line in stalled:
                line.writer.write(b"\x0bMSH|^~\\&|AG")
            await eventually(lambda: sum(line.held > 0 for line in listener._lines) == 20)
            assert await (await a_line(listener)).reader.read() == b""
            for connection in listener._lines:
                connection.last_heard -= 10

            assert ["MSA", "AA", "A1"] == await (await a_line(listener)).ask(adt("A1"))
            assert 20 == listener.connections

    asyncio.run(scene())


def test_what_a_line_held_is_given_back_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path, max_connections=1) as (listener, _, _):
            line = await a_line(listener)
            line.writer.write(b"\x0bMSH|^~\\&|AG")
            await eventually(lambda: listener.held > 0)
            (stalled,) = listener._lines
            stalled.last_heard -= 10
            stalled._frame_began = 0.0
            listener._make_room()
            stalled._time_is_up()  # its clock was not told yet

            assert 0 == listener.held

    asyncio.run(scene())


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_families_of_addresses_are_listened_to(tmp_path: Path, host: str) -> None:
    async def scene() -> None:
        async with a_door(tmp_path, host=host) as (listener, _, _):
            assert ["MSA", "AA", "A1"] == await Line(*await asyncio.open_connection(host, listener.port)).ask(adt("A1"))

    asyncio.run(scene())


def test_a_peer_that_never_reads_its_answers_is_not_read_either(tmp_path: Path) -> None:
    async def scene() -> None:
        async with a_door(tmp_path) as (listener, spool, _):
            line = await a_line(listener)
            line.writer.transport.pause_reading()
            frames = b"".join(mllp.encode(adt(f"A{n}") + b"NTE|1||" + b"x" * 20_000 + b"\r") for n in range(50))
            for _ in range(20):
                line.writer.write(frames)
            await eventually(lambda: listener.connections == 1)
            (served,) = listener._lines
            await eventually(lambda: served._reading_paused or spool.waiting() == 1000)

            assert served._pending_bytes <= 2 * 1024 * 1024
            assert ["MSA", "AA", "GOOD"] == await (await a_line(listener)).ask(adt("GOOD"))

    asyncio.run(scene())


def test_a_line_over_tls_asks_for_the_peer_s_certificate(tmp_path: Path) -> None:
    authority = Authority()
    server, client = authority.server("passerelle.test"), authority.auth_cli(structure="1990000017", name="HIS", service="HL7")
    files = {"certificate": server.certificate_pem() + authority.chain_pem(), "key": server.key_pem(), "ca": authority.chain_pem()}
    files |= {"peer": client.certificate_pem() + client.key_pem()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    tls = TlsSettings(certificate=tmp_path / "certificate", key=tmp_path / "key", client_authority=tmp_path / "ca")
    trusting = ssl.create_default_context(cafile=tmp_path / "ca")

    async def ask(port: int, context: ssl.SSLContext) -> list[str]:
        return await Line(*await asyncio.open_connection("127.0.0.1", port, ssl=context)).ask(adt("A1"))

    async def scene() -> None:
        async with a_door(tmp_path / "spool", tls=tls) as (listener, spool, _):
            assert listener.tls_port is not None
            with pytest.raises((ssl.SSLError, AssertionError, ConnectionError)):
                await ask(listener.tls_port, trusting)
            assert 0 == spool.waiting()
            trusting.load_cert_chain(tmp_path / "peer")
            assert ["MSA", "AA", "A1"] == await ask(listener.tls_port, trusting)

    asyncio.run(scene())
