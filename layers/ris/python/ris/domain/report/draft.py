"""A report while it is written: one row per exam, guarded by its revision.

        edit ──┐        ┌── refused: back to draft, with code, field and detail
               ▼        │
    draft ⇄ provisional ──▶ validating ──▶ validated (version n) ──▶ deleted
                                               └ corrected: draft again, for version n+1

A version without a text of its own (announcement done, identity qualified, deletion) passes through *validating* too, and leaves the
text where it stood: `resume` says where. While it is open, `turn` says whose turn it is: the radiologist's, or the secretary's. Whoever writes names the revision read; a second editor is told, and nothing of the first one's text is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from ris.domain.agenda.exam import Exam, ExamKind
from ris.domain.errors import Refused
from ris.domain.report.frozen import Section
from ris.domain.report.marks import Marks, Reason


class DraftStatus(Enum):
    """Where a report stands before and after its validation."""

    DRAFT = "draft"
    PROVISIONAL = "provisional"
    VALIDATING = "validating"
    VALIDATED = "validated"
    DELETED = "deleted"


class Turn(Enum):
    """Whose turn an open report is.

    WRITING: the radiologist's. TYPING: the secretary types what was dictated. CORRECTION: the secretary corrects what the note says.
    REREADING: the secretary is done, the radiologist reads it again and validates.
    """

    WRITING = "writing"
    TYPING = "typing"
    CORRECTION = "correction"
    REREADING = "rereading"

    @property
    def of_secretary(self) -> bool:
        """Say whether the secretary acts next."""
        return self in (Turn.TYPING, Turn.CORRECTION)


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
        reason: Why this version is made; `requested_by` asked for it where that is not who answers for the text: an account, or a machine.
    """

    version: int
    account_id: str
    rpps: str
    validated_at: datetime
    logged_in_at: datetime
    reason: Reason = Reason.VALIDATION
    requested_by: str = ""


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
        marks: Of the next validation; those of a version that stands are on its row.
        kind: Of its exam, and `done_at` since when that one waits: what reading lists are narrowed and ordered by.
        turn: Whose turn it is while it is open; `note` is what the radiologist tells the secretary.
        reader: Account of the radiologist who took it, or empty.
        resume: While a version without a text of its own is made: where the text stood before, and stands again after.
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
    marks: Marks = field(default_factory=Marks)
    resume: DraftStatus | None = None
    kind: ExamKind = field(default_factory=ExamKind)
    done_at: datetime | None = None
    turn: Turn = Turn.WRITING
    note: str = ""
    reader: str = ""

    @property
    def open(self) -> bool:
        """Whether it waits for somebody to write or to validate it."""
        return self.status in (DraftStatus.DRAFT, DraftStatus.PROVISIONAL)

    @property
    def waits_since(self) -> datetime | None:
        """By what lists order it: when its exam was done, else its last edit."""
        return self.done_at or self.edited_at

    def same_text(self, title: str, sections: tuple[Section, ...], recipients: tuple[str, ...]) -> bool:
        """Say whether it holds exactly this already."""
        return (self.title, self.sections, self.recipients) == (title, sections, recipients)


def begun(exam: Exam, actor: str) -> Draft:
    """Return the report of an exam, before its first word."""
    return Draft(exam.accession_number, exam.site, author=actor, kind=exam.kind, done_at=exam.done_at)


def require_editable(draft: Draft) -> None:
    """Refuse what may not be edited.

    Raises:
        Refused: `report_validating`: its documents are being made; `report_validated`: a correction makes a new version;
            `report_deleted`.
    """
    if draft.status in (DraftStatus.DRAFT, DraftStatus.PROVISIONAL):
        return
    if draft.status is DraftStatus.VALIDATING and draft.resume in (DraftStatus.DRAFT, DraftStatus.PROVISIONAL):
        return  # what is being made repeats an older text; the one being written is not concerned
    raise Refused(f"report_{draft.status.value}", field="status")


def require_revision(draft: Draft, rev: int) -> None:
    """Refuse a write over somebody else's.

    Raises:
        Refused: `edited_by_other`; the detail names the account that wrote last and the revision there is.
    """
    if draft.rev != rev:
        raise Refused("edited_by_other", field="rev", detail=f"revision {draft.rev} was written by {draft.edited_by}")


