"""What waits for a report at a site: exams whose report nobody began, and reports that nobody validated yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ris.application.conflicts import decide
from ris.application.identity.ports import PatientStore
from ris.domain.agenda.exam import Exam
from ris.domain.identity.patient import Patient
from ris.domain.report.draft import Draft


class Exams(Protocol):
    """What the list reads and writes of exams."""

    def get(self, accession_number: str) -> Exam | None:
        """Return the exam, read consistently, or None."""

    def get_many(self, accession_numbers: list[str]) -> dict[str, Exam]:
        """Return those that exist, by Accession Number."""

    def to_read(self, site: str, *, limit: int) -> list[Exam]:
        """Return the site's exams that were done and whose report nobody began, the longest done first."""

    def save(self, exam: Exam) -> Exam:
        """Write under the version read; raise Conflict when it no longer stands."""


class Drafts(Protocol):
    """What the list reads of reports."""

    def unvalidated(self, site: str, *, limit: int) -> list[Draft]:
        """Return the site's drafts that nobody validated yet, the longest untouched first."""


@dataclass(frozen=True)
class ReadingRow:
    """One exam of the list.

    Args:
        draft: None while nobody began.
        since: When it was done, or its report last touched.
        patient: None when the row cannot be found (never hides the exam).
    """

    exam: Exam
    draft: Draft | None
    since: datetime
    patient: Patient | None


@dataclass(frozen=True)
class ReadingList:
    """The rows, those waiting longest first; `more` says that it was cut."""

    rows: tuple[ReadingRow, ...]
    more: bool


def reading_list(exams: Exams, patients: PatientStore, drafts: Drafts, site: str, *, limit: int) -> ReadingList:
    """Return what waits for a report at a site: four reads, however long the list is.

    Args:
        exams: Of the agenda.
        patients: Of the identities.
        drafts: Of the reports.
        site: Id of a site.
        limit: Rows.
    """
    untouched = {one.accession_number: one for one in exams.to_read(site, limit=limit + 1)}
    begun = drafts.unvalidated(site, limit=limit + 1)
    of_drafts = exams.get_many([one.accession_number for one in begun])
    # A draft is newer than the list its exam stood on.
    found: list[tuple[Exam, Draft | None]] = [
        (of_drafts[one.accession_number], one) for one in begun if one.accession_number in of_drafts
    ]
    found += [(exam, None) for accession, exam in untouched.items() if accession not in of_drafts]
    found.sort(key=lambda pair: (_since(*pair), pair[0].accession_number))
    shown = found[:limit]
    people = patients.get_many(list(dict.fromkeys(exam.patient_id for exam, _ in shown)))
    rows = tuple(ReadingRow(exam, draft, _since(exam, draft), people.get(exam.patient_id)) for exam, draft in shown)
    return ReadingList(rows, len(found) > limit)


def _since(exam: Exam, draft: Draft | None) -> datetime:
    return (draft.edited_at if draft else None) or exam.changed_at or exam.appointment.end


def report_begun(exams: Exams, accession: str) -> None:
    """Take an exam off the list because its report has a row of its own now; doing it twice changes nothing.

    Raises:
        RemoteUnavailable: `too_busy`, or an outage: the exam stays on the list until the report is saved again.
    """

    def attempt() -> None:
        exam = exams.get(accession)
        if exam is not None and not exam.reported:
            exams.save(replace(exam, reported=True))

    decide(attempt)
