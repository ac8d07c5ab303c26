"""The ledger of inbound messages: memory twin and the `messages` table.

| item | pk | sk | lists |
|---|---|---|---|
| message | `MESSAGE#{site}#{digest of MSH-3, 4, 10}` | `MESSAGE` | `{site}#parked` while parked |
| same control id, other bytes | the same | `INCIDENT#{digest of its bytes}` | `{site}#parked` until settled |

On the list `due_at` is the instant of reception, so that the oldest stands first.
"""

from __future__ import annotations

import threading
from dataclasses import fields, replace
from typing import Any

from ris.adapters.dynamodb import Item, Key, Table, instant_of, instant_text, write
from ris.application.agenda.messages import ON_THE_LIST, LedgerEntry, MessageState
from ris.application.conflicts import Conflict


class MemoryMessageLedger:
    """The ledger in a dict, with the table's rules."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, str], LedgerEntry] = {}

    def get(self, site: str, entry_id: str) -> LedgerEntry | None:
        """Return one entry, or None."""
        return self._entries.get((site, entry_id))

    def save(self, entry: LedgerEntry) -> LedgerEntry:
        """Write over the version read; raise Conflict when it no longer stands."""
        with self._lock:
            before = self._entries.get((entry.site, entry.entry_id))
            if (before.version if before else 0) != entry.version:
                raise Conflict("version")
            written = replace(entry, version=entry.version + 1)
            self._entries[(entry.site, entry.entry_id)] = written
            return written

    def parked(self, site: str, *, limit: int, after: str = "") -> list[LedgerEntry]:
        """Return what is on the site's operator list, oldest first."""
        listed = [each for each in self._entries.values() if each.site == site and each.state in ON_THE_LIST]
        return sorted((each for each in listed if each.list_place > after), key=lambda each: each.list_place)[:limit]


class DynamoMessageLedger:
    """Implements `MessageLedger`.

    Args:
        table: The `messages` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, site: str, entry_id: str) -> LedgerEntry | None:
        """Return one entry, read consistently, or None."""
        item = self._table.get(*_key(site, entry_id))
        return _entry(item) if item else None

    def save(self, entry: LedgerEntry) -> LedgerEntry:
        """Write over the version read; raise Conflict when it no longer stands."""
        written = replace(entry, version=entry.version + 1)
        write(self._table.client, [self._table.putting_version(_item(written), entry.version)])
        return written

    def parked(self, site: str, *, limit: int, after: str = "") -> list[LedgerEntry]:
        """Return what is on the site's operator list, oldest first."""
        last = None
        if after:
            received_at, _, entry_id = after.partition("~")
            pk, sk = _key(site, entry_id)
            last = {"pk": pk, "sk": sk, "due_pk": f"{site}#parked", "due_at": received_at}
        return [_entry(item) for item in self._table.due(f"{site}#parked", limit=limit, after=last)]


def _key(site: str, entry_id: str) -> Key:
    message, _, incident = entry_id.partition(".")
    return f"MESSAGE#{site}#{message}", f"INCIDENT#{incident}" if incident else "MESSAGE"


def _item(entry: LedgerEntry) -> Item:
    item: dict[str, Any] = {each.name: getattr(entry, each.name) for each in fields(entry)}
    item["pk"], item["sk"] = _key(entry.site, entry.entry_id)
    item["state"] = entry.state.value
    item["received_at"], item["changed_at"] = instant_text(entry.received_at), instant_text(entry.changed_at)
    if entry.state in ON_THE_LIST:
        item["due_pk"], item["due_at"] = f"{entry.site}#parked", instant_text(entry.received_at)
    return item


def _entry(item: Item) -> LedgerEntry:
    known = {each.name: item[each.name] for each in fields(LedgerEntry) if each.name in item}
    known["state"] = MessageState(item["state"])
    known["received_at"], known["changed_at"] = instant_of(item["received_at"]), instant_of(item["changed_at"])
    return LedgerEntry(**known)
