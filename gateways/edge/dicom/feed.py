"""The worklist's durable copy, fed by the cloud: each step with a version, an older one dropped, a removed one remembered.

A removed step stays as a row without data set (its version must still refuse an older message) until its retention ends.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from gateways.edge.dicom import datasets
from gateways.edge.dicom.items import BadItem, read_items
from gateways.edge.dicom.worklist import Local, LocalState, Worklist
from gateways.edge.log import Log, emit
from gateways.edge.store import Store
from ris.contracts.queues import WorklistFeed

SCHEMA = """
CREATE TABLE IF NOT EXISTS step (
    sps_id TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    state TEXT NOT NULL,
    dataset TEXT NOT NULL,
    expires_at TEXT,
    changed_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS step_local (
    sps_id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    changed_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS feed_heard (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    at TEXT NOT NULL
);
"""
HEARD_EVERY = timedelta(minutes=1)


class WorklistCopy:
    """Keeps the feed on disk and the list in memory in step.

    Args:
        store: Has `SCHEMA` in its schema.
        site: Steps of another site are refused.

    Attributes:
        told: Messages of the feed since the start, older versions included.
        heard_at: When the cloud last answered, with steps or without; kept over a restart to the minute.
    """

    def __init__(self, store: Store, worklist: Worklist, *, site: str, clock: Callable[[], datetime]) -> None:
        self._store, self._worklist, self._site, self._clock = store, worklist, site, clock
        self.unreadable: set[str] = set()
        self.last_change: datetime | None = None
        self.told = 0
        self.heard_at: datetime | None = None
        self._noted_at: datetime | None = None

    def load(self) -> int:
        """Fill the list from the disk and return how many steps it has."""
        noted = self._store.read(lambda c: c.execute("SELECT at FROM feed_heard").fetchone())
        self.heard_at = self._noted_at = datetime.fromisoformat(noted[0]) if noted else None
        for state, sps_id, version in self._store.read(
            lambda c: c.execute("SELECT state, sps_id, version FROM step_local").fetchall()
        ):
            self._worklist.set_local(sps_id, Local(state, version))
        rows = self._store.read(
            lambda c: c.execute(
                "SELECT sps_id, version, state, unseal(dataset), expires_at FROM step WHERE state <> 'removed'"
            ).fetchall()
        )
        for sps_id, version, state, dataset, expires_at in rows:
            self._show(
                WorklistFeed(
                    site=self._site, sps_id=sps_id, version=version, state=state, dataset=json.loads(dataset), expires_at=expires_at
                )
            )
        return len(self._worklist)

    def heard(self) -> None:
        """Take note that the cloud answered."""
        now = self.heard_at = self._clock()
        if self._noted_at is None or not timedelta(0) <= now - self._noted_at < HEARD_EVERY:
            self._noted_at = now
            self._store.submit(
                lambda c: c.execute("INSERT OR REPLACE INTO feed_heard (only, at) VALUES (1, ?)", (now.isoformat(),)).rowcount,
                spare=True,
            )

    async def handle(self, body: str) -> None:
        """Apply one message of the feed, durably.

        Raises:
            pydantic.ValidationError: No envelope.
        """
        feed = WorklistFeed.model_validate_json(body)
        if feed.site != self._site:
            emit(Log.STEP_UNREADABLE, sps_id=feed.sps_id, reason="site")
            return
        changed_at = self._clock()
        newer = await asyncio.wrap_future(self._store.submit(lambda c: _write(c, feed, changed_at)))
        if not newer:
            self.told += 1
            emit(Log.STEP_OLDER, sps_id=feed.sps_id)
            return
        self.last_change = changed_at
        self._show(feed)
        self.told += 1
        emit(Log.STEP_APPLIED, sps_id=feed.sps_id, state=feed.state)

    def purge(self, now: datetime, retention: timedelta) -> int:
        """Wipe expired and removed steps past their retention and return how many."""
        before = (now - retention).isoformat()
        for sps_id in self._worklist.expired(now - retention):
            self._worklist.remove(sps_id)

        def work(connection: sqlite3.Connection) -> int:
            connection.execute("DELETE FROM step_local WHERE changed_at < ?", (before,))
            return connection.execute(
                "DELETE FROM step WHERE (state = 'removed' AND changed_at < ?) OR (expires_at IS NOT NULL AND expires_at < ?)",
                (before, before),
            ).rowcount

        return self._store.do(work, spare=True)

    def _show(self, feed: WorklistFeed) -> None:
        self.unreadable.discard(feed.sps_id)
        if feed.state == "removed":
            self._worklist.remove(feed.sps_id)
            return
        try:
            items = read_items(datasets.from_json(feed.dataset), version=feed.version, state=feed.state, expires_at=feed.expires_at)
        except (BadItem, datasets.Undecodable) as error:
            self.unreadable.add(feed.sps_id)
            self._worklist.remove(feed.sps_id)
            emit(Log.STEP_UNREADABLE, sps_id=feed.sps_id, reason=str(error))
            return
        for item in items:
            self._worklist.put(item)


def write_local(connection: sqlite3.Connection, sps_id: str, state: LocalState, version: int, now: datetime) -> None:
    """Note inside somebody's transaction what MPPS said of a step."""
    connection.execute(
        "INSERT OR REPLACE INTO step_local (sps_id, state, version, changed_at) VALUES (?, ?, ?, ?)",
        (sps_id, state, version, now.isoformat()),
    )


def _write(connection: sqlite3.Connection, feed: WorklistFeed, now: datetime) -> bool:
    expires_at = feed.expires_at.isoformat() if feed.expires_at else None
    dataset = b"{}" if feed.state == "removed" else json.dumps(feed.dataset).encode()
    cursor = connection.execute(
        "INSERT INTO step (sps_id, version, state, dataset, expires_at, changed_at) VALUES (?, ?, ?, seal(?), ?, ?) "
        "ON CONFLICT (sps_id) DO UPDATE SET version = excluded.version, state = excluded.state, dataset = excluded.dataset, "
        "expires_at = excluded.expires_at, changed_at = excluded.changed_at WHERE excluded.version > step.version",
        (feed.sps_id, feed.version, feed.state, dataset, expires_at, now.isoformat()),
    )
    return cursor.rowcount == 1
