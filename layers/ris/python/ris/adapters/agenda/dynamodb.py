"""The agenda's stores in DynamoDB: tables `exams` and `agenda`, every query with its key in docs/data.md.

A booking is one transaction over both tables: the days under the versions read, the exam under its own, the request under its own,
and for a new exam three items that must not be there yet (the patient's pointer, the study's, the day's reservation). Seven or
eight of the hundred items a transaction may have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from ris.adapters.agenda import items
from ris.adapters.dynamodb import Table, Write, by_who_must_act, instant_text, write
from ris.adapters.reading_lists import reading_list
from ris.application.agenda.ports import Booking, ImageMark, MppsRecord
from ris.application.conflicts import Conflict
from ris.domain.agenda.exam import Exam, ReadingSpan
from ris.domain.agenda.numbers import accession_number
from ris.domain.agenda.request import ImagingRequest
from ris.domain.agenda.resource_day import ResourceDay

Row = TypeVar("Row", Exam, ImagingRequest, ImageMark, MppsRecord)
SHOWN_OF_PATIENT = 100
_ABSENT = "attribute_not_exists(pk)"


class DynamoExamStore:
    """Implements `ExamStore`.

    Args:
        table: The `exams` table.
    """

    def __init__(self, table: Table) -> None:
        self._client = table.client
        self._table = table

    def next_accession_number(self, now: datetime) -> str:
        """See the port: one atomic increment; a lost answer leaves a hole, never the same number twice."""
        with by_who_must_act():
            answer = self._client.update_item(
                TableName=self._table.name,
                Key={"pk": {"S": "COUNTER#accession"}, "sk": {"S": "COUNTER"}},
                UpdateExpression="ADD last_given :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="UPDATED_NEW",
            )
        return accession_number(int(answer["Attributes"]["last_given"]["N"]), year=now.year)

    def get(self, accession_number: str) -> Exam | None:
        """See the port."""
        item = self._table.get(*items.exam_key(accession_number))
        return items.exam_of(item) if item else None

    def get_many(self, accession_numbers: Sequence[str]) -> dict[str, Exam]:
        """See the port."""
        found = self._table.get_many([items.exam_key(one) for one in accession_numbers])
        return {exam.accession_number: exam for exam in map(items.exam_of, found.values())}

    def save(self, exam: Exam) -> Exam:
        """See the port."""
        if exam.version == 0:
            raise Conflict("an exam begins with a booking")
        write(self._client, [*exam_writes(self._table, exam)])
        return _next(exam)

    def find_by_study(self, study_instance_uid: str) -> Exam | None:
        """See the port."""
        pointer = self._table.get(*items.study_key(study_instance_uid))
        return self.get(pointer["accession_number"]) if pointer else None

    def planned(self, patient_id: str, day: str, exam_code: str) -> str:
        """See the port."""
        reserved = self._table.get(*items.planned_key(patient_id, day, exam_code))
        return str(reserved["accession_number"]) if reserved else ""

    def of_patient(self, patient_id: str) -> tuple[list[Exam], list[ImagingRequest]]:
        """See the port: two queries of pointers and two batches of rows."""
        partition = f"PATIENT#{patient_id}"
        pointers = self._table.query(partition, prefix="EXAM#", limit=SHOWN_OF_PATIENT, newest_first=True)
        exams = self.get_many([one["accession_number"] for one in pointers])
        wanted = self._table.query(partition, prefix="REQUEST#", limit=SHOWN_OF_PATIENT, newest_first=True)
        requests = self.get_requests([one["request_id"] for one in wanted])
        return (
            sorted(exams.values(), key=lambda one: one.accession_number, reverse=True),
            sorted(requests.values(), key=lambda one: (str(one.received_at), one.request_id), reverse=True),
        )

    def get_request(self, request_id: str) -> ImagingRequest | None:
        """See the port."""
        item = self._table.get(*items.request_key(request_id))
        return items.request_of(item) if item else None

    def get_requests(self, request_ids: Sequence[str]) -> dict[str, ImagingRequest]:
        """See the port."""
        found = self._table.get_many([items.request_key(one) for one in request_ids])
        return {request.request_id: request for request in map(items.request_of, found.values())}

    def save_request(self, request: ImagingRequest) -> ImagingRequest:
        """See the port: a new one also gets its pointer under the patient."""
        writes = [request_write(self._table, request)]
        if request.version == 0:
            pointer = {
                "pk": f"PATIENT#{request.patient_id}",
                "sk": f"REQUEST#{request.request_id}",
                "request_id": request.request_id,
            }
            writes.append(self._table.putting(pointer))
        write(self._client, writes)
        return _next(request)

    def requests_to_book(self, site: str, *, limit: int, after: str = "") -> list[ImagingRequest]:
        """See the port: the list of the index, from behind the cursor's own place in it."""
        last = self.get_request(after) if after else None
        place = {**_key_of(items.request_key(after)), **_place(site, last)} if last else None
        return [items.request_of(item) for item in self._table.due(f"{site}#to_book", limit=limit, after=place)]

    def held(self, site: str, *, limit: int) -> list[Exam]:
        """See the port."""
        return [items.exam_of(item) for item in self._table.due(f"{site}#hold", limit=limit)]

    def publish_due(self, site: str, *, now: datetime, limit: int) -> list[Exam]:
        """See the port."""
        return [items.exam_of(item) for item in self._table.due(f"{site}#publication", until=now, limit=limit)]

    def to_read(self, site: str, *, limit: int, modality: str = "", span: ReadingSpan | None = None) -> list[Exam]:
        """See the port."""
        return [items.exam_of(item) for item in reading_list(self._table, site, "reading", modality, span, limit)]

    def to_call(self, site: str, *, limit: int) -> list[Exam]:
        """See the port."""
        return [items.exam_of(item) for item in self._table.due(f"{site}#call", limit=limit)]

    def get_mpps(self, sop_instance_uid: str) -> MppsRecord | None:
        """See the port."""
        item = self._table.get(*items.mpps_key(sop_instance_uid))
        return items.mpps_of(item) if item else None

    def save_mpps(self, record: MppsRecord) -> MppsRecord:
        """See the port."""
        write(self._client, [self._table.putting_version(items.mpps_item(record), record.version)])
        return _next(record)

    def get_image(self, site: str, first_image: str) -> ImageMark | None:
        """See the port."""
        item = self._table.get(*items.image_key(site, first_image))
        return items.image_of(item) if item else None

    def save_image(self, mark: ImageMark) -> ImageMark:
        """See the port."""
        write(self._client, [self._table.putting_version(items.image_item(mark), mark.version)])
        return _next(mark)

    def mpps_to_reconcile(self, site: str, *, limit: int) -> list[MppsRecord]:
        """See the port."""
        return [items.mpps_of(item) for item in self._table.due(f"{site}#unscheduled", limit=limit)]


