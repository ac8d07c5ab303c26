"""Plain TCP for connections that live a few milliseconds: a listener and a transport that call the socket themselves.

asyncio's own transports cost more than the worklist's whole answer: a task and a future for each connection accepted, a turn of the
loop before the first read and another before the end. Here a readable socket calls its protocol, and a write is a `send`; only what
the peer does not take at once is kept. The protocol sees the methods it would see of asyncio's, which carry the ports over TLS.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Any

AT_ONCE = 8
CHUNK = 64 * 1024
WRITE_HIGH = 256 * 1024
REST_S = 0.5


class PlainListener:
    """Accepts connections on some listening sockets.

    Args:
        factory: Makes the protocol of one connection.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sockets: Sequence[socket.socket], factory: Callable[[], asyncio.Protocol]
    ) -> None:
        self._loop, self._factory = loop, factory
        self.sockets = tuple(sockets)
        self._closed = False
        for one in self.sockets:
            one.setblocking(False)
            loop.add_reader(one, self._accept, one)

    def close(self) -> None:
        """Accept no more."""
        self._closed = True
        for one in self.sockets:
            self._loop.remove_reader(one)
            one.close()

    def _accept(self, door: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                connected, address = door.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor left: those that are open must end first
                self._loop.remove_reader(door)
                self._loop.call_later(REST_S, self._resume, door)
                return
            connected.setblocking(False)
            with contextlib.suppress(OSError):
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            PlainTransport(self._loop, connected, address, self._factory())

    def _resume(self, door: socket.socket) -> None:
        if not self._closed:
            self._loop.add_reader(door, self._accept, door)


class PlainTransport(asyncio.Transport):
    """One connection; `connection_lost` is called in the call that ends it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connected: socket.socket, address: Any, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._loop, self._socket, self._address, self._protocol = loop, connected, address, protocol
        self._kept = bytearray()
        self._high = WRITE_HIGH
        self._reading = self._paused = self._closing = self._lost = False
        protocol.connection_made(self)
        if not self._closing:
            self.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the peer's address as `peername`."""
        return self._address if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:  # noqa: ARG002 - asyncio's signature
        """Set how many bytes may wait for the peer before the protocol is told to pause; it goes on when none does."""
        self._high = WRITE_HIGH if high is None else high

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait for the peer."""
        return len(self._kept)

    def is_closing(self) -> bool:
        """Return whether it is closed or about to be."""
        return self._closing

    def pause_reading(self) -> None:
        """Read no more for now."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket)

    def resume_reading(self) -> None:
        """Read again."""
        if not self._reading and not self._closing:
            self._reading = True
            self._loop.add_reader(self._socket, self._readable)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; what the peer does not take now is kept and sent later."""
        if self._lost:
            return
        if not self._kept:
            try:
                sent = self._socket.send(data)
            except (BlockingIOError, InterruptedError):
                sent = 0
            except OSError as error:
                self._end(error)
                return
            if sent == len(data):
                return
            data = data[sent:]
            self._loop.add_writer(self._socket, self._writable)
        self._kept += data
        if len(self._kept) > self._high and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def close(self) -> None:
        """Close once everything has been sent."""
        self._closing = True
        self.pause_reading()
        if not self._kept:
            self._end(None)

    def abort(self) -> None:
        """Close now."""
        self._end(None)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        if data:
            self._protocol.data_received(data)
        else:
            self._protocol.eof_received()
            self.close()

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._kept)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(error)
            return
        del self._kept[:sent]
        if self._kept:
            return
        self._loop.remove_writer(self._socket)
        if self._closing:
            self._end(None)
        elif self._paused:
            self._paused = False
            self._protocol.resume_writing()

    def _end(self, error: OSError | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self.pause_reading()
        if self._kept:
            self._loop.remove_writer(self._socket)
            self._kept.clear()
        self._socket.close()
        self._protocol.connection_lost(error)
