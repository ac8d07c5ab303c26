"""Drafts and versions in the `exams` table, in the partition of their exam.

| item | pk | sk | lists |
|---|---|---|---|
| draft | `EXAM#{accession}` | `REPORT` | `{site}#report` until validated, by last edit; `{site}#signing` while validating |
| version | `EXAM#{accession}` | `VERSION#{nnn}` | `{site}#signing` until signed |
| frozen content | `EXAM#{accession}` | `CONTENT#{nnn}#{making}` | |

A freeze is one transaction of the draft, the version, its content and its delivery rows: four items of the hundred, now.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import datetime

from ris.adapters.dispatch.dynamodb import delivery_writes
from ris.adapters.dynamodb import Item, Table, write
from ris.adapters.report import items
from ris.domain.dispatch.delivery import Delivery
from ris.domain.report.draft import Draft
from ris.domain.report.version import Version


class DynamoReportStore:
    """Implements `ReportStore`.

    Args:
        table: The `exams` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

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
        self, draft: Draft, version: Version, *, deliveries: tuple[Delivery, ...] = (), content: bytes | None = None
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
        write(self._table.client, writes)
        return replace(draft, rev=draft.rev + 1), replace(version, row_version=version.row_version + 1)

    def content(self, version: Version) -> bytes | None:
        """See the port."""
        item = self._table.get(*items.content_key(version))
        return zlib.decompress(item["content"]) if item else None

    def unvalidated(self, site: str, *, limit: int) -> list[Draft]:
        """See the port."""
        return [items.draft_of(item) for item in self._table.due(f"{site}#report", limit=limit)]

    def unsigned(self, site: str, *, now: datetime, limit: int) -> list[Draft | Version]:
        """See the port."""
        return [_row(item) for item in self._table.due(f"{site}#signing", until=now, limit=limit)]


def _row(item: Item) -> Draft | Version:
    return items.draft_of(item) if item["sk"] == "REPORT" else items.version_of(item)
