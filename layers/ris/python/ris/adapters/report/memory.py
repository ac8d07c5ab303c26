"""The memory twins of the report context."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ris.adapters.dispatch.memory import MemoryDeliveryStore
from ris.application.conflicts import Conflict
from ris.domain.agenda.exam import ReadingSpan
from ris.domain.dispatch.delivery import Delivery
from ris.domain.errors import RemoteUnavailable
from ris.domain.report.draft import Draft, DraftStatus, Turn, Validation
from ris.domain.report.version import Version
from ris.domain.usage.facts import UsageFact


class MemoryReportStore:
    """Twin of `DynamoReportStore`.

    Args:
        deliveries: Where the rows of a transaction go.
    """

    def __init__(self, deliveries: MemoryDeliveryStore | None = None) -> None:
        self._lock = threading.RLock()
        self._deliveries = deliveries or MemoryDeliveryStore()
        self._drafts: dict[str, Draft] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._contents: dict[tuple[str, int, int], bytes] = {}

    def draft(self, accession_number: str) -> Draft | None:
        """See `ReportStore`."""
        with self._lock:
            return self._drafts.get(accession_number)

    def save_draft(self, draft: Draft) -> Draft:
        """See `ReportStore`."""
        with self._lock:
            self._require_draft(draft)
            written = replace(draft, rev=draft.rev + 1)
            self._drafts[draft.accession_number] = written
            return written

    def version(self, accession_number: str, version: int) -> Version | None:
        """See `ReportStore`."""
        with self._lock:
            return self._versions.get((accession_number, version))

    def versions(self, accession_number: str) -> list[Version]:
        """See `ReportStore`."""
        with self._lock:
            return [self._versions[key] for key in sorted(self._versions) if key[0] == accession_number]

    def save_version(self, version: Version) -> Version:
        """See `ReportStore`."""
        with self._lock:
            self._require_version(version)
            written = replace(version, row_version=version.row_version + 1)
            self._versions[(version.accession_number, version.version)] = written
            return written

    def commit(
        self,
        draft: Draft,
        version: Version,
        *,
        deliveries: tuple[Delivery, ...] = (),
        content: bytes | None = None,
        facts: tuple[UsageFact, ...] = (),
    ) -> tuple[Draft, Version]:
        """See `ReportStore`."""
        place = (version.accession_number, version.version, version.making)
        with self._lock:
            self._require_draft(draft)
            self._require_version(version)
            if content is not None and place in self._contents:
                raise Conflict("content")
            for row in deliveries:
                before = self._deliveries.get(row.owner, row.channel, row.recipient, row.report_version)
                if (before.version if before else 0) != row.version:
                    raise Conflict("delivery")
            for row in deliveries:
                self._deliveries.save(row)
            self._deliveries.facts += facts
            if content is not None:
                self._contents[place] = content
            return self.save_draft(draft), self.save_version(version)

    def content(self, version: Version) -> bytes | None:
        """See `ReportStore`."""
        with self._lock:
            return self._contents.get((version.accession_number, version.version, version.making))

    def drafts(self, accession_numbers: Sequence[str]) -> dict[str, Draft]:
        """See `ReportStore`."""
        with self._lock:
            return {one: self._drafts[one] for one in accession_numbers if one in self._drafts}

    def versions_at(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Version]:
        """See `ReportStore`."""
        with self._lock:
            return {place: self._versions[place] for place in places if place in self._versions}

    def unvalidated(
        self,
        site: str,
        *,
        limit: int,
        turn: Turn = Turn.WRITING,
        modality: str = "",
        span: ReadingSpan | None = None,
    ) -> list[Draft]:
        """See `ReportStore`."""
        wanted = turn if turn.of_secretary else None
        drafts = [one for one in self._open() if one.site == site and (one.turn if one.turn.of_secretary else None) is wanted]
        drafts = [one for one in drafts if modality in ("", one.kind.dicom_modality)]
        drafts = [one for one in drafts if span is None or (one.waits_since and span.has(one.kind, one.waits_since))]
        return sorted(drafts, key=lambda one: one.kind.rank)[:limit]

    def taken_by(self, account_id: str, *, limit: int) -> list[Draft]:
        """See `ReportStore`."""
        return [one for one in self._open() if one.reader == account_id][:limit]

    def validated_by(self, account_id: str, *, limit: int, after: Draft | None = None) -> list[Draft]:
        """See `ReportStore`."""
        with self._lock:
            drafts = [one for one in self._drafts.values() if not one.open and one.validation]
        theirs = sorted((one for one in drafts if _clicked(one)[1] == account_id), key=_clicked, reverse=True)
        return [one for one in theirs if after is None or _clicked(one) < _clicked(after)][:limit]

    def _open(self) -> list[Draft]:
        """Return the open drafts, the longest done exam first."""
        with self._lock:
            waiting = [one for one in self._drafts.values() if one.open and one.waits_since]
        return sorted(waiting, key=lambda one: (str(one.waits_since), one.accession_number))

    def unsigned(self, site: str, *, now: datetime, limit: int) -> list[Draft | Version]:
        """See `ReportStore`."""
        with self._lock:
            drafts = [one for one in self._drafts.values() if one.status is DraftStatus.VALIDATING]
            rows: list[Draft | Version] = [*drafts, *self._versions.values()]
        late = [one for one in rows if one.site == site and one.due_at and one.due_at <= now]
        return sorted(late, key=lambda one: (str(one.due_at), one.accession_number))[:limit]

    def _require_draft(self, draft: Draft) -> None:
        stored = self._drafts.get(draft.accession_number)
        if (stored.rev if stored else 0) != draft.rev:
            raise Conflict("draft")

    def _require_version(self, version: Version) -> None:
        stored = self._versions.get((version.accession_number, version.version))
        if (stored.row_version if stored else 0) != version.row_version:
            raise Conflict("version")


def _clicked(draft: Draft) -> tuple[datetime, str, str]:
    """Return when, by whom and of which exam a draft was validated last."""
    assert draft.validation is not None
    return draft.validation.validated_at, draft.validation.account_id, draft.accession_number


class MemoryDocumentStore:
    """Twin of `S3DocumentStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.kept: dict[str, bytes] = {}

    def keep(self, key: str, content: bytes, *, content_type: str) -> bytes:  # noqa: ARG002 - the port's signature
        """See `DocumentStore`."""
        with self._lock:
            return self.kept.setdefault(key, content)

    def get(self, key: str) -> bytes:
        """See `DocumentStore`."""
        with self._lock:
            if key not in self.kept:
                raise RemoteUnavailable("document_unavailable")
            return self.kept[key]


class MemorySigningWorkflows:
    """Keeps what would be started, under its name.

    Args:
        failures: Raised one by one, before anything is started.
    """

    def __init__(self, *failures: Exception) -> None:
        self.started: dict[str, tuple[str, Validation, int]] = {}
        self._failures = list(failures)

    def start_signing(self, accession_number: str, validation: Validation, *, draft_rev: int, attempt: int) -> None:
        """See `SigningWorkflows`."""
        if self._failures:
            raise self._failures.pop(0)
        name = f"signing-{accession_number}-{validation.version}" + (f"-{attempt}" if attempt > 1 else "")
        self.started.setdefault(name, (accession_number, validation, draft_rev))

    def start_release(self, accession_number: str, validation: Validation, *, draft_rev: int, attempt: int) -> None:
        """See `SigningWorkflows`."""
        if self._failures:
            raise self._failures.pop(0)
        name = f"announcement-{accession_number}-{validation.version}" + (f"-{attempt}" if attempt > 1 else "")
        self.started.setdefault(name, (accession_number, validation, draft_rev))
