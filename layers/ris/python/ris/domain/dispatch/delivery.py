"""A delivery: a permanent row, one per channel and recipient, written under a condition, read before any send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class DeliveryState(Enum):
    """The only states a planned channel can be in (design, decision 6)."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    HELD = "held"
    DELEGATED = "delegated"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Delivery:
    """One row.

    Args:
        owner: Accession Number of the exam it belongs to.
        channel: `hl7_pacs_order`, `dmp`; mail and HL7 reports come with their first use.
        recipient: Who: `PACS` of the site, `DMP`.
        message_id: Deterministic MSH-10 of at most 20 characters; empty where the document itself is the identity (DMP).
        unknown: Pending, and perhaps already received.
        due_at: When the sweep looks again; None once nothing is waited for.
        remote_code: The other side's own code (MSA-1, ERR-3), `remote_words` its text.
        attempts: Sends so far.
        report_version: Version of the report it carries, and part of the row's key; 0 for what is no report (an order).
        document_id: OID of that version's document, or empty.
        executions: Workflows started for it so far; the next one's name says one more.
    """

    owner: str
    site: str
    channel: str
    recipient: str
    message_id: str
    state: DeliveryState
    unknown: bool = False
    due_at: datetime | None = None
    planned_at: datetime | None = None
    changed_at: datetime | None = None
    remote_code: str = ""
    remote_words: str = ""
    reason: str = ""
    attempts: int = 0
    version: int = 0
    report_version: int = 0
    document_id: str = ""
    executions: int = 0