class DynamoAgendaStore:
    """Implements `AgendaStore`: one transaction over the tables `agenda` and `exams`."""

    def __init__(self, *, agenda: Table, exams: Table) -> None:
        self._client = agenda.client
        self._agenda = agenda
        self._exams = exams

    def days(self, site: str, resources: Sequence[str], day: str) -> dict[str, ResourceDay]:
        """See the port."""
        return {resource: found for (resource, _), found in self.span(site, resources, [day]).items()}

    def span(self, site: str, resources: Sequence[str], days: Sequence[str]) -> dict[tuple[str, str], ResourceDay]:
        """See the port."""
        wanted = [(one, day) for one in resources for day in days]
        found = self._agenda.get_many([items.day_key(site, *each) for each in wanted])
        return {each: items.day_of(site, *each, found.get(items.day_key(site, *each))) for each in wanted}

    def from_day(self, site: str, resource: str, day: str, *, limit: int) -> list[ResourceDay]:
        """See the port: a query from just before that day's own place."""
        pk, sk = items.day_key(site, resource, day)
        # Everything in this partition is a day; `DAY#2026-10-06` follows `DAY#2026-10-05~`, whatever was written.
        found = self._agenda.query(pk, limit=limit, after=_just_before(sk))
        return [items.day_of(site, resource, item["sk"].removeprefix("DAY#"), item) for item in found]

    def save_day(self, day: ResourceDay) -> ResourceDay:
        """See the port."""
        write(self._client, [self._agenda.putting_version(items.day_item(day), day.version)])
        return replace(day, version=day.version + 1)

    def commit(self, booking: Booking) -> Exam:
        """See the port."""
        writes = [self._agenda.putting_version(items.day_item(day), day.version) for day in booking.days]
        writes += booking_writes(self._exams, booking)
        if booking.request is not None:
            writes.append(request_write(self._exams, booking.request))
        write(self._client, writes)
        return _next(booking.exam)


