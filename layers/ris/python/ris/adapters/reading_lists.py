"""Where an exam or its report stands on the lists of what waits for somebody who reads or types: the most urgent first.

`due` has one list for each site and step of the work, `reading` one for each modality of it; both sort by `{rank of the priority}~{instant}`.
"""

from __future__ import annotations

from datetime import datetime

from ris.adapters.dynamodb import Item, Table, instant_text, key_part
from ris.domain.agenda.exam import ExamKind, ReadingSpan

_LAST = "~"
"""Sorts behind every instant."""


def reading_place(site: str, listed: str, kind: ExamKind, done_at: datetime) -> Item:
    """Return the attributes of both indexes."""
    at = f"{kind.rank}~{instant_text(done_at)}"
    return {
        "due_pk": f"{site}#{listed}",
        "due_at": at,
        "reading_pk": f"{site}#{listed}#{key_part(kind.dicom_modality)}",
        "reading_at": at,
    }


def reading_list(table: Table, site: str, listed: str, modality: str, span: ReadingSpan | None, limit: int) -> list[Item]:
    """Return the items of one list in their order; only those of a modality or a span of it where one is named."""
    index, name = ("reading", f"{site}#{listed}#{key_part(modality)}") if modality else ("due", f"{site}#{listed}")
    between = (f"{span.rank}~{instant_text(span.since)}", f"{span.rank}~{instant_text(span.until) or _LAST}") if span else None
    return table.due(name, index=index, between=between, limit=limit)
