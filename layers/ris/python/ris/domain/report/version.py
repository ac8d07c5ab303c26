"""One version of a report, from the instant its content and plan are frozen.

frozen ──▶ rendered ──▶ built ──▶ signed
   └──────────┴───────────┴──▶ withdrawn (refused on its way: nothing of it ever left)

A deletion is a version too, signed from the first: it has no document of its own, its files are those of the version it takes back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from ris.domain.report.marks import Marks, Reason
from ris.domain.report.plan import PlannedChannel


class VersionState(Enum):
    """How far the documents of a version are."""

    FROZEN = "frozen"
    RENDERED = "rendered"
    BUILT = "built"
    SIGNED = "signed"
    WITHDRAWN = "withdrawn"

    @property
    def rank(self) -> int:
        """Return the place in the order of making."""
        return list(VersionState).index(self)


FROZEN, PDF, CDA, SIGNATURE = "frozen.json", "report.pdf", "report.cda.xml", "signature.xml"
"""The files of a version, in the order they are made."""


@dataclass(frozen=True)
class StoredFile:
    """One immutable document: where it is and what it must be."""

    key: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Version:
    """One version row.

    Args:
        making: Counts how often this version was begun; a withdrawn one is begun again with new identifiers.
        legal_entity: FINESS EJ whose key signs.
        document_id: OID of the document, `set_id` of the set; `replaces` is the document before, or empty.
        validated_by: Account; `rpps` as in the documents.
        files: By name: FROZEN, PDF, CDA, SIGNATURE.
        plan: The channels as they were decided at validation.
        attempt: Starts of the signing machine; `due_at` is when the sweep starts it again, None once signed or withdrawn.
        refusal_code: Why it was withdrawn.
        reason: Why it was made; `requested_by` asked for it: an account, or a machine.
        marks: Who may see it.
        row_version: Grows by one at each write.
    """

    accession_number: str
    site: str
    legal_entity: str
    version: int
    document_id: str
    set_id: str
    replaces: str
    validated_at: datetime
    validated_by: str
    rpps: str
    state: VersionState
    making: int = 1
    files: dict[str, StoredFile] = field(default_factory=dict)
    plan: tuple[PlannedChannel, ...] = ()
    draft_rev: int = 0
    attempt: int = 1
    due_at: datetime | None = None
    changed_at: datetime | None = None
    refusal_code: str = ""
    reason: Reason = Reason.VALIDATION
    requested_by: str = ""
    marks: Marks = field(default_factory=Marks)
    row_version: int = 0

    def key_of(self, name: str) -> str:
        """Return the key of one of its files in the documents bucket: our own numbers only."""
        making = f".{self.making}" if self.making > 1 else ""
        return f"{self.accession_number}/v{self.version}{making}/{name}"


def advanced(version: Version, state: VersionState, name: str, file: StoredFile, now: datetime) -> Version:
    """Return the version one file further; a signed one waits for nothing."""
    due_at = None if state is VersionState.SIGNED else version.due_at
    return replace(version, state=state, files={**version.files, name: file}, changed_at=now, due_at=due_at)


def withdrawn(version: Version, code: str, now: datetime) -> Version:
    """Return the version after a refusal on its way."""
    return replace(version, state=VersionState.WITHDRAWN, refusal_code=code, changed_at=now, due_at=None)
