"""Delivery rows in the `exams` table, in the partition of their exam.

| item | pk | sk | lists |
|---|---|---|---|
| row | `EXAM#{accession}` | `DELIVERY#{channel}#{recipient}` | `{site}#delivery` while `due_at` is set; `{site}#rejected`, `#to_print`, `#printed` |
| row of a report | `EXAM#{accession}` | `DELIVERY#{channel}#{recipient}#v{version}` | the same |
| its MSH-10, or what its Message-ID is made of | `OUTBOUND#{message_id}` | `OUTBOUND` | |
| a document that left by mail | `DOCUMENT#{document_id}` | `MAIL#{channel}#{recipient}#v{version}` | |
| answer of the DMP that cannot be believed | `EXAM#{accession}` | `STRANGE#v{version}#{instant}#{operation}` | |

What a row makes count goes into the table `usage` in the same transaction (`ris.adapters.usage.dynamodb`). The MSH-10 is a function of
the row's key, so its item is written once, with the row's first version, and never changes; an order that is changed or taken back has
another MSH-10 for each word, and its item with it. A row without MSH-10 (the DMP) has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from ris.adapters.dispatch.memory import planning_order
from ris.adapters.dynamodb import Item, Table, Write, instant_of, instant_text, write
from ris.adapters.usage.dynamodb import fact_write
from ris.application.dispatch.dmp_port import StrangeAnswer
from ris.application.dispatch.ports import RowPlace
from ris.domain.dispatch.channels import MAIL, OURS
from ris.domain.dispatch.delivery import CREATE, Delivery, DeliveryState, Origin
from ris.domain.dispatch.mail import SENDING, waits_for_paper
from ris.domain.dispatch.stuck import stuck_since
from ris.domain.usage.facts import counted


class DynamoDeliveryStore:
    """Implements `DeliveryStore`.

    Args:
        table: The `exams` table.
        usage: The `usage` table; None for a function whose rows never begin or cease to count.
    """

    def __init__(self, table: Table, usage: Table | None = None) -> None:
        self._table = table
        self._usage = usage

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
        if named is None:
            return None
        return self.get(named["owner"], named["channel"], named["recipient"], named.get("report_version", 0))

    def find_by_document(self, document_id: str) -> list[Delivery]:
        """Return the mail rows of a document that left."""
        named = self._table.query(f"DOCUMENT#{document_id}", prefix="MAIL#")
        rows = [self.get(each["owner"], each["channel"], each["recipient"], each["report_version"]) for each in named]
        return [row for row in rows if row is not None]

    def save(self, delivery: Delivery) -> Delivery:
        """Write over the version read; raise Conflict when it no longer stands."""
        moved, facts = counted(delivery)
        writes = [*delivery_writes(self._table, moved), *self._document(moved)]
        if facts and self._usage is None:
            raise TypeError("a row that counts is written by a function that keeps the figures")
        writes += [fact_write(self._usage, fact) for fact in facts if self._usage]
        write(self._table.client, writes)
        return replace(moved, version=delivery.version + 1)

    def _document(self, row: Delivery) -> list[Write]:
        """Return the item that finds a mail by its document, written when it first leaves."""
        if row.channel not in MAIL or row.attempts != 1 or row.reason != SENDING:
            return []
        place = {"pk": f"DOCUMENT#{row.document_id}", "sk": f"MAIL#{row.channel}#{row.recipient}#v{row.report_version}"}
        return [self._table.putting({**place, **_name_of(row)})]

    def due(self, site: str, *, now: datetime, limit: int) -> list[Delivery]:
        """Return rows of the site whose `due_at` has passed, oldest first."""
        return [_delivery(item) for item in self._table.due(f"{site}#delivery", until=now, limit=limit)]

    def get_many(self, places: Sequence[RowPlace]) -> dict[RowPlace, Delivery]:
        """Return those that exist, read consistently."""
        keys = [(f"EXAM#{owner}", _sort_key(channel, recipient, version)) for owner, channel, recipient, version in places]
        found = self._table.get_many(keys)
        return {(row.owner, row.channel, row.recipient, row.report_version): row for row in map(_delivery, found.values())}

    def to_print(self, site: str, *, limit: int) -> list[Delivery]:
        """Return the site's rows that wait for paper, the longest waiting first."""
        return [_delivery(item) for item in self._table.due(f"{site}#to_print", limit=limit)]

    def printed(self, site: str, *, limit: int) -> list[Delivery]:
        """Return the site's rows that somebody printed and sent, the newest first."""
        return [_delivery(item) for item in self._table.due(f"{site}#printed", newest_first=True, limit=limit)]

    def rejected(self, site: str, *, since: datetime, limit: int) -> list[Delivery]:
        """Return rows of the site that were rejected since, the earliest first."""
        return [_delivery(item) for item in self._table.due(f"{site}#rejected", since=since, limit=limit)]

    def stuck(self, site: str, channel: str, *, limit: int, after: str = "") -> list[Delivery]:
        """Return stuck rows of a site's channel, the longest stuck first."""
        last = _stuck_place(site, channel, after) if after else None
        found = self._table.due(f"{site}#{channel}", index="stuck", limit=limit, after=last)
        return [_delivery(item) for item in found]


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
        listed = {"due_pk": ALL_STRANGE, "due_at": asked_at}
        write(self._table.client, [self._table.putting({**key, **said, **listed, "asked_at": asked_at})])

    def get(self, owner: str, report_version: int, asked_at: datetime, operation: str) -> StrangeAnswer | None:
        """Return one, read consistently, or None."""
        item = self._table.get(f"EXAM#{owner}", f"STRANGE#v{report_version}#{instant_text(asked_at)}#{operation}")
        return _strange(item) if item else None

    def newest(self, *, limit: int) -> list[StrangeAnswer]:
        """Return those of the whole group, the newest first."""
        return [_strange(item) for item in self._table.due(ALL_STRANGE, newest_first=True, limit=limit)]

    def of_version(self, owner: str, report_version: int) -> list[StrangeAnswer]:
        """Return those about one version, oldest first."""
        return [_strange(item) for item in self._table.query(f"EXAM#{owner}", prefix=f"STRANGE#v{report_version}#")]


