"""Write on a row what a workflow could not do: refused, to be sent later, or perhaps sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ris.application.conflicts import decide
from ris.application.dispatch.plan_order import plan_row
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.transitions import postponed, rejected
from ris.domain.errors import InvalidInput

PERSON_ACTS = frozenset({"InvalidInput", "Refused", "NotAllowed", "RemoteRejected"})
SURELY_NOT_DONE = frozenset({"RemoteUnavailable", "Lambda.TooManyRequestsException"})


class ExamById(Protocol):
    """Reads one exam."""

    def get(self, accession_number: str) -> Exam | None:
        """Return the exam, read consistently, or None."""


@dataclass(frozen=True)
class OutcomeServices:
    """What recording needs: fewer ports than sending."""

    deliveries: DeliveryStore
    exams: ExamById


def record_outcome(
    s: OutcomeServices, accession: str, channel: str, recipient: str, error: str, code: str, now: datetime
) -> Delivery:
    """Write the outcome of a task that failed; a second time, or after the real answer came, changes nothing.

    Args:
        s: The ports.
        accession: Of the exam.
        channel: Of the row; `recipient` too.
        error: Name of the error as the state machine saw it: a group of ours, `States.Timeout`, `Lambda.Unknown` …
        code: The precise code from the cause, or empty.
        now: Aware UTC instant.

    Returns:
        The row: rejected when a person must act, pending when surely nothing left, else pending and unknown.

    Raises:
        InvalidInput: `unknown_exam`.
    """

    def attempt() -> Delivery:
        row = s.deliveries.get(accession, channel, recipient)
        if row is None:
            exam = s.exams.get(accession)
            if exam is None:
                raise InvalidInput("unknown_exam", field="accession_number")
            row = plan_row(s.deliveries, accession, exam.site, channel, recipient, now)
        if error in PERSON_ACTS:
            after = rejected(row, now, reason=code or error)
        else:
            after = postponed(row, now, reason=code or error, unknown=error not in SURELY_NOT_DONE)
        return row if after == row else s.deliveries.save(after)

    return decide(attempt)
