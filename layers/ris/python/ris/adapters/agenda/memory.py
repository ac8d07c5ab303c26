"""The agenda's ports in memory: the twins that tests and the portal's own tests use instead of AWS.

One lock guards all rows, as one transaction does there; every read gives what was last written.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from ris.adapters.agenda.step_functions import booking_name
from ris.adapters.agenda.worklist_json import feed_of
from ris.application.agenda.ports import Booking, ImageMark, MppsRecord, Orders, ParkedMessages
from ris.application.agenda.services import AgendaSettings, Services
from ris.application.conflicts import Conflict
from ris.application.dispatch.ports import DeliveryStore
from ris.application.identity.ports import PatientStore
from ris.application.reference import ReferenceBook
from ris.contracts.queues import WorklistFeed
from ris.domain.agenda.exam import Exam, ReadingSpan
from ris.domain.agenda.numbers import accession_number
from ris.domain.agenda.request import ImagingRequest, RequestState
from ris.domain.agenda.resource_day import ResourceDay
from ris.domain.agenda.worklist import WorklistEntry
from ris.domain.dispatch.delivery import Delivery
from ris.domain.errors import RemoteUnavailable

Row = TypeVar("Row", Exam, ImagingRequest, ImageMark, MppsRecord, ResourceDay)


@dataclass
class MemoryRows:
    """What the tables `exams` and `agenda` hold, under one lock."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    exams: dict[str, Exam] = field(default_factory=dict)
    requests: dict[str, ImagingRequest] = field(default_factory=dict)
    mpps: dict[str, MppsRecord] = field(default_factory=dict)
    images: dict[tuple[str, str], ImageMark] = field(default_factory=dict)
    days: dict[tuple[str, str, str], ResourceDay] = field(default_factory=dict)
    reservations: dict[tuple[str, str, str], str] = field(default_factory=dict)
    counter: int = 0

    def keep_exam(self, written: Exam) -> None:
        """Put a written exam in its place, and give its reservation back when it reserves no longer."""
        self.exams[written.accession_number] = written
        if not written.reserves and self.reservations.get(written.reservation) == written.accession_number:
            del self.reservations[written.reservation]

    def reserve(self, exam: Exam, earlier: Exam | None) -> None:
        """Reserve patient, day and exam code for a new exam, or for one that comes from another place.

        Raises:
            Conflict: Somebody else's by now, or the earlier one is no longer its own.
        """
        if earlier is not None and self.reservations.get(earlier.reservation) != earlier.accession_number:
            raise Conflict("planned")
        if earlier is None and exam.version:
            return
        taken = self.reservations.get(exam.reservation, "")
        if taken and (earlier is None or taken != earlier.accession_number):
            raise Conflict("planned")
        if earlier is not None:
            del self.reservations[earlier.reservation]
        self.reservations[exam.reservation] = exam.accession_number

    def next_version(self, rows: dict[Any, Row], key: Any, row: Row) -> Row:
        """Return the row as it would be written.

        Raises:
            Conflict: The version it carries no longer stands.
        """
        stored = rows.get(key)
        if (stored.version if stored else 0) != row.version:
            raise Conflict(type(row).__name__)
        return replace(row, version=row.version + 1)


