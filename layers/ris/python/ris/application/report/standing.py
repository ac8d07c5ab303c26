"""The version that stands: the last one signed, whatever is written or made beside it."""

from __future__ import annotations

from ris.application.report.services import ReportServices
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report.draft import Draft
from ris.domain.report.marks import Reason
from ris.domain.report.version import Version, VersionState


def draft_of(s: ReportServices, accession: str) -> Draft:
    """Return the report of an exam.

    Raises:
        InvalidInput: `unknown_report`.
    """
    draft = s.reports.draft(accession)
    if draft is None:
        raise InvalidInput("unknown_report", field="accession_number")
    return draft


def standing_version(s: ReportServices, draft: Draft) -> Version | None:
    """Return the last version signed, a deletion included, or None before the first.

    Raises:
        Refused: `unknown_version`: its row is gone.
    """
    if not draft.version:
        return None
    version = s.reports.version(draft.accession_number, draft.version)
    if version is None or version.state is not VersionState.SIGNED:
        raise Refused("unknown_version", field="replaces")
    return version


def readable_version(s: ReportServices, draft: Draft) -> Version:
    """Return the version that its recipients may have.

    Raises:
        Refused: `report_not_validated`, `report_deleted`.
    """
    version = standing_version(s, draft)
    if version is None:
        raise Refused("report_not_validated", field="status")
    if version.reason is Reason.DELETION:
        raise Refused("report_deleted", field="status")
    return version
