"""Inbound HL7 messages as the use cases see them: what was read, the ledger, and the operator's list.

The ledger has one row per (site, MSH-3, MSH-4, MSH-10). It says what became of every message that was acknowledged AA; an
incident (the same control id with other bytes) is a row beside it, under the digest of its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol

from ris.application.dispatch.apply_zam import BusinessAcknowledgement
from ris.application.reference import Site
from ris.domain.agenda.orders import OrderSaid
from ris.domain.identity.announcement import PatientSaid


@dataclass(frozen=True)
class MessageHeader:
    """What tells one message from another.

    Args:
        sending_application: MSH-3, all components as written.
        sending_facility: MSH-4, likewise.
        control_id: MSH-10.
        message_type: MSH-9.1 and .2 as `ADT^A04`.
    """

    sending_application: str
    sending_facility: str
    control_id: str
    message_type: str


@dataclass(frozen=True)
class ReadMessage:
    """A message we know what to do with: first its patient, then each order on its own; or an answer to a report of ours.

    Args:
        patient: None when the message only answers.
        answer: Of a hospital's platform about a report (ZAM).
    """

    header: MessageHeader
    patient: PatientSaid | None
    orders: tuple[OrderSaid, ...] = ()
    answer: BusinessAcknowledgement | None = None


class MessageReader(Protocol):
    """Makes values of bytes; raises InvalidInput naming segment and field, and nothing else."""

    def header(self, frame: bytes, default_charset: str) -> MessageHeader:
        """Return MSH; raise InvalidInput when there is none."""

    def read(self, frame: bytes, default_charset: str, site: Site) -> ReadMessage:
        """Return what the message asks; raise InvalidInput when it asks nothing we can do."""

    def text(self, frame: bytes, default_charset: str) -> str:
        r"""Return the message for a person's eyes, one segment per line; unreadable characters as `\xhh`."""


class MessageState(Enum):
    """Where an inbound message stands; `PARKED` and `INCIDENT` are on the operator's list."""

    RECEIVED = "received"
    APPLIED = "applied"
    PARKED = "parked"
    INCIDENT = "incident"
    DISMISSED = "dismissed"


ON_THE_LIST = frozenset({MessageState.PARKED, MessageState.INCIDENT})


@dataclass(frozen=True)
class LedgerEntry:
    """One inbound message (or acknowledgement nobody asked for) and what became of it.

    Args:
        entry_id: `[0-9a-f.]+`: digest of MSH-3, 4 and 10; an incident has `.` and 32 characters of its bytes' digest behind.
        sha256: Hex digest of the bytes.
        frame: The bytes, when they are small; else `s3_key` names them in the messages bucket.
        reason: Code of what keeps it from being applied, `place` the segment and field, as `PID-7`.
        kind: `message`, or `acknowledgement` for an answer that belongs to nothing we sent.
        settled_by: Account that dismissed or replayed it.
    """

    entry_id: str
    site: str
    sha256: str
    state: MessageState
    received_at: datetime
    frame: bytes = b""
    s3_key: str = ""
    default_charset: str = ""
    sending_application: str = ""
    sending_facility: str = ""
    control_id: str = ""
    message_type: str = ""
    spool_id: str = ""
    kind: str = "message"
    reason: str = ""
    place: str = ""
    changed_at: datetime | None = None
    settled_by: str = ""
    version: int = 0

    @property
    def list_place(self) -> str:
        """Where it stands on the operator's list."""
        return f"{self.received_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}~{self.entry_id}"


class MessageLedger(Protocol):
    """The `messages` table. It is also `ParkedMessages` of the agenda's pages."""

    def get(self, site: str, entry_id: str) -> LedgerEntry | None:
        """Return one entry, read consistently, or None."""

    def save(self, entry: LedgerEntry) -> LedgerEntry:
        """Write under the version read (0 = new); raise Conflict when it no longer stands. Returns the entry as written."""

    def parked(self, site: str, *, limit: int, after: str = "") -> list[LedgerEntry]:
        """Return what is on the site's operator list, oldest first (index `due`).

        Args:
            after: `list_place` of the entry behind which the list goes on.
        """


class Frames(Protocol):
    """Bodies too large for a queue, in the messages bucket."""

    def get(self, s3_key: str) -> bytes:
        """Return the bytes.

        Raises:
            RemoteUnavailable: Not there, or not now; the queue delivers again.
        """
