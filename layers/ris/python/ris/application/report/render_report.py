"""Second state of the signing machine: the PDF/A-1 of a frozen version."""

from __future__ import annotations

from datetime import datetime

from ris.application.report.documents import advance, frozen_of, kept, version_of
from ris.application.report.refusing import putting_back
from ris.application.report.services import ReportServices
from ris.domain.report.version import PDF, Version, VersionState


def render_report(s: ReportServices, accession: str, number: int, now: datetime) -> Version:
    """Make and keep the PDF of a version; run again, it changes nothing.

    Raises:
        InvalidInput: `character_not_drawable`, the draft has its refusal then; `unknown_version`.
        Refused: `version_withdrawn`.
        RemoteUnavailable: `document_unavailable`, `too_busy`.
    """
    version = version_of(s, accession, number)
    if version.state.rank >= VersionState.RENDERED.rank:
        return version
    with putting_back(s, accession, number, now, making=version.making):
        pdf = s.renderer.render(frozen_of(s, version))
    return advance(s, version, VersionState.RENDERED, PDF, kept(s, version, PDF, pdf), now)
