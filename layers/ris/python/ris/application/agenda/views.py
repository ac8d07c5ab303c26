"""Reads for the pages: each costs what it shows, never a scan of a table.

A day is one read of the resources' items, one of the exams they name and one of those exams' patients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ris.application.agenda.pages import (
    AgendaEntry,
    DayAgenda,
    ExamPage,
    FreeTime,
    MachineOut,
    PatientOfTheDay,
    PatientPage,
    RequestRow,
    RoomDay,
    WorklistRow,
)
from ris.application.agenda.ports import MppsRecord
from ris.application.agenda.services import Services
from ris.application.reference import Modality, Room, Site
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.interval import Interval, gaps
from ris.domain.agenda.resource_day import ResourceDay, Slot
from ris.domain.agenda.site_calendar import civil_day, day_of, opening_of, wall_time
from ris.domain.errors import InvalidInput
from ris.domain.identity.patient import Patient

_ON_WORKLIST = (ExamState.BOOKED, ExamState.IN_PROGRESS, ExamState.COMPLETED, ExamState.DISCONTINUED)


def day_agenda(s: Services, site: str, day: str, now: datetime) -> DayAgenda:
    """Return what every room of a site does on one day of the site.

    Args:
        site: Id of a site.
        day: `YYYY-MM-DD`; empty means the site's today.

    Raises:
        InvalidInput: `unknown_site`, `no_such_day`.
    """
    at = _site(s, site)
    day = day or day_of(now, at.time_zone)
    around = civil_day(day)
    rooms = s.reference.rooms(site)
    modalities = {one.modality: one for one in s.reference.modalities(site)}
    days = s.agenda.days(site, [*(room.room for room in rooms), *modalities], day)
    exams, patients = _exams_of(s, [days[room.room] for room in rooms], now)
    opening = opening_of(day, at.opening, at.time_zone)
    return DayAgenda(
        site=at,
        day=day,
        today=day_of(now, at.time_zone),
        previous_day=(around - timedelta(days=1)).isoformat(),
        next_day=(around + timedelta(days=1)).isoformat(),
        opening=_wall(opening, at) if opening else None,
        rooms=tuple(
            replace(
                _room_day(at, room, modalities, days[room.room], opening, exams, patients, now),
                out=tuple(_out(at, modalities[one], slot) for one in room.modalities if one in days for slot in days[one].outages),
            )
            for room in rooms
        ),
    )


def day_worklist(s: Services, site: str, day: str, dicom_modality: str | None, now: datetime) -> list[WorklistRow]:
    """Return the exams of a site's day that are or were on its worklist, in order of time.

    Args:
        day: `YYYY-MM-DD`; empty means the site's today.
        dicom_modality: `CT`, `MR` …, or None for all.

    Raises:
        InvalidInput: `unknown_site`, `no_such_day`.
    """
    at = _site(s, site)
    day = day or day_of(now, at.time_zone)
    civil_day(day)
    machines = [one for one in s.reference.modalities(site) if dicom_modality in (None, "", one.dicom_modality)]
    days = s.agenda.days(site, [one.modality for one in machines], day)
    exams, patients = _exams_of(s, days.values(), now)
    shown = sorted(
        (exam for exam in exams.values() if exam.state in _ON_WORKLIST),
        key=lambda exam: (exam.appointment.start, exam.accession_number),
    )
    return [_worklist_row(at, exam, patients.get(exam.patient_id)) for exam in shown]


def patients_of_the_day(s: Services, site: str, day: str, now: datetime) -> list[PatientOfTheDay]:
    """Return the exams of a site's day, held ones too, in order of time and name.

    Args:
        day: `YYYY-MM-DD`; empty means the site's today.

    Raises:
        InvalidInput: `unknown_site`, `no_such_day`.
    """
    at = _site(s, site)
    day = day or day_of(now, at.time_zone)
    civil_day(day)
    days = s.agenda.days(site, [one.modality for one in s.reference.modalities(site)], day)
    exams, patients = _exams_of(s, days.values(), now)
    rows = [_of_the_day(at, exam, patients.get(exam.patient_id)) for exam in exams.values()]
    return sorted(rows, key=lambda row: (row.exam.appointment.start, _name(row.patient), row.exam.accession_number))


def _name(patient: Patient | None) -> str:
    return f"{patient.traits.birth_family} {patient.traits.birth_given}" if patient else ""


def _of_the_day(at: Site, exam: Exam, patient: Patient | None) -> PatientOfTheDay:
    return PatientOfTheDay(
        exam=exam,
        patient=patient,
        ipp=_ipp(patient, at),
        start=wall_time(exam.appointment.start, at.time_zone),
        arrived_at=wall_time(exam.arrived_at, at.time_zone) if exam.arrived_at else "",
        called_at=wall_time(exam.called_at, at.time_zone) if exam.called_at else "",
    )


def exam_page(s: Services, accession: str) -> ExamPage | None:
    """Return one exam with its patient, request and deliveries, all read consistently; None when there is no such exam."""
    exam = s.exams.get(accession)
    at = s.reference.site(exam.site) if exam else None
    if exam is None or at is None:
        return None
    patient = s.patients.get(exam.patient_id)
    catalogued = s.reference.catalogue_exam(exam.exam_code)
    return ExamPage(
        exam=exam,
        site=at,
        patient=patient,
        ipp=_ipp(patient, at),
        request=s.exams.get_request(exam.request_id) if exam.request_id else None,
        deliveries=tuple(s.deliveries.of_owner(accession)),
        start=wall_time(exam.appointment.start, at.time_zone),
        end=wall_time(exam.appointment.end, at.time_zone),
        changed_at=_wall_instant(exam.changed_at, at),
        preparation=catalogued.preparation if catalogued else "",
    )


def requests_to_book(s: Services, site: str, limit: int = 50, cursor: str = "") -> list[RequestRow]:
    """Return the requests that wait for a booking at a site, oldest first.

    Args:
        limit: Rows, 1 to 100.
        cursor: `request_id` of the last row shown; the list goes on behind it.

    Raises:
        InvalidInput: `unknown_site`.
    """
    at = _site(s, site)
    requests = s.exams.requests_to_book(site, limit=_bounded(limit), after=cursor)
    patients = s.patients.get_many(_distinct(one.patient_id for one in requests))
    return [
        RequestRow(one, patients.get(one.patient_id), _ipp(patients.get(one.patient_id), at), _wall_instant(one.received_at, at))
        for one in requests
    ]


def patient_page(s: Services, patient_id: str) -> PatientPage | None:
    """Return one patient with exams and requests; None when there is no such patient.

    Rights are the caller's matter: a page of one site shows only the exams of sites its reader has a role in.
    """
    patient = s.patients.get(patient_id)
    if patient is None:
        return None
    exams, requests = s.exams.of_patient(patient_id)
    return PatientPage(patient, tuple(exams), tuple(requests))


def search_patients(s: Services, text: str, limit: int = 20, born: date | None = None) -> list[Patient]:
    """Return patients one of whose names begins with each word, or whose IPP is the text.

    Args:
        born: Only those born that day; a blank text then means all of them, and nobody without it.
    """
    return s.patients.search(text, limit=_bounded(limit), born=born) if text.strip() or born else []


def parked_messages(s: Services, site: str, limit: int = 50, *, after: str = "") -> list[Any]:
    """Return the site's messages that were acknowledged and could not be applied, oldest first, from behind a place on."""
    return s.messages.parked(site, limit=_bounded(limit), after=after)


