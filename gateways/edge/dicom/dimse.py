"""DIMSE: command sets to values and back, and fragments put together to messages (PS3.7 6.3, 9.3, 10.3). No network.

Command sets are implicit VR little endian whatever the presentation context says. Group length and padding are not relied on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from gateways.edge.dicom.pdu import Pdv

NO_DATASET = 0x0101
MAX_COMMAND = 16 * 1024
MAX_DATASET = 4 * 1024 * 1024
_CACHED = 256
_HEADER = struct.Struct("<HHI")


class Field(IntEnum):
    """(0000,0100) Command Field of the requests we know."""

    C_FIND = 0x0020
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_GET = 0x0110
    N_SET = 0x0120
    N_ACTION = 0x0130
    N_CREATE = 0x0140
    N_DELETE = 0x0150
    C_CANCEL = 0x0FFF


RESPONSE = 0x8000


class PeerFault(Exception):
    """The peer's fragments or command cannot be read; the association is aborted."""


class TooLarge(PeerFault):
    """A message over its bound."""


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """A request. The same bytes give the same object.

    Args:
        message_id: (0000,0110), or (0000,0120) of a C-CANCEL: the message it is about.
        sop_class: (0000,0002) or (0000,0003).
        sop_instance: (0000,1000) or (0000,1001), empty when absent.
        event_type: (0000,1002) of N-EVENT-REPORT.
    """

    field: int
    message_id: int
    sop_class: str
    sop_instance: str
    has_dataset: bool
    event_type: int = 0


class Message(NamedTuple):
    """A whole request; `dataset` is empty when the command has none."""

    context_id: int
    command: Command
    dataset: bytes


@lru_cache(_CACHED)
def decode_command(data: bytes) -> Command:
    """Read a command set.

    Raises:
        PeerFault: Cut short, or without command field or message id.
    """
    values: dict[int, bytes] = {}
    at, end = 0, len(data)
    while at < end:
        if end - at < 8:
            raise PeerFault("command cut")
        group, element, length = _HEADER.unpack_from(data, at)
        stop = at + 8 + length
        if group != 0 or stop > end:
            raise PeerFault("command element")
        values[element] = data[at + 8 : stop]
        at = stop
    field = _number(values, 0x0100)
    message_id = _number(values, 0x0120 if field is not None and (field & RESPONSE or field == Field.C_CANCEL) else 0x0110)
    if field is None or message_id is None:
        raise PeerFault("command field or message id missing")
    return Command(
        field,
        message_id,
        _uid(values, 0x0002) or _uid(values, 0x0003),
        _uid(values, 0x1000) or _uid(values, 0x1001),
        _number(values, 0x0800) not in (None, NO_DATASET),
        _number(values, 0x1002) or 0,
    )


def _number(values: dict[int, bytes], element: int) -> int | None:
    value = values.get(element, b"")
    return int.from_bytes(value[:2], "little") if len(value) >= 2 else None


def _uid(values: dict[int, bytes], element: int) -> str:
    return values.get(element, b"").decode("latin-1").strip(" \0")


class Assembler:
    """Puts the fragments of one association together, one message at a time (PS3.8 annex E)."""

    __slots__ = ("_command", "_context_id", "_max_dataset", "_parts", "held")

    def __init__(self, max_dataset: int = MAX_DATASET) -> None:
        self._max_dataset = max_dataset
        self._context_id: int | None = None
        self._command: Command | None = None
        self._parts: list[bytes] = []
        self.held = 0

    def feed(self, value: Pdv) -> Message | None:
        """Take one fragment, and return the message it completes.

        Raises:
            PeerFault: It does not belong to the message before it, or that cannot be read.
        """
        if self._context_id not in (None, value.context_id) or value.is_command != (self._command is None):
            raise PeerFault("fragment out of place")
        self._context_id = value.context_id
        self._parts.append(value.data)
        self.held += len(value.data)
        if self.held > (MAX_COMMAND if value.is_command else self._max_dataset) or len(self._parts) > self._max_dataset // 64:
            raise TooLarge("message too large")
        if not value.is_last:
            return None
        whole = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self.held = [], 0
        if self._command is None:
            command = decode_command(whole)
            if command.has_dataset:
                self._command = command
                return None
            return self._done(command, b"")
        return self._done(self._command, whole)

    def _done(self, command: Command, dataset: bytes) -> Message:
        assert self._context_id is not None
        message = Message(self._context_id, command, dataset)
        self._context_id = self._command = None
        return message


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a response says beside its request (PS3.7 annex C).

    Args:
        status: (0000,0900).
        comment: (0000,0902), ASCII, no value of the request.
        tag: (0000,0901), the element at fault, 0 for none.
        error_id: (0000,0903).
        sop_instance: (0000,1000), where the response names the instance.
    """

    status: int
    comment: str = ""
    tag: int = 0
    error_id: int | None = None
    sop_instance: str = ""


SUCCESS = Outcome(0x0000)


@lru_cache(_CACHED)
def encode_response(command: Command, outcome: Outcome, *, sop_class: str, has_dataset: bool = False) -> bytes:
    """Write the command set of a response.

    Args:
        sop_class: (0000,0002); that of the presentation context when the request named none.
    """
    elements = [
        write_text(0x0002, sop_class, b"\0"),
        write_short(0x0100, command.field | RESPONSE),
        write_short(0x0120, command.message_id),
        write_short(0x0800, 1 if has_dataset else NO_DATASET),
        write_short(0x0900, outcome.status),
    ]
    if outcome.tag:
        elements.append(write_element(0x0901, struct.pack("<HH", outcome.tag >> 16, outcome.tag & 0xFFFF)))
    if outcome.comment:
        elements.append(write_text(0x0902, outcome.comment[:64], b" "))
    if outcome.error_id is not None:
        elements.append(write_short(0x0903, outcome.error_id))
    if outcome.sop_instance:
        elements.append(write_text(0x1000, outcome.sop_instance, b"\0"))
    if command.field == Field.N_EVENT_REPORT:
        elements.append(write_short(0x1002, command.event_type))
    body = b"".join(elements)
    return write_element(0x0000, len(body).to_bytes(4, "little")) + body


def write_element(element: int, value: bytes) -> bytes:
    """Write one element of a command set."""
    return _HEADER.pack(0, element, len(value)) + value


def write_short(element: int, value: int) -> bytes:
    """Write an element of value representation US."""
    return write_element(element, value.to_bytes(2, "little"))


def write_text(element: int, value: str, padding: bytes) -> bytes:
    """Write an element of text, padded to an even length."""
    encoded = value.encode("ascii", "replace")
    return write_element(element, encoded + padding * (len(encoded) % 2))
