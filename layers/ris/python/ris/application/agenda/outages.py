"""A machine out of service: its days closed for a period, what was booked there, and where it could go.

An outage is a slot in each day of the machine, so the very condition that keeps two bookings apart keeps it free. What was booked before
stays where it is until somebody moves it: nothing is cancelled by a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from ris.application.agenda.find_openings import DAYS_LOOKED_AT
from ris.application.agenda.placing import Place, machines_for
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.application.reference import CatalogueExam, Modality, Room, Site
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.openings import free_starts
from ris.domain.agenda.resource_day import ResourceDay, Slot, SlotState
from ris.domain.agenda.site_calendar import civil_day, day_of, fold_of, opening_of, wall_time, whole_day
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.patient import Patient

LONGEST = timedelta(days=62)
_MOVABLE = (ExamState.HELD, ExamState.BOOKED)
_DAYS_READ = 100


@dataclass(frozen=True)
class Outage:
    """One machine out of service over [begins, ends), aware UTC instants."""

    outage_id: str
    machine: Modality
    begins: datetime
    ends: datetime
    reason: str


@dataclass(frozen=True)
class Displaced:
    """One exam that an outage touches.

    Args:
        patient: None when the row cannot be found.
        to: Where it could go, each exam of a list somewhere else; None when nothing was found.
    """

    exam: Exam
    patient: Patient | None
    to: Place | None


def declare_outage(s: Services, site: str, modality: str, outage_id: str, period: Interval, reason: str, now: datetime) -> Outage:
    """Take a machine out of service; the same again changes nothing, and a run that died is done again.

    Args:
        s: The ports.
        site: Of the machine.
        modality: Its id.
        outage_id: Of the form as it was shown: the same click sent twice is one outage.
        period: From when to when; it may have begun.
        reason: As typed.
        now: Aware UTC instant.

    Raises:
        InvalidInput: `unknown_site`, `unknown_machine`.
        Refused: `outage_over`, it ends before now; `outage_too_long`.
        RemoteUnavailable: `too_busy`, or an outage of the store: part of the days may be closed; do it again.
    """
    at, machine = machine_of(s, site, modality)
    if period.end <= now:
        raise Refused("outage_over", field="until_day")
    if period.end - max(period.start, now - timedelta(days=1)) > LONGEST:
        raise Refused("outage_too_long", field="until_day")
    for day in _days(period, at):
        whole = whole_day(day, at.time_zone)
        part = Interval(max(period.start, whole.start), min(period.end, whole.end))
        decide(partial(_changed, s, site, modality, day, partial(_closed, part, outage_id, reason)))
    return Outage(outage_id, machine, period.start, period.end, reason)


def end_outage(s: Services, site: str, modality: str, outage_id: str, now: datetime) -> None:
    """Put a machine back into service from today on; days that are over keep what they were.

    Raises:
        InvalidInput: `unknown_site`, `unknown_machine`.
    """
    at, _ = machine_of(s, site, modality)
    for day in s.agenda.from_day(site, modality, day_of(now, at.time_zone), limit=_DAYS_READ):
        if any(slot.is_outage(outage_id) for slot in day.slots):
            decide(partial(_changed, s, site, modality, day.day, lambda one: one.reopen(outage_id)))


def outages_of(s: Services, site: str, modality: str, now: datetime) -> list[Outage]:
    """Return the outages of a machine that last or are to come, the first to begin first."""
    at, machine = machine_of(s, site, modality)
    found: dict[str, Outage] = {}
    for day in s.agenda.from_day(site, modality, day_of(now, at.time_zone), limit=_DAYS_READ):
        for slot in day.outages:
            before = found.get(slot.token)
            begins = min(before.begins, slot.interval.start) if before else slot.interval.start
            ends = max(before.ends, slot.interval.end) if before else slot.interval.end
            found[slot.token] = Outage(slot.token, machine, begins, ends, slot.reason)
    return sorted((one for one in found.values() if one.ends > now), key=lambda one: (one.begins, one.outage_id))


def displaced(s: Services, site: str, outage: Outage, others: Sequence[str], now: datetime) -> list[Displaced]:
    """Return the exams on a machine while it is out of service, in order of time, each with a place where it could go.

    Args:
        s: The ports.
        site: Of the machine.
        outage: Of it.
        others: Sites to look at after its own, where the patient has an IPP.
        now: Nothing is proposed before.
    """
    at, machine = machine_of(s, site, outage.machine.modality)
    first = max(outage.begins, now - timedelta(hours=12))
    days = s.agenda.span(site, [machine.modality], _days(Interval(first, outage.ends), at)) if first < outage.ends else {}
    period = Interval(first, outage.ends) if first < outage.ends else None
    named = [slot.accession_number for day in days.values() for slot in day.slots if period and slot.interval.overlaps(period)]
    exams = [one for one in s.exams.get_many([name for name in named if name]).values() if one.state in _MOVABLE]
    exams.sort(key=lambda one: (one.appointment.start, one.accession_number))
    patients = s.patients.get_many(list(dict.fromkeys(one.patient_id for one in exams)))
    finder = _Finder(s, [site, *others], exams, now)
    return [Displaced(one, patients.get(one.patient_id), finder.place_for(one, patients.get(one.patient_id))) for one in exams]


def machine_of(s: Services, site: str, modality: str) -> tuple[Site, Modality]:
    """Return a site and one of its machines.

    Raises:
        InvalidInput: `unknown_site`, `unknown_machine`.
    """
    at = s.reference.site(site)
    if at is None:
        raise InvalidInput("unknown_site", field="site")
    machine = next((one for one in s.reference.modalities(site) if one.modality == modality), None)
    if machine is None:
        raise InvalidInput("unknown_machine", field="modality")
    return at, machine


def _days(period: Interval, at: Site) -> list[str]:
    """Return the civil days of a site that a period touches."""
    first = civil_day(day_of(period.start, at.time_zone))
    last = civil_day(day_of(period.end - timedelta(microseconds=1), at.time_zone))
    return [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]


def _closed(part: Interval, outage_id: str, reason: str, day: ResourceDay) -> ResourceDay:
    return day.close(part, outage_id, reason)


def _changed(s: Services, site: str, modality: str, day: str, change: Callable[[ResourceDay], ResourceDay]) -> None:
    before = s.agenda.days(site, [modality], day)[modality]
    after = change(before)
    if after != before:
        s.agenda.save_day(after)


class _Finder:
    """Looks for places in one reading of the days, and remembers what it has proposed."""

    def __init__(self, s: Services, sites: Sequence[str], exams: Sequence[Exam], now: datetime) -> None:
        self._s, self._now = s, now
        self._sites = [at for site in sites if (at := s.reference.site(site))]
        self._first = min((one.appointment.day for one in exams), default="")
        self._days: dict[str, dict[tuple[str, str], ResourceDay]] = {}
        self._own = {one.accession_number for one in exams}

    def place_for(self, exam: Exam, patient: Patient | None) -> Place | None:
        """Return the same time on another machine, else the first one after it, at the first site that has one.

        The machine itself is looked at too: after its outage it is as good as another.
        """
        kind = self._s.reference.catalogue_exam(exam.exam_code)
        if kind is None or patient is None or exam.state is not ExamState.BOOKED:
            return None
        for at in self._sites:
            found = self._at(at, exam, kind) if patient.ipp(at.ipp_authority) else None
            if found is not None:
                return found
        return None

    def _at(self, at: Site, exam: Exam, kind: CatalogueExam) -> Place | None:
        length = timedelta(minutes=kind.duration_minutes)
        found: list[tuple[datetime, str, Room, Modality]] = []
        for room in self._s.reference.rooms(at.site):
            for machine in machines_for(self._s, room, kind):
                start = self._first_start(at, exam, room, machine, length)
                if start is not None:
                    found.append((*start, room, machine))
        if not found:
            return None
        start_at, day, room, machine = min(found, key=lambda one: one[0])
        self._keep(at, exam, day, room, machine, Interval(start_at, start_at + length))
        return Place(at.site, room.room, day, wall_time(start_at, at.time_zone), fold_of(start_at, at.time_zone), machine.modality)

    def _first_start(self, at: Site, exam: Exam, room: Room, machine: Modality, length: timedelta) -> tuple[datetime, str] | None:
        wanted = exam.appointment.start
        for day in self._searched():
            if day < exam.appointment.day:
                continue
            span = self._span(at)
            opening = opening_of(day, at.opening, at.time_zone)
            free = free_starts(opening, span[room.room, day], [span[machine.modality, day]], length, now=self._now)
            same = self._fits(opening, span[room.room, day], span[machine.modality, day], Interval(wanted, wanted + length))
            if same and day_of(wanted, at.time_zone) == day:
                return wanted, day
            later = [start for start in free if start >= wanted]
            if later:
                return later[0], day
        return None

    def _fits(self, opening: Interval | None, room: ResourceDay, machine: ResourceDay, wanted: Interval) -> bool:
        inside = opening is not None and opening.contains(wanted) and wanted.start >= self._now
        return inside and all(day.blocked_by(wanted, now=self._now) is None for day in (room, machine))

    def _searched(self) -> list[str]:
        first = civil_day(self._first)
        return [(first + timedelta(days=n)).isoformat() for n in range(DAYS_LOOKED_AT)]

    def _span(self, at: Site) -> dict[tuple[str, str], ResourceDay]:
        if at.site not in self._days:
            resources = [one.room for one in self._s.reference.rooms(at.site)]
            resources += [one.modality for one in self._s.reference.modalities(at.site)]
            span = self._s.agenda.span(at.site, resources, self._searched())
            self._days[at.site] = {key: self._without_own(day) for key, day in span.items()}
        return self._days[at.site]

    def _without_own(self, day: ResourceDay) -> ResourceDay:
        """Return a day without the exams that leave it: each will have gone before the next one comes."""
        for slot in day.slots:
            if slot.accession_number in self._own:
                day = day.release(slot.accession_number)
        return day

    def _keep(self, at: Site, exam: Exam, day: str, room: Room, machine: Modality, interval: Interval) -> None:
        span = self._span(at)
        slot = Slot(interval, exam.accession_number, SlotState.BOOKED, exam.hold_token)
        for resource in (room.room, machine.modality):
            span[resource, day] = span[resource, day].hold(slot, now=self._now)
