"""What the agenda's pages show: plain values, wall times of the site, nothing left to compute."""

from __future__ import annotations

from dataclasses import dataclass

from ris.application.reference import Modality, Room, Site
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest
from ris.domain.dispatch.delivery import Delivery
from ris.domain.identity.patient import Patient


@dataclass(frozen=True)
class AgendaEntry:
    """One taken slot of a room.

    Args:
        start: Wall time at the site, `HH:MM`; so is `end`.
        patient: None when the row cannot be found (never hides the slot).
        ipp: Of the patient in the site's domain.
        state: Of the exam: `held`, `booked` …; an expired hold is not shown.
    """

    accession_number: str
    start: str
    end: str
    state: str
    exam_label: str
    modality: str
    patient: Patient | None
    ipp: str


@dataclass(frozen=True)
class FreeTime:
    """Wall times between which a room is free: [start, end)."""

    start: str
    end: str


@dataclass(frozen=True)
class MachineOut:
    """A machine of a room out of service that day, wall times [start, end)."""

    machine: Modality
    start: str
    end: str
    reason: str


@dataclass(frozen=True)
class RoomDay:
    """One room on one day, in order of time; `out` are its machines out of service."""

    room: Room
    modalities: tuple[Modality, ...]
    entries: tuple[AgendaEntry, ...]
    free: tuple[FreeTime, ...]
    out: tuple[MachineOut, ...] = ()


@dataclass(frozen=True)
class DayAgenda:
    """The agenda of a site on one day.

    Args:
        opening: Wall times, or None when the site is closed that day.
        today: The site's present day; `previous_day` and `next_day` are those around `day`.
    """

    site: Site
    day: str
    today: str
    previous_day: str
    next_day: str
    opening: FreeTime | None
    rooms: tuple[RoomDay, ...]


@dataclass(frozen=True)
class PatientOfTheDay:
    """One exam of a day with its patient; wall times of the site, `HH:MM`, empty for what did not happen."""

    exam: Exam
    patient: Patient | None
    ipp: str
    start: str
    arrived_at: str
    called_at: str


@dataclass(frozen=True)
class WorklistRow:
    """One exam of the day's worklist."""

    accession_number: str
    start: str
    end: str
    state: str
    room: str
    modality: str
    dicom_modality: str
    station_ae_title: str
    exam_label: str
    patient: Patient | None
    ipp: str
    changed_at: str
    arrived_at: str = ""
    called_at: str = ""


@dataclass(frozen=True)
class ExamPage:
    """One exam with all that belongs to it.

    Args:
        start: Wall time at the site, `HH:MM`; so are `end` and `changed_at`, the latter with its day before it.
        patient: None when the row cannot be found.
        request: None when the exam answers none.
    """

    exam: Exam
    site: Site
    patient: Patient | None
    ipp: str
    request: ImagingRequest | None
    deliveries: tuple[Delivery, ...]
    start: str
    end: str
    changed_at: str
    preparation: str


@dataclass(frozen=True)
class RequestRow:
    """One request that waits for its booking; `received_at` is `YYYY-MM-DD HH:MM` at the site."""

    request: ImagingRequest
    patient: Patient | None
    ipp: str
    received_at: str


@dataclass(frozen=True)
class PatientPage:
    """One patient with exams and requests, newest first."""

    patient: Patient
    exams: tuple[Exam, ...]
    requests: tuple[ImagingRequest, ...]
