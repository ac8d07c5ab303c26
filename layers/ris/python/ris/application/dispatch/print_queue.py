"""The letters of a site: those that wait to be printed, the longest waiting first, and those that went, by whom and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ris.application.dispatch.ports import DeliveryStore
from ris.application.identity.ports import PatientStore
from ris.application.reference import ReferenceBook
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest
from ris.domain.dispatch.channels import REQUESTER
from ris.domain.dispatch.delivery import Delivery
from ris.domain.identity.patient import Patient

PRINTED_SHOWN = 20


class Exams(Protocol):
    """What the queue reads of exams."""

    def get_many(self, accession_numbers: list[str]) -> dict[str, Exam]:
        """Return those that exist, by Accession Number."""

    def get_requests(self, request_ids: Sequence[str]) -> dict[str, ImagingRequest]:
        """Return those that exist, by id."""


@dataclass(frozen=True)
class Letter:
    """One recipient on paper.

    Args:
        name: Of the recipient: as the directory of the group knows them, else as the order names them; may be empty.
        structure: Where they work, as the group's directory says; may be empty.
    """

    row: Delivery
    exam: Exam | None
    patient: Patient | None
    name: str
    structure: str


@dataclass(frozen=True)
class PrintQueue:
    """The letters that wait, and the last ones that went; `more` says that the first list was cut."""

    waiting: tuple[Letter, ...]
    printed: tuple[Letter, ...]
    more: bool


@dataclass(frozen=True)
class Printing:
    """The ports of the queue."""

    deliveries: DeliveryStore
    exams: Exams
    patients: PatientStore
    reference: ReferenceBook


def print_queue(s: Printing, site: str, *, limit: int) -> PrintQueue:
    """Return the letters of a site: six reads, however many rows."""
    found, done = s.deliveries.to_print(site, limit=limit + 1), s.deliveries.printed(site, limit=PRINTED_SHOWN)
    rows = [*found[:limit], *done]
    exams = s.exams.get_many(list(dict.fromkeys(row.owner for row in rows)))
    patients = s.patients.get_many(list(dict.fromkeys(exam.patient_id for exam in exams.values())))
    requests = s.exams.get_requests(list(dict.fromkeys(exam.request_id for exam in exams.values() if exam.request_id)))
    known = s.reference.correspondents(list(dict.fromkeys(row.recipient for row in rows if row.recipient.isdecimal())))

    def letter(row: Delivery) -> Letter:
        exam = exams.get(row.owner)
        request = requests.get(exam.request_id) if exam else None
        person = known.get(row.recipient)
        asked = request.prescriber if request and row.recipient in (REQUESTER, request.prescriber.rpps[-11:]) else None
        named = person or asked
        name = f"{named.given} {named.family}".strip() if named else ""
        return Letter(row, exam, patients.get(exam.patient_id) if exam else None, name, person.structure if person else "")

    return PrintQueue(tuple(map(letter, found[:limit])), tuple(map(letter, done)), len(found) > limit)
