"""What the identity use cases need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ris.domain.identity.patient import Identifier, Patient


class PatientStore(Protocol):
    """The `patients` table: one row per patient, unique identifier rows and name rows beside it."""

    def get(self, patient_id: str) -> Patient | None:
        """Return the patient, read consistently, or None."""

    def get_many(self, patient_ids: Sequence[str]) -> dict[str, Patient]:
        """Return those that exist, by id."""

    def find_by_identifier(self, identifier: Identifier) -> Patient | None:
        """Return the patient who owns (value, authority), or None."""

    def save(self, patient: Patient) -> Patient:
        """Write the row, its identifiers and its name rows in one transaction; the version read must still stand.

        Returns:
            The patient as written, its version one higher.

        Raises:
            Conflict: Somebody wrote in between, or an identifier belongs to somebody else; read again and decide again.
        """

    def search(self, text: str, *, limit: int) -> list[Patient]:
        """Return patients one of whose names begins with each word of the text, or whose IPP is the text; O(rows returned)."""
