"""Delivery rows in the `exams` table, in the partition of their exam.

| item | pk | sk | lists |
|---|---|---|---|
| row | `EXAM#{accession}` | `DELIVERY#{channel}#{recipient}` | `{site}#delivery` while `due_at` is set |
| its MSH-10 | `OUTBOUND#{message_id}` | `OUTBOUND` | |

The MSH-10 is a function of the row's key, so its item is written once, with the row's first version, and never changes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ris.adapters.dispatch.memory import planning_order
from ris.adapters.dynamodb import Item, Table, instant_of, instant_text, write
from ris.domain.dispatch.delivery import Delivery, DeliveryState


class DynamoDeliveryStore:
    """Implements `DeliveryStore`.

    Args:
        table: The `exams` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, owner: str, channel: str, recipient: str) -> Delivery | None:
        """Return one row, read consistently, or None."""
        item = self._table.get(f"EXAM#{owner}", f"DELIVERY#{channel}#{recipient}")
        return _delivery(item) if item else None

    def of_owner(self, owner: str) -> list[Delivery]:
        """Return every row of an exam, oldest first."""
        return sorted((_delivery(item) for item in self._table.query(f"EXAM#{owner}", prefix="DELIVERY#")), key=planning_order)

    def find_by_message_id(self, message_id: str) -> Delivery | None:
        """Return the row whose MSH-10 it is, or None."""
        named = self._table.get(f"OUTBOUND#{message_id}", "OUTBOUND")
        return self.get(named["owner"], named["channel"], named["recipient"]) if named else None

    def save(self, delivery: Delivery) -> Delivery:
        """Write over the version read; raise Conflict when it no longer stands."""
        written = replace(delivery, version=delivery.version + 1)
        writes = [self._table.putting_version(_item(written), delivery.version)]
        if delivery.version == 0:
            key = {"owner": delivery.owner, "channel": delivery.channel, "recipient": delivery.recipient}
            writes.append(self._table.putting({"pk": f"OUTBOUND#{delivery.message_id}", "sk": "OUTBOUND", **key}))
        write(self._table.client, writes)
        return written

    def due(self, site: str, *, now: datetime, limit: int) -> list[Delivery]:
        """Return rows of the site whose `due_at` has passed, oldest first."""
        return [_delivery(item) for item in self._table.due(f"{site}#delivery", until=now, limit=limit)]


_TEXTS = ("owner", "site", "channel", "recipient", "message_id", "remote_code", "remote_words", "reason")


def _item(row: Delivery) -> Item:
    listed = {"due_pk": f"{row.site}#delivery", "due_at": instant_text(row.due_at)} if row.due_at else {}
    return {
        "pk": f"EXAM#{row.owner}",
        "sk": f"DELIVERY#{row.channel}#{row.recipient}",
        **{name: getattr(row, name) for name in _TEXTS},
        "state": row.state.value,
        "unknown": row.unknown,
        "planned_at": instant_text(row.planned_at),
        "changed_at": instant_text(row.changed_at),
        "attempts": row.attempts,
        "version": row.version,
        **listed,
    }


def _delivery(item: Item) -> Delivery:
    texts: dict[str, Any] = {name: item[name] for name in _TEXTS}
    return Delivery(
        **texts,
        state=DeliveryState(item["state"]),
        unknown=item["unknown"],
        due_at=instant_of(item.get("due_at", "")),
        planned_at=instant_of(item["planned_at"]),
        changed_at=instant_of(item["changed_at"]),
        attempts=item["attempts"],
        version=item["version"],
    )
