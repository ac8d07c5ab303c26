"""Cancel: give the slots back and take the exam off every list."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from ris.application.agenda.freeing import freed_days, request_after
from ris.application.agenda.ports import Booking
from ris.application.agenda.publish_worklist import publish_soon
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.domain.agenda import rules
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.request import RequestState
from ris.domain.errors import InvalidInput, Refused, RemoteUnavailable

SITE = "site"
"""The site cannot do it (a machine, a team): nobody asked the patient, who is to be called."""
NO_SHOW = "no_show"
"""The patient did not come; the request goes back on the list, and the exam keeps who noted it."""
ORDER_CANCELLED = "order_cancelled"
"""The sender took the request back (ORC-1 `CA`): it is not to be booked again. Any other reason puts it back on the list."""


def cancel_exam(s: Services, accession: str, reason: str, actor: str, now: datetime) -> Exam:
    """Cancel a held or booked exam; a second cancellation changes nothing.

    Args:
        reason: Code: `order_cancelled`, `patient`, `site`, `no_show` …
        actor: Account id of who cancels, or the sending application's name.

    Returns:
        The exam, cancelled (or expired before).

    Raises:
        InvalidInput: `unknown_exam`.
        Refused: `exam_started`, the modality has already begun or ended it; `too_early_for_no_show`, `patient_arrived`.
        RemoteUnavailable: `too_busy`.
    """
    exam = decide(lambda: _attempt(s, accession, reason, actor, now))
    tell_of_cancellation(s, exam, now)
    return exam


def tell_of_cancellation(s: Services, exam: Exam, now: datetime) -> None:
    """Take an exam that was on the worklist off it, and start what tells the PACS (ORM CA); a second time changes nothing.

    Where it cannot be done now, the mark on the row, then the row of the order, let the sweep do it.
    """
    if exam.publish_due_at is None:
        return
    publish_soon(s, exam.accession_number, now)
    with suppress(RemoteUnavailable):
        s.workflows.start_booking(exam.accession_number, exam.hold_token, change="cancelled")


def _attempt(s: Services, accession: str, reason: str, actor: str, now: datetime) -> Exam:
    exam = s.exams.get(accession)
    if exam is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    if exam.state in (ExamState.CANCELLED, ExamState.EXPIRED):
        return exam
    if exam.state not in (ExamState.HELD, ExamState.BOOKED):
        raise Refused("exam_started", field="accession_number")
    if reason == NO_SHOW:
        rules.absent_too_early(exam, now)
    on_feed = exam.state is ExamState.BOOKED
    cancelled = replace(
        exam,
        state=ExamState.CANCELLED,
        cancel_reason=reason,
        cancelled_by=actor,
        hold_expires_at=None,
        changed_at=now,
        to_call_since=now if reason == SITE and on_feed else None,
        publish_due_at=now + s.settings.restart_after if on_feed else None,
    )
    after = RequestState.CANCELLED if reason == ORDER_CANCELLED else RequestState.TO_BOOK
    return s.agenda.commit(Booking(freed_days(s, exam), cancelled, request_after(s, exam, after)))
