"""Sweep: what waits in a row past its time is started again from the facts (design, decision 17)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from ris.application.agenda.freeing import freed_days, request_after
from ris.application.agenda.ports import Booking
from ris.application.agenda.publish_worklist import publish_worklist
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.request import RequestState

Row = TypeVar("Row")
BATCH = 100
"""Rows of each kind in one sweep; the next one comes in minutes, and what it finds left is reported."""


@dataclass(frozen=True)
class SweepReport:
    """What one sweep of a site did.

    Args:
        expired: Holds given back.
        restarted: Booking machines started again.
        republished: Exams put on the feed.
        resent: Deliveries handed to dispatch.
        failed: Rows that raised; they stay due. `errors` are the names of what they raised, each once.
        overdue: Rows that were past their time when the sweep came, holds apart: what the alarm counts.
    """

    expired: int = 0
    restarted: int = 0
    republished: int = 0
    resent: int = 0
    failed: int = 0
    overdue: int = 0
    errors: tuple[str, ...] = ()


def sweep_due(s: Services, site: str, now: datetime) -> SweepReport:
    """Free expired holds of a site and start again what is late: bookings, publications, deliveries.

    One row that fails never stops the others; it stays due and is counted. A late publication also plans the exam's order, whose
    row is then found as a late delivery.
    """
    held = s.exams.held(site, limit=BATCH)
    gone = [exam for exam in held if _expired(exam, now)]
    stuck = [exam for exam in held if not _expired(exam, now) and _attempt_number(s, exam, now) > 1]
    unpublished = s.exams.publish_due(site, now=now, limit=BATCH)
    unsent = s.deliveries.due(site, now=now, limit=BATCH)
    errors: list[str] = []
    return SweepReport(
        expired=_each(gone, lambda exam: expire_hold(s, exam.accession_number, now), errors),
        restarted=_each(stuck, lambda exam: _restart(s, exam, now), errors),
        republished=_each(unpublished, lambda exam: _publish_again(s, exam, now), errors),
        resent=_each(unsent, lambda delivery: s.orders.send_again(delivery, now), errors),
        failed=len(errors),
        overdue=len(stuck) + len(unpublished) + len(unsent),
        errors=tuple(sorted(set(errors))),
    )


def expire_hold(s: Services, accession: str, now: datetime) -> Exam | None:
    """Give back the slots of a hold whose time has passed, and its request to the list; anything else is left as it is.

    Returns:
        The exam as it stands, or None when there is no such exam.
    """

    def attempt() -> Exam | None:
        exam = s.exams.get(accession)
        if exam is None or not _expired(exam, now):
            return exam
        expired = replace(exam, state=ExamState.EXPIRED, hold_expires_at=None, changed_at=now)
        return s.agenda.commit(Booking(freed_days(s, exam), expired, request_after(s, exam, RequestState.TO_BOOK)))

    return decide(attempt)


def _expired(exam: Exam, now: datetime) -> bool:
    return exam.state is ExamState.HELD and exam.hold_expires_at is not None and exam.hold_expires_at <= now


def _attempt_number(s: Services, exam: Exam, now: datetime) -> int:
    """Return which start this would be: one more for each `restart_after` since the exam's last change.

    Two sweeps at once count the same, so they start the same execution name and one of them collides.
    """
    waited = now - (exam.changed_at or now)
    return 1 + int(waited / s.settings.restart_after)


def _restart(s: Services, listed: Exam, now: datetime) -> None:
    """Start the machine again, if the row itself is still held: the list it was found on may be behind."""
    exam = s.exams.get(listed.accession_number)
    if exam is not None and exam.state is ExamState.HELD:
        s.workflows.start_booking(exam.accession_number, exam.hold_token, _attempt_number(s, exam, now))


def _publish_again(s: Services, listed: Exam, now: datetime) -> None:
    exam = s.exams.get(listed.accession_number)
    if exam is not None and exam.publish_due_at is not None:
        publish_worklist(s, exam.accession_number, now)


def _each(rows: Sequence[Row], act: Callable[[Row], object], errors: list[str]) -> int:
    done = 0
    for row in rows:
        try:
            act(row)
            done += 1
        except Exception as error:
            # Whatever it is, a bug too: a row that cannot be treated must not keep the others from being found.
            errors.append(type(error).__name__)
    return done
