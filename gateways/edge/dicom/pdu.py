"""Protocol data units of the DICOM upper layer: bytes to values and back (PS3.8 9.3). No state, no network.

`Reader` takes bytes as they come, split anywhere, and gives whole PDUs. What can never become one is `Invalid`, and it is the last
thing a reader gives. A PDU over its bound is refused by its header, before its body is waited for.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
HEADER = 6
MAX_ASSOCIATE = 128 * 1024
MAX_SHORT = 1024
_SHORT = 4096
UNRECOGNIZED_PDU, UNEXPECTED_PDU, INVALID_PARAMETER = 1, 2, 6
_HEADER = struct.Struct(">BxI")
_ITEM = struct.Struct(">BxH")
_PDV = struct.Struct(">IBB")


@dataclass(frozen=True, slots=True)
class PresentationContext:
    """One proposed context: what is spoken of, and the transfer syntaxes it may be written in."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """SCP/SCU role selection of one SOP class (PS3.7 D.3.3.4): the roles the requestor wants to have itself."""

    sop_class: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True, eq=False)
class AssociateRequest:
    """A-ASSOCIATE-RQ (PS3.8 9.3.2). The same bytes give the same object, which is what makes answering it again cheap.

    Args:
        called, calling: The 16 bytes as sent.
        max_length: Longest P-DATA-TF variable field the requestor takes, in bytes; 0 names no limit.
        asynchronous: It proposed an asynchronous operations window.
    """

    protocol_version: int
    called: bytes
    calling: bytes
    application_context: str
    contexts: tuple[PresentationContext, ...]
    max_length: int
    roles: tuple[Role, ...] = ()
    asynchronous: bool = False


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """A-ASSOCIATE-AC, which an acceptor never expects."""


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ, which an acceptor never expects."""


class Pdv(NamedTuple):
    """One presentation data value: a fragment of a command or of a data set (PS3.8 annex E)."""

    context_id: int
    is_command: bool
    is_last: bool
    data: bytes


