"""Publish: tell the site's gateway what its worklist shows of an exam.

The version on the feed is the one of the exam row that was read: a later state always has a higher one, so it does not matter in
which order two publications arrive, nor how often. What is due on the feed is marked on the row by whoever changed its state, in
the same write; the mark goes only when that very version was queued.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from ris.application.agenda.services import Services
from ris.application.conflicts import Conflict, decide
from ris.application.reference import Site
from ris.domain.agenda.contraindications import told
from ris.domain.agenda.exam import Exam, ExamState, ScheduledStep
from ris.domain.agenda.worklist import FeedState, WorklistEntry, feed_state_of
from ris.domain.errors import InvalidInput, RemoteUnavailable

KEPT_AFTER_END = timedelta(days=1)
"""A step stays on the gateway's list this long after its appointment's end, for exams that run late."""


def publish_worklist(s: Services, accession: str, now: datetime) -> Exam:
    """Put every step of the exam on the feed in its present state, and plan what the PACS must know of a booking, a change or a cancellation.

    Returns:
        The exam, its mark gone unless it changed meanwhile.

    Raises:
        InvalidInput: `unknown_exam`, `unknown_site`.
        RemoteUnavailable: The feed did not take it; the mark stays, the sweep comes back.
    """
    exam = s.exams.get(accession)
    if exam is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    if exam.state in (ExamState.HELD, ExamState.EXPIRED):
        return exam
    if exam.state in (ExamState.BOOKED, ExamState.CANCELLED):
        # Before the mark goes: an execution that dies from here on leaves a row that the sweep finds.
        s.orders.plan(exam, now)
    for step in exam.steps:
        s.feed.publish(entry_of(s, exam, step))
    published = replace(exam, steps=tuple(replace(step, feed_version=exam.version) for step in exam.steps), publish_due_at=None)
    try:
        return s.exams.save(published)
    except Conflict:
        # Whoever wrote in between has marked it again, or only a newer publication was faster.
        return s.exams.get(accession) or exam


def publish_soon(s: Services, accession: str, now: datetime) -> None:
    """Publish now if the feed answers; else the mark on the row lets the sweep do it."""
    with suppress(RemoteUnavailable):
        publish_worklist(s, accession, now)


def republish_patient(s: Services, patient_id: str, now: datetime) -> list[str]:
    """Publish again every exam of a patient that is on a worklist, because the patient's data changed.

    Returns:
        The accession numbers published.
    """
    exams, _ = s.exams.of_patient(patient_id)
    shown = [exam.accession_number for exam in exams if feed_state_of(exam.state) is not FeedState.REMOVED]
    for accession in shown:
        decide(partial(_mark, s, accession, now))
        publish_soon(s, accession, now)
    return shown


def _mark(s: Services, accession: str, now: datetime) -> None:
    exam = s.exams.get(accession)
    if exam is not None:
        s.exams.save(replace(exam, publish_due_at=now + s.settings.restart_after))


def entry_of(s: Services, exam: Exam, step: ScheduledStep) -> WorklistEntry:
    """Return what is told of one step.

    Patient and request are read after the exam: a version never carries older data than a lower one does.

    Raises:
        InvalidInput: `unknown_site`.
    """
    at = s.reference.site(exam.site)
    if at is None:
        raise InvalidInput("unknown_site", field="site")
    patient = s.patients.get(exam.patient_id)
    kind = s.reference.catalogue_exam(exam.exam_code)
    local = exam.appointment.start.astimezone(ZoneInfo(at.time_zone))
    return WorklistEntry(
        exam=exam,
        step=step,
        version=exam.version,
        state=feed_state_of(exam.state),
        patient=patient,
        request=s.exams.get_request(exam.request_id) if exam.request_id else None,
        ipp=patient.ipp(at.ipp_authority) if patient else "",
        ipp_authority=at.ipp_authority,
        start_day=f"{local:%Y%m%d}",
        start_time=f"{local:%H%M%S}",
        room_name=_room_name(s, at, exam),
        code_system=kind.system if kind else "",
        preparation=kind.preparation if kind else "",
        told=told(kind.questions if kind else (), exam.answers),
        expires_at=exam.appointment.end + KEPT_AFTER_END,
    )


def _room_name(s: Services, at: Site, exam: Exam) -> str:
    return next((room.name for room in s.reference.rooms(at.site) if room.room == exam.appointment.room), exam.appointment.room)
