"""Delivery rows in the `exams` table, in the partition of their exam.

| item | pk | sk | lists |
|---|---|---|---|
| row | `EXAM#{accession}` | `DELIVERY#{channel}#{recipient}` | `{site}#delivery` while `due_at` is set |
| row of a report | `EXAM#{accession}` | `DELIVERY#{channel}#{recipient}#v{version}` | the same |
| answer of the DMP that cannot be believed | `EXAM#{accession}` | `STRANGE#v{version}#{instant}#{operation}` | |
| its MSH-10 | `OUTBOUND#{message_id}` | `OUTBOUND` | |

The MSH-10 is a function of the row's key, so its item is written once, with the row's first version, and never changes. A row without
MSH-10 (the DMP) has no such item.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from ris.adapters.dispatch.memory import planning_order
from ris.adapters.dynamodb import Item, Table, Write, instant_of, instant_text, write
from ris.application.dispatch.dmp_port import StrangeAnswer
from ris.domain.dispatch.delivery import Delivery, DeliveryState


class DynamoDeliveryStore:
    """Implements `DeliveryStore`.

    Args:
        table: The `exams` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, owner: str, channel: str, recipient: str, report_version: int = 0) -> Delivery | None:
        """Return one row, read consistently, or None."""
        item = self._table.get(f"EXAM#{owner}", _sort_key(channel, recipient, report_version))
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
        write(self._table.client, delivery_writes(self._table, delivery))
        return written

    def due(self, site: str, *, now: datetime, limit: int) -> list[Delivery]:
        """Return rows of the site whose `due_at` has passed, oldest first."""
        return [_delivery(item) for item in self._table.due(f"{site}#delivery", until=now, limit=limit)]


class DynamoStrangeAnswers:
    """Implements `StrangeAnswers`.

    Args:
        table: The `exams` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, answer: StrangeAnswer) -> None:
        """Keep one."""
        said = {name: getattr(answer, name) for name in _SAID}
        asked_at = instant_text(answer.asked_at)
        key = {"pk": f"EXAM#{answer.owner}", "sk": f"STRANGE#v{answer.report_version}#{asked_at}#{answer.operation}"}
        write(self._table.client, [self._table.putting({**key, **said, "asked_at": asked_at})])

    def of_version(self, owner: str, report_version: int) -> list[StrangeAnswer]:
        """Return those about one version, oldest first."""
        return [_strange(item) for item in self._table.query(f"EXAM#{owner}", prefix=f"STRANGE#v{report_version}#")]


_SAID = ("owner", "report_version", "operation", "status", "content_type", "why", "content")


def _strange(item: Item) -> StrangeAnswer:
    asked_at = instant_of(item["asked_at"])
    if asked_at is None:
        raise ValueError("an answer without its instant")
    said: dict[str, Any] = {name: item[name] for name in _SAID}
    return StrangeAnswer(**{**said, "content": bytes(item["content"])}, asked_at=asked_at)


def delivery_writes(table: Table, delivery: Delivery) -> list[Write]:
    """Return the writes of a row over the version read, for a transaction of its own or of somebody else's (a report being frozen)."""
    writes = [table.putting_version(_item(replace(delivery, version=delivery.version + 1)), delivery.version)]
    if delivery.version == 0 and delivery.message_id:
        key = {"owner": delivery.owner, "channel": delivery.channel, "recipient": delivery.recipient}
        writes.append(table.putting({"pk": f"OUTBOUND#{delivery.message_id}", "sk": "OUTBOUND", **key}))
    return writes


def _sort_key(channel: str, recipient: str, report_version: int) -> str:
    return f"DELIVERY#{channel}#{recipient}" + (f"#v{report_version}" if report_version else "")


_TEXTS = ("owner", "site", "channel", "recipient", "message_id", "remote_code", "remote_words", "reason")


def _item(row: Delivery) -> Item:
    listed = {"due_pk": f"{row.site}#delivery", "due_at": instant_text(row.due_at)} if row.due_at else {}
    return {
        "pk": f"EXAM#{row.owner}",
        "sk": _sort_key(row.channel, row.recipient, row.report_version),
        **{name: getattr(row, name) for name in _TEXTS},
        "state": row.state.value,
        "unknown": row.unknown,
        "planned_at": instant_text(row.planned_at),
        "changed_at": instant_text(row.changed_at),
        "attempts": row.attempts,
        "version": row.version,
        **({"report_version": row.report_version, "document_id": row.document_id} if row.report_version else {}),
        **({"executions": row.executions} if row.executions else {}),
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
        report_version=item.get("report_version", 0),
        document_id=item.get("document_id", ""),
        executions=item.get("executions", 0),
    )
