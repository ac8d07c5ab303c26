"""What sending needs from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ris.application.reference import Site
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest
from ris.domain.dispatch.delivery import CREATE, Delivery
from ris.domain.identity.patient import Patient


@dataclass(frozen=True)
class OrderFacts:
    """All that an order message to the PACS says.

    Args:
        message_id: MSH-10.
        destination: MSH-5.
        sent_at: MSH-7, aware; the same at each resend, so that a resend is the same bytes.
        request: What was asked for, or None for an exam booked without a request.
        operation: `create`, `replace` or `delete`: an order, a change of its place, its end.
    """

    message_id: str
    destination: str
    sent_at: datetime
    site: Site
    exam: Exam
    patient: Patient
    request: ImagingRequest | None
    operation: str = CREATE


@dataclass(frozen=True)
class Answer:
    """What an acknowledgement says (MSA, ERR).

    Args:
        code: MSA-1.
        message_id: MSA-2.
        error: ERR-3.1, or the fourth component of ERR-1 in older versions.
        words: ERR-8, ERR-7 or MSA-3: the peer's own text.
    """

    code: str
    message_id: str
    error: str = ""
    words: str = ""


class OrderWriter(Protocol):
    """Makes the bytes of messages we send, and reads the answers to them."""

    def order(self, facts: OrderFacts) -> bytes:
        """Return an ORM^O01."""

    def answer(self, frame: bytes) -> Answer:
        """Read an acknowledgement; raise InvalidInput when it is none."""


class Exams(Protocol):
    """What sending reads of exams."""

    def get(self, accession_number: str) -> Exam | None:
        """Return the exam, read consistently, or None."""

    def get_request(self, request_id: str) -> ImagingRequest | None:
        """Return the request, read consistently, or None."""


class Patients(Protocol):
    """What sending reads of patients."""

    def get(self, patient_id: str) -> Patient | None:
        """Return the patient, read consistently, or None."""


class Sites(Protocol):
    """What sending reads of reference data."""

    def site(self, site: str) -> Site | None:
        """Return one site, or None."""


RowPlace = tuple[str, str, str, int]
"""Owner, channel, recipient and version of the report: what a row is found by."""


class DeliveryStore(Protocol):
    """Delivery rows, in the partition of their exam."""

    def get(self, owner: str, channel: str, recipient: str, report_version: int = 0) -> Delivery | None:
        """Return one row, read consistently, or None; `report_version` is 0 for what is no report."""

    def of_owner(self, owner: str) -> list[Delivery]:
        """Return every row of an exam, oldest first."""

    def find_by_message_id(self, message_id: str) -> Delivery | None:
        """Return the row whose MSH-10 it is, or None."""

    def find_by_document(self, document_id: str) -> list[Delivery]:
        """Return the mail rows of a document, of those that were given to the operator at least once."""

    def save(self, delivery: Delivery) -> Delivery:
        """Write under the version read, with the usage fact that the row makes true, all or none.

        Returns:
            The row as written.

        Raises:
            Conflict: The version no longer stands.
        """

    def due(self, site: str, *, now: datetime, limit: int) -> list[Delivery]:
        """Return rows of the site whose `due_at` has passed, oldest first (index `due`)."""

    def get_many(self, places: Sequence[RowPlace]) -> dict[RowPlace, Delivery]:
        """Return those that exist, by owner, channel, recipient and version of the report, read consistently."""

    def to_print(self, site: str, *, limit: int) -> list[Delivery]:
        """Return the site's rows that wait for paper, the longest waiting first (index `due`)."""

    def printed(self, site: str, *, limit: int) -> list[Delivery]:
        """Return the site's rows that somebody printed and sent, the newest first (index `due`)."""

    def rejected(self, site: str, *, since: datetime, limit: int) -> list[Delivery]:
        """Return rows of the site that were rejected since, the earliest first (index `due`)."""

    def stuck(self, site: str, channel: str, *, limit: int, after: str = "") -> list[Delivery]:
        """Return rows of a site's channel that are stuck, the longest stuck first (index `stuck`).

        Args:
            after: `stuck_key` of the row behind which the list goes on.
        """


class Hl7Gate(Protocol):
    """The site's outbound queue."""

    def send(self, *, site: str, destination: str, message_id: str, frame: bytes, owner: str, attempt: int) -> None:
        """Put one message on the queue of the site's gateway.

        Args:
            site: Whose gateway.
            destination: Name in the gateway's settings.
            message_id: MSH-10; the peer recognises a repetition by it.
            frame: The message's bytes, without MLLP framing.
            owner: Accession number; messages of one exam keep their order.
            attempt: Counts the sends of this message: the queue drops a repetition of the same attempt only.

        Raises:
            RemoteUnavailable: Surely not queued.
            OutcomeUnknown: Perhaps queued; the same message id may be sent again.
        """
