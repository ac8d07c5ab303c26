"""The memory twin of the patient store."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

from ris.application.conflicts import Conflict
from ris.domain.identity.names import search_words, words_of
from ris.domain.identity.patient import Identifier, Patient


class MemoryPatientStore:
    """Patients in a dict, with the rules of the table: versions, unique identifiers, searches by the beginning of a word."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._patients: dict[str, Patient] = {}
        self._owners: dict[tuple[str, str], str] = {}

    def get(self, patient_id: str) -> Patient | None:
        """Return the patient, or None."""
        return self._patients.get(patient_id)

    def get_many(self, patient_ids: Sequence[str]) -> dict[str, Patient]:
        """Return those that exist, by id."""
        return {each: self._patients[each] for each in patient_ids if each in self._patients}

    def find_by_identifier(self, identifier: Identifier) -> Patient | None:
        """Return the owner of (value, authority), or None."""
        return self._patients.get(self._owners.get((identifier.authority, identifier.value), ""))

    def save(self, patient: Patient) -> Patient:
        """Write over the version read; raise Conflict when it or an identifier is somebody else's."""
        with self._lock:
            before = self._patients.get(patient.patient_id)
            if (before.version if before else 0) != patient.version:
                raise Conflict("version")
            keys = {(each.authority, each.value) for each in patient.identifiers}
            if any(self._owners.get(key, patient.patient_id) != patient.patient_id for key in keys):
                raise Conflict("identifier")
            for each in before.identifiers if before else ():
                del self._owners[(each.authority, each.value)]
            self._owners.update(dict.fromkeys(keys, patient.patient_id))
            written = replace(patient, version=patient.version + 1)
            self._patients[patient.patient_id] = written
            return written

    def search(self, text: str, *, limit: int) -> list[Patient]:
        """Return patients with a name that begins with each word, or whose identifier is the text."""
        by_number = [self._patients[owner] for (_, value), owner in self._owners.items() if value == text.strip()]
        wanted = words_of(text)
        by_name = [
            patient
            for patient in self._patients.values()
            if wanted and all(any(name.startswith(word) for name in search_words(patient.traits)) for word in wanted)
        ]
        found = {patient.patient_id: patient for patient in by_number + by_name}
        return sorted(found.values(), key=search_order)[:limit]


def search_order(patient: Patient) -> tuple[str, str, str]:
    """Return what a list of patients is sorted by: names, then id."""
    return patient.traits.birth_family, patient.traits.birth_given, patient.patient_id