def booking_writes(table: Table, booking: Booking) -> list[Write]:
    """Return the writes of a booking's exams; a place given back and taken again by the same write changes hands in one item."""
    exam, earlier = booking.exam, booking.gives_back
    if earlier is None:
        return exam_writes(table, exam)
    writes = [table.putting_version(items.exam_item(exam), exam.version)]
    if exam.version == 0:
        writes += _pointers(table, exam)
    if booking.replaced is not None:
        writes.append(table.putting_version(items.exam_item(booking.replaced), booking.replaced.version))
    mine = {":mine": earlier.accession_number}
    if exam.reservation == earlier.reservation:
        return [*writes, table.putting(_reserved(exam), condition="accession_number = :mine", values=mine)]
    given_back = table.deleting(*items.planned_key(*earlier.reservation), condition="accession_number = :mine", values=mine)
    return [*writes, given_back, table.putting(_reserved(exam), condition=_ABSENT)]


def exam_writes(table: Table, exam: Exam) -> list[Write]:
    """Return the writes of an exam and of the items that follow its state: pointers of a new one, reservation of a gone one."""
    writes = [table.putting_version(items.exam_item(exam), exam.version)]
    if exam.version == 0:
        writes += [*_pointers(table, exam), table.putting(_reserved(exam), condition=_ABSENT)]
    elif not exam.reserves:
        pk, sk = items.planned_key(*exam.reservation)
        reserved = table.get(pk, sk)
        if reserved and reserved["accession_number"] == exam.accession_number:
            writes.append(table.deleting(pk, sk, condition="accession_number = :mine", values={":mine": exam.accession_number}))
    return writes


def _pointers(table: Table, exam: Exam) -> list[Write]:
    keys = ((f"PATIENT#{exam.patient_id}", f"EXAM#{exam.accession_number}"), items.study_key(exam.study_instance_uid))
    return [table.putting({**_key_of(key), "accession_number": exam.accession_number}, condition=_ABSENT) for key in keys]


def _reserved(exam: Exam) -> dict[str, Any]:
    return {**_key_of(items.planned_key(*exam.reservation)), "accession_number": exam.accession_number}


def request_write(table: Table, request: ImagingRequest) -> Write:
    """Return the write of a request under the version read."""
    return table.putting_version(items.request_item(request), request.version)


def _just_before(sk: str) -> str:
    """Return a sort key before which everything sorts before `sk`, and behind which `sk` is the first that can be."""
    return sk[:-1] + chr(ord(sk[-1]) - 1) + "~"


def _key_of(key: tuple[str, str]) -> dict[str, Any]:
    return {"pk": key[0], "sk": key[1]}


def _place(site: str, request: ImagingRequest) -> dict[str, str]:
    return {"due_pk": f"{site}#to_book", "due_at": instant_text(request.received_at)}


def _next(row: Row) -> Row:
    return replace(row, version=row.version + 1)