def edited(
    draft: Draft,
    *,
    title: str,
    sections: tuple[Section, ...],
    recipients: tuple[str, ...],
    actor: str,
    now: datetime,
    takes: bool = False,
) -> Draft:
    """Return the draft with its new text; a provisional one stays provisional, a refusal is behind.

    Args:
        draft: As it was.
        title: As typed; so are sections and recipients.
        sections: Of the text.
        recipients: RPPS.
        actor: Account of who wrote.
        now: Aware UTC instant.
        takes: Whether the actor is a radiologist: a report that nobody took is theirs from then on.
    """
    return replace(
        draft,
        title=title,
        sections=sections,
        recipients=recipients,
        author=draft.author or actor,
        edited_by=actor,
        edited_at=now,
        refusal=None,
        reader=draft.reader or (actor if takes else ""),
    )


def provisional(draft: Draft, *, on: bool, actor: str, now: datetime) -> Draft:
    """Return the draft marked as provisional, or no longer."""
    status = DraftStatus.PROVISIONAL if on else DraftStatus.DRAFT
    if draft.resume is not None:
        return replace(draft, resume=status, edited_by=actor, edited_at=now)
    return replace(draft, status=status, edited_by=actor, edited_at=now)


def validating(draft: Draft, validation: Validation, *, due_at: datetime) -> Draft:
    """Return the draft after the click: its signing is started once more, and it is nobody's turn any more."""
    return replace(
        draft,
        turn=Turn.WRITING,
        note="",
        reader=draft.reader or validation.account_id,
        status=DraftStatus.VALIDATING,
        validation=validation,
        refusal=None,
        attempt=draft.attempt + 1,
        edited_by=validation.account_id,
        edited_at=validation.validated_at,
        due_at=due_at,
        resume=None,
    )


def remaking(draft: Draft, validation: Validation, *, due_at: datetime) -> Draft:
    """Return the draft while a version without a text of its own is made: the text stays as it is, and whose it is."""
    return replace(
        draft,
        status=DraftStatus.VALIDATING,
        validation=validation,
        refusal=None,
        attempt=draft.attempt + 1,
        due_at=due_at,
        resume=draft.status,
    )


def put_back(draft: Draft, refusal: Refusal) -> Draft:
    """Return the draft after a refusal: to be corrected, its text untouched."""
    return replace(draft, status=draft.resume or DraftStatus.DRAFT, refusal=refusal, validation=None, due_at=None, resume=None)


def validated(draft: Draft, version: int) -> Draft:
    """Return the draft once its version is signed."""
    status = draft.resume or DraftStatus.VALIDATED
    return replace(draft, status=status, version=version, refusal=None, due_at=None, resume=None)


def deleted(draft: Draft, version: int) -> Draft:
    """Return the draft once its report was taken back; what was written stays to be read here."""
    return replace(draft, status=DraftStatus.DELETED, version=version, refusal=None, due_at=None, resume=None)


def corrected(draft: Draft, marks: Marks, *, actor: str, now: datetime) -> Draft:
    """Return the draft opened again: for the version after the one that stands, with its marks.

    Raises:
        Refused: `report_not_validated`: there is nothing to correct yet, the text itself is open.
    """
    if draft.status not in (DraftStatus.VALIDATED, DraftStatus.DELETED):
        code = "report_validating" if draft.status is DraftStatus.VALIDATING else "report_not_validated"
        raise Refused(code, field="status")
    return replace(draft, status=DraftStatus.DRAFT, marks=marks, validation=None, refusal=None, edited_by=actor, edited_at=now)


def marked(draft: Draft, marks: Marks, *, actor: str, now: datetime) -> Draft:
    """Return the draft with other marks."""
    return replace(draft, marks=marks, edited_by=actor, edited_at=now, author=draft.author or actor)


def handed(draft: Draft, turn: Turn, note: str, *, actor: str, now: datetime, takes: bool) -> Draft:
    """Return the draft in somebody else's hands.

    Args:
        draft: As it was.
        turn: Whose turn it is now.
        note: What the secretary shall do; kept until the report is validated.
        actor: Account of who hands it over.
        now: Aware UTC instant.
        takes: Whether the actor is a radiologist.
    """
    reader = draft.reader or (actor if takes else "")
    return replace(
        draft, turn=turn, note=note or draft.note, edited_by=actor, edited_at=now, author=draft.author or actor, reader=reader
    )
