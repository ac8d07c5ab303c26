"""First state of the signing machine: freeze the content and the channel plan of a version, in one transaction.

transaction: draft as read ∧ no such version yet → version row, frozen content, delivery rows
│ killed here: run again, the version is there; its file is made from the content that the transaction wrote
└ documents bucket: frozen.json, once
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.content import content_of, place_of
from ris.application.report.documents import kept, stored_file
from ris.application.report.refusing import putting_back, require_validating, rows_of
from ris.application.report.services import ReportServices
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import Delivery, Origin
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.patient import Patient
from ris.domain.report.draft import Draft, Validation
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.marks import Reason
from ris.domain.report.plan import PlanFacts, plan_of, planned_rows
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
    content = s.reports.content(version)
    if content is None or kept(s, version, FROZEN, content) != version.files[FROZEN]:
        raise AssertionError("a version is written together with its content, and kept as it was written")
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
    replaced = s.reports.version(exam.accession_number, draft.version) if draft.version else None
    if draft.version and replaced is None:
        raise Refused("unknown_version", field="replaces")
    patient = s.patients.get(exam.patient_id)
    report = content_of(s, exam, patient, draft, validation, making=making, replaces=replaced.document_id if replaced else "")
    rows = _rows(s, exam, patient, report, draft, before, now)
    version, content = _version(s, exam, draft, validation, report, rows, making, now)
    # Nothing of the refused making left: its row and its delivery rows are written over.
    version = replace(version, row_version=before.row_version if before else 0)
    _, written = s.reports.commit(replace(draft, due_at=None), version, deliveries=rows, content=content)
    return written


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
    )
    content = s.codec.dump(report)
    return replace(version, files={FROZEN: stored_file(version.key_of(FROZEN), content)}), content


def _rows(
    s: ReportServices,
    exam: Exam,
    patient: Patient | None,
    report: FrozenReport,
    draft: Draft,
    before: Version | None,
    now: datetime,
) -> tuple[Delivery, ...]:
    rows = planned_rows(_plan_facts(s, exam, patient, report, draft, now))
    if before is None:
        return rows
    versions = {(row.channel, row.recipient): row.version for row in rows_of(s, before)}
    return tuple(replace(row, version=versions.get((row.channel, row.recipient), 0)) for row in rows)


def _plan_facts(
    s: ReportServices, exam: Exam, patient: Patient | None, report: FrozenReport, draft: Draft, now: datetime
) -> PlanFacts:
    """Return what the plan is made of, as the facts stand at this instant."""
    site, entity = place_of(s, exam)
    requester = report.requester
    people = tuple(person.rpps for person in ((requester, *report.recipients) if requester else report.recipients) if person.rpps)
    return PlanFacts(
        owner=exam.accession_number,
        site=exam.site,
        version=report.version,
        document_id=report.document_id,
        now=now,
        qualified=report.identity is not None,
        information=(patient.consents.get("ZFA-9", "") if patient else "", exam.information),
        marks=draft.marks,
        reason=draft.validation.reason if draft.validation else Reason.VALIDATION,
        refusals=patient.refusals if patient else frozenset(),
        professionals=people,
        unnamed=requester is not None and not requester.rpps,
        destinations=site.gets_reports,
        who_sends=site.who_sends,
        platform=site.platform,
        origin=Origin(site.time_zone, entity.finess_ej, site.finess_geo, report.author.rpps, qualified=report.identity is not None),
    )