class MemoryExamStore:
    """Twin of `DynamoExamStore`."""

    def __init__(self, rows: MemoryRows) -> None:
        self._rows = rows

    def next_accession_number(self, now: datetime) -> str:
        """See `ExamStore`."""
        with self._rows.lock:
            self._rows.counter += 1
            return accession_number(self._rows.counter, year=now.year)

    def get(self, accession_number: str) -> Exam | None:
        """See `ExamStore`."""
        with self._rows.lock:
            return self._rows.exams.get(accession_number)

    def get_many(self, accession_numbers: Sequence[str]) -> dict[str, Exam]:
        """See `ExamStore`."""
        with self._rows.lock:
            return {one: self._rows.exams[one] for one in accession_numbers if one in self._rows.exams}

    def save(self, exam: Exam) -> Exam:
        """See `ExamStore`."""
        with self._rows.lock:
            if exam.version == 0:
                raise Conflict("an exam begins with a booking")
            written = self._rows.next_version(self._rows.exams, exam.accession_number, exam)
            self._rows.keep_exam(written)
            return written

    def find_by_study(self, study_instance_uid: str) -> Exam | None:
        """See `ExamStore`."""
        with self._rows.lock:
            return next((one for one in self._rows.exams.values() if one.study_instance_uid == study_instance_uid), None)

    def planned(self, patient_id: str, day: str, exam_code: str) -> str:
        """See `ExamStore`."""
        with self._rows.lock:
            return self._rows.reservations.get((patient_id, day, exam_code), "")

    def of_patient(self, patient_id: str) -> tuple[list[Exam], list[ImagingRequest]]:
        """See `ExamStore`."""
        with self._rows.lock:
            exams = [one for one in self._rows.exams.values() if one.patient_id == patient_id]
            requests = [one for one in self._rows.requests.values() if one.patient_id == patient_id]
        exams.sort(key=lambda one: one.accession_number, reverse=True)
        return exams[:100], newest_first(requests)[:100]

    def get_request(self, request_id: str) -> ImagingRequest | None:
        """See `ExamStore`."""
        with self._rows.lock:
            return self._rows.requests.get(request_id)

    def get_requests(self, request_ids: Sequence[str]) -> dict[str, ImagingRequest]:
        """See `ExamStore`."""
        with self._rows.lock:
            return {one: self._rows.requests[one] for one in request_ids if one in self._rows.requests}

    def save_request(self, request: ImagingRequest) -> ImagingRequest:
        """See `ExamStore`."""
        with self._rows.lock:
            written = self._rows.next_version(self._rows.requests, request.request_id, request)
            self._rows.requests[request.request_id] = written
            return written

    def requests_to_book(self, site: str, *, limit: int, after: str = "") -> list[ImagingRequest]:
        """See `ExamStore`."""
        with self._rows.lock:
            waiting = [one for one in self._rows.requests.values() if one.site == site and one.state is RequestState.TO_BOOK]
            last = self._rows.requests.get(after)
        waiting.sort(key=waits_since)
        if last is not None:
            waiting = [one for one in waiting if waits_since(one) > waits_since(last)]
        return waiting[:limit]

    def held(self, site: str, *, limit: int) -> list[Exam]:
        """See `ExamStore`."""
        with self._rows.lock:
            held = [(one.hold_expires_at, one) for one in self._rows.exams.values() if one.site == site and one.hold_expires_at]
        return [exam for _, exam in sorted(held, key=lambda pair: pair[0])][:limit]

    def publish_due(self, site: str, *, now: datetime, limit: int) -> list[Exam]:
        """See `ExamStore`."""
        with self._rows.lock:
            marked = [(one.publish_due_at, one) for one in self._rows.exams.values() if one.site == site and one.publish_due_at]
        return [exam for due, exam in sorted(marked, key=lambda pair: pair[0]) if due <= now][:limit]

    def to_read(self, site: str, *, limit: int, modality: str = "", span: ReadingSpan | None = None) -> list[Exam]:
        """See `ExamStore`."""
        with self._rows.lock:
            waiting = [one for one in self._rows.exams.values() if one.site == site and one.waits_for_report]
        asked = [one for one in waiting if modality in ("", one.kind.dicom_modality)]
        asked = [one for one in asked if span is None or span.has(one.kind, one.done_at)]
        return sorted(asked, key=lambda one: (one.kind.rank, one.done_at, one.accession_number))[:limit]

    def to_call(self, site: str, *, limit: int) -> list[Exam]:
        """See `ExamStore`."""
        with self._rows.lock:
            waiting = [(one.to_call_since, one) for one in self._rows.exams.values() if one.site == site and one.to_call_since]
        shown = [(since, one) for since, one in waiting if one.publish_due_at is None and not one.waits_for_report]
        return [one for _, one in sorted(shown, key=lambda pair: (pair[0], pair[1].accession_number))][:limit]

    def get_mpps(self, sop_instance_uid: str) -> MppsRecord | None:
        """See `ExamStore`."""
        with self._rows.lock:
            return self._rows.mpps.get(sop_instance_uid)

    def save_mpps(self, record: MppsRecord) -> MppsRecord:
        """See `ExamStore`."""
        uid = record.performed.sop_instance_uid
        with self._rows.lock:
            written = self._rows.next_version(self._rows.mpps, uid, record)
            self._rows.mpps[uid] = written
            return written

    def get_image(self, site: str, first_image: str) -> ImageMark | None:
        """See `ExamStore`."""
        with self._rows.lock:
            return self._rows.images.get((site, first_image))

    def save_image(self, mark: ImageMark) -> ImageMark:
        """See `ExamStore`."""
        key = (mark.site, mark.first_image)
        with self._rows.lock:
            written = self._rows.next_version(self._rows.images, key, mark)
            self._rows.images[key] = written
            return written

    def mpps_to_reconcile(self, site: str, *, limit: int) -> list[MppsRecord]:
        """See `ExamStore`."""
        with self._rows.lock:
            waiting = [one for one in self._rows.mpps.values() if one.site == site and one.reason]
        return sorted(waiting, key=lambda one: (str(one.received_at), one.performed.sop_instance_uid))[:limit]


