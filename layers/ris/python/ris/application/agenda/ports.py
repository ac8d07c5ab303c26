"""What the agenda's use cases need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from ris.domain.agenda.exam import Exam, Performed
from ris.domain.agenda.request import ImagingRequest


class ExamStore(Protocol):
    """Exams, requests and MPPS in the `exams` table."""

    def next_accession_number(self, now: datetime) -> str:
        """Return an Accession Number nobody has had: SH 16, digits."""

    def get(self, accession_number: str) -> Exam | None:
        """Return the exam, read consistently, or None."""

    def get_many(self, accession_numbers: Sequence[str]) -> dict[str, Exam]:
        """Return those that exist, by accession number."""

    def save(self, exam: Exam) -> Exam:
        """Write under the version read; raise Conflict when it no longer stands."""

    def find_by_study(self, study_instance_uid: str) -> Exam | None:
        """Return the exam of a Study Instance UID, or None."""

    def of_patient(self, patient_id: str) -> tuple[list[Exam], list[ImagingRequest]]:
        """Return a patient's exams and requests, newest first."""

    def get_request(self, request_id: str) -> ImagingRequest | None:
        """Return the request, read consistently, or None."""

    def save_request(self, request: ImagingRequest) -> ImagingRequest:
        """Write under the version read (0 = new); raise Conflict when it no longer stands."""

    def requests_to_book(self, site: str, *, limit: int, after: str = "") -> list[ImagingRequest]:
        """Return the site's requests that wait for a booking, oldest first (index `due`)."""

    def save_performed(self, site: str, performed: Performed, accession_number: str, dataset: dict[str, Any]) -> None:
        """Keep one MPPS; with no accession number it goes to the site's reconciliation list."""

    def get_performed(self, sop_instance_uid: str) -> tuple[Performed, str] | None:
        """Return what an MPPS last said and the accession number it belongs to (empty when unscheduled), or None."""


class Workflows(Protocol):
    """Starts state machines under deterministic names."""

    def start_booking(self, accession_number: str, hold_token: str) -> None:
        """Start `booking-{accession_number}`; a second start changes nothing.

        Raises:
            RemoteUnavailable: Not started; the hold stands until it expires and the sweep starts it again.
        """


class WorklistPublisher(Protocol):
    """The site's worklist feed."""

    def publish(
        self, *, site: str, sps_id: str, version: int, state: str, dataset: dict[str, Any], expires_at: datetime | None
    ) -> None:
        """Put one step on the feed; the version says which of two is newer."""
