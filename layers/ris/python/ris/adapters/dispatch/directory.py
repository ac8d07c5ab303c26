"""The directory's mailboxes in the `reference` table, and their twin.

| item | pk | sk |
|---|---|---|
| mailboxes of a person or a structure | `DIRECTORY#{rpps or structure}` | `MAILBOXES` |
| the load that stands | `DIRECTORY` | `LOAD` |
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from ris.adapters.dynamodb import Item, Table, by_who_must_act, key_part, marshal, write
from ris.application.conflicts import Conflict
from ris.application.dispatch.import_directory import Load
from ris.application.dispatch.mail_port import DirectoryMailbox
from ris.domain.errors import RemoteUnavailable

LOAD = ("DIRECTORY", "LOAD")
_KEPT_S = 60.0
_BATCH = 25
_MOST_MAILBOXES = 100
_TRIES = 8


class MemoryDirectory:
    """Mailboxes in dicts, with the table's rules."""

    def __init__(self, *mailboxes: DirectoryMailbox) -> None:
        self._loads: dict[str, tuple[int, list[DirectoryMailbox]]] = {}
        self._load = Load()
        self.put(0, list(mailboxes))

    def of_professional(self, rpps: str) -> list[DirectoryMailbox]:
        """See the port."""
        return [one for one in self._of(rpps) if one.rpps == rpps]

    def of_structure(self, structure: str) -> list[DirectoryMailbox]:
        """See the port."""
        return [one for one in self._of(structure) if not one.rpps]

    def load(self) -> Load:
        """See the port."""
        return self._load

    def put(self, load: int, mailboxes: list[DirectoryMailbox]) -> None:
        """See the port."""
        for owner, group in owners_of(mailboxes):
            self._loads[owner] = (load, group)

    def declare(self, load: Load) -> None:
        """See the port."""
        if load.number != self._load.number + 1:
            raise Conflict("load")
        self._load = load

    def _of(self, owner: str) -> list[DirectoryMailbox]:
        load, found = self._loads.get(owner, (-1, []))
        return found if load >= self._load.number else []


class DynamoDirectory:
    """Implements `Directory` and `DirectoryTable`.

    Args:
        table: The `reference` table.
        monotonic: Seconds of a clock that never goes back; the load that stands is kept for a minute.
    """

    def __init__(self, table: Table, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._monotonic = monotonic
        self._kept = (0.0, 0)

    def of_professional(self, rpps: str) -> list[DirectoryMailbox]:
        """See the port."""
        return [one for one in self._of(rpps) if one.rpps == rpps]

    def of_structure(self, structure: str) -> list[DirectoryMailbox]:
        """See the port."""
        return [one for one in self._of(structure) if not one.rpps]

    def load(self) -> Load:
        """See the port."""
        item = self._table.get(*LOAD)
        return Load(item["version"], item["key"], item["mailboxes"]) if item else Load()

    def put(self, load: int, mailboxes: list[DirectoryMailbox]) -> None:
        """See the port."""
        items = (_item(load, owner, group) for owner, group in owners_of(mailboxes))
        while batch := list(itertools.islice(items, _BATCH)):
            self._put(batch)

    def declare(self, load: Load) -> None:
        """See the port."""
        pk, sk = LOAD
        item = {"pk": pk, "sk": sk, "version": load.number, "key": load.key, "mailboxes": load.mailboxes}
        write(self._table.client, [self._table.putting_version(item, load.number - 1)])

    def _put(self, batch: list[Item]) -> None:
        wanted: list[Any] = [{"PutRequest": {"Item": {name: marshal(value) for name, value in item.items()}}} for item in batch]
        for _ in range(_TRIES):
            with by_who_must_act():
                answer = self._table.client.batch_write_item(RequestItems={self._table.name: wanted})
            wanted = answer.get("UnprocessedItems", {}).get(self._table.name, [])
            if not wanted:
                return
        raise RemoteUnavailable("cloud_unavailable", detail="unprocessed items")

    def _of(self, owner: str) -> list[DirectoryMailbox]:
        item = self._table.get(f"DIRECTORY#{key_part(owner)}", "MAILBOXES")
        if item is None or item["load"] < self._standing():
            return []
        return [DirectoryMailbox(**one) for one in item["mailboxes"]]

    def _standing(self) -> int:
        until, number = self._kept
        if until <= self._monotonic():
            number = self.load().number
            self._kept = (self._monotonic() + _KEPT_S, number)
        return number


def owners_of(mailboxes: list[DirectoryMailbox]) -> Iterator[tuple[str, list[DirectoryMailbox]]]:
    """Yield each owner with their mailboxes in a fixed order; a list that is longer than an item holds is cut."""
    for owner, group in itertools.groupby(mailboxes, key=lambda one: one.rpps or one.structure):
        yield owner, sorted(group, key=lambda one: (one.kind, one.address))[:_MOST_MAILBOXES]


def _item(load: int, owner: str, group: list[DirectoryMailbox]) -> Item:
    return {"pk": f"DIRECTORY#{key_part(owner)}", "sk": "MAILBOXES", "load": load, "mailboxes": [asdict(one) for one in group]}