class DataTransfer(NamedTuple):
    """P-DATA-TF."""

    values: tuple[Pdv, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A-RELEASE-RQ."""


@dataclass(frozen=True, slots=True)
class ReleaseReply:
    """A-RELEASE-RP."""


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT."""

    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class Invalid:
    """What came is no PDU; `reason` is that of the A-ABORT it deserves (PS3.8 table 9-26)."""

    reason: int


Pdu: TypeAlias = (
    "AssociateRequest | AssociateAccept | AssociateReject | DataTransfer | ReleaseRequest | ReleaseReply | Abort | Invalid"
)


class _Malformed(Exception):
    pass


class Reader:
    """Bytes in, PDUs out.

    Args:
        max_length: Longest P-DATA-TF variable field taken, in bytes: what we announced.
    """

    __slots__ = ("_at", "_buffer", "_dead", "_max_length")

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length
        self._buffer: bytes | bytearray = b""
        self._at = 0
        self._dead = False

    def feed(self, data: bytes) -> None:
        """Take bytes of the peer: whole PDUs, most often, which are cut out of what came; only a begun one is put together."""
        if self._dead:
            return
        if not self._buffer:
            self._buffer = data
            return
        if self._at or isinstance(self._buffer, bytes):
            self._buffer, self._at = bytearray(self._buffer[self._at :]), 0
        self._buffer += data

    @property
    def held(self) -> int:
        """Bytes that wait for the rest of their PDU."""
        return len(self._buffer) - self._at

    def next(self) -> Pdu | None:
        """Return the next whole PDU; None when more bytes are needed."""
        buffer, at = self._buffer, self._at
        if len(buffer) - at < HEADER:
            return None
        kind, length = _HEADER.unpack_from(buffer, at)
        if not 1 <= kind <= 7:
            return self._end(UNRECOGNIZED_PDU)
        if length > (self._max_length if kind == 4 else MAX_ASSOCIATE if kind < 3 else MAX_SHORT):
            return self._end(INVALID_PARAMETER)
        stop = at + HEADER + length
        if len(buffer) < stop:
            return None
        if len(buffer) == stop:
            self._buffer, self._at = b"", 0
        else:
            self._at = stop
        try:
            return (_known if length <= _SHORT else decode)(kind, bytes(buffer[at + HEADER : stop]))
        except _Malformed:
            return self._end(INVALID_PARAMETER)

    def _end(self, reason: int) -> Invalid:
        self._dead = True
        self._buffer, self._at = b"", 0
        return Invalid(reason)


_WITHOUT_CONTENT: dict[int, Pdu] = {2: AssociateAccept(), 3: AssociateReject(), 5: ReleaseRequest(), 6: ReleaseReply()}


def decode(kind: int, body: bytes) -> Pdu:
    """Read the body of one PDU of a known type."""
    if kind == 4:
        return DataTransfer(_values(body))
    if kind == 1:
        return _associate_request(body)
    if kind == 7:
        return Abort(body[2] if len(body) > 2 else 0, body[3] if len(body) > 3 else 0)
    return _WITHOUT_CONTENT[kind]


_known = lru_cache(512)(decode)  # modalities say the same again and again


def _values(body: bytes) -> tuple[Pdv, ...]:
    values = []
    at, end = 0, len(body)
    while at < end:
        if end - at < 6:
            raise _Malformed
        length, context_id, control = _PDV.unpack_from(body, at)
        stop = at + 4 + length
        if length < 2 or stop > end:
            raise _Malformed
        values.append(Pdv(context_id, bool(control & 1), bool(control & 2), body[at + 6 : stop]))
        at = stop
    if not values:
        raise _Malformed
    return tuple(values)


def _associate_request(body: bytes) -> AssociateRequest:
    if len(body) < 68:
        raise _Malformed
    contexts: list[PresentationContext] = []
    application_context, max_length, asynchronous = "", 0, False
    roles: list[Role] = []
    for kind, value in _items(body, 68):
        if kind == 0x10:
            application_context = _uid(value)
        elif kind == 0x20:
            contexts.append(_context(value))
        elif kind == 0x50:
            for inner, data in _items(value, 0):
                if inner == 0x51 and len(data) >= 4:
                    max_length = int.from_bytes(data[:4], "big")
                elif inner == 0x53:
                    asynchronous = True
                elif inner == 0x54:
                    roles.append(_role(data))
    return AssociateRequest(
        int.from_bytes(body[:2], "big"),
        body[4:20],
        body[20:36],
        application_context,
        tuple(contexts),
        max_length,
        tuple(roles),
        asynchronous,
    )


def _items(body: bytes, at: int) -> list[tuple[int, bytes]]:
    found = []
    while at < len(body):
        if len(body) - at < 4:
            raise _Malformed
        kind, length = _ITEM.unpack_from(body, at)
        stop = at + 4 + length
        if stop > len(body):
            raise _Malformed
        found.append((kind, body[at + 4 : stop]))
        at = stop
    return found


def _context(value: bytes) -> PresentationContext:
    if len(value) < 4:
        raise _Malformed
    abstract, transfer = "", []
    for kind, data in _items(value, 4):
        if kind == 0x30:
            abstract = _uid(data)
        elif kind == 0x40:
            transfer.append(_uid(data))
    return PresentationContext(value[0], abstract, tuple(transfer))


def _role(data: bytes) -> Role:
    length = int.from_bytes(data[:2], "big")
    if len(data) < 4 + length:
        raise _Malformed
    return Role(_uid(data[2 : 2 + length]), data[2 + length] == 1, data[3 + length] == 1)


def _uid(value: bytes) -> str:
    return value.decode("latin-1").strip(" \0")


def item(kind: int, body: bytes) -> bytes:
    """Write an item or sub-item of an association PDU."""
    return _ITEM.pack(kind, len(body)) + body


def pdu(kind: int, body: bytes) -> bytes:
    """Write a PDU."""
    return bytes((kind, 0)) + len(body).to_bytes(4, "big") + body


@dataclass(frozen=True, slots=True)
class ContextResult:
    """What a proposed context is answered: 0 accepted, 3 abstract syntax, 4 transfer syntaxes not supported (PS3.8 table 9-18)."""

    id: int
    result: int
    transfer_syntax: str


def encode_accept(
    request: AssociateRequest,
    results: tuple[ContextResult, ...],
    *,
    max_length: int,
    implementation: tuple[str, str],
    roles: tuple[Role, ...] = (),
) -> bytes:
    """Write an A-ASSOCIATE-AC (PS3.8 9.3.3).

    Args:
        implementation: Class UID, and version name of at most 16 characters.
    """
    contexts = b"".join(
        item(0x21, bytes((one.id, 0, one.result, 0)) + item(0x40, one.transfer_syntax.encode("ascii"))) for one in results
    )
    user = item(0x51, max_length.to_bytes(4, "big")) + item(0x52, implementation[0].encode("ascii"))
    if request.asynchronous:
        user += item(0x53, b"\0\1\0\1")
    for role in roles:
        uid = role.sop_class.encode("ascii")
        user += item(0x54, len(uid).to_bytes(2, "big") + uid + bytes((role.scu, role.scp)))
    user += item(0x55, implementation[1].encode("ascii"))
    body = b"\0\1\0\0" + request.called + request.calling + bytes(32)
    return pdu(2, body + item(0x10, APPLICATION_CONTEXT.encode("ascii")) + contexts + item(0x50, user))


def encode_reject(result: int, source: int, reason: int) -> bytes:
    """Write an A-ASSOCIATE-RJ (PS3.8 table 9-21)."""
    return pdu(3, bytes((0, result, source, reason)))


def encode_abort(source: int, reason: int) -> bytes:
    """Write an A-ABORT (PS3.8 table 9-26)."""
    return pdu(7, bytes((0, 0, source, reason)))


RELEASE_REPLY = pdu(6, bytes(4))


def encode_data(context_id: int, data: bytes, *, is_command: bool, max_length: int) -> bytes:
    """Write a command or a data set as P-DATA-TF PDUs, one value each.

    Args:
        max_length: Longest variable field the peer takes; 0 names no limit.
    """
    control = 1 if is_command else 0
    room = max(2, (max_length - HEADER) & ~1) if max_length else len(data)
    if len(data) <= room:
        return b"\4\0" + (len(data) + 6).to_bytes(4, "big") + _PDV.pack(len(data) + 2, context_id, control | 2) + data
    parts = []
    for at in range(0, len(data), room):
        part = data[at : at + room]
        last = 2 if at + room >= len(data) else 0
        parts.append(b"\4\0" + (len(part) + 6).to_bytes(4, "big") + _PDV.pack(len(part) + 2, context_id, control | last) + part)
    return b"".join(parts)
