"""Withhold a report after its validation, or let it go: what has not left waits, what has left is not called back."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.channel_plan import plan_facts
from ris.application.report.content import identity_of
from ris.application.report.services import ReportServices
from ris.application.report.standing import draft_of, readable_version
from ris.domain.dispatch.channels import TO_PRINT
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.dispatch.mail import IDENTITY, WITHHELD, surely_not_left
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report.draft import DraftStatus
from ris.domain.report.plan import planned_rows
from ris.domain.report.version import Version


def withhold(s: ReportServices, accession: str, *, on: bool, now: datetime) -> Version:
    """Keep what has not left yet of the version that stands, or let it go; a second time changes nothing.

    Args:
        s: The ports.
        accession: Of the exam.
        on: Whether it is withheld from now on.
        now: Aware UTC instant.

    Returns:
        The version; its rows are due where they may leave now.

    Raises:
        InvalidInput: `unknown_report`, `unknown_exam`.
        Refused: `report_not_validated`, `report_deleted`, `report_validating`.
        RemoteUnavailable: `too_busy`.
    """

    def attempt() -> Version:
        draft = draft_of(s, accession)
        if draft.status is DraftStatus.VALIDATING:
            raise Refused("report_validating", field="status")
        version = readable_version(s, draft)
        if version.marks.withheld is on:
            return version
        marked = replace(version, marks=replace(version.marks, withheld=on), changed_at=now)
        rows = _kept(s, version, now) if on else _let_go(s, marked, now)
        again = replace(draft, marks=replace(draft.marks, withheld=on))
        _, written = s.reports.commit(again, marked, deliveries=rows)
        return written

    return decide(attempt)


def _kept(s: ReportServices, version: Version, now: datetime) -> tuple[Delivery, ...]:
    rows = [row for row in s.deliveries.of_owner(version.accession_number) if row.report_version and row.operation != DELETE]
    return tuple(
        replace(row, state=DeliveryState.HELD, reason=WITHHELD, due_at=None, changed_at=now) for row in rows if surely_not_left(row)
    )


def _let_go(s: ReportServices, version: Version, now: datetime) -> tuple[Delivery, ...]:
    """Return the withheld rows in the state that their plan gives them without the mark."""
    exam = s.exams.get(version.accession_number)
    content = s.reports.content(version)
    if exam is None or content is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    patient, report = s.patients.get(exam.patient_id), s.codec.load(content)
    existing = s.deliveries.of_owner(version.accession_number)
    on_paper = frozenset(row.recipient for row in existing if row.channel == TO_PRINT)
    facts = plan_facts(s, exam, patient, report, version.reason, version.marks, now)
    planned = planned_rows(replace(facts, unreachable=on_paper))  # who gets paper was decided at validation
    states = {(row.channel, row.recipient): row for row in planned}
    qualified = patient is not None and identity_of(patient) is not None
    rows = []
    for row in existing:
        if row.state is not DeliveryState.HELD or row.reason != WITHHELD:
            continue
        plan = states.get((row.channel, row.recipient))
        if plan is None:
            continue
        wakes = plan.state is DeliveryState.PENDING or (plan.reason == IDENTITY and qualified)
        rows.append(
            replace(
                row,
                state=plan.state,
                reason=plan.reason,
                who_sends=plan.who_sends,
                due_at=now if wakes else None,
                changed_at=now,
            )
        )
    return tuple(rows)
