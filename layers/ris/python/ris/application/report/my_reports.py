"""Where a radiologist's validated reports have got to: each with the rows of the version that stands, in a few reads for a whole page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from ris.application.dispatch.ports import RowPlace
from ris.application.identity.ports import PatientStore
from ris.application.report.ports import ReportStore
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import Delivery
from ris.domain.identity.patient import Patient
from ris.domain.report.draft import Draft
from ris.domain.report.version import Version


class Exams(Protocol):
    """What the list reads of exams."""

    def get_many(self, accession_numbers: list[str]) -> dict[str, Exam]:
        """Return those that exist, by Accession Number."""


class Rows(Protocol):
    """What the list reads of deliveries."""

    def get_many(self, places: Sequence[RowPlace]) -> dict[RowPlace, Delivery]:
        """Return those that exist."""


@dataclass(frozen=True)
class MyReport:
    """One report.

    Args:
        version: The one that was validated last; None while its documents begin to be made.
        rows: Its deliveries, in the order of the plan.
    """

    draft: Draft
    exam: Exam
    patient: Patient | None
    version: Version | None
    rows: tuple[Delivery, ...]


@dataclass(frozen=True)
class MyReports:
    """The reports, the last validated first; `after` is the Accession Number to go on behind, or empty."""

    reports: tuple[MyReport, ...]
    after: str


@dataclass(frozen=True)
class Validated:
    """The ports of the list."""

    reports: ReportStore
    exams: Exams
    patients: PatientStore
    deliveries: Rows


def my_reports(s: Validated, account_id: str, sites: Collection[str], *, limit: int, after: str = "") -> MyReports:
    """Return the reports this account validated: six reads, however many rows.

    Args:
        s: The ports.
        account_id: Of the radiologist.
        sites: Where that person may read reports now; others are left out.
        limit: Rows.
        after: Accession Number of the last one shown.
    """
    last = s.reports.draft(after) if after else None
    found = s.reports.validated_by(account_id, limit=limit + 1, after=last if last and last.validation else None)
    drafts = [one for one in found[:limit] if one.site in sites]
    exams = s.exams.get_many([one.accession_number for one in drafts])
    people = s.patients.get_many(list(dict.fromkeys(exam.patient_id for exam in exams.values())))
    versions = s.reports.versions_at([_place(one) for one in drafts])
    rows = s.deliveries.get_many([place for version in versions.values() for place in _rows_of(version)])
    reports = [
        MyReport(
            one, exams[one.accession_number], people.get(exams[one.accession_number].patient_id), version, _there(rows, version)
        )
        for one in drafts
        if one.accession_number in exams
        for version in (versions.get(_place(one)),)
    ]
    return MyReports(tuple(reports), found[limit - 1].accession_number if len(found) > limit else "")


def _place(draft: Draft) -> tuple[str, int]:
    return draft.accession_number, draft.validation.version if draft.validation else draft.version


def _rows_of(version: Version) -> list[RowPlace]:
    return [(version.accession_number, one.channel, one.recipient, version.version) for one in version.plan]


def _there(rows: dict[RowPlace, Delivery], version: Version | None) -> tuple[Delivery, ...]:
    return tuple(rows[place] for place in _rows_of(version) if place in rows) if version else ()
