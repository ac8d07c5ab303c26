"""A report while it is written: one row per exam, guarded by its revision.

        edit ──┐        ┌── refused: back to draft, with code, field and detail
               ▼        │
    draft ⇄ provisional ──▶ validating ──▶ validated (version n)

Whoever writes names the revision read; a second editor is told, and nothing of the first one's text is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from ris.domain.errors import Refused
from ris.domain.report.frozen import Section


class DraftStatus(Enum):
    """Where a report stands before and after its validation."""

    DRAFT = "draft"
    PROVISIONAL = "provisional"
    VALIDATING = "validating"
    VALIDATED = "validated"


@dataclass(frozen=True)
class Refusal:
    """Why the last validation was refused: the rule, the field as its writer sees it, one English sentence for operators."""

    code: str
    field: str = ""
    detail: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class Validation:
    """One click on validate.

    Args:
        version: The version it makes.
        account_id: Who clicked; `rpps` is the eleven digits under which the documents name that person.
        validated_at: The instant of the click: every date of the documents.
        logged_in_at: When that person logged in (AuthnInstant of what is signed for them).
    """

    version: int
    account_id: str
    rpps: str
    validated_at: datetime
    logged_in_at: datetime


@dataclass(frozen=True)
class Draft:
    """One report row.

    Args:
        title: One line.
        recipients: RPPS of those who get a copy beside the requester; named in the document (DOC.04).
        rev: Grows by one at each write; 0 means that nothing was written yet.
        author: Account that began it; `edited_by` wrote last.
        refusal: Of the last validation, until the text is edited or validated again.
        validation: While validating, and of the validated version after.
        version: Last validated version, 0 before the first.
        attempt: Starts of the signing machine so far: its execution names carry it.
        due_at: When the sweep starts the signing again; None once the version's own row waits for it.
    """

    accession_number: str
    site: str
    title: str = ""
    sections: tuple[Section, ...] = ()
    recipients: tuple[str, ...] = ()
    status: DraftStatus = DraftStatus.DRAFT
    rev: int = 0
    author: str = ""
    edited_by: str = ""
    edited_at: datetime | None = None
    refusal: Refusal | None = None
    validation: Validation | None = None
    version: int = 0
    attempt: int = 0
    due_at: datetime | None = None

    def same_text(self, title: str, sections: tuple[Section, ...], recipients: tuple[str, ...]) -> bool:
        """Say whether it holds exactly this already."""
        return (self.title, self.sections, self.recipients) == (title, sections, recipients)


def require_editable(draft: Draft) -> None:
    """Refuse what may not be edited.

    Raises:
        Refused: `report_validating`: its documents are being made; `report_validated`: a correction makes a new version.
    """
    if draft.status in (DraftStatus.VALIDATING, DraftStatus.VALIDATED):
        raise Refused(f"report_{draft.status.value}", field="status")


def require_revision(draft: Draft, rev: int) -> None:
    """Refuse a write over somebody else's.

    Raises:
        Refused: `edited_by_other`; the detail names the account that wrote last and the revision there is.
    """
    if draft.rev != rev:
        raise Refused("edited_by_other", field="rev", detail=f"revision {draft.rev} was written by {draft.edited_by}")


def edited(
    draft: Draft, *, title: str, sections: tuple[Section, ...], recipients: tuple[str, ...], actor: str, now: datetime
) -> Draft:
    """Return the draft with its new text; a provisional one stays provisional, a refusal is behind."""
    return replace(
        draft,
        title=title,
        sections=sections,
        recipients=recipients,
        author=draft.author or actor,
        edited_by=actor,
        edited_at=now,
        refusal=None,
    )


def provisional(draft: Draft, *, on: bool, actor: str, now: datetime) -> Draft:
    """Return the draft marked as provisional, or no longer."""
    status = DraftStatus.PROVISIONAL if on else DraftStatus.DRAFT
    return replace(draft, status=status, edited_by=actor, edited_at=now)


def validating(draft: Draft, validation: Validation, *, due_at: datetime) -> Draft:
    """Return the draft after the click: its signing is started once more."""
    return replace(
        draft,
        status=DraftStatus.VALIDATING,
        validation=validation,
        refusal=None,
        attempt=draft.attempt + 1,
        edited_by=validation.account_id,
        edited_at=validation.validated_at,
        due_at=due_at,
    )


def put_back(draft: Draft, refusal: Refusal) -> Draft:
    """Return the draft after a refusal: to be corrected, its text untouched."""
    return replace(draft, status=DraftStatus.DRAFT, refusal=refusal, validation=None, due_at=None)


def validated(draft: Draft, version: int) -> Draft:
    """Return the draft once its version is signed."""
    return replace(draft, status=DraftStatus.VALIDATED, version=version, refusal=None, due_at=None)
