"""A delivery: a permanent row, one per channel and recipient, written under a condition, read before any send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

CREATE, REPLACE, DELETE = "create", "replace", "delete"
"""What a row does at its recipient."""


class DeliveryState(Enum):
    """The only states a planned channel can be in (design, decision 6)."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    HELD = "held"
    DELEGATED = "delegated"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Origin:
    """What a row of a report keeps for the figures: whose it is, and whose calendar counts.

    Args:
        time_zone: IANA name of the site's zone: a fact is dated by the site's civil day.
        legal_entity: FINESS EJ; `finess_geo` that of the site.
        author: RPPS of who validated.
        qualified: Whether this version carries a qualified identity.
    """

    time_zone: str = "UTC"
    legal_entity: str = ""
    finess_geo: str = ""
    author: str = ""
    qualified: bool = False


@dataclass(frozen=True)
class Delivery:
    """One row.

    Args:
        owner: Accession Number of the exam it belongs to.
        channel: `hl7_pacs_order`, or of a report: `dmp mss_professional mss_patient hl7_report to_print`.
        recipient: Who, never where: `PACS` or `HIS` of the site, `DMP`, `PATIENT`, an RPPS, `REQUESTER` when the order has none.
        message_id: Deterministic: an MSH-10 of at most 20 characters, or the 32 characters that Message-ID and ENVID of a mail are made
            of; empty where the document itself is the identity (DMP).
        unknown: Pending, and perhaps already received.
        due_at: When the sweep looks again; None once nothing is waited for.
        remote_code: The other side's own code (MSA-1, ERR-3), `remote_words` its text.
        attempts: Sends so far.
        report_version: Version of the report it carries, and part of the row's key; 0 for what is no report (an order).
        document_id: OID of that version's document, or empty.
        executions: Workflows started for it so far; the next one's name says one more.
        operation: `create`, `replace` or `delete`: what it does at its recipient.
        revision: Of an order: how often its exam's appointment had been changed when this word about it was planned.
        predecessor: OID of the document that it replaces or deletes there, `predecessor_version` its version; of nothing else does a
            deletion speak than of what that recipient got.
        who_sends: `ours`, or `platform`: the hospital's platform was asked to, and its acknowledgements move the row.
        accepted_at: When the mail operator took it. Still pending: accepted is not delivered.
        read_at: When its recipient read or integrated it.
        address: Of a professional, as looked up when it was sent; a patient's is made of the INS each time, and never kept.
        settled_by: Account that settled it by hand (printed).
        noted_at: When somebody of the group's IT took note of how it stands: it is off their list until it changes.
        fact: Id of the usage fact that stands for it, or empty; `failure` that of the one that says it failed.
        origin: What its facts say of the report; None for what is no report.
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
    operation: str = CREATE
    predecessor: str = ""
    predecessor_version: int = 0
    who_sends: str = "ours"
    accepted_at: datetime | None = None
    read_at: datetime | None = None
    address: str = ""
    settled_by: str = ""
    noted_at: datetime | None = None
    fact: str = ""
    failure: str = ""
    origin: Origin | None = None
    revision: int = 0
