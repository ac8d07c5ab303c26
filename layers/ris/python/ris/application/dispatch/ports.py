"""What sending needs from outside."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ris.domain.dispatch.delivery import Delivery


class DeliveryStore(Protocol):
    """Delivery rows, in the partition of their exam."""

    def get(self, owner: str, channel: str, recipient: str) -> Delivery | None:
        """Return one row, read consistently, or None."""

    def of_owner(self, owner: str) -> list[Delivery]:
        """Return every row of an exam, oldest first."""

    def find_by_message_id(self, message_id: str) -> Delivery | None:
        """Return the row whose MSH-10 it is, or None."""

    def save(self, delivery: Delivery) -> Delivery:
        """Write under the version read; raise Conflict when it no longer stands. Returns the row as written."""

    def due(self, site: str, *, now: datetime, limit: int) -> list[Delivery]:
        """Return rows of the site whose `due_at` has passed, oldest first (index `due`)."""


class Hl7Gate(Protocol):
    """The site's outbound queue."""

    def send(self, *, site: str, destination: str, message_id: str, frame: bytes) -> None:
        """Put one message on the queue of the site's gateway.

        Raises:
            RemoteUnavailable: Surely not queued.
            OutcomeUnknown: Perhaps queued; the same message id may be sent again.
        """
