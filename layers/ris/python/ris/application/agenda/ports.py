"""What the agenda's use cases need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from ris.domain.agenda.exam import Exam, Performed, ReadingSpan
from ris.domain.agenda.mpps import Settlement, StepReference
from ris.domain.agenda.request import ImagingRequest
from ris.domain.agenda.resource_day import ResourceDay
from ris.domain.agenda.worklist import WorklistEntry
from ris.domain.dispatch.delivery import Delivery


@dataclass(frozen=True)
class MppsRecord:
    """One MPPS as kept: what its messages said together, and where it belongs.

    Args:
        references: Every step it names, from N-CREATE.
        accession_numbers: The exams it moved; empty while none was found.
        reason: Why a person must look at it: `unscheduled`, `unknown_step`, `wrong_worklist_entry`, `exam_not_booked`,
            `created_later` (N-SET came first); empty when nothing is to be done.
        datasets: DICOM JSON by operation (`mpps_create`, `mpps_set`), without its lists of images.
        settlements: What people decided about it, in order.
    """

    site: str
    performed: Performed
    references: tuple[StepReference, ...] = ()
    accession_numbers: tuple[str, ...] = ()
    reason: str = ""
    received_at: datetime | None = None
    datasets: dict[str, Any] = field(default_factory=dict)
    settlements: tuple[Settlement, ...] = ()
    version: int = 0

    @property
    def settled(self) -> Settlement | None:
        """The decision that stands, or None."""
        return next((one for one in reversed(self.settlements) if not one.undone_by), None)


class ExamStore(Protocol):
    """Exams, requests and MPPS in the `exams` table."""

    def next_accession_number(self, now: datetime) -> str:
        """Return an Accession Number nobody has had: SH 16, digits."""

    def get(self, accession_number: str) -> Exam | None:
        """Return the exam, read consistently, or None."""

    def get_many(self, accession_numbers: Sequence[str]) -> dict[str, Exam]:
        """Return those that exist, by accession number."""

    def save(self, exam: Exam) -> Exam:
        """Write an exam that exists under the version read; raise Conflict when it no longer stands.

        Returns:
            The exam as written, its version one higher.
        """

    def find_by_study(self, study_instance_uid: str) -> Exam | None:
        """Return the exam of a Study Instance UID, or None."""

    def planned(self, patient_id: str, day: str, exam_code: str) -> str:
        """Return the Accession Number of that patient's exam of that kind that day, or an empty string; read consistently."""

    def of_patient(self, patient_id: str) -> tuple[list[Exam], list[ImagingRequest]]:
        """Return a patient's exams and requests, newest first, at most 100 of each."""

    def get_request(self, request_id: str) -> ImagingRequest | None:
        """Return the request, read consistently, or None."""

    def get_requests(self, request_ids: Sequence[str]) -> dict[str, ImagingRequest]:
        """Return those that exist, by id."""

    def save_request(self, request: ImagingRequest) -> ImagingRequest:
        """Write under the version read (0 = new); raise Conflict when it no longer stands.

        Returns:
            The request as written, its version one higher.
        """

    def requests_to_book(self, site: str, *, limit: int, after: str = "") -> list[ImagingRequest]:
        """Return the site's requests that wait for a booking, oldest first (index `due`).

        Args:
            after: `request_id` of the last one shown; the list goes on behind it.
        """

    def held(self, site: str, *, limit: int) -> list[Exam]:
        """Return the site's held exams, the first to expire first (index `due`)."""

    def publish_due(self, site: str, *, now: datetime, limit: int) -> list[Exam]:
        """Return the site's exams whose present state should have been on the feed by now, oldest first (index `due`)."""

    def to_read(self, site: str, *, limit: int, modality: str = "", span: ReadingSpan | None = None) -> list[Exam]:
        """Return the site's exams that were done and whose report nobody began (indexes `due`, `reading`).

        The most urgent come first, and of those the longest done.

        Args:
            modality: Only those of this DICOM modality.
            span: Only those of this priority and time.
        """

    def to_call(self, site: str, *, limit: int) -> list[Exam]:
        """Return the site's exams whose patient is to be told of a change, the longest waiting first (index `due`)."""

    def get_mpps(self, sop_instance_uid: str) -> MppsRecord | None:
        """Return one MPPS, read consistently, or None."""

    def save_mpps(self, record: MppsRecord) -> MppsRecord:
        """Write under the version read (0 = new); with a reason it is on the site's list. Raise Conflict as the others do."""

    def mpps_to_reconcile(self, site: str, *, limit: int) -> list[MppsRecord]:
        """Return the site's MPPS that a person must look at, oldest first (index `due`)."""

    def get_image(self, site: str, first_image: str) -> ImageMark | None:
        """Return what is known of an image, read consistently, or None."""

    def save_image(self, mark: ImageMark) -> ImageMark:
        """Write under the version read (0 = new); raise Conflict as the others do."""


