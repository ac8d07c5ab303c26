"""Write a report: save its text, mark it as provisional, read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.services import ReportServices
from ris.domain.errors import InvalidInput
from ris.domain.report import draft as drafts
from ris.domain.report import rules
from ris.domain.report.draft import Draft
from ris.domain.report.frozen import Section


@dataclass(frozen=True)
class EditReport:
    """What a person saves.

    Args:
        rev: The revision this text was written on; 0 for a report that nobody began.
        recipients: RPPS of those who get a copy beside the requester.
        actor: Account id of who saves.
        takes: Whether that person is a radiologist of the site: a report that nobody took is theirs from then on.
    """

    accession_number: str
    rev: int
    title: str
    sections: tuple[Section, ...]
    actor: str
    recipients: tuple[str, ...] = ()
    takes: bool = False


def edit_report(s: ReportServices, command: EditReport, now: datetime) -> Draft:
    """Save a text under the revision it was written on; the same text saved twice changes nothing.

    Any character may be saved, so that nothing typed is lost; what cannot be printed is refused at validation.

    Returns:
        The draft as it stands: its revision is what the next save names.

    Raises:
        InvalidInput: `unknown_exam`; `report_too_long`, `too_many_sections`, `heading_too_long`, `title_too_long`,
            `too_many_recipients`.
        Refused: `edited_by_other`: somebody wrote since, nothing was changed; `report_validating`, `report_validated`.
        RemoteUnavailable: `too_busy`.
    """
    _require_size(command)

    def attempt() -> Draft:
        draft = s.reports.draft(command.accession_number) or begun_report(s, command.accession_number, command.actor)
        if draft.rev and draft.same_text(command.title, command.sections, command.recipients):
            return draft
        drafts.require_editable(draft)
        drafts.require_revision(draft, command.rev)
        return s.reports.save_draft(
            drafts.edited(
                draft,
                title=command.title,
                sections=command.sections,
                recipients=command.recipients,
                actor=command.actor,
                now=now,
                takes=command.takes,
            )
        )

    return decide(attempt)


def mark_provisional(s: ReportServices, accession: str, rev: int, *, on: bool, actor: str, now: datetime) -> Draft:
    """Mark a report as provisional (several radiologists must agree before it is validated), or no longer (CRR.04).

    Raises:
        InvalidInput: `unknown_report`.
        Refused: `edited_by_other`, `report_validating`, `report_validated`.
    """

    def attempt() -> Draft:
        draft = s.reports.draft(accession)
        if draft is None:
            raise InvalidInput("unknown_report", field="accession_number")
        marked = drafts.provisional(draft, on=on, actor=actor, now=now)
        if marked.status is draft.status:
            return draft
        drafts.require_editable(draft)
        drafts.require_revision(draft, rev)
        return s.reports.save_draft(marked)

    return decide(attempt)


def begun_report(s: ReportServices, accession: str, actor: str) -> Draft:
    """Return the report of an exam before its first word.

    Raises:
        InvalidInput: `unknown_exam`.
    """
    exam = s.exams.get(accession)
    if exam is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    return drafts.begun(exam, actor)


def _require_size(command: EditReport) -> None:
    """Refuse what no row could hold, long before it could not."""
    if len(command.title) > rules.TITLE_SAVED_MAXIMUM:
        raise InvalidInput("title_too_long", field="title")
    if len(command.recipients) > rules.RECIPIENTS_MAXIMUM:
        raise InvalidInput("too_many_recipients", field="recipients")
    for problem in rules.size_problems(command.sections):
        raise InvalidInput(problem.code, field=problem.field, detail=problem.detail)
