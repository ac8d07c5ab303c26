"""Cancel: give the slots back and take the exam off every list."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ris.application.agenda.freeing import freed_days, request_after
from ris.application.agenda.ports import Booking
from ris.application.agenda.publish_worklist import publish_soon
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.request import RequestState
from ris.domain.errors import InvalidInput, Refused

ORDER_CANCELLED = "order_cancelled"
"""The sender took the request back (ORC-1 `CA`): it is not to be booked again. Any other reason puts it back on the list."""


def cancel_exam(s: Services, accession: str, reason: str, actor: str, now: datetime) -> Exam:
    """Cancel a held or booked exam; a second cancellation changes nothing.

    Args:
        reason: Code: `order_cancelled`, `patient`, `site` …
        actor: Account id of who cancels, or the sending application's name.

    Returns:
        The exam, cancelled (or expired before).

    Raises:
        InvalidInput: `unknown_exam`.
        Refused: `exam_started`, the modality has already begun or ended it.
        RemoteUnavailable: `too_busy`.
    """
    exam = decide(lambda: _attempt(s, accession, reason, actor, now))
    if exam.publish_due_at is not None:
        publish_soon(s, accession, now)
    return exam


def _attempt(s: Services, accession: str, reason: str, actor: str, now: datetime) -> Exam:
    exam = s.exams.get(accession)
    if exam is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    if exam.state in (ExamState.CANCELLED, ExamState.EXPIRED):
        return exam
    if exam.state not in (ExamState.HELD, ExamState.BOOKED):
        raise Refused("exam_started", field="accession_number")
    on_feed = exam.state is ExamState.BOOKED
    cancelled = replace(
        exam,
        state=ExamState.CANCELLED,
        cancel_reason=reason,
        cancelled_by=actor,
        hold_expires_at=None,
        changed_at=now,
        publish_due_at=now + s.settings.restart_after if on_feed else None,
    )
    after = RequestState.CANCELLED if reason == ORDER_CANCELLED else RequestState.TO_BOOK
    return s.agenda.commit(Booking(freed_days(s, exam), cancelled, request_after(s, exam, after)))
