"""Third state of the signing machine: the CDA R2 N1 around the PDF of a version."""

from __future__ import annotations

from datetime import datetime

from ris.application.report.documents import advance, frozen_of, kept, read, version_of
from ris.application.report.refusing import putting_back
from ris.application.report.services import ReportServices
from ris.domain.report.version import CDA, PDF, Version, VersionState


def build_cda(s: ReportServices, accession: str, number: int, now: datetime) -> Version:
    """Make and keep the CDA of a version; run again, it changes nothing.

    Raises:
        InvalidInput: `title_too_long`, `act_missing`, the draft has its refusal then; `unknown_version`.
        Refused: `version_withdrawn`.
        RemoteUnavailable: `document_unavailable`, `too_busy`.
    """
    version = version_of(s, accession, number)
    if version.state.rank >= VersionState.BUILT.rank:
        return version
    report, pdf = frozen_of(s, version), read(s, version, PDF)
    with putting_back(s, accession, number, now, making=version.making):
        cda = s.builder.build(report, pdf)
    return advance(s, version, VersionState.BUILT, CDA, kept(s, version, CDA, cda), now)
