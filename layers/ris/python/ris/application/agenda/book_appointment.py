"""Book: check the rules, hold every resource in one write, start the booking machine (design, decision 17)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from ris.application.agenda.placing import Place, Wanted, appointment_at, check_place, free_machine, look_up, step_on
from ris.application.agenda.ports import Booking
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.application.reference import Modality
from ris.domain.agenda import rules
from ris.domain.agenda.contraindications import Override, answers_to, contraindications, unanswered
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.numbers import accession_authority, study_instance_uid
from ris.domain.agenda.request import ImagingRequest, RequestState
from ris.domain.agenda.resource_day import Slot, SlotState
from ris.domain.errors import InvalidInput, RemoteUnavailable


@dataclass(frozen=True)
class BookAppointment:
    """What a person asks for.

    Args:
        request_id: The request it answers, or None.
        day: `YYYY-MM-DD` at the site.
        start: `HH:MM`, wall time at the site; the end follows from the catalogue's duration.
        fold: For a time the clock shows twice: 0 the first, 1 the second; else None.
        actor: Account id of who books.
        answers: To the exam's questions on contraindications, by code; those nobody could answer yet are absent.
        override: Who decided that the exam takes place in spite of a contraindication.
        arrived: The patient is there: every question must have its answer.
    """

    site: str
    request_id: str | None
    patient_id: str
    exam_code: str
    room: str
    day: str
    start: str
    fold: int | None
    actor: str
    answers: Mapping[str, str] = field(default_factory=dict)
    override: Override | None = None
    arrived: bool = False


def book_appointment(s: Services, command: BookAppointment, now: datetime) -> Exam:
    """Hold the room and a machine of it for the exam, and start what confirms it.

    Returns:
        The exam in state HELD. When its machine could not be started the hold stands, and the sweep starts it.

    Raises:
        InvalidInput: `unknown_site`, `unknown_room`, `unknown_exam`, `unknown_patient`, `unknown_request`, `no_such_day`,
            `no_such_time`, `doubled_time`, `answer_malformed`; the field is the command's.
        Refused: `request_not_bookable`, `in_the_past`, `too_far`, `outside_opening_hours`, `wrong_modality`, `no_ipp_at_site`,
            `duplicate_exam`, `contraindication`, `questions_unanswered`, `slot_taken`, `machine_out_of_service`.
        RemoteUnavailable: `too_busy`, nothing was held.
    """
    place = Place(command.site, command.room, command.day, command.start, command.fold)
    wanted = look_up(s, place, command.patient_id, command.exam_code)
    answers = answers_to(wanted.kind.questions, command.answers)
    token = s.new_token()
    numbers: list[str] = []

    def attempt() -> Exam:
        request = _request(s, command)
        _check(s, command, wanted, request, answers, now)
        days = s.agenda.days(command.site, wanted.resources, command.day)
        machine = free_machine(wanted, days, now)
        # The number is taken only now, and once, so that refused bookings leave no holes.
        numbers[:] = numbers or [s.exams.next_accession_number(now)]
        exam = replace(_exam(s, command, wanted, machine, numbers[0], token, now), answers=answers)
        exam = replace(exam, priority=request.priority) if request else exam
        slot = Slot(wanted.interval, exam.accession_number, SlotState.HELD, token, exam.hold_expires_at)
        held = tuple(days[resource].hold(slot, now=now) for resource in exam.appointment.resources)
        answered = replace(request, state=RequestState.BOOKED, accession_number=exam.accession_number) if request else None
        return s.agenda.commit(Booking(held, exam, answered))

    exam = decide(attempt)
    with suppress(RemoteUnavailable):
        s.workflows.start_booking(exam.accession_number, token)
    return exam


def _request(s: Services, command: BookAppointment) -> ImagingRequest | None:
    if not command.request_id:
        return None
    request = s.exams.get_request(command.request_id)
    if request is None or request.site != command.site or request.patient_id != command.patient_id:
        raise InvalidInput("unknown_request", field="request")
    return request


def _check(
    s: Services,
    command: BookAppointment,
    wanted: Wanted,
    request: ImagingRequest | None,
    answers: Mapping[str, str],
    now: datetime,
) -> None:
    rules.request_not_bookable(request)
    check_place(s, wanted, now)
    rules.duplicate_exam(s.exams.planned(command.patient_id, command.day, command.exam_code))
    rules.contraindication(contraindications(wanted.kind.questions, answers), command.override)
    if command.arrived:
        rules.questions_unanswered(unanswered(wanted.kind.questions, answers))


def _exam(
    s: Services, command: BookAppointment, wanted: Wanted, machine: Modality, accession: str, token: str, now: datetime
) -> Exam:
    return new_exam(
        s,
        Exam(
            accession_number=accession,
            study_instance_uid="",
            site=command.site,
            patient_id=command.patient_id,
            request_id=command.request_id or "",
            exam_code=wanted.kind.exam_code,
            exam_label=wanted.kind.label,
            appointment=appointment_at(wanted, machine),
            state=ExamState.HELD,
            steps=(step_on(machine, accession, wanted.kind.label),),
            booked_by=command.actor,
            override=command.override,
            arrived_at=now if command.arrived else None,
        ),
        token,
        now,
    )


def new_exam(s: Services, exam: Exam, token: str, now: datetime) -> Exam:
    """Return an exam as one that begins its life here: held, with the numbers this deployment gives."""
    root, namespace = s.settings.study_uid_root, s.settings.uid_namespace
    return replace(
        exam,
        study_instance_uid=study_instance_uid(exam.accession_number, root=root, namespace=namespace),
        accession_authority=accession_authority(root=root, namespace=namespace),
        state=ExamState.HELD,
        hold_token=token,
        hold_expires_at=now + s.settings.hold_for,
        changed_at=now,
        version=0,
    )
