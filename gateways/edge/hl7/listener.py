"""The MLLP door: frames in, one answer each, AA only once the frame is on the disk.

The rules of an answer live in `Intake`; this module moves bytes, counts connections and watches the time. A line takes no more bytes
while the frames it has already given in wait for the disk, or while its peer does not read what it is answered: so the memory of
a line is bounded whatever its peer does.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import partial

from gateways.edge.config import MllpSettings
from gateways.edge.hl7 import mllp
from gateways.edge.hl7.intake import Intake
from gateways.edge.log import Log, emit
from gateways.edge.tls import server_context

WRITE_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 5.0
STALLED_S = 5.0
MAX_FAULTS = 100
MAX_PENDING = 64
MAX_PENDING_BYTES = 1024 * 1024


class _Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, door: MllpListener) -> None:
        self._door = door
        self._loop = asyncio.get_running_loop()
        self._decoder = mllp.Decoder(door.settings.max_frame_bytes)
        self._transport: asyncio.Transport | None = None
        self._pending, self._pending_bytes = 0, 0
        self._faults = 0
        self._last_word: bytes | None = None
        self._closing = self._reading_paused = self._writing_paused = False
        self._frame_began: float | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._write_clock: asyncio.TimerHandle | None = None
        self.last_heard = self._loop.time()

    @property
    def held(self) -> int:
        """Bytes of the unfinished frame."""
        return self._decoder.held

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the door, if there is room."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if not self._door.admit(self):
            transport.abort()
            return
        raw: socket.socket | None = transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Cut the bytes into frames and give them in."""
        if self._closing:
            return
        now = self.last_heard = self._loop.time()
        held = self._decoder.held
        events = self._decoder.feed(data)
        self._give_in(events)
        if not self._decoder.inside:
            self._frame_began = None
        elif self._frame_began is None or events:
            self._frame_began = now
            self._watch()
        if self._faults > MAX_FAULTS:
            self.close()
        elif not self._door.hold(self._decoder.held - held):
            self.close(self._door.intake.out_of_memory())

    def eof_received(self) -> bool:
        """Answer the frame that will never end; the line stays open until everything is answered."""
        if not self._closing:
            self._end_frame()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        """Leave the door; what is durable stays so, and the peer will ask again."""
        if error is not None:
            emit(Log.CONNECTION_ENDED, error=type(error).__name__)
        self._closing = True
        self._door.leave(self)
        for handle in (self._clock, self._write_clock):
            if handle is not None:
                handle.cancel()

    def pause_writing(self) -> None:
        """The peer does not read: it has so long to begin again."""
        self._writing_paused = True
        self._throttle()
        self._write_clock = self._loop.call_later(WRITE_TIMEOUT_S, self.abort)

    def resume_writing(self) -> None:
        """The peer reads again."""
        self._writing_paused = False
        if self._write_clock is not None:
            self._write_clock.cancel()
        self._throttle()

    def close(self, last_word: bytes | None = None) -> None:
        """Take no more, answer what was given in, say the last word, then close."""
        if self._transport is None or self._closing:
            return
        self._closing, self._last_word = True, last_word
        self._transport.pause_reading()
        self._close_if_answered()

    def abort(self) -> None:
        """End at once."""
        if self._transport is not None:
            self._transport.abort()

    def _give_in(self, events: list[mllp.Event]) -> None:
        for event in events:
            self._faults = self._faults + 1 if isinstance(event, mllp.Fault) else 0
            size = len(event.payload) if isinstance(event, mllp.Frame) else 0
            self._pending += 1
            self._pending_bytes += size
            self._door.intake.take(event, partial(self._reply, size))
        if events:
            self._throttle()

    def _reply(self, size: int, answer: bytes | None) -> None:
        self._pending -= 1
        self._pending_bytes -= size
        if self._transport is None or self._transport.is_closing():
            return
        if answer is not None:
            self._transport.write(mllp.encode(answer))
        self._throttle()
        self._close_if_answered()

    def _throttle(self) -> None:
        full = self._pending >= MAX_PENDING or self._pending_bytes >= MAX_PENDING_BYTES or self._writing_paused
        if self._transport is None or self._closing or full == self._reading_paused:
            return
        self._reading_paused = full
        if full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _close_if_answered(self) -> None:
        if not self._closing or self._pending or self._transport is None:
            return
        if self._last_word is not None:
            self._transport.write(mllp.encode(self._last_word))
            self._last_word = None
        self._transport.close()

    def _end_frame(self) -> None:
        self._door.hold(-self._decoder.held)
        self._give_in(self._decoder.finish())
        self.close()

    def _watch(self) -> None:
        """Be called when the frame at hand, or the silence, has lasted as long as it may."""
        if self._clock is not None:
            self._clock.cancel()
        self._clock = self._loop.call_at(self._until(), self._time_is_up)

    def _until(self) -> float:
        if self._frame_began is None:
            return self.last_heard + self._door.settings.idle_timeout_s
        return self._frame_began + self._door.settings.frame_timeout_s

    def _time_is_up(self) -> None:
        if self._reading_paused:  # it is we who do not listen
            self.last_heard = self._loop.time()
            self._frame_began = self._frame_began and self.last_heard
        if self._until() > self._loop.time():
            self._watch()
        elif not self._closing:
            self._end_frame()


