"""The spool: what was acknowledged to the site and has yet to reach the cloud.

Rows leave in order within their source. Forwarded rows stay for the retention the site sets, then are wiped; a row that was not
forwarded is never removed, whatever its age: a full disk is answered AR instead.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

from gateways.edge.store import Store

Kind = Literal["message", "acknowledgement", "mpps_create", "mpps_set", "instances_available", "storage_committed"]
HL7_KINDS: tuple[Kind, ...] = ("message", "acknowledgement")
DICOM_KINDS: tuple[Kind, ...] = ("mpps_create", "mpps_set", "instances_available", "storage_committed")

SCHEMA = """
CREATE TABLE IF NOT EXISTS inbound (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    received_at TEXT NOT NULL,
    facts TEXT NOT NULL,
    body BLOB NOT NULL,
    forwarded_at TEXT,
    replays INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS inbound_waiting ON inbound (id) WHERE forwarded_at IS NULL;
CREATE INDEX IF NOT EXISTS inbound_forwarded ON inbound (forwarded_at) WHERE forwarded_at IS NOT NULL;
"""


@dataclass(frozen=True)
class NewRow:
    """What goes into the spool.

    Args:
        source: Who sent it, as the order within it must hold; leaves the site only as a keyed hash.
        facts: Small fields of the envelope, JSON values.
        body: The frame, or a data set as DICOM JSON.
    """

    kind: Kind
    source: str
    received_at: datetime
    facts: Mapping[str, Any]
    body: bytes


@dataclass(frozen=True)
class Row(NewRow):
    """A row of the spool.

    Args:
        id: Never used twice.
        replays: How often an operator sent it again after it had left.
    """

    id: int = 0
    replays: int = 0


def insert(connection: sqlite3.Connection, row: NewRow) -> int:
    """Write one row inside somebody's transaction and return its id."""
    cursor = connection.execute(
        "INSERT INTO inbound (kind, source, received_at, facts, body) VALUES (?, ?, ?, ?, seal(?))",
        (row.kind, row.source, row.received_at.isoformat(), json.dumps(dict(row.facts)), row.body),
    )
    return int(cursor.lastrowid or 0)


class Spool:
    """Rows waiting for the cloud, with an index in memory of what waits.

    Args:
        store: Has `SCHEMA` in its schema.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._waiting: dict[bool, dict[str, deque[int]]] = {True: {}, False: {}}
        self._listeners: list[Callable[[], None]] = []
        store.do(_add_replays)
        rows = store.read(
            lambda c: c.execute("SELECT id, kind, source FROM inbound WHERE forwarded_at IS NULL ORDER BY id").fetchall()
        )
        for row_id, kind, source in rows:
            self._enter(row_id, kind, source)

    def on_new(self, listener: Callable[[], None]) -> None:
        """Call this, from any thread, whenever a row became durable."""
        self._listeners.append(listener)

    def append(self, row: NewRow) -> Future[int]:
        """Write one row; the future is done once it is durable, or holds `StoreUnavailable`."""
        return self.write(row.kind, row.source, lambda connection: insert(connection, row))

    def append_all(self, rows: Sequence[NewRow], settled: Callable[[list[Any]], None]) -> None:
        """Write rows that came together.

        Args:
            settled: Told the id of each row, or `StoreUnavailable`, in their order; in the writer's thread.
        """

        def announce(outcomes: list[Any]) -> None:
            for row, outcome in zip(rows, outcomes, strict=True):
                if not isinstance(outcome, Exception):
                    self._enter(outcome, row.kind, row.source)
            settled(outcomes)
            self._tell()

        self._store.submit_all([partial(insert, row=row) for row in rows], announce)

    def write(self, kind: Kind, source: str, work: Callable[[sqlite3.Connection], int], *, spare: bool = False) -> Future[int]:
        """Run a transaction that inserts one row of this kind and source (with `insert`), and announce it once durable."""
        return self._store.submit(work, lambda row_id: self._announce(row_id, kind, source), spare=spare)

    def first_of_each_source(self, kinds: tuple[Kind, ...], limit: int, skip: frozenset[str] = frozenset()) -> list[int]:
        """Return the oldest waiting row of each source, oldest first."""
        with self._lock:
            heads = [ids[0] for source, ids in self._waiting[kinds == HL7_KINDS].items() if ids and source not in skip]
        return sorted(heads)[:limit]

    def load(self, row_id: int) -> Row:
        """Return one row with its body."""
        statement = "SELECT kind, source, received_at, facts, unseal(body), replays FROM inbound WHERE id = ?"
        kind, source, received_at, facts, body, replays = self._store.read(lambda c: c.execute(statement, (row_id,)).fetchone())
        return Row(kind, source, datetime.fromisoformat(received_at), json.loads(facts), body, id=row_id, replays=replays)

    def mark_forwarded(self, rows: list[Row], now: datetime) -> Future[None]:
        """Note durably that these rows are on the queue."""
        return self._store.submit(lambda c: _mark(c, [row.id for row in rows], now), lambda _: self._leave(rows), spare=True)

    def replay(self, since: datetime, until: datetime) -> int:
        """Let what left in [since, until) wait for the cloud once more, in its order, and return how many rows."""
        span = (since.astimezone(UTC).isoformat(), until.astimezone(UTC).isoformat())
        rows = self._store.do(
            lambda c: c.execute(
                "UPDATE inbound SET forwarded_at = NULL, replays = replays + 1 WHERE forwarded_at >= ? AND forwarded_at < ? "
                "RETURNING id, kind, source",
                span,
            ).fetchall()
        )
        for row_id, kind, source in sorted(rows):
            self._enter(row_id, kind, source)
        self._tell()
        return len(rows)

    def purge(self, now: datetime, retention: timedelta) -> int:
        """Wipe forwarded rows past their retention and return how many."""
        before = (now - retention).isoformat()
        return self._store.do(
            lambda c: (
                c.execute(
                    "DELETE FROM inbound WHERE id IN (SELECT id FROM inbound WHERE forwarded_at < ? LIMIT 1000)", (before,)
                ).rowcount
            ),
            spare=True,
        )

    def waiting(self) -> int:
        """Return how many rows wait for the cloud."""
        with self._lock:
            return sum(len(ids) for sources in self._waiting.values() for ids in sources.values())

    def oldest_waiting(self) -> datetime | None:
        """Return when the oldest waiting row came."""
        found = self._store.read(
            lambda c: c.execute("SELECT received_at FROM inbound WHERE forwarded_at IS NULL ORDER BY id LIMIT 1").fetchone()
        )
        return datetime.fromisoformat(found[0]) if found else None

    def _announce(self, row_id: int, kind: str, source: str) -> None:
        self._enter(row_id, kind, source)
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _enter(self, row_id: int, kind: str, source: str) -> None:
        with self._lock:
            self._waiting[kind in HL7_KINDS].setdefault(source, deque()).append(row_id)

    def _leave(self, rows: list[Row]) -> None:
        with self._lock:
            for row in rows:
                ids = self._waiting[row.kind in HL7_KINDS][row.source]
                ids.remove(row.id)
                if not ids:
                    del self._waiting[row.kind in HL7_KINDS][row.source]


def _add_replays(connection: sqlite3.Connection) -> None:
    """Bring a file of the first version up to date; that version goes on reading it."""
    columns = {name for _, name, *_ in connection.execute("PRAGMA table_info(inbound)").fetchall()}
    if "replays" not in columns:
        connection.execute("ALTER TABLE inbound ADD COLUMN replays INTEGER NOT NULL DEFAULT 0")


def _mark(connection: sqlite3.Connection, ids: list[int], now: datetime) -> None:
    connection.executemany("UPDATE inbound SET forwarded_at = ? WHERE id = ?", [(now.isoformat(), row_id) for row_id in ids])
