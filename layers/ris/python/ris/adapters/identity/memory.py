"""The memory twin of the patient store."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from ris.application.conflicts import Conflict
from ris.application.identity.records import EventState, KeptAnswer, RecordedEvent, Transition, Unfinished
from ris.domain.identity.announcing import Announcement
from ris.domain.identity.names import search_words, words_of
from ris.domain.identity.patient import Identifier, Patient
from ris.domain.identity.rniv import StatusChange

PLAN_WITHIN = timedelta(minutes=3)
"""An announcement whose delivery rows are not written after this time was left by a dead execution."""
NOTHING_MORE = Transition()


class MemoryPatientStore:
    """Patients in a dict, with the rules of the table: versions, unique identifiers, searches by the beginning of a word."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._patients: dict[str, Patient] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._events: dict[tuple[str, str], RecordedEvent] = {}
        self._answers: dict[tuple[str, str], KeptAnswer] = {}
        self._history: dict[str, list[StatusChange]] = {}
        self._announcements: dict[tuple[str, int], Announcement] = {}

    def get(self, patient_id: str) -> Patient | None:
        """Return the patient, or None."""
        return self._patients.get(patient_id)

    def get_many(self, patient_ids: Sequence[str]) -> dict[str, Patient]:
        """Return those that exist, by id."""
        return {each: self._patients[each] for each in patient_ids if each in self._patients}

    def find_by_identifier(self, identifier: Identifier) -> Patient | None:
        """Return the owner of (value, authority), or None."""
        return self._patients.get(self._owners.get((identifier.authority, identifier.value), ""))

    def save(self, patient: Patient, transition: Transition = NOTHING_MORE) -> Patient:
        """Write over the version read; raise Conflict when it or an identifier is somebody else's."""
        with self._lock:
            before = self._patients.get(patient.patient_id)
            if (before.version if before else 0) != patient.version:
                raise Conflict("version")
            keys = {(each.authority, each.value) for each in patient.identifiers}
            if any(self._owners.get(key, patient.patient_id) != patient.patient_id for key in keys):
                raise Conflict("identifier")
            if transition.event:
                self._write_event(transition.event)
            for each in before.identifiers if before else ():
                del self._owners[(each.authority, each.value)]
            self._owners.update(dict.fromkeys(keys, patient.patient_id))
            written = replace(patient, version=patient.version + 1)
            self._patients[patient.patient_id] = written
            self._history.setdefault(patient.patient_id, []).extend(transition.changes)
            if transition.announcement:
                self._announcements[(patient.patient_id, transition.announcement.number)] = transition.announcement
            return written

    def _write_event(self, event: RecordedEvent) -> RecordedEvent:
        before = self._events.get((event.patient_id, event.event_id))
        if (before.version if before else 0) != event.version:
            raise Conflict("event")
        written = replace(event, version=event.version + 1)
        self._events[(event.patient_id, event.event_id)] = written
        return written

    def add_event(self, event: RecordedEvent) -> bool:
        """Write a new event; False when its id is there already."""
        with self._lock:
            if (event.patient_id, event.event_id) in self._events:
                return False
            self._write_event(event)
            return True

    def event(self, patient_id: str, event_id: str) -> RecordedEvent | None:
        """Return one event, or None."""
        return self._events.get((patient_id, event_id))

    def save_event(self, event: RecordedEvent) -> RecordedEvent:
        """Write an event alone over the version read; raise Conflict when it no longer stands."""
        with self._lock:
            return self._write_event(event)

    def keep_answer(self, answer: KeptAnswer) -> None:
        """Write one answer, once."""
        self._answers.setdefault((answer.patient_id, answer.answer_id), answer)

    def answer(self, patient_id: str, answer_id: str) -> KeptAnswer | None:
        """Return one answer, or None."""
        return self._answers.get((patient_id, answer_id))

    def answers(self, patient_id: str, *, limit: int) -> list[KeptAnswer]:
        """Return a patient's answers, newest first."""
        found = [each for each in self._answers.values() if each.patient_id == patient_id]
        return sorted(found, key=lambda each: each.answer_id, reverse=True)[:limit]

    def strange_answers(self, *, limit: int) -> list[KeptAnswer]:
        """Return the group's answers that cannot be believed, the newest first."""
        found = [each for each in self._answers.values() if each.strange]
        return sorted(found, key=lambda each: each.asked_at, reverse=True)[:limit]

    def history(self, patient_id: str, *, limit: int) -> list[StatusChange]:
        """Return a patient's changes of status, newest first."""
        return sorted(self._history.get(patient_id, []), key=lambda each: each.at)[::-1][:limit]

    def announcement(self, patient_id: str, number: int) -> Announcement | None:
        """Return one announcement, or None."""
        return self._announcements.get((patient_id, number))

    def announcement_planned(self, patient_id: str, number: int) -> None:
        """Take an announcement off the sweep's list."""
        found = self._announcements.get((patient_id, number))
        if found:
            self._announcements[(patient_id, number)] = replace(found, planned=True)

    def insi_due(self, site: str, *, now: datetime, limit: int) -> list[Patient]:
        """Return patients for whom the site asks INSi again by now, the longest due first."""
        due = [each for each in self._patients.values() if each.due_site == site and each.due_at and each.due_at <= now]
        return sorted(due, key=lambda each: str(each.due_at))[:limit]

    def unfinished(self, site: str, *, now: datetime, limit: int) -> list[Unfinished]:
        """Return events and announcements that nobody finished by now, oldest first."""
        late = [
            Unfinished(each.patient_id, site, each.due_at, event_id=each.event_id)
            for each in self._events.values()
            if each.state is EventState.RECORDED and each.site == site and each.due_at and each.due_at <= now
        ]
        late += [
            Unfinished(patient_id, site, each.at + PLAN_WITHIN, announcement=number)
            for (patient_id, number), each in self._announcements.items()
            if not each.planned and each.site == site and each.at + PLAN_WITHIN <= now
        ]
        return sorted(late, key=lambda each: each.due_at)[:limit]

    def search(self, text: str, *, limit: int, born: date | None = None) -> list[Patient]:
        """Return patients with a name that begins with each word, or whose identifier is the text; of one day of birth, if it is given."""
        by_number = [self._patients[owner] for (_, value), owner in self._owners.items() if value == text.strip()]
        wanted = words_of(text)
        by_name = [
            patient
            for patient in self._patients.values()
            if (wanted or (born and not text.strip()))
            and all(any(name.startswith(word) for name in search_words(patient.traits)) for word in wanted)
        ]
        found = {patient.patient_id: patient for patient in by_number + by_name if born in (None, patient.traits.birth_date)}
        return sorted(found.values(), key=search_order)[:limit]


def search_order(patient: Patient) -> tuple[str, str, str]:
    """Return what a list of patients is sorted by: names, then id."""
    return patient.traits.birth_family, patient.traits.birth_given, patient.patient_id
