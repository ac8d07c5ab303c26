"""A patient's earlier reports, beside the one being written: the closest kind first, the newest first, read-only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ris.application.report.services import ReportServices
from ris.application.report.standing import draft_of, readable_version
from ris.domain.agenda.exam import Exam
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.marks import Reason
from ris.domain.report.version import Version, VersionState

SHOWN = 20


@dataclass(frozen=True)
class Prior:
    """One earlier report: the version that its recipients have.

    Args:
        close: Same modality and same region of the body; `related` one of them.
    """

    exam: Exam
    version: Version
    close: bool
    related: bool


def priors_of(s: ReportServices, exam: Exam, sites: Collection[str]) -> tuple[Prior, ...]:
    """Return the patient's other reports that were validated and stand.

    Args:
        s: The ports; four reads however many there are, of a hundred exams at most.
        exam: The one that is being read.
        sites: Where the reader may read reports.
    """
    exams, _ = s.exams.of_patient(exam.patient_id)
    others = {one.accession_number: one for one in exams if one.site in sites and one.accession_number != exam.accession_number}
    drafts = s.reports.drafts(list(others)) if others else {}
    places = [(draft.accession_number, draft.version) for draft in drafts.values() if draft.version]
    versions = s.reports.versions_at(places) if places else {}
    found = [_prior(s, exam, others[place[0]], version) for place, version in versions.items() if _stands(version)]
    newest = sorted(found, key=lambda one: one.exam.appointment.start, reverse=True)
    return tuple(sorted(newest, key=lambda one: (not one.close, not one.related)))[:SHOWN]


def prior_text(s: ReportServices, exam: Exam, prior: str) -> tuple[Exam, Version, FrozenReport]:
    """Return one earlier report of the same patient, as it was validated.

    Raises:
        InvalidInput: `unknown_exam`: it is not one of this patient's; `unknown_report`.
        Refused: `report_not_validated`, `report_deleted`.
    """
    earlier = s.exams.get(prior)
    if earlier is None or earlier.patient_id != exam.patient_id:
        raise InvalidInput("unknown_exam", field="prior")
    version = readable_version(s, draft_of(s, prior))
    content = s.reports.content(version)
    if content is None:
        raise Refused("unknown_version", field="version")
    return earlier, version, s.codec.load(content)


def _stands(version: Version) -> bool:
    return version.state is VersionState.SIGNED and version.reason is not Reason.DELETION


def _prior(s: ReportServices, exam: Exam, other: Exam, version: Version) -> Prior:
    modality = bool(exam.kind.dicom_modality) and exam.kind.dicom_modality == other.kind.dicom_modality
    region = bool(_region(s, exam)) and _region(s, exam) == _region(s, other)
    return Prior(other, version, close=modality and region, related=modality or region)


def _region(s: ReportServices, exam: Exam) -> str:
    kind = s.reference.catalogue_exam(exam.exam_code)
    return kind.region_code if kind else ""
