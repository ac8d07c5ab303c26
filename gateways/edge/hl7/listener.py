"""The MLLP door: frames in, one answer each, AA only once the frame is on the disk.

The rules of an answer live in `Intake`; this module moves bytes, counts connections and watches the time. Frames that came
together are made durable together, and answered in the order they came.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable
from dataclasses import dataclass, field

from gateways.edge.config import MllpSettings
from gateways.edge.hl7 import mllp
from gateways.edge.hl7.intake import Intake
from gateways.edge.log import Log, emit

CHUNK = 64 * 1024
WRITE_TIMEOUT_S = 30.0
MAX_FAULTS = 100


@dataclass(eq=False)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    decoder: mllp.Decoder
    held: int = 0
    frame_began: float | None = None
    last_heard: float = 0.0
    faults: int = 0
    task: asyncio.Task[None] | None = field(default=None)


class MllpListener:
    """Serves any number of frames on each of a bounded number of connections."""

    def __init__(self, settings: MllpSettings, intake: Intake) -> None:
        self._settings, self._intake = settings, intake
        self._connections: set[_Connection] = set()
        self._held = 0
        self._stopping = False
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._connections)

    async def start(self) -> None:
        """Open the port."""
        self._server = await asyncio.start_server(
            self._serve, self._settings.host, self._settings.port, family=socket.AF_INET, limit=CHUNK, backlog=256
        )

    async def stop(self) -> None:
        """Close the port, let the frames at hand be answered, then close the connections."""
        if self._server is None:
            return
        self._stopping = True
        self._server.close()
        tasks = [connection.task for connection in self._connections if connection.task is not None]
        for connection in self._connections:
            connection.reader.feed_eof()
        if tasks:
            await asyncio.wait(tasks, timeout=5)
        for task in tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(reader, writer, mllp.Decoder(self._settings.max_frame_bytes), task=asyncio.current_task())
        if len(self._connections) >= self._settings.max_connections and not self._close_longest_idle():
            emit(Log.CONNECTION_REFUSED, count=len(self._connections))
            writer.transport.abort()
            return
        self._connections.add(connection)
        connection.last_heard = asyncio.get_running_loop().time()
        _keep_alive(writer)
        try:
            await self._talk(connection)
        except (ConnectionError, TimeoutError, OSError) as error:
            emit(Log.CONNECTION_ENDED, error=type(error).__name__)
        except Exception as error:  # the outermost shell: one connection ends, the listener lives
            emit(Log.CONNECTION_FAILED, error=type(error).__name__)
        finally:
            self._hold(connection, 0)
            self._connections.discard(connection)
            writer.close()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(writer.wait_closed(), 1)

    async def _talk(self, connection: _Connection) -> None:
        loop = asyncio.get_running_loop()
        while True:
            data = b""
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._patience(connection, loop.time())):
                    data = await connection.reader.read(CHUNK)
            if self._stopping and not data:
                return  # the frame at hand is not the peer's fault: no answer, it is sent again
            connection.last_heard = loop.time()
            events = connection.decoder.feed(data) if data else connection.decoder.finish()
            await self._answer(connection, events)
            if not data or self._hopeless(connection, events):
                return
            self._watch_frame(connection, loop.time(), restarted=bool(events))
            if not self._hold(connection, connection.decoder.held):
                await self._write(connection, [self._intake.out_of_memory()])
                return

    def _hopeless(self, connection: _Connection, events: list[mllp.Event]) -> bool:
        """Count frames that never ended since the last whole one; a peer that only makes such is let go."""
        for event in events:
            connection.faults = connection.faults + 1 if isinstance(event, mllp.Fault) else 0
        return connection.faults > MAX_FAULTS

    def _patience(self, connection: _Connection, now: float) -> float:
        if connection.frame_began is None:
            return self._settings.idle_timeout_s
        return max(0.0, connection.frame_began + self._settings.frame_timeout_s - now)

    def _watch_frame(self, connection: _Connection, now: float, *, restarted: bool) -> None:
        if not connection.decoder.inside:
            connection.frame_began = None
        elif connection.frame_began is None or restarted:
            connection.frame_began = now

    def _hold(self, connection: _Connection, held: int) -> bool:
        self._held += held - connection.held
        connection.held = held
        return self._held <= self._settings.memory_bytes

    def _close_longest_idle(self) -> bool:
        """Make room: of the connections between frames, the one silent for longest is ended."""
        idle = [connection for connection in self._connections if connection.frame_began is None]
        oldest = min(idle, key=lambda connection: connection.last_heard, default=None)
        now = asyncio.get_running_loop().time()
        if oldest is None or now - oldest.last_heard < 1.0:
            return False
        oldest.reader.feed_eof()
        self._connections.discard(oldest)
        return True

    async def _answer(self, connection: _Connection, events: list[mllp.Event]) -> None:
        pending: list[Awaitable[bytes | None]] = [self._intake.answer(event) for event in events]
        if pending:
            answers = await asyncio.gather(*pending)
            await self._write(connection, [answer for answer in answers if answer is not None])

    async def _write(self, connection: _Connection, answers: list[bytes]) -> None:
        connection.writer.write(b"".join(mllp.encode(answer) for answer in answers))
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await connection.writer.drain()


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
