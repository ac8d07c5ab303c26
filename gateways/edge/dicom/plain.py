"""Plain TCP for connections that live a few milliseconds: a listener and a transport that call the socket themselves.

asyncio's own transports cost more than the worklist's whole answer: a task and a future for each connection accepted, a handle for
each wait, a turn of the loop before the first read and another before the end. Here one epoll of all these sockets stands in the
loop as one readable descriptor; a readable socket calls its protocol, and a write is a `send`: only what the peer does not take at
once is kept. The protocol sees the methods it would see of asyncio's, which carry the ports over TLS.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Sequence
from typing import Any

from gateways.edge.log import Log, emit

AT_ONCE = 8
CHUNK = 64 * 1024
WRITE_HIGH = 256 * 1024
REST_S = 0.5
TURN = 64


class Poller:
    """All plain sockets of a server, as one descriptor of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._epoll = select.epoll()
        self._calls: dict[int, Callable[[int], None]] = {}
        loop.add_reader(self._epoll.fileno(), self._turn)

    def add(self, number: int, events: int, call: Callable[[int], None]) -> None:
        """Call with what happened, whenever one of these events does."""
        self._calls[number] = call
        self._epoll.register(number, events)

    def change(self, number: int, events: int) -> None:
        """Wait for these events instead."""
        self._epoll.modify(number, events)

    def drop(self, number: int) -> None:
        """Wait no more."""
        if self._calls.pop(number, None) is not None:
            self._epoll.unregister(number)

    def forget(self, number: int) -> None:
        """Wait no more for a descriptor that is about to be closed, which takes it out of the epoll by itself."""
        self._calls.pop(number, None)

    def close(self) -> None:
        """End."""
        self.loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _turn(self) -> None:
        for number, happened in self._epoll.poll(0, TURN):
            call = self._calls.get(number)
            if call is None:
                continue  # an event before it in this turn ended it
            try:
                call(happened)
            except Exception as error:  # one connection's fault must not take the turn of the others
                emit(Log.DICOM_FAILED, error=type(error).__name__)
                self.drop(number)


class PlainListener:
    """Accepts connections on some listening sockets, whose options they inherit.

    Args:
        factory: Makes the protocol of one connection.
    """

    def __init__(self, poller: Poller, sockets: Sequence[socket.socket], factory: Callable[[], asyncio.Protocol]) -> None:
        self._poller, self._factory = poller, factory
        self.sockets = tuple(sockets)
        self._closed = False
        for one in self.sockets:
            one.setblocking(False)
            self._resume(one)

    def close(self) -> None:
        """Accept no more."""
        self._closed = True
        for one in self.sockets:
            self._poller.drop(one.fileno())
            one.close()

    def _accept(self, door: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                connected, address = door.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor left: those that are open must end first
                self._poller.drop(door.fileno())
                self._poller.loop.call_later(REST_S, self._resume, door)
                return
            connected.setblocking(False)
            try:
                PlainTransport(self._poller, connected, address, self._factory())
            except Exception as error:  # as in the poller: the door stays open
                emit(Log.DICOM_FAILED, error=type(error).__name__)

    def _resume(self, door: socket.socket) -> None:
        if not self._closed:
            self._poller.add(door.fileno(), select.EPOLLIN, lambda _: self._accept(door))


class PlainTransport(asyncio.Transport):
    """One connection; `connection_lost` is called in the call that ends it."""

    __slots__ = (
        "_address", "_closing", "_high", "_kept", "_lost", "_number", "_paused", "_poller", "_protocol", "_reading", "_socket",
    )  # fmt: skip

    def __init__(self, poller: Poller, connected: socket.socket, address: Any, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._poller, self._socket, self._address, self._protocol = poller, connected, address, protocol
        self._number = connected.fileno()
        self._kept = bytearray()
        self._high = WRITE_HIGH
        self._reading = True
        self._paused = self._closing = self._lost = False
        poller.add(self._number, select.EPOLLIN, self._ready)
        protocol.connection_made(self)
        if not self._closing:
            self._readable()  # a modality's request is there as soon as its connection is

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
        self._wait(reading=False)

    def resume_reading(self) -> None:
        """Read again."""
        self._wait(reading=not self._closing)

    def _wait(self, *, reading: bool) -> None:
        self._reading = reading
        if not self._lost:
            self._poller.change(self._number, (select.EPOLLIN if reading else 0) | (select.EPOLLOUT if self._kept else 0))

    def _ready(self, happened: int) -> None:
        if self._reading and happened & ~select.EPOLLOUT:
            self._readable()
        elif happened & (select.EPOLLERR | select.EPOLLHUP):
            self._end(None)
        if self._kept and happened & select.EPOLLOUT:
            self._writable()

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
            self._kept += data[sent:]
            self._wait(reading=self._reading)
        else:
            self._kept += data
        if len(self._kept) > self._high and not self._paused:
            self._paused = True
            self._protocol.pause_writing()

    def close(self) -> None:
        """Close once everything has been sent."""
        self._closing = True
        if self._kept:
            self.pause_reading()
        else:
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
        if self._closing:
            self._end(None)
            return
        self._wait(reading=self._reading)
        if self._paused:
            self._paused = False
            self._protocol.resume_writing()

    def _end(self, error: OSError | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self._poller.forget(self._number)
        self._kept.clear()
        self._socket.close()
        self._protocol.connection_lost(error)
