"""A request on its association, and the three shapes of a reply: bytes at once, a stream, or work for the disk. No network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from gateways.edge.dicom import pdu
from gateways.edge.dicom.dimse import Command, Message, Outcome, encode_response
from gateways.edge.dicom.negotiation import Accepted, Context


@dataclass(frozen=True)
class Stream:
    """Responses as P-DATA-TF PDUs, made while they are taken; an empty one lets others go first."""

    parts: Iterator[bytes]


@dataclass(frozen=True)
class Later:
    """Work that waits for the disk; in a thread, it returns the response."""

    work: Callable[[], bytes]


Reply: TypeAlias = "bytes | Stream | Later"


class Request:
    """One request on its association.

    Attributes:
        cancelled: The peer wants no more answers.
    """

    __slots__ = ("association", "cancelled", "command", "context", "message")

    def __init__(self, message: Message, association: Accepted, context: Context, *, cancelled: bool = False) -> None:
        self.message, self.association, self.context, self.cancelled = message, association, context, cancelled
        self.command: Command = message.command

    def response(self, outcome: Outcome) -> bytes:
        """Write the final response."""
        return self.write(encode_response(self.command, outcome, sop_class=self.context.sop_class), is_command=True)

    def write(self, data: bytes, *, is_command: bool) -> bytes:
        """Write a command or a data set as the peer can take it."""
        return pdu.encode_data(self.message.context_id, data, is_command=is_command, max_length=self.association.max_length)
