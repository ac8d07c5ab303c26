"""Breaker rows: memory twin and the `messages` table.

| item | pk | sk | lists |
|---|---|---|---|
| breaker | `BREAKER#{remote}` | `BREAKER` | |
| outage | `BREAKER#{remote}` | `INCIDENT#{opened_at}` | `-#incident` while it lasts |
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime

from ris.adapters.dynamodb import Item, Table, instant_of, instant_text, write
from ris.application.breaker import Breaker, BreakerState, Incident
from ris.application.conflicts import Conflict

OPEN_INCIDENTS = "-#incident"


class MemoryBreakerStore:
    """Breakers in a dict, with the table's rules."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, Breaker] = {}
        self._incidents: dict[tuple[str, str], Incident] = {}

    def get(self, remote: str) -> Breaker:
        """Return the row, or a closed one."""
        return self._rows.get(remote, Breaker(remote))

    def save(self, breaker: Breaker, incident: Incident | None = None) -> Breaker:
        """Write both; raise Conflict when the version read no longer stands."""
        with self._lock:
            if self.get(breaker.remote).version != breaker.version:
                raise Conflict("version")
            self._rows[breaker.remote] = replace(breaker, version=breaker.version + 1)
            if incident:
                self._incidents[(incident.remote, instant_text(incident.opened_at))] = incident
            return self._rows[breaker.remote]

    def incidents(self, remote: str, *, limit: int, before: datetime | None = None) -> list[Incident]:
        """Return the remote's outages, newest first."""
        found = [each for each in self._incidents.values() if each.remote == remote and (not before or each.opened_at < before)]
        return sorted(found, key=lambda each: each.opened_at, reverse=True)[:limit]


class DynamoBreakerStore:
    """Implements `BreakerStore`.

    Args:
        table: The `messages` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, remote: str) -> Breaker:
        """Return the row, read consistently, or a closed one."""
        item = self._table.get(f"BREAKER#{remote}", "BREAKER")
        if item is None:
            return Breaker(remote)
        return Breaker(
            remote,
            state=BreakerState(item["state"]),
            failures=item["failures"],
            opened_at=instant_of(item["opened_at"]),
            next_try_at=instant_of(item["next_try_at"]),
            pause_s=item["pause_s"],
            code=item["code"],
            version=item["version"],
        )

    def save(self, breaker: Breaker, incident: Incident | None = None) -> Breaker:
        """Write both; raise Conflict when the version read no longer stands."""
        written = replace(breaker, version=breaker.version + 1)
        writes = [self._table.putting_version(_item(written), breaker.version)]
        if incident:
            writes.append(self._table.putting(_incident_item(incident)))
        write(self._table.client, writes)
        return written

    def incidents(self, remote: str, *, limit: int, before: datetime | None = None) -> list[Incident]:
        """Return the remote's outages, newest first."""
        # What sorts before the instant's own key: the earliest outage is behind "INCIDENT#".
        last = f"INCIDENT#{instant_text(before)[:-1]}" if before else "INCIDENT#9"
        items = self._table.query(f"BREAKER#{remote}", between=("INCIDENT#", last), limit=limit, newest_first=True)
        return [_incident(item) for item in items]


def _item(row: Breaker) -> Item:
    return {
        "pk": f"BREAKER#{row.remote}",
        "sk": "BREAKER",
        "state": row.state.value,
        "failures": row.failures,
        "opened_at": instant_text(row.opened_at),
        "next_try_at": instant_text(row.next_try_at),
        "pause_s": row.pause_s,
        "code": row.code,
        "version": row.version,
    }


def _incident_item(incident: Incident) -> Item:
    opened = instant_text(incident.opened_at)
    listed = {} if incident.closed_at else {"due_pk": OPEN_INCIDENTS, "due_at": opened}
    return {
        "pk": f"BREAKER#{incident.remote}",
        "sk": f"INCIDENT#{opened}",
        "remote": incident.remote,
        "opened_at": opened,
        "closed_at": instant_text(incident.closed_at),
        "failures": incident.failures,
        "code": incident.code,
        **listed,
    }


def _incident(item: Item) -> Incident:
    opened = instant_of(item["opened_at"])
    assert opened is not None
    return Incident(item["remote"], opened, instant_of(item["closed_at"]), item["failures"], item["code"])
