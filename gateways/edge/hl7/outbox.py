"""Outbound messages, durable, one ordered queue per destination.

A message's row is closed in the same transaction that puts the peer's answer into the spool, so an answer is reported once the row
can no longer be sent, and never lost between the two.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gateways.edge.spool import NewRow, Spool, insert
from gateways.edge.store import Store

Outcome = Literal["AA", "AE", "AR", "none"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbound (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    destination TEXT NOT NULL,
    message_id TEXT NOT NULL,
    body BLOB NOT NULL,
    received_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    bytes_left INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    closed_at TEXT,
    UNIQUE (destination, message_id)
);
CREATE INDEX IF NOT EXISTS outbound_waiting ON outbound (destination, id) WHERE closed_at IS NULL;
"""


@dataclass(frozen=True)
class OutboundRow:
    """One message on its way to a peer.

    Args:
        attempts: Tries so far.
        bytes_left: Some of it may have reached the peer in an earlier try.
    """

    id: int
    destination: str
    message_id: str
    body: bytes
    received_at: datetime
    attempts: int
    bytes_left: bool


class Outbox:
    """The outbound queues.

    Args:
        store: Has `SCHEMA` and the spool's schema.
        spool: Where answers go on their way to the cloud.
    """

    def __init__(self, store: Store, spool: Spool, clock: Callable[[], datetime]) -> None:
        self._store, self._spool, self._clock = store, spool, clock

    def put(self, destination: str, message_id: str, body: bytes) -> Future[bool]:
        """Make one message durable at the end of its destination's queue.

        The same id again while it waits is the same message; after it was closed it is sent again (the cloud reconciles so).

        Returns:
            Whether it was added.
        """
        received_at = self._clock().isoformat()
        return self._store.submit(lambda c: _put(c, destination, message_id, body, received_at))

    def next(self, destination: str) -> OutboundRow | None:
        """Return the oldest open message of a destination."""
        found = self._store.read(
            lambda c: c.execute(
                "SELECT id, destination, message_id, unseal(body), received_at, attempts, bytes_left FROM outbound "
                "WHERE destination = ? AND closed_at IS NULL ORDER BY id LIMIT 1",
                (destination,),
            ).fetchone()
        )
        if found is None:
            return None
        row_id, name, message_id, body, received_at, attempts, left = found
        return OutboundRow(row_id, name, message_id, body, datetime.fromisoformat(received_at), attempts, bool(left))

    def note_attempt(self, row: OutboundRow, *, bytes_left: bool) -> Future[None]:
        """Note one try that has no final answer."""
        return self._store.submit(
            lambda c: _execute(
                c,
                "UPDATE outbound SET attempts = attempts + 1, bytes_left = max(bytes_left, ?) WHERE id = ?",
                (int(bytes_left), row.id),
            ),
            spare=True,
        )

    def close(self, row: OutboundRow, outcome: Outcome, *, frame: bytes = b"", unknown: bool = False) -> Future[int]:
        """End one message and report what became of it.

        Args:
            frame: The acknowledgement's bytes.
            unknown: With `none`: the peer may have taken it.
        """
        now = self._clock()

        def work(connection: sqlite3.Connection) -> int:
            _execute(connection, "UPDATE outbound SET outcome = ?, closed_at = ? WHERE id = ?", (outcome, now.isoformat(), row.id))
            return insert(connection, _report(row.destination, row.message_id, outcome, unknown, frame, now))

        return self._spool.write("acknowledgement", _source(row.destination), work, spare=True)

    def report_undeliverable(self, destination: str, message_id: str) -> Future[int]:
        """Report a message whose destination this site does not have."""
        return self._spool.append(_report(destination, message_id, "none", False, b"", self._clock()))

    def waiting(self) -> dict[str, tuple[int, datetime]]:
        """Return for each destination with open messages how many, and when the oldest came."""
        rows = self._store.read(
            lambda c: c.execute(
                "SELECT destination, count(*), min(received_at) FROM outbound WHERE closed_at IS NULL GROUP BY destination"
            ).fetchall()
        )
        return {name: (count, datetime.fromisoformat(oldest)) for name, count, oldest in rows}

    def purge(self, now: datetime, retention: timedelta) -> int:
        """Wipe closed messages past their retention and return how many."""
        before = (now - retention).isoformat()
        return self._store.do(lambda c: c.execute("DELETE FROM outbound WHERE closed_at < ?", (before,)).rowcount, spare=True)


def _source(destination: str) -> str:
    return f"acknowledgement|{destination}"


def _report(destination: str, message_id: str, outcome: Outcome, unknown: bool, frame: bytes, now: datetime) -> NewRow:
    facts = {"destination": destination, "message_id": message_id, "outcome": outcome, "unknown": unknown}
    return NewRow("acknowledgement", _source(destination), now, facts, frame)


def _put(connection: sqlite3.Connection, destination: str, message_id: str, body: bytes, received_at: str) -> bool:
    key = (destination, message_id)
    _execute(connection, "DELETE FROM outbound WHERE destination = ? AND message_id = ? AND closed_at IS NOT NULL", key)
    statement = "INSERT OR IGNORE INTO outbound (destination, message_id, body, received_at) VALUES (?, ?, seal(?), ?)"
    return connection.execute(statement, (*key, body, received_at)).rowcount == 1


def _execute(connection: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> None:
    connection.execute(statement, values)
