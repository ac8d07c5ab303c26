"""Open a validated report again, and set the marks of what will be validated next."""

from __future__ import annotations

from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.edit_report import begun_report
from ris.application.report.services import ReportServices
from ris.application.report.standing import draft_of, standing_version
from ris.domain.errors import Refused
from ris.domain.report import draft as drafts
from ris.domain.report.draft import Draft, DraftStatus
from ris.domain.report.marks import Marks, Reason


def correct_report(s: ReportServices, accession: str, rev: int, *, actor: str, now: datetime) -> Draft:
    """Open the text of a report for its next version; the version that stands stays what its recipients have.

    A deleted report is opened likewise: what is validated then is a first sending.

    Args:
        s: The ports.
        accession: Of the exam.
        rev: The revision the person saw.
        actor: Account id.
        now: Aware UTC instant.

    Returns:
        The draft, with the marks of the version that stands.

    Raises:
        InvalidInput: `unknown_report`.
        Refused: `edited_by_other`, `report_validating`, `report_not_validated`.
        RemoteUnavailable: `too_busy`.
    """

    def attempt() -> Draft:
        draft = draft_of(s, accession)
        if draft.version and (draft.status, draft.rev, draft.edited_by) == (DraftStatus.DRAFT, rev + 1, actor):
            return draft  # the same click, sent twice
        drafts.require_revision(draft, rev)
        last = standing_version(s, draft)
        marks = last.marks if last is not None else draft.marks
        return s.reports.save_draft(drafts.corrected(draft, marks, actor=actor, now=now))

    return decide(attempt)


def set_marks(s: ReportServices, accession: str, rev: int, marks: Marks, *, actor: str, now: datetime) -> Draft:
    """Set who may see what is validated next (CRR.02, DMP.06); a report that nobody began is begun.

    Raises:
        InvalidInput: `unknown_exam`.
        Refused: `edited_by_other`, `report_validating`, `report_validated`, `report_deleted`; `announcement_not_done`: the version that
            stands waits for an announcement, and only *announcement done* ends that.
        RemoteUnavailable: `too_busy`.
    """

    def attempt() -> Draft:
        draft = s.reports.draft(accession) or begun_report(s, accession, actor)
        if draft.rev and draft.marks == marks:
            return draft
        drafts.require_editable(draft)
        drafts.require_revision(draft, rev)
        if not marks.announcement_pending and _awaits_announcement(s, draft):
            raise Refused("announcement_not_done", field="announcement_pending")
        return s.reports.save_draft(drafts.marked(draft, marks, actor=actor, now=now))

    return decide(attempt)


def _awaits_announcement(s: ReportServices, draft: Draft) -> bool:
    """Say whether the patient must not see it yet, whatever text comes next."""
    last = standing_version(s, draft)
    under_way = draft.validation is not None and draft.resume is not None and draft.validation.reason is Reason.ANNOUNCEMENT
    return last is not None and last.marks.announcement_pending and draft.marks.announcement_pending and not under_way
