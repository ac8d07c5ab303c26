"""How far each mailbox was read, in the `messages` table.

| item | pk | sk |
|---|---|---|
| place | `MAILBOX#{address}` | `MAILBOX` |
"""

from __future__ import annotations

import threading
from dataclasses import asdict, replace

from ris.adapters.dynamodb import Table, write
from ris.application.conflicts import Conflict
from ris.application.dispatch.mail_port import MailboxPlace


class DynamoMailboxPlaces:
    """Implements `MailboxPlaces`.

    Args:
        table: The `messages` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, address: str) -> MailboxPlace:
        """See the port."""
        item = self._table.get(f"MAILBOX#{address}", "MAILBOX")
        if item is None:
            return MailboxPlace(address)
        return MailboxPlace(address, item["uid_validity"], item["last_uid"], item["version"])

    def save(self, place: MailboxPlace) -> MailboxPlace:
        """See the port."""
        written = replace(place, version=place.version + 1)
        item = {"pk": f"MAILBOX#{place.address}", "sk": "MAILBOX", **asdict(written)}
        write(self._table.client, [self._table.putting_version(item, place.version)])
        return written


class MemoryMailboxPlaces:
    """The twin."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[str, MailboxPlace] = {}

    def get(self, address: str) -> MailboxPlace:
        """See the port."""
        return self._places.get(address, MailboxPlace(address))

    def save(self, place: MailboxPlace) -> MailboxPlace:
        """See the port."""
        with self._lock:
            if self.get(place.address).version != place.version:
                raise Conflict("version")
            written = replace(place, version=place.version + 1)
            self._places[place.address] = written
            return written
