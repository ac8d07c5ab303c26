"""One worker per destination: in order, one message in flight, until it is answered or given up.

What the peer says decides: AA and AE end the message, AR and silence bring the same bytes again after a growing wait. Whatever is
not the answer to the message in flight (another MSA-2, bytes that are no acknowledgement, a second answer) resets the connection,
so that a late answer never meets the next message.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateways.edge.backoff import Backoff, wait_for
from gateways.edge.config import DestinationSettings
from gateways.edge.hl7 import mllp
from gateways.edge.hl7.acknowledgement import Answer, parse
from gateways.edge.hl7.outbox import OutboundRow, Outbox
from gateways.edge.log import Log, emit

IDLE_S = 30.0
MAX_ACK_BYTES = 1024 * 1024
CHUNK = 64 * 1024


class NoAnswer(Exception):
    """No answer to the message in flight.

    Args:
        bytes_left: Some of the message had left, so the peer may have it.
    """

    def __init__(self, *, bytes_left: bool) -> None:
        super().__init__("no answer")
        self.bytes_left = bytes_left


@dataclass
class _Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Peer:
    """The connection to one destination, opened when needed and kept."""

    def __init__(self, name: str, settings: DestinationSettings) -> None:
        self._name, self._settings = name, settings
        self._line: _Line | None = None

    async def exchange(self, message_id: str, body: bytes) -> tuple[Answer, bytes]:
        """Send one message and return its answer and the answer's bytes.

        Raises:
            NoAnswer: Whatever went wrong; the connection is closed.
        """
        sent = False
        try:
            line = await self._open()
            sent = True
            line.writer.write(mllp.encode(body))
            async with asyncio.timeout(self._settings.ack_timeout_s):
                await line.writer.drain()
                frame = await self._read_frame(line.reader)
            answer = parse(frame)
            if answer is None or answer.message_id != message_id:
                emit(Log.OUTBOUND_MISMATCH, destination=self._name)
                raise NoAnswer(bytes_left=True)
        except NoAnswer:
            await self.close()
            raise
        except (OSError, TimeoutError) as error:
            await self.close()
            raise NoAnswer(bytes_left=sent) from error
        except asyncio.CancelledError:
            await self.close()
            raise
        return answer, frame

    async def close(self) -> None:
        """Drop the connection and whatever it still holds."""
        line, self._line = self._line, None
        if line is not None:
            line.writer.transport.abort()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(line.writer.wait_closed(), 1)

    async def _open(self) -> _Line:
        if self._line is not None and not await self._silent(self._line.reader):
            await self.close()
        if self._line is None:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                reader, writer = await asyncio.open_connection(self._settings.host, self._settings.port, family=socket.AF_INET)
            self._line = _Line(reader, writer)
        return self._line

    async def _silent(self, reader: asyncio.StreamReader) -> bool:
        """Return whether a kept connection is still open and holds nothing that nobody asked for."""
        try:
            async with asyncio.timeout(0.001):
                return await reader.read(1) is None
        except TimeoutError:
            return True
        except OSError:
            return False

    async def _read_frame(self, reader: asyncio.StreamReader) -> bytes:
        decoder = mllp.Decoder(MAX_ACK_BYTES)
        while True:
            data = await reader.read(CHUNK)
            events = decoder.feed(data) if data else decoder.finish()
            if len(events) == 1 and isinstance(events[0], mllp.Frame):
                return events[0].payload
            if events or not data:
                raise NoAnswer(bytes_left=True)


class DestinationWorker:
    """Sends one destination's queue.

    Args:
        wake: Set when something was put into the queue.
    """

    def __init__(self, name: str, settings: DestinationSettings, outbox: Outbox, *, clock: Callable[[], datetime]) -> None:
        self.name = name
        self._settings, self._outbox, self._clock = settings, outbox, clock
        self._peer = Peer(name, settings)
        self._backoff = Backoff(settings.backoff_first_s, settings.backoff_most_s)
        self.wake = asyncio.Event()
        self.reachable: bool | None = None

    async def run(self) -> None:
        """Send for ever; nothing the peer or the store does ends it."""
        try:
            while True:
                self.wake.clear()
                try:
                    row = await asyncio.to_thread(self._outbox.next, self.name)
                    if row is None:
                        await wait_for(self.wake, IDLE_S)
                        continue
                    finished = await self._send(row)
                except Exception as error:  # the outermost shell: the message stays first, the loop lives
                    emit(Log.CONNECTION_FAILED, destination=self.name, error=type(error).__name__)
                    finished = False
                if finished:
                    self._backoff.reset()
                else:
                    await self._backoff.wait()
        finally:
            await self._peer.close()

    async def _send(self, row: OutboundRow) -> bool:
        """Try one message once; return whether its row is closed."""
        try:
            answer, frame = await self._peer.exchange(row.message_id, row.body)
        except NoAnswer as silence:
            self.reachable = silence.bytes_left
            emit(Log.OUTBOUND_NO_ANSWER, destination=self.name, message_id=row.message_id, attempt=row.attempts + 1)
            return await self._no_answer(row, bytes_left=silence.bytes_left)
        self.reachable = True
        emit(Log.OUTBOUND_ANSWERED, destination=self.name, message_id=row.message_id, outcome=answer.code)
        if answer.code == "AR" and not self._too_old(row):
            await asyncio.wrap_future(self._outbox.note_attempt(row, bytes_left=False))
            return False
        await asyncio.wrap_future(self._outbox.close(row, answer.code, frame=frame))
        return True

    async def _no_answer(self, row: OutboundRow, *, bytes_left: bool) -> bool:
        if not self._too_old(row):
            await asyncio.wrap_future(self._outbox.note_attempt(row, bytes_left=bytes_left))
            return False
        emit(Log.OUTBOUND_GIVEN_UP, destination=self.name, message_id=row.message_id)
        await asyncio.wrap_future(self._outbox.close(row, "none", unknown=bytes_left or row.bytes_left))
        return True

    def _too_old(self, row: OutboundRow) -> bool:
        return self._clock() - row.received_at >= timedelta(seconds=self._settings.give_up_after_s)
