"""The DICOM upper layer state machine of an acceptor, without any transport (PS3.8 9.2, table 9-10).

Bytes go in by `receive`, indications come out of `next`, what is to be sent out of `take`. Whoever owns the connection keeps the
ARTIM timer (`artim` says whether it runs), tells its expiry and the connection's end, and closes the connection when `closed`.

An acceptor that never asks for release is in one of six states; the rows of the others (an association we requested, a release we
requested, a release collision) have no place here. Each answer of ours (`accept`, `reject`, `send`, `release`, `abort`) is an event
too; one that the table does not know in the state is a programming error.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, IntEnum
from typing import TypeAlias

from gateways.edge.dicom import pdu
from gateways.edge.dicom.pdu import Abort, AssociateRequest, DataTransfer, Invalid, Pdu, ReleaseRequest


class State(IntEnum):
    """States of PS3.8 table 9-1 to 9-5, by their numbers."""

    IDLE = 1
    AWAITING_ASSOCIATE_RQ = 2
    AWAITING_LOCAL_RESPONSE = 3
    ESTABLISHED = 6
    AWAITING_LOCAL_RELEASE = 8
    AWAITING_CLOSE = 13


class Event(IntEnum):
    """Events of PS3.8 table 9-10, by their numbers."""

    ASSOCIATE_AC = 3
    ASSOCIATE_RJ = 4
    CONNECTED = 5
    ASSOCIATE_RQ = 6
    ACCEPT = 7
    REJECT = 8
    DATA_REQUEST = 9
    DATA_TF = 10
    RELEASE_RQ = 12
    RELEASE_RP = 13
    RELEASE_RESPONSE = 14
    ABORT_REQUEST = 15
    ABORT = 16
    CLOSED = 17
    ARTIM_EXPIRED = 18
    INVALID = 19


class Action(Enum):
    """Actions of PS3.8 tables 9-6 to 9-9."""

    AE_5 = "start ARTIM"
    AE_6 = "stop ARTIM; indicate, or reject what we cannot speak"
    AE_7 = "send A-ASSOCIATE-AC"
    AE_8 = "send A-ASSOCIATE-RJ, start ARTIM"
    DT_1 = "send P-DATA-TF"
    DT_2 = "indicate P-DATA"
    AR_2 = "indicate A-RELEASE"
    AR_4 = "send A-RELEASE-RP, start ARTIM"
    AR_5 = "stop ARTIM"
    AR_7 = "send P-DATA-TF during release"
    AA_1 = "send A-ABORT of the user, start ARTIM"
    AA_2 = "stop ARTIM, close"
    AA_3 = "indicate A-ABORT, close"
    AA_4 = "indicate A-P-ABORT"
    AA_5 = "stop ARTIM on a closed connection"
    AA_6 = "ignore"
    AA_7 = "send A-ABORT of the provider"
    AA_8 = "send A-ABORT of the provider, indicate A-P-ABORT, start ARTIM"


_S, _E, _A = State, Event, Action
Row: TypeAlias = dict[Event, tuple[Action, State]]


def _each(events: tuple[Event, ...], action: Action, state: State) -> Row:
    return dict.fromkeys(events, (action, state))


TABLE: dict[State, Row] = {
    _S.IDLE: {_E.CONNECTED: (_A.AE_5, _S.AWAITING_ASSOCIATE_RQ)},
    _S.AWAITING_ASSOCIATE_RQ: {
        **_each(
            (_E.ASSOCIATE_AC, _E.ASSOCIATE_RJ, _E.DATA_TF, _E.RELEASE_RQ, _E.RELEASE_RP, _E.INVALID), _A.AA_1, _S.AWAITING_CLOSE
        ),
        _E.ASSOCIATE_RQ: (_A.AE_6, _S.AWAITING_LOCAL_RESPONSE),
        _E.ABORT: (_A.AA_2, _S.IDLE),
        _E.CLOSED: (_A.AA_5, _S.IDLE),
        _E.ARTIM_EXPIRED: (_A.AA_2, _S.IDLE),
    },
    _S.AWAITING_LOCAL_RESPONSE: {
        **_each(
            (_E.ASSOCIATE_AC, _E.ASSOCIATE_RJ, _E.ASSOCIATE_RQ, _E.DATA_TF, _E.RELEASE_RQ, _E.RELEASE_RP, _E.INVALID),
            _A.AA_8,
            _S.AWAITING_CLOSE,
        ),
        _E.ACCEPT: (_A.AE_7, _S.ESTABLISHED),
        _E.REJECT: (_A.AE_8, _S.AWAITING_CLOSE),
        _E.ABORT_REQUEST: (_A.AA_1, _S.AWAITING_CLOSE),
        _E.ABORT: (_A.AA_3, _S.IDLE),
        _E.CLOSED: (_A.AA_4, _S.IDLE),
    },
    _S.ESTABLISHED: {
        **_each((_E.ASSOCIATE_AC, _E.ASSOCIATE_RJ, _E.ASSOCIATE_RQ, _E.RELEASE_RP, _E.INVALID), _A.AA_8, _S.AWAITING_CLOSE),
        _E.DATA_REQUEST: (_A.DT_1, _S.ESTABLISHED),
        _E.DATA_TF: (_A.DT_2, _S.ESTABLISHED),
        _E.RELEASE_RQ: (_A.AR_2, _S.AWAITING_LOCAL_RELEASE),
        _E.ABORT_REQUEST: (_A.AA_1, _S.AWAITING_CLOSE),
        _E.ABORT: (_A.AA_3, _S.IDLE),
        _E.CLOSED: (_A.AA_4, _S.IDLE),
    },
    _S.AWAITING_LOCAL_RELEASE: {
        **_each(
            (_E.ASSOCIATE_AC, _E.ASSOCIATE_RJ, _E.ASSOCIATE_RQ, _E.DATA_TF, _E.RELEASE_RQ, _E.RELEASE_RP, _E.INVALID),
            _A.AA_8,
            _S.AWAITING_CLOSE,
        ),
        _E.DATA_REQUEST: (_A.AR_7, _S.AWAITING_LOCAL_RELEASE),
        _E.RELEASE_RESPONSE: (_A.AR_4, _S.AWAITING_CLOSE),
        _E.ABORT_REQUEST: (_A.AA_1, _S.AWAITING_CLOSE),
        _E.ABORT: (_A.AA_3, _S.IDLE),
        _E.CLOSED: (_A.AA_4, _S.IDLE),
    },
    _S.AWAITING_CLOSE: {
        **_each((_E.ASSOCIATE_AC, _E.ASSOCIATE_RJ, _E.DATA_TF, _E.RELEASE_RQ, _E.RELEASE_RP), _A.AA_6, _S.AWAITING_CLOSE),
        **_each((_E.ASSOCIATE_RQ, _E.INVALID), _A.AA_7, _S.AWAITING_CLOSE),
        _E.ABORT: (_A.AA_2, _S.IDLE),
        _E.CLOSED: (_A.AR_5, _S.IDLE),
        _E.ARTIM_EXPIRED: (_A.AA_2, _S.IDLE),
    },
}

EVENT_OF: dict[type, Event] = {
    pdu.AssociateAccept: _E.ASSOCIATE_AC,
    pdu.AssociateReject: _E.ASSOCIATE_RJ,
    AssociateRequest: _E.ASSOCIATE_RQ,
    DataTransfer: _E.DATA_TF,
    ReleaseRequest: _E.RELEASE_RQ,
    pdu.ReleaseReply: _E.RELEASE_RP,
    Abort: _E.ABORT,
    Invalid: _E.INVALID,
}


class NotAllowed(Exception):
    """We asked for something that the table does not know in this state."""


class Aborted:
    """The association ended without release."""


Indication: TypeAlias = "AssociateRequest | DataTransfer | ReleaseRequest | Aborted"
_BAD_VERSION = pdu.encode_reject(1, 2, 2)


class UpperLayer:
    """One association, from the connection's first byte to its last.

    Args:
        max_length: Longest P-DATA-TF variable field we take, in bytes.
    """

    __slots__ = ("_out", "_reader", "artim", "closed", "state")

    def __init__(self, max_length: int) -> None:
        self.state = State.IDLE
        self.artim = False
        self.closed = False
        self._reader = pdu.Reader(max_length)
        self._out: list[bytes] = []
        self._step(Event.CONNECTED)

    def receive(self, data: bytes) -> None:
        """Take bytes of the peer."""
        self._reader.feed(data)

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their PDU."""
        return self._reader.held

    def next(self) -> Indication | None:
        """Return what came next; None when more bytes are needed or the connection is to be closed."""
        while not self.closed:
            found = self._reader.next()
            if found is None:
                return None
            indication = self._step(EVENT_OF[type(found)], found)
            if indication is not None:
                return indication
        return None

    def take(self) -> bytes:
        """Return what is to be sent, once."""
        out = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return out

    def accept(self, encoded: bytes) -> None:
        """Answer the association request with this A-ASSOCIATE-AC."""
        self._step(Event.ACCEPT, payload=encoded)

    def reject(self, encoded: bytes) -> None:
        """Answer the association request with this A-ASSOCIATE-RJ."""
        self._step(Event.REJECT, payload=encoded)

    def send(self, encoded: bytes) -> None:
        """Send these P-DATA-TF PDUs."""
        self._step(Event.DATA_REQUEST, payload=encoded)

    def release(self) -> None:
        """Answer the release request."""
        self._step(Event.RELEASE_RESPONSE)

    def abort(self) -> None:
        """End the association ourselves; where the table knows no such wish, the connection is closed."""
        if Event.ABORT_REQUEST in TABLE[self.state]:
            self._step(Event.ABORT_REQUEST)
        else:
            self.closed = True

    def artim_expired(self) -> None:
        """Say that the ARTIM timer ran out."""
        self._step(Event.ARTIM_EXPIRED)

    def connection_closed(self) -> Indication | None:
        """Say that the peer closed the connection, or that it broke."""
        self.closed = True
        return self._step(Event.CLOSED) if Event.CLOSED in TABLE[self.state] else None

    def _step(self, event: Event, found: Pdu | None = None, payload: bytes = b"") -> Indication | None:
        try:
            act, self.state = _STEPS[self.state, event]
        except KeyError as error:
            raise NotAllowed(f"{event.name} in {self.state.name}") from error
        return act(self, found, payload)

    def _start_artim(self, _found: Pdu | None, _payload: bytes) -> None:
        self.artim = True

    def _stop_artim(self, _found: Pdu | None, _payload: bytes) -> None:
        self.artim = False

    def _indicate_associate(self, found: Pdu | None, _payload: bytes) -> Indication | None:
        self.artim = False
        assert isinstance(found, AssociateRequest)
        if found.protocol_version & 1:
            return found
        self._send_and_wait(None, _BAD_VERSION)
        self.state = State.AWAITING_CLOSE
        return None

    def _send(self, _found: Pdu | None, payload: bytes) -> None:
        self._out.append(payload)

    def _send_and_wait(self, _found: Pdu | None, payload: bytes) -> None:
        self._out.append(payload)
        self.artim = True

    def _indicate(self, found: Pdu | None, _payload: bytes) -> Indication | None:
        assert isinstance(found, DataTransfer | ReleaseRequest)
        return found

    def _reply_release(self, _found: Pdu | None, _payload: bytes) -> None:
        self._send_and_wait(None, pdu.RELEASE_REPLY)

    def _abort_as_user(self, _found: Pdu | None, _payload: bytes) -> None:
        self._send_and_wait(None, pdu.encode_abort(0, 0))

    def _close(self, _found: Pdu | None, _payload: bytes) -> None:
        self.artim = False
        self.closed = True

    def _indicate_and_close(self, _found: Pdu | None, _payload: bytes) -> Indication:
        self.closed = True
        return Aborted()

    def _indicate_abort(self, _found: Pdu | None, _payload: bytes) -> Indication:
        return Aborted()

    def _ignore(self, _found: Pdu | None, _payload: bytes) -> None:
        pass

    def _abort_as_provider(self, found: Pdu | None, _payload: bytes) -> None:
        self._out.append(pdu.encode_abort(2, found.reason if isinstance(found, Invalid) else pdu.UNEXPECTED_PDU))

    def _abort_and_indicate(self, found: Pdu | None, payload: bytes) -> Indication:
        self._abort_as_provider(found, payload)
        self.artim = True
        return Aborted()


