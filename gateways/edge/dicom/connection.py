"""One connection of the DICOM door: the upper layer on a transport, one request at a time, each wait bounded.

Nothing here decides: the machine says what to send and when to close, the services say what to answer. A request is answered before
the next one is read from what has come; only a C-CANCEL overtakes. What a peer may make us hold is bounded: one unfinished message
counted against all connections' memory, a few whole ones that wait, and answers only as far as the peer takes them.

A deadline, not a timer, bounds each wait; the server looks at all deadlines together a few times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from gateways.edge.dicom import negotiation
from gateways.edge.dicom.dimse import Assembler, Field, Message, PeerFault
from gateways.edge.dicom.negotiation import Accepted
from gateways.edge.dicom.pdu import AssociateRequest, DataTransfer, ReleaseRequest
from gateways.edge.dicom.plain import WRITE_HIGH
from gateways.edge.dicom.request import Later, Request, Stream
from gateways.edge.dicom.upper_layer import State, UpperLayer
from gateways.edge.log import Log, emit

if TYPE_CHECKING:
    from gateways.edge.dicom.server import DicomServer

MAX_WAITING = 4


class Connection(asyncio.Protocol):
    """The server's side of one connection.

    Args:
        server: Whose settings, services and account of all connections it uses.
    """

    __slots__ = (
        "_assembler", "_association", "_cancelled", "_counted", "_ending", "_layer", "_parts", "_releasing", "_running", "_server",
        "_transport", "_waiting", "_writable", "address", "deadline",
    )  # fmt: skip

    def __init__(self, server: DicomServer) -> None:
        self._server = server
        self._layer = UpperLayer(negotiation.MAX_LENGTH)
        self._assembler = Assembler()
        self._association: Accepted | None = None
        self._running: Request | None = None
        self._waiting: list[Message] = []
        self._cancelled: frozenset[int] = frozenset()
        self._parts: Iterator[bytes] | None = None
        self._releasing = self._ending = False
        self._writable = True
        self._transport: asyncio.Transport | None = None
        self._counted = 0
        self.address = ""
        self.deadline = 0.0

    @property
    def is_silent(self) -> bool:
        """Whether it has asked for nothing yet."""
        return self._layer.state is State.AWAITING_ASSOCIATE_RQ

    @property
    def is_associated(self) -> bool:
        """Whether it has an association."""
        return self._association is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for an association request."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        if not self._server.enter(self):
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(WRITE_HIGH)
        self._wait_for_peer(self._server.settings.association_timeout_s)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and do what they complete."""
        self._layer.receive(data)
        try:
            self._proceed()
        except Exception as error:  # the outermost shell: this connection ends, the server lives
            emit(Log.DICOM_FAILED, error=type(error).__name__)
            self.drop()

    def eof_received(self) -> bool:
        """End with the peer's half: DICOM knows no other."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        """Forget the connection; work for the disk goes on, its answer goes nowhere."""
        self._transport = None
        self._layer.connection_closed()
        self._running = self._parts = None
        self._account()
        self._server.leave(self)

    def pause_writing(self) -> None:
        """Stop making answers and taking requests: the peer does not take what it has."""
        self._writable = False
        self._wait_for_peer(self._server.settings.idle_timeout_s)
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        self._wait_for_peer(self._server.settings.idle_timeout_s)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
        if self._parts is not None:
            self.deadline = float("inf")
            self._server.soon(self._continue)

    def expire(self) -> None:
        """End a wait that has lasted too long: an idle association is aborted, anything else is closed at once."""
        if self._layer.artim:
            self._layer.artim_expired()
        if self._layer.closed or not self._writable:
            self.drop()
            return
        self._abort()
        self._flush()

    def end(self) -> None:
        """End the association: the server stops."""
        self._abort()
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def drop(self) -> None:
        """Close at once, to make room."""
        if self._transport is not None:
            self._transport.abort()

    def _proceed(self) -> None:
        """Do all that what has come allows."""
        layer = self._layer
        while (found := layer.next()) is not None:
            if isinstance(found, DataTransfer):
                if not self._take(found):
                    break
            elif isinstance(found, ReleaseRequest):
                self._releasing = True
                if self._running is not None:
                    self._running.cancelled = True
            elif isinstance(found, AssociateRequest):
                self._associate(found)
            else:
                self._end_work()
        self._next_request()
        self._account()
        self._flush()

    def _associate(self, request: AssociateRequest) -> None:
        answer = self._server.negotiate(request, self.address)
        if isinstance(answer, Accepted):
            self._association = answer
            self._layer.accept(answer.encoded)
            self._wait_for_peer(self._server.settings.idle_timeout_s)
            return
        emit(Log.ASSOCIATION_REFUSED, ae_title=answer.calling[:16], reason=answer.reason)
        self._layer.reject(answer.encoded)

    def _take(self, found: DataTransfer) -> bool:
        """Put fragments together and note what they complete.

        Returns:
            False when the peer broke the rules, and the association is aborted.
        """
        try:
            for value in found.values:
                message = self._assembler.feed(value)
                if message is not None:
                    self._note(message)
        except PeerFault:
            self._abort()
            return False
        return True

    def _note(self, message: Message) -> None:
        if message.command.field == Field.C_CANCEL:
            if self._running is not None and self._running.command.message_id == message.command.message_id:
                self._running.cancelled = True
            self._cancelled |= {message.command.message_id} & {one.command.message_id for one in self._waiting}
            return
        if len(self._waiting) == MAX_WAITING or self._association is None or message.context_id not in self._association.contexts:
            raise PeerFault("too many at once, or a context not agreed")
        self._waiting.append(message)

    def _next_request(self) -> None:
        """Answer what waits, one by one, then a release."""
        while self._running is None and self._layer.state in (State.ESTABLISHED, State.AWAITING_LOCAL_RELEASE):
            if not self._waiting:
                if self._releasing:
                    self._layer.release()
                return
            self._start(self._waiting.pop(0))

    def _start(self, message: Message) -> None:
        assert self._association is not None
        request = Request(message, self._association, self._association.contexts[message.context_id])
        if message.command.message_id in self._cancelled:
            self._cancelled -= {message.command.message_id}
            request.cancelled = True
        reply = self._server.services.answer(request)
        if isinstance(reply, bytes):
            self._send(reply)
            self._wait_for_peer(self._server.settings.idle_timeout_s)
            return
        self._running = request
        self.deadline = float("inf")
        if isinstance(reply, Later):
            self._server.in_thread(reply.work, self._done)
        else:
            assert isinstance(reply, Stream)
            self._parts = reply.parts
            self._take_part()

    def _take_part(self) -> None:
        """Send one block of a stream of answers; the rest when the loop has served the others."""
        assert self._parts is not None
        try:
            part = next(self._parts, None)
            following = next(self._parts, None) if part is not None else None
        except Exception as error:  # the outermost shell: this association ends, the server lives
            emit(Log.DICOM_FAILED, error=type(error).__name__)
            self._abort()
            return
        self._send((part or b"") + (following or b""))
        if following is None:
            self._finish()
        elif self._writable:
            self._server.soon(self._continue)

    def _continue(self) -> None:
        if self._parts is not None and self._writable and not self._layer.closed:
            self._take_part()
            self._next_request()
            self._flush()

    def _done(self, response: bytes) -> None:
        """Send what a thread answered, if there is still somebody to tell."""
        if self._running is not None and self._transport is not None:
            self._send(response)
            self._finish()
            self._next_request()
            self._account()
            self._flush()

    def _finish(self) -> None:
        self._running = self._parts = None
        if self._writable:
            self._wait_for_peer(self._server.settings.idle_timeout_s)

    def _send(self, data: bytes) -> None:
        if data and self._layer.state in (State.ESTABLISHED, State.AWAITING_LOCAL_RELEASE):
            self._layer.send(data)

    def _abort(self) -> None:
        self._end_work()
        self._layer.abort()

    def _end_work(self) -> None:
        self._waiting, self._cancelled = [], frozenset()
        self._running = self._parts = None
        self._assembler = Assembler()
        self._account()

    def _wait_for_peer(self, seconds: float) -> None:
        self.deadline = self._server.now() + seconds

    def _account(self) -> None:
        held = 0
        if self._transport is not None:
            held = self._layer.held + self._assembler.held
            held += sum(len(one.dataset) for one in self._waiting) if self._waiting else 0
            held += len(self._running.message.dataset) if self._running is not None else 0
        if held != self._counted:
            counted, self._counted = self._counted, held
            if not self._server.hold(held - counted):
                self._abort()

    def _flush(self) -> None:
        if self._transport is None:
            return
        if self._layer.state is State.AWAITING_CLOSE and not self._ending:
            self._ending = True
            self._wait_for_peer(self._server.settings.association_timeout_s)
        out = self._layer.take()
        if out:
            self._transport.write(out)
        if self._layer.closed:
            self._transport.close()
