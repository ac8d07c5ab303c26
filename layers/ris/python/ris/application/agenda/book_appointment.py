"""Book: check the rules, hold every resource in one write, start the booking machine (design, decision 17)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ris.application.agenda.ports import Booking
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.application.reference import CatalogueExam, Modality, Room, Site
from ris.domain.agenda import rules
from ris.domain.agenda.exam import Appointment, Exam, ExamState, ScheduledStep
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.numbers import accession_authority, step_id, study_instance_uid
from ris.domain.agenda.request import ImagingRequest, RequestState
from ris.domain.agenda.resource_day import ResourceDay, Slot, SlotState
from ris.domain.agenda.site_calendar import instant_of, opening_of
from ris.domain.errors import InvalidInput, Refused, RemoteUnavailable
from ris.domain.identity.patient import Patient


@dataclass(frozen=True)
class BookAppointment:
    """What a person asks for.

    Args:
        request_id: The request it answers, or None.
        day: `YYYY-MM-DD` at the site.
        start: `HH:MM`, wall time at the site; the end follows from the catalogue's duration.
        fold: For a time the clock shows twice: 0 the first, 1 the second; else None.
        actor: Account id of who books.
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


@dataclass(frozen=True)
class _Wanted:
    """The command with its names looked up."""

    site: Site
    room: Room
    machines: tuple[Modality, ...]
    kind: CatalogueExam
    patient: Patient
    interval: Interval


def book_appointment(s: Services, command: BookAppointment, now: datetime) -> Exam:
    """Hold the room and a machine of it for the exam, and start what confirms it.

    Returns:
        The exam in state HELD. When its machine could not be started the hold stands, and the sweep starts it.

    Raises:
        InvalidInput: `unknown_site`, `unknown_room`, `unknown_exam`, `unknown_patient`, `unknown_request`, `no_such_day`,
            `no_such_time`, `doubled_time`; the field is the command's.
        Refused: `request_not_bookable`, `in_the_past`, `outside_opening_hours`, `wrong_modality`, `no_ipp_at_site`,
            `duplicate_exam`, `slot_taken`.
        RemoteUnavailable: `too_busy`, nothing was held.
    """
    wanted = _look_up(s, command)
    token = s.new_token()
    numbers: list[str] = []

    def attempt() -> Exam:
        request = _request(s, command)
        _check(s, command, wanted, request, now)
        days = s.agenda.days(command.site, [command.room, *(one.modality for one in wanted.machines)], command.day)
        machine = _free_machine(wanted, days, now)
        # The number is taken only now, and once, so that refused bookings leave no holes.
        numbers[:] = numbers or [s.exams.next_accession_number(now)]
        exam = _exam(s, command, wanted, machine, numbers[0], token, now)
        exam = replace(exam, priority=request.priority) if request else exam
        slot = Slot(wanted.interval, exam.accession_number, SlotState.HELD, token, exam.hold_expires_at)
        held = tuple(days[resource].hold(slot, now=now) for resource in exam.appointment.resources)
        answered = replace(request, state=RequestState.BOOKED, accession_number=exam.accession_number) if request else None
        return s.agenda.commit(Booking(held, exam, answered))

    exam = decide(attempt)
    with suppress(RemoteUnavailable):
        s.workflows.start_booking(exam.accession_number, token)
    return exam


def _look_up(s: Services, command: BookAppointment) -> _Wanted:
    site = s.reference.site(command.site)
    if site is None:
        raise InvalidInput("unknown_site", field="site")
    room = next((one for one in s.reference.rooms(command.site) if one.room == command.room), None)
    if room is None:
        raise InvalidInput("unknown_room", field="room")
    kind = s.reference.catalogue_exam(command.exam_code)
    if kind is None:
        raise InvalidInput("unknown_exam", field="exam")
    patient = s.patients.get(command.patient_id)
    if patient is None or command.site not in patient.sites:
        raise InvalidInput("unknown_patient", field="patient")
    start = instant_of(command.day, command.start, site.time_zone, fold=command.fold)
    machines = {one.modality: one for one in s.reference.modalities(command.site)}
    suitable = [machines[one] for one in room.modalities if one in machines and machines[one].dicom_modality == kind.dicom_modality]
    return _Wanted(site, room, tuple(suitable), kind, patient, Interval(start, start + timedelta(minutes=kind.duration_minutes)))


def _request(s: Services, command: BookAppointment) -> ImagingRequest | None:
    if not command.request_id:
        return None
    request = s.exams.get_request(command.request_id)
    if request is None or request.site != command.site or request.patient_id != command.patient_id:
        raise InvalidInput("unknown_request", field="request")
    return request


def _check(s: Services, command: BookAppointment, wanted: _Wanted, request: ImagingRequest | None, now: datetime) -> None:
    rules.request_not_bookable(request)
    rules.in_the_past(wanted.interval, now=now)
    rules.outside_opening_hours(wanted.interval, opening_of(command.day, wanted.site.opening, wanted.site.time_zone))
    rules.wrong_modality([one.modality for one in wanted.machines])
    rules.no_ipp_at_site(wanted.patient.ipp(wanted.site.ipp_authority))
    rules.duplicate_exam(s.exams.planned(command.patient_id, command.day, command.exam_code))


def _free_machine(wanted: _Wanted, days: dict[str, ResourceDay], now: datetime) -> Modality:
    free = [one for one in wanted.machines if days[one.modality].blocked_by(wanted.interval, now=now) is None]
    if not free or days[wanted.room.room].blocked_by(wanted.interval, now=now) is not None:
        raise Refused("slot_taken", field="start")
    return free[0]


def _exam(
    s: Services, command: BookAppointment, wanted: _Wanted, machine: Modality, accession: str, token: str, now: datetime
) -> Exam:
    step = ScheduledStep(
        sps_id=step_id(accession, 1),
        station_ae_title=machine.ae_title,
        station_name=machine.station_name,
        dicom_modality=machine.dicom_modality,
        description=wanted.kind.label,
    )
    root, namespace = s.settings.study_uid_root, s.settings.uid_namespace
    return Exam(
        accession_number=accession,
        study_instance_uid=study_instance_uid(accession, root=root, namespace=namespace),
        accession_authority=accession_authority(root=root, namespace=namespace),
        site=command.site,
        patient_id=command.patient_id,
        request_id=command.request_id or "",
        exam_code=wanted.kind.exam_code,
        exam_label=wanted.kind.label,
        appointment=Appointment(
            site=command.site,
            day=command.day,
            start=wanted.interval.start,
            end=wanted.interval.end,
            room=command.room,
            modality=machine.modality,
            resources=tuple(dict.fromkeys((command.room, machine.modality))),
        ),
        state=ExamState.HELD,
        hold_token=token,
        hold_expires_at=now + s.settings.hold_for,
        steps=(step,),
        booked_by=command.actor,
        changed_at=now,
    )
