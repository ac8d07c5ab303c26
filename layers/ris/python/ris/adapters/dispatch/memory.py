"""The memory twins of dispatch: delivery rows, and a gateway's queue that keeps what it was given."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ris.application.conflicts import Conflict
from ris.application.dispatch.dmp_port import StrangeAnswer
from ris.application.dispatch.ports import RowPlace
from ris.domain.dispatch.channels import MAIL
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.mail import waits_for_paper
from ris.domain.dispatch.stuck import stuck_key, stuck_since
from ris.domain.usage.facts import UsageFact, counted

RowKey = RowPlace


class MemoryDeliveryStore:
    """Delivery rows in a dict, with the table's rules."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[RowKey, Delivery] = {}
        self._sent: dict[str, RowKey] = {}
        self.facts: list[UsageFact] = []

    def get(self, owner: str, channel: str, recipient: str, report_version: int = 0) -> Delivery | None:
        """Return one row, or None."""
        return self._rows.get((owner, channel, recipient, report_version))

    def of_owner(self, owner: str) -> list[Delivery]:
        """Return every row of an exam, oldest first."""
        return sorted((row for row in self._rows.values() if row.owner == owner), key=planning_order)

    def find_by_message_id(self, message_id: str) -> Delivery | None:
        """Return the row whose MSH-10 it is, or None."""
        key = self._sent.get(message_id)
        return self._rows.get(key) if key else None

    def find_by_document(self, document_id: str) -> list[Delivery]:
        """Return the mail rows of a document that left."""
        return [row for row in self._rows.values() if document_id and row.document_id == document_id and left_by_mail(row)]

    def save(self, delivery: Delivery) -> Delivery:
        """Write over the version read; raise Conflict when it no longer stands."""
        key = (delivery.owner, delivery.channel, delivery.recipient, delivery.report_version)
        with self._lock:
            before = self._rows.get(key)
            if (before.version if before else 0) != delivery.version:
                raise Conflict("version")
            moved, facts = counted(delivery)
            written = replace(moved, version=delivery.version + 1)
            self._rows[key] = written
            if written.message_id:
                self._sent[written.message_id] = key
            self.facts += facts
            return written

    def due(self, site: str, *, now: datetime, limit: int) -> list[Delivery]:
        """Return rows of the site whose `due_at` has passed, oldest first."""
        overdue = [row for row in self._rows.values() if row.site == site and row.due_at and row.due_at <= now]
        return sorted(overdue, key=lambda row: (str(row.due_at), row.owner))[:limit]

    def get_many(self, places: Sequence[RowPlace]) -> dict[RowPlace, Delivery]:
        """Return those that exist."""
        return {place: self._rows[place] for place in places if place in self._rows}

    def to_print(self, site: str, *, limit: int) -> list[Delivery]:
        """Return the site's rows that wait for paper, the longest waiting first."""
        waiting = [row for row in self._rows.values() if row.site == site and waits_for_paper(row)]
        return sorted(waiting, key=lambda row: (str(row.changed_at), row.owner))[:limit]

    def printed(self, site: str, *, limit: int) -> list[Delivery]:
        """Return the site's rows that somebody printed and sent, the newest first."""
        done = [row for row in self._rows.values() if row.site == site and row.settled_by]
        return sorted(done, key=lambda row: (str(row.changed_at), row.owner), reverse=True)[:limit]

    def rejected(self, site: str, *, since: datetime, limit: int) -> list[Delivery]:
        """Return rows of the site that were rejected since, the earliest first."""
        found = [row for row in self._rows.values() if row.site == site and row.state is DeliveryState.REJECTED]
        late = [row for row in found if row.changed_at and row.changed_at >= since]
        return sorted(late, key=lambda row: (str(row.changed_at), row.owner))[:limit]

    def stuck(self, site: str, channel: str, *, limit: int, after: str = "") -> list[Delivery]:
        """Return stuck rows of a site's channel, the longest stuck first."""
        listed = [row for row in self._rows.values() if (row.site, row.channel) == (site, channel) and stuck_since(row)]
        return sorted((row for row in listed if stuck_key(row) > after), key=stuck_key)[:limit]


def left_by_mail(row: Delivery) -> bool:
    """Say whether the row is one of a mail that was given to the operator at least once."""
    return row.channel in MAIL and row.attempts > 0


class MemoryStrangeAnswers:
    """Implements `StrangeAnswers` in a list."""

    def __init__(self) -> None:
        self._kept: list[StrangeAnswer] = []

    def keep(self, answer: StrangeAnswer) -> None:
        """See the port."""
        self._kept.append(answer)

    def of_version(self, owner: str, report_version: int) -> list[StrangeAnswer]:
        """See the port."""
        found = [one for one in self._kept if (one.owner, one.report_version) == (owner, report_version)]
        return sorted(found, key=lambda one: (one.asked_at, one.operation))

    def get(self, owner: str, report_version: int, asked_at: datetime, operation: str) -> StrangeAnswer | None:
        """See the port."""
        wanted = (owner, report_version, asked_at, operation)
        return next((one for one in self._kept if (one.owner, one.report_version, one.asked_at, one.operation) == wanted), None)

    def newest(self, *, limit: int) -> list[StrangeAnswer]:
        """See the port."""
        return sorted(self._kept, key=lambda one: one.asked_at, reverse=True)[:limit]


def planning_order(row: Delivery) -> tuple[str, str, str, int]:
    """Return what an exam's rows are sorted by: when they were planned, then channel, recipient and version."""
    return str(row.planned_at), row.channel, row.recipient, row.report_version


@dataclass(frozen=True)
class Sent:
    """One message as a gateway's queue got it."""

    site: str
    destination: str
    message_id: str
    frame: bytes
    owner: str
    attempt: int


class MemoryHl7Gate:
    """A gateway's queue that keeps what it was given, and fails as often as it is told.

    Args:
        failures: Raised one by one, before anything is kept.
    """

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[Sent] = []
        self._failures = list(failures)

    def send(self, *, site: str, destination: str, message_id: str, frame: bytes, owner: str, attempt: int) -> None:
        """Keep one message."""
        if self._failures:
            raise self._failures.pop(0)
        self.sent.append(Sent(site, destination, message_id, frame, owner, attempt))
