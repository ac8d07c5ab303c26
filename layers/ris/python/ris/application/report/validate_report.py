"""Validate: the radiologist's one click. It checks the rules, writes the click on the row, and starts the signing machine.

row: validating, by whom and when, due ── start `signing-{accession}-{version}` ── (machine) freeze, render, build, sign
└ not started: the row is due, and the sweep starts the machine from what the row says
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from ris.application.conflicts import decide
from ris.application.report.content import content_of
from ris.application.report.services import ReportServices
from ris.application.report.standing import standing_version
from ris.domain.access.session import Session
from ris.domain.errors import InvalidInput, Refused, RemoteUnavailable
from ris.domain.report import draft as drafts
from ris.domain.report import rules
from ris.domain.report.draft import Draft, DraftStatus, Validation
from ris.domain.report.marks import Reason
from ris.domain.report.rules import Problem


@dataclass(frozen=True)
class ValidateReport:
    """The click.

    Args:
        rev: The revision the person saw.
        session: Whose click it is, and by which door that person came in.
    """

    accession_number: str
    rev: int
    session: Session


def validate_report(s: ReportServices, command: ValidateReport, now: datetime) -> Draft:
    """Validate a report once; a second click changes nothing, whoever makes it.

    Returns:
        The draft, validating or validated already. When its machine could not be started the click stands, and the sweep starts it.

    Raises:
        InvalidInput: `unknown_report`; the text's rules: `title_missing`, `title_too_long`, `conclusion_missing`,
            `heading_missing`, `character_not_drawable`, `unknown_recipient` …
        Refused: `edited_by_other`; `validator_not_radiologist`, `validator_without_rpps`, `psc_session_required`,
            `psc_other_person`; `exam_not_performed`; facts that are missing (see `content_of`).
        RemoteUnavailable: `too_busy`.
    """
    started: list[Draft] = []

    def attempt() -> Draft:
        draft = s.reports.draft(command.accession_number)
        if draft is None:
            raise InvalidInput("unknown_report", field="accession_number")
        if draft.status is DraftStatus.VALIDATING and draft.resume in (DraftStatus.DRAFT, DraftStatus.PROVISIONAL):
            raise Refused("report_validating", field="status")  # another version is being made: this text has its turn then
        if draft.status in (DraftStatus.VALIDATING, DraftStatus.VALIDATED, DraftStatus.DELETED):
            return draft
        drafts.require_revision(draft, command.rev)
        validation = _validation(s, draft, command.session, now)
        exam = s.exams.get(draft.accession_number)
        if exam is None:
            raise InvalidInput("unknown_exam", field="accession_number")
        rules.require_performed(exam, now)
        content_of(s, exam, s.patients.get(exam.patient_id), draft, validation)
        written = s.reports.save_draft(drafts.validating(draft, validation, due_at=now + s.settings.restart_after))
        started[:] = [written]
        return written

    draft = decide(attempt)
    for one in started:
        with suppress(RemoteUnavailable):
            start(s, one)
    return draft


def start(s: ReportServices, draft: Draft) -> None:
    """Start the machine for a validating draft, under the name its row gives.

    Raises:
        RemoteUnavailable: Not started.
    """
    if draft.validation is not None:
        s.workflows.start_signing(draft.accession_number, draft.validation, draft_rev=draft.rev, attempt=draft.attempt)


def problems(draft: Draft) -> tuple[Problem, ...]:
    """Return every rule the text breaks, for the page that shows it."""
    return rules.problems_of(draft.title, draft.sections)


def _validation(s: ReportServices, draft: Draft, session: Session, now: datetime) -> Validation:
    account = rules.require_validator(s.accounts.get(session.account_id), draft.site)
    psc = session.psc
    if psc is None and s.settings.psc_required:
        raise Refused("psc_session_required", field="validator")
    if psc is not None and psc.rpps != account.rpps:
        raise Refused("psc_other_person", field="validator")
    logged_in = (psc.authenticated_at if psc else None) or session.created_at
    last = standing_version(s, draft)
    return Validation(
        reason=Reason.CORRECTION if last is not None and last.reason is not Reason.DELETION else Reason.VALIDATION,
        version=draft.version + 1,
        account_id=account.account_id,
        rpps=account.rpps,
        validated_at=now.astimezone(UTC).replace(microsecond=0),
        logged_in_at=logged_in.astimezone(UTC).replace(microsecond=0),
    )
