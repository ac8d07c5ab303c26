"""A load of HL7 frames: so many connections, one frame in flight on each, the next when the answer is there."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator


def frame(number: int, size: int) -> bytes:
    """Return a framed ADT of about that many bytes, with a control id of its own."""
    head = f"MSH|^~\\&|AGENDA|CIM|RIS|CIM|20260302081500||ADT^A28^ADT_A05|{number}|T|2.5^FRA^2.11|||||FRA|UNICODE UTF-8\r"
    body = "EVN||20260302081500\rPID|||1^^^CIM&1.2.3&ISO^PI||ESSAI^LOU\rNTE|||"
    text = head + body
    return b"\x0b" + (text + "x" * (size - len(text)) + "\r").encode() + b"\x1c\r"


class _Line(asyncio.Protocol):
    def __init__(self, frames: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self._frames, self._done, self._held = frames, done, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._held += data
        if self._held.endswith(b"\x1c\r"):
            if b"MSA|AA|" not in self._held:
                self._done.set_exception(AssertionError("not answered AA"))
                self._transport.close()
                return
            self._held = b""
            self._next()

    def connection_lost(self, _: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(AssertionError("the line ended before the load"))

    def _next(self) -> None:
        following = next(self._frames, None)
        if following is not None:
            self._transport.write(following)
        elif not self._done.done():
            self._done.set_result(None)
            self._transport.close()


def rate(port: int, *, connections: int, frames: int, size: int, first: int) -> float:
    """Return frames answered AA per second.

    Args:
        frames: All of them together.
        first: Control id of the first, so that no two rounds send the same.
    """
    prepared = [frame(first + number, size) for number in range(frames)]

    async def run() -> float:
        loop = asyncio.get_running_loop()
        shared = iter(prepared)
        began = time.perf_counter()
        lines = []
        for _ in range(connections):
            done: asyncio.Future[None] = loop.create_future()
            await loop.create_connection(lambda done=done: _Line(shared, done), "127.0.0.1", port)
            lines.append(done)
        await asyncio.gather(*lines)
        return frames / (time.perf_counter() - began)

    return asyncio.run(run())


def patient_rate(port: int, *, connections: int, frames: int, size: int) -> float:
    """Return frames answered AA per second by a listener that may close its connection after each answer."""
    prepared = iter([frame(number, size) for number in range(frames)])

    async def one_line() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for following in prepared:
            answer = b""
            while not answer:
                try:
                    writer.write(following)
                    answer = await reader.readuntil(b"\x1c\r")
                except (asyncio.IncompleteReadError, ConnectionError):
                    writer.close()
                    reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert b"MSA|AA|" in answer, "not answered AA"
        writer.close()

    async def run() -> float:
        began = time.perf_counter()
        await asyncio.gather(*(one_line() for _ in range(connections)))
        return frames / (time.perf_counter() - began)

    return asyncio.run(run())