class MllpListener:
    """Serves any number of frames on each of a bounded number of connections."""

    def __init__(self, settings: MllpSettings, intake: Intake) -> None:
        self.settings, self.intake = settings, intake
        self._lines: set[_Line] = set()
        self._held = 0
        self._stopping = False
        self._servers: list[asyncio.Server] = []

    @property
    def port(self) -> int:
        """The port it listens on."""
        return _port(self._servers[0])

    @property
    def tls_port(self) -> int | None:
        """The port it listens on over TLS."""
        return _port(self._servers[1]) if len(self._servers) > 1 else None

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._lines)

    @property
    def held(self) -> int:
        """Bytes of all unfinished frames."""
        return self._held

    async def start(self) -> None:
        """Open the ports."""
        await self._open(self.settings.port)
        if self.settings.tls is not None:
            await self._open(self.settings.tls.port, server_context(self.settings.tls))

    async def _open(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(lambda: _Line(self), self.settings.host, port, backlog=256, ssl=tls))

    async def stop(self) -> None:
        """Close the port, let the frames at hand be answered, then close the connections."""
        self._stopping = True
        for server in self._servers:
            server.close()
        for line in list(self._lines):
            line.close()  # an unfinished frame is not the peer's fault: no answer, it is sent again
        deadline = asyncio.get_running_loop().time() + STOP_TIMEOUT_S
        while self._lines and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.01)
        for line in list(self._lines):
            line.abort()

    def admit(self, line: _Line) -> bool:
        """Take a new line in, or say that there is no room."""
        if self._stopping or (len(self._lines) >= self.settings.max_connections and not self._make_room()):
            emit(Log.CONNECTION_REFUSED, count=len(self._lines))
            return False
        self._lines.add(line)
        return True

    def leave(self, line: _Line) -> None:
        """Forget a line."""
        if line in self._lines:
            self._lines.discard(line)
            self._held -= line.held

    def hold(self, more: int) -> bool:
        """Count the bytes of unfinished frames; False when they are too many."""
        self._held += more
        return self._held <= self.settings.memory_bytes

    def _make_room(self) -> bool:
        """End the line that was silent for longest: between frames after a second, in the middle of one after some."""
        now = asyncio.get_running_loop().time()
        oldest = min(self._lines, key=lambda line: line.last_heard)
        if now - oldest.last_heard < (STALLED_S if oldest.held else 1.0):
            return False
        self.leave(oldest)
        oldest.close()
        return True


def _port(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port
