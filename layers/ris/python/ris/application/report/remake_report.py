"""Make a version without a text of its own: announcement done, identity qualified, deletion. The row first, then its machine.

row: validating, why and who asked, due ── start the machine ── (machine) freeze … sign, or the deletion in one transaction
└ not started: the row is due, and the sweep starts the signing machine from what the row says
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.content import identity_of
from ris.application.report.held_rows import held_for_identity, let_sleep, release_held
from ris.application.report.services import ReportServices
from ris.application.report.standing import draft_of, readable_version
from ris.application.report.validate_report import start
from ris.domain.errors import Refused, RemoteUnavailable
from ris.domain.report import draft as drafts
from ris.domain.report.draft import Draft, DraftStatus, Validation
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.marks import Reason
from ris.domain.report.version import Version

IDENTITY_QUALIFIED = "identity_qualified"
"""Who asked for a version that came by itself."""


def release_announcement(s: ReportServices, accession: str, *, actor: str, now: datetime) -> Draft:
    """Record that somebody spoke with the patient: the report becomes visible to them by a version of its own (CRR.03).

    Returns:
        The draft, its version in the making or made: a second click changes nothing.

    Raises:
        InvalidInput: `unknown_report`.
        Refused: `report_not_validated`, `report_deleted`; `report_validating`: another version is being made.
        RemoteUnavailable: `too_busy`.
    """

    def wanted(_draft: Draft, last: Version) -> bool:
        return last.marks.announcement_pending

    draft, begun = _begin(s, accession, Reason.ANNOUNCEMENT, actor, now, wanted)
    if begun and draft.validation is not None:
        with suppress(RemoteUnavailable):
            s.workflows.start_release(accession, draft.validation, draft_rev=draft.rev, attempt=draft.attempt)
    return draft


def delete_report(s: ReportServices, accession: str, *, actor: str, now: datetime) -> Draft:
    """Take a report back from everybody who got it (DMP.02); what did not leave yet never leaves.

    Returns:
        The draft, deleted or about to be: a second click changes nothing.

    Raises:
        InvalidInput: `unknown_report`.
        Refused: `report_not_validated`; `report_validating`: another version is being made.
        RemoteUnavailable: `too_busy`.
    """
    draft = draft_of(s, accession)
    if draft.status is DraftStatus.DELETED:
        return draft
    draft, begun = _begin(s, accession, Reason.DELETION, actor, now, lambda _draft, _last: True)
    if begun:
        with suppress(RemoteUnavailable):
            start(s, draft)
    return draft


def reissue_for_identity(s: ReportServices, accession: str, now: datetime) -> bool:
    """Make a report again with the INS, once its patient is qualified and rows of it wait for that (design, decision 6).

    Nothing changes when another version is being made: the rows stay due, and the sweep comes back.

    Where the documents carry that INS already, what waits is simply let go.

    Returns:
        Whether a version is being made.

    Raises:
        InvalidInput: `unknown_report`.
        RemoteUnavailable: `too_busy`.
    """
    exam = s.exams.get(accession)
    patient = s.patients.get(exam.patient_id) if exam else None
    identity = identity_of(patient) if patient else None
    if identity is None:
        let_sleep(s, accession)
        return False
    if not any(held_for_identity(row) for row in s.deliveries.of_owner(accession)):
        return False

    def wanted(draft: Draft, last: Version) -> bool:
        frozen = _content(s, last).identity
        if frozen is not None and frozen.ins == identity.ins:
            return False
        refused = draft.refusal.at if draft.refusal else None
        if refused is not None and now < refused + s.settings.remade_again_after:
            raise Refused(draft.refusal.code if draft.refusal else "", field="refusal")  # a person mends that first
        return True

    try:
        draft, begun = _begin(s, accession, Reason.IDENTITY, IDENTITY_QUALIFIED, now, wanted)
    except Refused:
        return False  # another version is being made, or none stands: the rows stay due, or have their own end
    if begun:
        with suppress(RemoteUnavailable):
            start(s, draft)
    elif draft.status is not DraftStatus.VALIDATING:
        release_held(s, accession, now)
    return begun or draft.status is DraftStatus.VALIDATING


def _begin(
    s: ReportServices, accession: str, reason: Reason, by: str, now: datetime, wanted: Callable[[Draft, Version], bool]
) -> tuple[Draft, bool]:
    """Write on the row that a version is to be made, under a condition; say whether it was this call that did."""

    def attempt() -> tuple[Draft, bool]:
        draft = draft_of(s, accession)
        if draft.status is DraftStatus.VALIDATING:
            if draft.validation is not None and draft.validation.reason is reason:
                return draft, False
            raise Refused("report_validating", field="status")
        last = readable_version(s, draft)
        if not wanted(draft, last):
            return draft, False
        marks = draft.marks.announced() if reason is Reason.ANNOUNCEMENT else draft.marks
        begun = drafts.remaking(
            replace(draft, marks=marks), _validation(s, last, reason, by), due_at=now + s.settings.restart_after
        )
        return s.reports.save_draft(begun), True

    return decide(attempt)


def _validation(s: ReportServices, last: Version, reason: Reason, by: str) -> Validation:
    """Return whose text it is and when it was validated: as in the version before, whoever asks for this one."""
    return Validation(
        version=last.version + 1,
        account_id=last.validated_by,
        rpps=last.rpps,
        validated_at=last.validated_at,
        logged_in_at=_content(s, last).logged_in_at,
        reason=reason,
        requested_by=by,
    )


def _content(s: ReportServices, version: Version) -> FrozenReport:
    content = s.reports.content(version)
    if content is None:
        raise Refused("unknown_version", field="replaces")
    return s.codec.load(content)