class MemoryAgendaStore:
    """Twin of `DynamoAgendaStore`."""

    def __init__(self, rows: MemoryRows) -> None:
        self._rows = rows

    def days(self, site: str, resources: Sequence[str], day: str) -> dict[str, ResourceDay]:
        """See `AgendaStore`."""
        with self._rows.lock:
            return {one: self._rows.days.get((site, one, day), ResourceDay(site, one, day)) for one in resources}

    def span(self, site: str, resources: Sequence[str], days: Sequence[str]) -> dict[tuple[str, str], ResourceDay]:
        """See `AgendaStore`."""
        return {(one, day): found for day in days for one, found in self.days(site, resources, day).items()}

    def from_day(self, site: str, resource: str, day: str, *, limit: int) -> list[ResourceDay]:
        """See `AgendaStore`."""
        with self._rows.lock:
            found = [one for one in self._rows.days.values() if (one.site, one.resource) == (site, resource) and one.day >= day]
        return sorted(found, key=lambda one: one.day)[:limit]

    def save_day(self, day: ResourceDay) -> ResourceDay:
        """See `AgendaStore`."""
        with self._rows.lock:
            written = self._rows.next_version(self._rows.days, _day_key(day), day)
            self._rows.days[_day_key(day)] = written
            return written

    def commit(self, booking: Booking) -> Exam:
        """See `AgendaStore`."""
        rows, exam, request = self._rows, booking.exam, booking.request
        with rows.lock:
            days = {_day_key(day): rows.next_version(rows.days, _day_key(day), day) for day in booking.days}
            written = rows.next_version(rows.exams, exam.accession_number, exam)
            answered = rows.next_version(rows.requests, request.request_id, request) if request else None
            gone = booking.replaced
            replaced = rows.next_version(rows.exams, gone.accession_number, gone) if gone else None
            rows.reserve(exam, booking.gives_back)
            rows.days.update(days)
            if replaced is not None:
                rows.keep_exam(replaced)
            rows.keep_exam(written)
            if answered is not None:
                rows.requests[answered.request_id] = answered
            return written


def _day_key(day: ResourceDay) -> tuple[str, str, str]:
    return (day.site, day.resource, day.day)