@dataclass(frozen=True)
class ImageMark:
    """What is known of the first image of a series, or of what an archive was asked to keep.

    Args:
        first_image: Its SOP Instance UID, the smallest of them all.
        study_instance_uid: Of whose series it is the first; empty while nobody told.
        committed_at: When the archive spoke of it; `failed` is how many images of that report it does not promise to keep.
    """

    site: str
    first_image: str
    study_instance_uid: str = ""
    committed_at: datetime | None = None
    failed: int = 0
    version: int = 0


@dataclass(frozen=True)
class Booking:
    """One write over two tables, all or none: days of resources, one exam, and the request it answers.

    Args:
        days: As they shall be; each must still have the version it carries.
        exam: As it shall be, under its version (0 = new).
        request: As it shall be, under its version; None when the exam answers none.
        before: The exam as it was, when its appointment changes: what it reserved is given back.
        replaced: Another exam, cancelled in the same write because this one takes its place, as it shall be.
    """

    days: tuple[ResourceDay, ...]
    exam: Exam
    request: ImagingRequest | None = None
    before: Exam | None = None
    replaced: Exam | None = None

    @property
    def gives_back(self) -> Exam | None:
        """The exam whose reservation of patient, day and exam code ends with this write, as it was reserved; None for none."""
        return self.before or self.replaced


class AgendaStore(Protocol):
    """The `agenda` table: one versioned item per resource and day."""

    def days(self, site: str, resources: Sequence[str], day: str) -> dict[str, ResourceDay]:
        """Return the day of each resource, read consistently; an empty one of version 0 where nothing was written."""

    def span(self, site: str, resources: Sequence[str], days: Sequence[str]) -> dict[tuple[str, str], ResourceDay]:
        """Return the days of each resource by (resource, day), as `days` does, in as few reads as a hundred items each allow."""

    def from_day(self, site: str, resource: str, day: str, *, limit: int) -> list[ResourceDay]:
        """Return the days of a resource on which anything was ever written, from that day on, in order."""

    def save_day(self, day: ResourceDay) -> ResourceDay:
        """Write one day alone under the version it carries; raise Conflict when it no longer stands."""

    def commit(self, booking: Booking) -> Exam:
        """Write all or none; a standing exam (held, booked, in progress, completed) also reserves patient, day and exam code.

        Returns:
            The exam as written.

        Raises:
            Conflict: One of the versions no longer stands, or the patient got the same exam that day; read and decide again.
        """


class Workflows(Protocol):
    """Starts state machines under deterministic names."""

    def start_booking(self, accession_number: str, hold_token: str, attempt: int = 1, *, change: str = "") -> None:
        """Start `booking-{accession_number}` (`-{attempt}` behind it from the second on); a second start changes nothing.

        Args:
            accession_number: Of the exam.
            hold_token: Of its hold.
            attempt: Of the confirmation.
            change: `moved-{n}`, `booked` (in place of another) or `cancelled`, part of the name: nothing is confirmed, modality and PACS are told of the change.

        Raises:
            RemoteUnavailable: Not started; the hold stands until it expires and the sweep starts it again.
        """


class WorklistPublisher(Protocol):
    """The site's worklist feed."""

    def publish(self, entry: WorklistEntry) -> None:
        """Put one step on the feed of its site; the version says which of two is newer.

        Raises:
            RemoteUnavailable: Perhaps not queued; publishing the same again does no harm.
        """


class Orders(Protocol):
    """What the agenda asks of dispatch: the order message to the PACS."""

    def plan(self, exam: Exam, now: datetime) -> None:
        """Write in the delivery row of the exam's order what the PACS must know by now, so that the sweep finds it if nobody sends it."""

    def send_again(self, delivery: Delivery, now: datetime) -> None:
        """Send one overdue row again; it says itself whether that is still needed."""


class ParkedMessages(Protocol):
    """The operator's list of messages that were acknowledged and could not be applied."""

    def parked(self, site: str, *, limit: int, after: str = "") -> list[Any]:
        """Return the site's parked messages, oldest first (index `due`)."""