_Act: TypeAlias = Callable[[UpperLayer, "Pdu | None", bytes], "Indication | None"]
_ACTIONS: dict[Action, _Act] = {
    Action.AE_5: UpperLayer._start_artim,
    Action.AE_6: UpperLayer._indicate_associate,
    Action.AE_7: UpperLayer._send,
    Action.AE_8: UpperLayer._send_and_wait,
    Action.DT_1: UpperLayer._send,
    Action.DT_2: UpperLayer._indicate,
    Action.AR_2: UpperLayer._indicate,
    Action.AR_4: UpperLayer._reply_release,
    Action.AR_5: UpperLayer._stop_artim,
    Action.AR_7: UpperLayer._send,
    Action.AA_1: UpperLayer._abort_as_user,
    Action.AA_2: UpperLayer._close,
    Action.AA_3: UpperLayer._indicate_and_close,
    Action.AA_4: UpperLayer._indicate_abort,
    Action.AA_5: UpperLayer._stop_artim,
    Action.AA_6: UpperLayer._ignore,
    Action.AA_7: UpperLayer._abort_as_provider,
    Action.AA_8: UpperLayer._abort_and_indicate,
}
_STEPS: dict[tuple[State, Event], tuple[_Act, State]] = {
    (state, event): (_ACTIONS[action], following) for state, row in TABLE.items() for event, (action, following) in row.items()
}