def waits_since(request: ImagingRequest) -> tuple[str, str]:
    """Return the order of requests that wait: by reception, then by id."""
    return (request.received_at.isoformat() if request.received_at else "", request.request_id)


def newest_first(requests: list[ImagingRequest]) -> list[ImagingRequest]:
    """Return requests by reception, the newest first."""
    return sorted(requests, key=waits_since, reverse=True)


class MemoryWorkflows:
    """Keeps what would be started, by execution name; `unavailable` makes every start fail.

    Args:
        on_start: Called with the accession number and the token of each new execution, as the machine's first state would be.
    """

    def __init__(self, on_start: Callable[[str, str], None] | None = None) -> None:
        self.started: dict[str, tuple[str, str]] = {}
        self.unavailable = False
        self._on_start = on_start
        self._lock = threading.Lock()

    def start_booking(self, accession_number: str, hold_token: str, attempt: int = 1, *, change: str = "") -> None:
        """See `Workflows`."""
        if self.unavailable:
            raise RemoteUnavailable("workflows_unavailable")
        name = booking_name(accession_number, attempt, change)
        with self._lock:
            if name in self.started:
                return
            self.started[name] = (accession_number, hold_token)
        if self._on_start is not None and not change:
            self._on_start(accession_number, hold_token)


class MemoryWorklistPublisher:
    """Keeps what was published, and what a gateway would show of it; `unavailable` makes every publication fail."""

    def __init__(self) -> None:
        self.published: list[WorklistFeed] = []
        self.unavailable = False

    def publish(self, entry: WorklistEntry) -> None:
        """See `WorklistPublisher`."""
        if self.unavailable:
            raise RemoteUnavailable("feed_unavailable")
        self.published.append(feed_of(entry))

    def shown(self) -> dict[str, WorklistFeed]:
        """Return the newest version of each step that is on the list, whatever the order of arrival."""
        newest: dict[str, WorklistFeed] = {}
        for one in self.published:
            if one.sps_id not in newest or newest[one.sps_id].version < one.version:
                newest[one.sps_id] = one
        return {sps_id: one for sps_id, one in newest.items() if one.state != "removed"}


class MemoryOrders:
    """Keeps which exams' orders were planned, and which deliveries were sent again."""

    def __init__(self) -> None:
        self.planned: list[str] = []
        self.sent_again: list[Delivery] = []

    def plan(self, exam: Exam, now: datetime) -> None:  # noqa: ARG002 - the port's signature
        """See `Orders`."""
        if exam.accession_number not in self.planned:
            self.planned.append(exam.accession_number)

    def send_again(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - the port's signature
        """See `Orders`."""
        self.sent_again.append(delivery)


class NoParkedMessages:
    """An operator's list with nothing on it."""

    def parked(self, site: str, *, limit: int, after: str = "") -> list[Any]:  # noqa: ARG002 - the port's signature
        """See `ParkedMessages`."""
        return []


def memory_services(
    *,
    reference: ReferenceBook,
    patients: PatientStore,
    deliveries: DeliveryStore,
    messages: ParkedMessages | None = None,
    orders: Orders | None = None,
    workflows: MemoryWorkflows | None = None,
    feed: MemoryWorklistPublisher | None = None,
    rows: MemoryRows | None = None,
) -> Services:
    """Return the agenda's services over memory twins."""
    rows = rows or MemoryRows()
    tokens = itertools.count(1)
    return Services(
        exams=MemoryExamStore(rows),
        agenda=MemoryAgendaStore(rows),
        patients=patients,
        reference=reference,
        deliveries=deliveries,
        orders=orders or MemoryOrders(),
        messages=messages or NoParkedMessages(),
        workflows=workflows or MemoryWorkflows(),
        feed=feed or MemoryWorklistPublisher(),
        settings=AgendaSettings(uid_namespace="memory"),
        new_token=lambda: f"token-{next(tokens)}",
    )
