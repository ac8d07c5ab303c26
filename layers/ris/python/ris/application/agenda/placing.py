"""Where an exam shall take place: the names looked up, the rules of place and time, and a machine of the room that is free.

Booking and moving share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ris.application.agenda.services import Services
from ris.application.reference import CatalogueExam, Modality, Room, Site
from ris.domain.agenda import rules
from ris.domain.agenda.exam import Appointment, ScheduledStep
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.numbers import step_id
from ris.domain.agenda.resource_day import ResourceDay, SlotState
from ris.domain.agenda.site_calendar import instant_of, opening_of
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.patient import Patient


@dataclass(frozen=True)
class Place:
    """A room of a site at a wall time.

    Args:
        day: `YYYY-MM-DD` at the site.
        start: `HH:MM`, wall time at the site; the end follows from the catalogue's duration.
        fold: For a time the clock shows twice: 0 the first, 1 the second; else None.
        modality: The machine wanted; empty for any of the room.
    """

    site: str
    room: str
    day: str
    start: str
    fold: int | None = None
    modality: str = ""


@dataclass(frozen=True)
class Wanted:
    """A place with its names looked up, for one exam of one patient."""

    place: Place
    site: Site
    room: Room
    machines: tuple[Modality, ...]
    kind: CatalogueExam
    patient: Patient
    interval: Interval

    @property
    def resources(self) -> list[str]:
        """The room, then the machines of it that suit."""
        return [self.room.room, *(one.modality for one in self.machines)]


def look_up(s: Services, place: Place, patient_id: str, exam_code: str) -> Wanted:
    """Return what a place names.

    Raises:
        InvalidInput: `unknown_site`, `unknown_room`, `unknown_exam`, `unknown_patient`, `no_such_day`, `no_such_time`, `doubled_time`.
    """
    site = s.reference.site(place.site)
    if site is None:
        raise InvalidInput("unknown_site", field="site")
    room = next((one for one in s.reference.rooms(place.site) if one.room == place.room), None)
    if room is None:
        raise InvalidInput("unknown_room", field="room")
    kind = s.reference.catalogue_exam(exam_code)
    if kind is None:
        raise InvalidInput("unknown_exam", field="exam")
    patient = s.patients.get(patient_id)
    if patient is None or place.site not in patient.sites:
        raise InvalidInput("unknown_patient", field="patient")
    start = instant_of(place.day, place.start, site.time_zone, fold=place.fold)
    machines = [one for one in machines_for(s, room, kind) if place.modality in ("", one.modality)]
    return Wanted(
        place, site, room, tuple(machines), kind, patient, Interval(start, start + timedelta(minutes=kind.duration_minutes))
    )


def machines_for(s: Services, room: Room, kind: CatalogueExam) -> list[Modality]:
    """Return the machines of a room that do such an exam, in the room's order."""
    machines = {one.modality: one for one in s.reference.modalities(room.site)}
    return [machines[one] for one in room.modalities if one in machines and machines[one].dicom_modality == kind.dicom_modality]


def check_place(s: Services, wanted: Wanted, now: datetime) -> None:
    """Refuse by the rules of place and time: `in_the_past`, `too_far`, `outside_opening_hours`, `wrong_modality`, `no_ipp_at_site`."""
    rules.in_the_past(wanted.interval, now=now)
    rules.too_far(wanted.interval, now=now, horizon=s.settings.horizon)
    rules.outside_opening_hours(wanted.interval, opening_of(wanted.place.day, wanted.site.opening, wanted.site.time_zone))
    rules.wrong_modality([one.modality for one in wanted.machines])
    rules.no_ipp_at_site(wanted.patient.ipp(wanted.site.ipp_authority))


def free_machine(wanted: Wanted, days: Mapping[str, ResourceDay], now: datetime) -> Modality:
    """Return the first machine that is free together with the room.

    Raises:
        Refused: `slot_taken`; `machine_out_of_service`, when that is all that stands against it.
    """
    in_the_way = {one.modality: days[one.modality].blocked_by(wanted.interval, now=now) for one in wanted.machines}
    free = [one for one in wanted.machines if in_the_way[one.modality] is None]
    if days[wanted.room.room].blocked_by(wanted.interval, now=now) is not None:
        raise Refused("slot_taken", field="start")
    if not free:
        out = all(slot is not None and slot.state is SlotState.OUT_OF_SERVICE for slot in in_the_way.values())
        raise Refused("machine_out_of_service" if out else "slot_taken", field="start")
    return free[0]


def appointment_at(wanted: Wanted, machine: Modality) -> Appointment:
    """Return the appointment in that room on that machine."""
    return Appointment(
        site=wanted.place.site,
        day=wanted.place.day,
        start=wanted.interval.start,
        end=wanted.interval.end,
        room=wanted.room.room,
        modality=machine.modality,
        resources=tuple(dict.fromkeys((wanted.room.room, machine.modality))),
    )


def step_on(machine: Modality, accession: str, description: str) -> ScheduledStep:
    """Return the exam's step on that machine."""
    return ScheduledStep(
        sps_id=step_id(accession, 1),
        station_ae_title=machine.ae_title,
        station_name=machine.station_name,
        dicom_modality=machine.dicom_modality,
        description=description,
    )
