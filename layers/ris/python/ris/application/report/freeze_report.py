"""First state of the signing machine: freeze the content and the channel plan of a version, in one transaction.

transaction: draft as read ∧ no such version yet → version row, frozen content, delivery rows
│ killed here: run again, the version is there; its file is made from the content that the transaction wrote
├ documents bucket: frozen.json, once
└ the identity was qualified meanwhile: the rows it holds are due, and the sweep makes the next version

A version without a text of its own repeats the content before it. A deletion is frozen and over in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.channel_plan import plan_facts
from ris.application.report.content import content_of, place_of, repeated
from ris.application.report.documents import kept, stored_file
from ris.application.report.held_rows import wake_held
from ris.application.report.refusing import putting_back, require_validating, rows_of
from ris.application.report.services import ReportServices
from ris.application.report.standing import standing_version
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import Delivery
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.patient import Patient
from ris.domain.report import draft as drafts
from ris.domain.report import succession
from ris.domain.report.draft import Draft, Validation
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.plan import plan_of, planned_rows
from ris.domain.report.version import FROZEN, Version, VersionState


@dataclass(frozen=True)
class FreezeReport:
    """What the execution was started with: the click, and the revision it was made on."""

    accession_number: str
    version: int
    draft_rev: int


def freeze_report(s: ReportServices, command: FreezeReport, now: datetime) -> Version:
    """Freeze one version; run again, it changes nothing.

    Returns:
        The version, frozen or further.

    Raises:
        InvalidInput: As `content_of`; the draft has its refusal then. `unknown_report`, `unknown_exam`.
        Refused: Likewise; `validation_gone` when the draft is no longer what was validated.
        RemoteUnavailable: `too_busy`, `document_unavailable`.
    """
    version = decide(lambda: _attempt(s, command, now))
    if version.reason is Reason.DELETION:
        return version
    content = s.reports.content(version)
    if content is None or kept(s, version, FROZEN, content) != version.files[FROZEN]:
        raise AssertionError("a version is written together with its content, and kept as it was written")
    wake_held(s, command.accession_number, now)
    return version


def _attempt(s: ReportServices, command: FreezeReport, now: datetime) -> Version:
    # The draft is read first: a freeze moves its revision, so one that moved means that the version is there to be seen.
    seen = s.reports.draft(command.accession_number)
    before = s.reports.version(command.accession_number, command.version)
    if before is not None and before.state is not VersionState.WITHDRAWN:
        return before
    draft = require_validating(seen, command.version, command.draft_rev)
    with putting_back(s, command.accession_number, command.version, now, making=0):
        return _freeze(s, draft, before, now)


def _freeze(s: ReportServices, draft: Draft, before: Version | None, now: datetime) -> Version:
    validation, exam = draft.validation, s.exams.get(draft.accession_number)
    if exam is None or validation is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    making = before.making + 1 if before else 1
    last = standing_version(s, draft)
    if validation.reason is Reason.DELETION:
        return _taken_back(s, exam, draft, validation, last, now)
    patient = s.patients.get(exam.patient_id)
    report, marks = _content(s, exam, patient, draft, validation, last, making)
    rows = _rows(s, exam, patient, report, validation.reason, marks, before, now)
    version, content = _version(s, exam, draft, validation, report, rows, making, now)
    # Nothing of the refused making left: its row and its delivery rows are written over.
    version = replace(version, marks=marks, row_version=before.row_version if before else 0)
    _, written = s.reports.commit(replace(draft, due_at=None), version, deliveries=rows, content=content)
    return written


def _content(
    s: ReportServices,
    exam: Exam,
    patient: Patient | None,
    draft: Draft,
    validation: Validation,
    last: Version | None,
    making: int,
) -> tuple[FrozenReport, Marks]:
    """Return what the version says, and who may see it."""
    if validation.reason.has_text:
        replaces = last.document_id if last is not None and last.reason is not Reason.DELETION else ""
        report = content_of(s, exam, patient, draft, validation, making=making, replaces=replaces)
        return report, draft.marks
    if last is None or last.reason is Reason.DELETION:
        raise Refused("unknown_version", field="replaces")
    marks = last.marks.announced() if validation.reason is Reason.ANNOUNCEMENT else last.marks
    return repeated(s, exam, patient, last, validation, marks, making=making), marks


def _version(
    s: ReportServices,
    exam: Exam,
    draft: Draft,
    validation: Validation,
    report: FrozenReport,
    rows: tuple[Delivery, ...],
    making: int,
    now: datetime,
) -> tuple[Version, bytes]:
    _, entity = place_of(s, exam)
    version = Version(
        accession_number=exam.accession_number,
        site=exam.site,
        legal_entity=entity.finess_ej,
        version=report.version,
        document_id=report.document_id,
        set_id=report.set_id,
        replaces=report.replaces,
        validated_at=report.validated_at,
        validated_by=validation.account_id,
        rpps=validation.rpps,
        state=VersionState.FROZEN,
        making=making,
        plan=plan_of(rows),
        draft_rev=draft.rev,
        attempt=draft.attempt,
        due_at=now + s.settings.restart_after,
        changed_at=now,
        reason=validation.reason,
        requested_by=validation.requested_by or validation.account_id,
    )
    content = s.codec.dump(report)
    return replace(version, files={FROZEN: stored_file(version.key_of(FROZEN), content)}), content


def _rows(
    s: ReportServices,
    exam: Exam,
    patient: Patient | None,
    report: FrozenReport,
    reason: Reason,
    marks: Marks,
    before: Version | None,
    now: datetime,
) -> tuple[Delivery, ...]:
    """Return the rows, planned as if the version were the first: what it replaces is decided when it is signed."""
    rows = planned_rows(plan_facts(s, exam, patient, report, reason, marks, now))
    if before is None:
        return rows
    versions = {(row.channel, row.recipient): row.version for row in rows_of(s, before)}
    return tuple(replace(row, version=versions.get((row.channel, row.recipient), 0)) for row in rows)


def _taken_back(
    s: ReportServices, exam: Exam, draft: Draft, validation: Validation, last: Version | None, now: datetime
) -> Version:
    """Write the deletion of a report: rows for whoever has it, and nothing leaves any more for whoever has not."""
    if last is None or last.reason is Reason.DELETION:
        raise Refused("unknown_version", field="replaces")
    after = succession.delete(s.deliveries.of_owner(exam.accession_number), exam.site, validation.version, now)
    version = replace(
        last,
        version=validation.version,
        replaces=last.document_id,
        reason=Reason.DELETION,
        requested_by=validation.requested_by,
        plan=plan_of(after.rows),
        draft_rev=draft.rev,
        attempt=draft.attempt,
        due_at=None,
        changed_at=now,
        row_version=0,
    )
    _, written = s.reports.commit(
        drafts.deleted(draft, version.version),
        version,
        deliveries=(*after.rows, *after.earlier),
        content=s.reports.content(last),
    )
    return written
