"""What sending mail needs from outside: documents, an address book, an operator, and a mailbox that is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ris.domain.report.frozen import FrozenReport
from ris.domain.report.marks import Marks, Reason


@dataclass(frozen=True)
class ReportDocuments:
    """One signed version and those of its stored files that were asked for, by name: the very bytes that were signed."""

    report: FrozenReport
    reason: Reason
    marks: Marks
    files: dict[str, bytes]


class StoredReports(Protocol):
    """The versions of reports, with their documents."""

    def with_files(self, accession_number: str, version: int, *names: str) -> ReportDocuments | None:
        """Return a version with those files, or None until it is signed, or once it was withdrawn.

        Raises:
            Refused: `stored_document_changed`: they are not the bytes that were signed.
            RemoteUnavailable: `document_unavailable`.
        """


@dataclass(frozen=True)
class Mailbox:
    """The application mailbox of a site.

    Args:
        address: Envelope sender, From and Disposition-Notification-To (equal, else no receipt comes).
        label: Functional name shown beside it; `reply_to` the secretariat's mailbox or empty.
        product: Reference of the product given by Convergence (X-MSS-NIL).
    """

    address: str
    label: str
    reply_to: str = ""
    product: str = ""


@dataclass(frozen=True)
class Letter:
    """What one row sends.

    Args:
        number: The row's 32 characters, that Message-ID and ENVID are made of.
        recipient: Mail address.
        kind: `create`, `replace` or `delete`, as the row's operation.
        in_reply_to: Number of the mail that this one speaks of, or empty.
        final: The recipient may not answer (X-MSS-MES).
    """

    number: str
    recipient: str
    kind: str = "create"
    in_reply_to: str = ""
    final: bool = False


@dataclass(frozen=True)
class Outgoing:
    """One mail as it is given to the operator: CRLF, one recipient."""

    sender: str
    recipient: str
    envelope_id: str
    content: bytes


class MailWriter(Protocol):
    """Makes the mail of a row; the same row and documents give the same mail."""

    def write(self, documents: ReportDocuments, letter: Letter, mailbox: Mailbox, *, sent_at: datetime) -> bytes:
        """Return the mail.

        Raises:
            InvalidInput: `address_malformed`.
        """


class MailOperator(Protocol):
    """The MSSante operator, by site: each has its own mailbox and certificate."""

    def mailbox(self, site: str) -> Mailbox:
        """Return the site's mailbox.

        Raises:
            Refused: `mailbox_not_configured`.
            RemoteUnavailable: Its secret cannot be had now.
        """

    def submit(self, site: str, mail: Outgoing) -> None:
        """Give one mail to the operator; done means that it took responsibility.

        Raises:
            Refused: `mailbox_not_configured`.
            RemoteRejected: It surely did not, and will not: the code says why, the detail is its own words.
            RemoteUnavailable: It surely did not, for now.
            OutcomeUnknown: Perhaps it did.
        """


@dataclass(frozen=True)
class DirectoryMailbox:
    """One mailbox of the national directory.

    Args:
        kind: `PER` of one person, `ORG` of a structure, `APP` of an application, `CAB` of a practice.
        rpps: Of whose it is, or empty; `structure` is the FINESS or SIRET of its structure, or empty.
        red_listed: Sent to, never shown.
    """

    address: str
    kind: str
    rpps: str = ""
    structure: str = ""
    red_listed: bool = False
    label: str = ""


class Directory(Protocol):
    """The mailboxes of the directory's last extract."""

    def of_professional(self, rpps: str) -> list[DirectoryMailbox]:
        """Return the mailboxes of a person, in a fixed order."""

    def of_structure(self, structure: str) -> list[DirectoryMailbox]:
        """Return the mailboxes of a structure that are no person's, in a fixed order."""


@dataclass(frozen=True)
class Receipt:
    """One receipt.

    Args:
        kind: `delivered failed delayed relayed` (DSN), `read processed deleted error` (MDN), `ko` (plain answer), `other`.
        envelope_id: ENVID of a DSN; `message_id` without brackets; `recipient` lower case; `document_id` from a returned archive.
        code: DSN status (`5.1.1`) or application code (`902`); `words` the sender's own.
    """

    kind: str
    envelope_id: str = ""
    message_id: str = ""
    recipient: str = ""
    document_id: str = ""
    code: str = ""
    words: str = ""
    sender: str = ""


class ReceiptReader(Protocol):
    """Reads what came back."""

    def read(self, content: bytes) -> list[Receipt]:
        """Return what one mail says, one receipt per recipient it names; `other` for what says nothing of a row. Never raises."""


@dataclass(frozen=True)
class Arrived:
    """One mail of the mailbox.

    Args:
        uid: Its number there; `size` its octets, of which `content` may be only the beginning.
    """

    uid: int
    size: int
    content: bytes

    @property
    def whole(self) -> bool:
        """Say whether `content` is all of it."""
        return len(self.content) >= self.size


class OpenMailbox(Protocol):
    """A mailbox being read; nothing in it is changed."""

    uid_validity: int

    def uids_after(self, uid: int) -> list[int]:
        """Return the numbers of what came after, ascending."""

    def fetch(self, uid: int, *, whole: bool = False) -> Arrived | None:
        """Return one mail, or its beginning; None when it is gone."""

    def close(self) -> None:
        """End the session."""


class Mailboxes(Protocol):
    """The mailboxes as they are read."""

    def open(self, site: str) -> OpenMailbox:
        """Open the site's mailbox.

        Raises:
            Refused: `mailbox_not_configured`.
            RemoteUnavailable: Not now.
            RemoteRejected: The operator does not let us in.
        """


@dataclass(frozen=True)
class MailboxPlace:
    """How far a mailbox was read.

    Args:
        uid_validity: Of the numbering that `last_uid` belongs to.
    """

    address: str
    uid_validity: int = 0
    last_uid: int = 0
    version: int = 0


class MailboxPlaces(Protocol):
    """Rows that remember it."""

    def get(self, address: str) -> MailboxPlace:
        """Return the place, a new one of version 0 before the first read."""

    def save(self, place: MailboxPlace) -> MailboxPlace:
        """Write under the version read; raise Conflict when it no longer stands. Returns the row as written."""
