"""Let a report go to the DMP whose patient had opposed and does so no more: its row becomes what the plan says now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.lifted_opposition import opposes
from ris.application.report.expected_channels import Asked, facts_before
from ris.application.report.held_rows import wake_held
from ris.application.report.services import ReportServices
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.channels import OURS
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.dmp import CHANNEL, withdrawn_for_opposition
from ris.domain.identity.patient import Patient
from ris.domain.report.draft import DraftStatus
from ris.domain.report.plan import planned_rows


def feed_again(s: ReportServices, delivery: Delivery, now: datetime) -> Delivery | None:
    """Decide on a row that is due since an opposition is over; a second time changes nothing.

    It goes as the plan of its version says without the opposition: pending, or held for an identity or by a person. The platform of a
    hospital was not asked to feed this version, so that it is ours. It stays withdrawn when the patient opposes again, when a later
    version has its own row, or when the report was deleted.

    Args:
        s: The ports.
        delivery: The row as a list showed it, perhaps behind.
        now: Aware UTC instant.

    Raises:
        RemoteUnavailable: `too_busy`; the row stays due.
    """

    def attempt() -> Delivery | None:
        row = s.deliveries.get(delivery.owner, delivery.channel, delivery.recipient, delivery.report_version)
        if row is None or not withdrawn_for_opposition(row) or row.due_at is None:
            return row
        return s.deliveries.save(_after(s, row, now))

    row = decide(attempt)
    wake_held(s, delivery.owner, now)  # it may wait for an identity that is qualified meanwhile
    return row


def _after(s: ReportServices, row: Delivery, now: datetime) -> Delivery:
    exam = s.exams.get(row.owner)
    patient = s.patients.get(exam.patient_id) if exam else None
    if exam is None or patient is None or opposes(patient, exam) or not _stands(s, row):
        return replace(row, due_at=None)
    planned = _planned(s, row, exam, patient)
    if planned is None:
        return replace(row, due_at=None)
    due = now if planned.state is DeliveryState.PENDING else None
    return replace(row, state=planned.state, reason=planned.reason, due_at=due, changed_at=now)


def _stands(s: ReportServices, row: Delivery) -> bool:
    """Say whether no later version speaks to the DMP, and the report was not deleted."""
    draft = s.reports.draft(row.owner)
    later = (one for one in s.deliveries.of_owner(row.owner) if one.channel == CHANNEL and one.report_version > row.report_version)
    return draft is not None and draft.status is not DraftStatus.DELETED and next(later, None) is None


def _planned(s: ReportServices, row: Delivery, exam: Exam, patient: Patient) -> Delivery | None:
    """Return what the plan of the row's version says of the DMP now; nobody's mailbox is looked up for that."""
    version = s.reports.version(row.owner, row.report_version)
    content = s.reports.content(version) if version else None
    if version is None or content is None:
        return None
    facts, _ = facts_before(s, Asked(row.site, patient, exam=exam, marks=version.marks))
    qualified = s.codec.load(content).identity is not None
    rows = planned_rows(replace(facts, qualified=qualified, who_sends=OURS))
    return next(one for one in rows if one.channel == CHANNEL)
