"""Drafts and versions in the `exams` table, in the partition of their exam.

| item | pk | sk | lists |
|---|---|---|---|
| draft | `EXAM#{accession}` | `REPORT` | `due`: `{site}#report`, `#typing`, `#correction` until validated; `{site}#signing` while validating |
| | | | `reading`: the same three by modality; `mine`: `{account}#report`, then `{account}#validated` |
| version | `EXAM#{accession}` | `VERSION#{nnn}` | `{site}#signing` until signed |
| frozen content | `EXAM#{accession}` | `CONTENT#{nnn}#{making}` | |

A freeze is one transaction of the draft, the version, its content and its delivery rows: four items of the hundred, now.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ris.adapters.dispatch.dynamodb import delivery_writes
from ris.adapters.dynamodb import Item, Table, write
from ris.adapters.reading_lists import reading_list
from ris.adapters.report import items
from ris.adapters.usage.dynamodb import fact_write
from ris.domain.agenda.exam import ReadingSpan
from ris.domain.dispatch.delivery import Delivery
from ris.domain.report.draft import Draft, Turn
from ris.domain.report.version import Version
from ris.domain.usage.facts import UsageFact


class DynamoReportStore:
    """Implements `ReportStore`.

    Args:
        table: The `exams` table.
        usage: The `usage` table; None for a function that makes no version valid.
    """

    def __init__(self, table: Table, usage: Table | None = None) -> None:
        self._table = table
        self._usage = usage

    def draft(self, accession_number: str) -> Draft | None:
        """See the port."""
        item = self._table.get(*items.draft_key(accession_number))
        return items.draft_of(item) if item else None

    def save_draft(self, draft: Draft) -> Draft:
        """See the port."""
        write(self._table.client, [self._table.putting_version(items.draft_item(draft), draft.rev)])
        return replace(draft, rev=draft.rev + 1)

    def version(self, accession_number: str, version: int) -> Version | None:
        """See the port."""
        item = self._table.get(*items.version_key(accession_number, version))
        return items.version_of(item) if item else None

    def versions(self, accession_number: str) -> list[Version]:
        """See the port."""
        return [items.version_of(item) for item in self._table.query(f"EXAM#{accession_number}", prefix="VERSION#")]

    def save_version(self, version: Version) -> Version:
        """See the port."""
        write(self._table.client, [self._table.putting_version(items.version_item(version), version.row_version)])
        return replace(version, row_version=version.row_version + 1)

    def commit(
        self,
        draft: Draft,
        version: Version,
        *,
        deliveries: tuple[Delivery, ...] = (),
        content: bytes | None = None,
        facts: tuple[UsageFact, ...] = (),
    ) -> tuple[Draft, Version]:
        """See the port."""
        writes = [
            self._table.putting_version(items.draft_item(draft), draft.rev),
            self._table.putting_version(items.version_item(version), version.row_version),
        ]
        if content is not None:
            pk, sk = items.content_key(version)
            kept: Item = {"pk": pk, "sk": sk, "content": zlib.compress(content, 6)}
            writes.append(self._table.putting(kept, condition="attribute_not_exists(pk)"))
        for delivery in deliveries:
            writes += delivery_writes(self._table, delivery)
        if facts and self._usage is None:
            raise TypeError("a version that becomes valid is written by a function that keeps the figures")
        writes += [fact_write(self._usage, fact) for fact in facts if self._usage]
        write(self._table.client, writes)
        return replace(draft, rev=draft.rev + 1), replace(version, row_version=version.row_version + 1)

    def content(self, version: Version) -> bytes | None:
        """See the port."""
        item = self._table.get(*items.content_key(version))
        return zlib.decompress(item["content"]) if item else None

    def drafts(self, accession_numbers: Sequence[str]) -> dict[str, Draft]:
        """See the port."""
        found = self._table.get_many([items.draft_key(one) for one in accession_numbers])
        return {draft.accession_number: draft for draft in map(items.draft_of, found.values())}

    def versions_at(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Version]:
        """See the port."""
        found = self._table.get_many([items.version_key(*place) for place in places])
        return {(one.accession_number, one.version): one for one in map(items.version_of, found.values())}

    def unvalidated(
        self,
        site: str,
        *,
        limit: int,
        turn: Turn = Turn.WRITING,
        modality: str = "",
        span: ReadingSpan | None = None,
    ) -> list[Draft]:
        """See the port."""
        return [items.draft_of(item) for item in reading_list(self._table, site, items.list_of(turn), modality, span, limit)]

    def taken_by(self, account_id: str, *, limit: int) -> list[Draft]:
        """See the port."""
        return [items.draft_of(item) for item in self._table.due(f"{account_id}#report", index="mine", limit=limit)]

    def validated_by(self, account_id: str, *, limit: int, after: Draft | None = None) -> list[Draft]:
        """See the port."""
        place = items.draft_item(after) if after else None
        name = f"{account_id}#validated"
        return [items.draft_of(one) for one in self._table.due(name, index="mine", newest_first=True, limit=limit, after=place)]

    def unsigned(self, site: str, *, now: datetime, limit: int) -> list[Draft | Version]:
        """See the port."""
        return [_row(item) for item in self._table.due(f"{site}#signing", until=now, limit=limit)]


def _row(item: Item) -> Draft | Version:
    return items.draft_of(item) if item["sk"] == "REPORT" else items.version_of(item)
