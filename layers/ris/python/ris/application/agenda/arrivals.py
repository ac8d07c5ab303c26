"""The waiting room: who came, who was called in, and what must be known before.

It is no list of its own: the day's exams say who waits. Each step done twice is done once, and keeps the first instant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from ris.application.agenda.publish_worklist import publish_soon
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.domain.agenda import rules
from ris.domain.agenda.contraindications import Override, answers_to, contraindications, unanswered
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.site_calendar import day_of
from ris.domain.errors import InvalidInput, Refused


def check_in(s: Services, accession: str, answers: Mapping[str, str], override: Override | None, now: datetime) -> Exam:
    """Note that the patient came: every question on contraindications has its answer now, and the modality is told of new ones.

    Args:
        s: The ports.
        accession: Of the exam, booked for today.
        answers: To the exam's questions, by code; those given before stand where none is given now.
        override: Who decided that the exam takes place in spite of a contraindication; the one of the booking stands.
        now: Aware UTC instant.

    Raises:
        InvalidInput: `unknown_exam`, `answer_malformed`.
        Refused: `exam_started`, `exam_not_booked`, `not_the_day`, `questions_unanswered`, `contraindication`.
    """

    def change(exam: Exam) -> Exam:
        rules.exam_not_movable(exam)
        site = s.reference.site(exam.site)
        rules.not_the_day(exam, day_of(now, site.time_zone if site else "UTC"))
        kind = s.reference.catalogue_exam(exam.exam_code)
        questions = kind.questions if kind else ()
        known = {**exam.answers, **answers_to(questions, answers)}
        decided = override or exam.override
        rules.questions_unanswered(unanswered(questions, known))
        rules.contraindication(contraindications(questions, known), decided)
        after = replace(exam, answers=known, override=decided, arrived_at=exam.arrived_at or now)
        return after if known == exam.answers else replace(after, publish_due_at=now + s.settings.restart_after)

    exam = _changed(s, accession, change)
    if exam.publish_due_at is not None:
        publish_soon(s, accession, now)
    return exam


def undo_check_in(s: Services, accession: str) -> Exam:
    """Note that the patient did not come after all: the wrong line was clicked."""

    def change(exam: Exam) -> Exam:
        rules.exam_not_movable(exam)
        return replace(exam, arrived_at=None, called_at=None)

    return _changed(s, accession, change)


def call_in(s: Services, accession: str, now: datetime) -> Exam:
    """Note that the patient was called in.

    Raises:
        Refused: `not_arrived`; `exam_started`, `exam_not_booked`.
    """

    def change(exam: Exam) -> Exam:
        rules.exam_not_movable(exam)
        if exam.arrived_at is None:
            raise Refused("not_arrived", field="accession_number")
        return replace(exam, called_at=exam.called_at or now)

    return _changed(s, accession, change)


def patient_told(s: Services, accession: str) -> Exam:
    """Take an exam off the list of calls: its patient knows of the change."""
    return _changed(s, accession, lambda exam: replace(exam, to_call_since=None))


def _changed(s: Services, accession: str, change: Callable[[Exam], Exam]) -> Exam:
    def attempt() -> Exam:
        exam = s.exams.get(accession)
        if exam is None:
            raise InvalidInput("unknown_exam", field="accession_number")
        after = change(exam)
        return exam if after == exam else s.exams.save(after)

    return decide(attempt)