def unscheduled_mpps(s: Services, site: str, limit: int = 50) -> list[MppsRecord]:
    """Return the site's MPPS that a person must bring together with an exam, oldest first."""
    return s.exams.mpps_to_reconcile(site, limit=_bounded(limit))


def _site(s: Services, site: str) -> Site:
    at = s.reference.site(site)
    if at is None:
        raise InvalidInput("unknown_site", field="site")
    return at


def _bounded(limit: int) -> int:
    return max(1, min(limit, 100))


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _ipp(patient: Patient | None, at: Site) -> str:
    return patient.ipp(at.ipp_authority) if patient else ""


def _wall(interval: Interval, at: Site) -> FreeTime:
    return FreeTime(wall_time(interval.start, at.time_zone), wall_time(interval.end, at.time_zone))


def _wall_instant(instant: datetime | None, at: Site) -> str:
    return instant.astimezone(ZoneInfo(at.time_zone)).strftime("%Y-%m-%d %H:%M") if instant else ""


def _exams_of(s: Services, days: Iterable[ResourceDay], now: datetime) -> tuple[dict[str, Exam], dict[str, Patient]]:
    named = _distinct(slot.accession_number for one in days for slot in one.slots if slot.stands(now))
    exams = s.exams.get_many(named)
    return exams, s.patients.get_many(_distinct(exam.patient_id for exam in exams.values()))


def _room_day(
    at: Site,
    room: Room,
    modalities: dict[str, Modality],
    day: ResourceDay,
    opening: Interval | None,
    exams: dict[str, Exam],
    patients: dict[str, Patient],
    now: datetime,
) -> RoomDay:
    standing = [slot for slot in day.slots if slot.stands(now)]
    free = gaps(opening, [slot.interval for slot in standing]) if opening else []
    entries = []
    for slot in standing:
        exam, wall = exams.get(slot.accession_number), _wall(slot.interval, at)
        patient = patients.get(exam.patient_id) if exam else None
        entries.append(
            AgendaEntry(
                accession_number=slot.accession_number,
                start=wall.start,
                end=wall.end,
                state=exam.state.value if exam else slot.state.value,
                exam_label=exam.exam_label if exam else "",
                modality=exam.appointment.modality if exam else "",
                patient=patient,
                ipp=_ipp(patient, at),
            )
        )
    machines: Sequence[Modality] = [modalities[one] for one in room.modalities if one in modalities]
    return RoomDay(room, tuple(machines), tuple(entries), tuple(_wall(one, at) for one in free))


def _out(at: Site, machine: Modality, slot: Slot) -> MachineOut:
    wall = _wall(slot.interval, at)
    return MachineOut(machine, wall.start, wall.end, slot.reason)


def _worklist_row(at: Site, exam: Exam, patient: Patient | None) -> WorklistRow:
    step = exam.steps[0]
    return WorklistRow(
        accession_number=exam.accession_number,
        start=wall_time(exam.appointment.start, at.time_zone),
        end=wall_time(exam.appointment.end, at.time_zone),
        state=exam.state.value,
        room=exam.appointment.room,
        modality=exam.appointment.modality,
        dicom_modality=step.dicom_modality,
        station_ae_title=step.station_ae_title,
        exam_label=exam.exam_label,
        patient=patient,
        ipp=_ipp(patient, at),
        changed_at=_wall_instant(exam.changed_at, at),
        arrived_at=wall_time(exam.arrived_at, at.time_zone) if exam.arrived_at else "",
        called_at=wall_time(exam.called_at, at.time_zone) if exam.called_at else "",
    )
