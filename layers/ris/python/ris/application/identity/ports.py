"""What the identity use cases need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from ris.application.identity.records import KeptAnswer, RecordedEvent, Transition, Unfinished
from ris.domain.identity.announcing import Announcement
from ris.domain.identity.patient import Identifier, Patient
from ris.domain.identity.rniv import StatusChange


class PatientStore(Protocol):
    """The `patients` table: one row per patient, unique identifier rows and name rows beside it."""

    def get(self, patient_id: str) -> Patient | None:
        """Return the patient, read consistently, or None."""

    def get_many(self, patient_ids: Sequence[str]) -> dict[str, Patient]:
        """Return those that exist, by id."""

    def find_by_identifier(self, identifier: Identifier) -> Patient | None:
        """Return the patient who owns (value, authority), or None."""

    def save(self, patient: Patient, transition: Transition = Transition()) -> Patient:  # noqa: B008 - frozen and empty
        """Write the row, its identifiers and its name rows in one transaction; the version read must still stand.

        Args:
            patient: As it shall be.
            transition: What is written with it: history, announcement, the event that did it (under the version read of it).

        Returns:
            The patient as written, its version one higher.

        Raises:
            Conflict: Somebody wrote in between, or an identifier belongs to somebody else; read again and decide again.
        """

    def search(self, text: str, *, limit: int, born: date | None = None) -> list[Patient]:
        """Return patients one of whose names begins with each word of the text, or whose IPP is the text; O(rows returned).

        Args:
            text: Names, beginnings of names, or an IPP.
            limit: At most so many.
            born: Only those born that day: then a single letter, or no text at all, is enough.
        """


class IdentityStore(PatientStore, Protocol):
    """The same table, with what identity qualification keeps in a patient's partition."""

    def add_event(self, event: RecordedEvent) -> bool:
        """Write a new event; say False, and change nothing, when its id is there already."""

    def event(self, patient_id: str, event_id: str) -> RecordedEvent | None:
        """Return one event, read consistently, or None."""

    def save_event(self, event: RecordedEvent) -> RecordedEvent:
        """Write an event alone under the version read; raise Conflict when it no longer stands."""

    def keep_answer(self, answer: KeptAnswer) -> None:
        """Write one answer, once; the same again changes nothing."""

    def answer(self, patient_id: str, answer_id: str) -> KeptAnswer | None:
        """Return one answer, read consistently, or None."""

    def answers(self, patient_id: str, *, limit: int) -> list[KeptAnswer]:
        """Return a patient's answers, newest first."""

    def strange_answers(self, *, limit: int) -> list[KeptAnswer]:
        """Return the group's answers that cannot be believed, the newest first (index `due`)."""

    def history(self, patient_id: str, *, limit: int) -> list[StatusChange]:
        """Return a patient's changes of status, newest first."""

    def announcement(self, patient_id: str, number: int) -> Announcement | None:
        """Return one announcement, read consistently, or None."""

    def announcement_planned(self, patient_id: str, number: int) -> None:
        """Take an announcement off the sweep's list: its delivery rows are written."""

    def insi_due(self, site: str, *, now: datetime, limit: int) -> list[Patient]:
        """Return patients for whom the site asks INSi again by now, the longest due first (index `due`, `{site}#insi`)."""

    def unfinished(self, site: str, *, now: datetime, limit: int) -> list[Unfinished]:
        """Return events and announcements that nobody finished by now, oldest first (index `due`, `{site}#identity`)."""


class IdentityWorkflows(Protocol):
    """Starts the machine of identity qualification."""

    def start_identity(self, event: RecordedEvent) -> None:
        """Start `identity-{patient_id}-{event_id}`, with the attempt's number behind it from the second on; a second start is none.

        Raises:
            RemoteUnavailable: Not started; the event stands, and the sweep starts it.
        """