ALL_STRANGE = "-#strange"
_SAID = ("owner", "report_version", "operation", "status", "content_type", "why", "content")


def _strange(item: Item) -> StrangeAnswer:
    asked_at = instant_of(item["asked_at"])
    if asked_at is None:
        raise ValueError("an answer without its instant")
    said: dict[str, Any] = {name: item[name] for name in _SAID}
    return StrangeAnswer(**{**said, "content": bytes(item["content"])}, asked_at=asked_at)


def _stuck_place(site: str, channel: str, key: str) -> Item:
    """Return the keys of the row that `stuck_key` named, on the list and in the table."""
    since, owner, recipient, version = key.split("~")
    sk = _sort_key(channel, recipient, int(version))
    return {"pk": f"EXAM#{owner}", "sk": sk, "stuck_pk": f"{site}#{channel}", "stuck_at": since}


def delivery_writes(table: Table, delivery: Delivery) -> list[Write]:
    """Return the writes of a row over the version read, for a transaction of its own or of somebody else's (a report being frozen)."""
    writes = [table.putting_version(_item(replace(delivery, version=delivery.version + 1)), delivery.version)]
    if delivery.message_id and (delivery.version == 0 or (delivery.revision and not delivery.attempts)):
        writes.append(table.putting({"pk": f"OUTBOUND#{delivery.message_id}", "sk": "OUTBOUND", **_name_of(delivery)}))
    return writes


def _name_of(row: Delivery) -> Item:
    return {"owner": row.owner, "channel": row.channel, "recipient": row.recipient, "report_version": row.report_version}


def _sort_key(channel: str, recipient: str, report_version: int) -> str:
    return f"DELIVERY#{channel}#{recipient}" + (f"#v{report_version}" if report_version else "")


_SUCCESSION = ("operation", "predecessor", "predecessor_version")
_SENT_TEXTS = ("address", "settled_by", "fact", "failure")
_SENT_INSTANTS = ("accepted_at", "read_at")
_TEXTS = ("owner", "site", "channel", "recipient", "message_id", "remote_code", "remote_words", "reason")


def _item(row: Delivery) -> Item:
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
        **({"revision": row.revision} if row.revision else {}),
        **{name: getattr(row, name) for name in _SENT_TEXTS if getattr(row, name)},
        **{name: instant_text(getattr(row, name)) for name in _SENT_INSTANTS if getattr(row, name)},
        **({"who_sends": row.who_sends} if row.who_sends != OURS else {}),
        **({"origin": asdict(row.origin)} if row.origin else {}),
        **({name: getattr(row, name) for name in _SUCCESSION} if row.operation != CREATE else {}),
        **({"noted_at": instant_text(row.noted_at)} if row.noted_at else {}),
        **_listed(row),
        **_stuck(row),
    }


def _stuck(row: Delivery) -> Item:
    since = stuck_since(row)
    return {"stuck_pk": f"{row.site}#{row.channel}", "stuck_at": instant_text(since)} if since else {}


def _listed(row: Delivery) -> Item:
    """Return the list a row is on: what waits, by when it is looked at; what was rejected, by when it was; paper."""
    if row.due_at:
        return {"due_pk": f"{row.site}#delivery", "due_at": instant_text(row.due_at)}
    if row.state is DeliveryState.REJECTED:
        return {"due_pk": f"{row.site}#rejected", "due_at": instant_text(row.changed_at)}
    if waits_for_paper(row):
        return {"due_pk": f"{row.site}#to_print", "due_at": instant_text(row.changed_at)}
    if row.settled_by:
        return {"due_pk": f"{row.site}#printed", "due_at": instant_text(row.changed_at)}
    return {}


def _delivery(item: Item) -> Delivery:
    texts: dict[str, Any] = {name: item[name] for name in _TEXTS} | {name: item.get(name, "") for name in _SENT_TEXTS}
    instants: dict[str, Any] = {name: instant_of(item.get(name, "")) for name in _SENT_INSTANTS}
    return Delivery(
        **texts,
        state=DeliveryState(item["state"]),
        unknown=item["unknown"],
        due_at=instant_of(item.get("due_at", "")) if item.get("due_pk", "").endswith("#delivery") else None,
        planned_at=instant_of(item["planned_at"]),
        changed_at=instant_of(item["changed_at"]),
        attempts=item["attempts"],
        version=item["version"],
        report_version=item.get("report_version", 0),
        document_id=item.get("document_id", ""),
        executions=item.get("executions", 0),
        revision=item.get("revision", 0),
        **instants,
        who_sends=item.get("who_sends", OURS),
        noted_at=instant_of(item.get("noted_at", "")),
        origin=Origin(**item["origin"]) if "origin" in item else None,
        operation=item.get("operation", CREATE),
        predecessor=item.get("predecessor", ""),
        predecessor_version=item.get("predecessor_version", 0),
    )
