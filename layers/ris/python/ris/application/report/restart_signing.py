"""Sweep part: signings that should have ended by now are started again from what their rows say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.services import ReportServices
from ris.application.report.validate_report import start
from ris.domain.report.draft import Draft, DraftStatus
from ris.domain.report.version import Version, VersionState

BATCH = 100
"""Reports in one sweep; the next one comes in minutes."""


@dataclass(frozen=True)
class SigningSweep:
    """What one sweep of a site did: signings started again, those that raised (they stay due), those that were late."""

    restarted: int = 0
    failed: int = 0
    overdue: int = 0
    errors: tuple[str, ...] = ()


def sweep_signing(s: ReportServices, site: str, now: datetime) -> SigningSweep:
    """Start again every signing of a site that is late; one that fails never stops the others."""
    late = unsigned(s, site, now, limit=BATCH)
    errors: list[str] = []
    for accession in late:
        try:
            restart_signing(s, accession, now)
        except Exception as error:
            # Whatever it is, a bug too: it must not keep the others from being found.
            errors.append(type(error).__name__)
    return SigningSweep(len(late) - len(errors), len(errors), len(late), tuple(sorted(set(errors))))


def unsigned(s: ReportServices, site: str, now: datetime, *, limit: int) -> list[str]:
    """Return the Accession Numbers of the site's reports whose signing is overdue, oldest first, each once."""
    return list(dict.fromkeys(row.accession_number for row in s.reports.unsigned(site, now=now, limit=limit)))


def restart_signing(s: ReportServices, accession: str, now: datetime) -> Draft | None:
    """Start the signing machine of a report once more, under its next name, if it is still due.

    The row moves first, under a condition: two sweeps at once start one machine.

    Returns:
        The draft as it stands, or None when there is none.

    Raises:
        RemoteUnavailable: `too_busy`, `workflows_unavailable`: the row is due again later.
    """
    moved: list[Draft] = []

    def attempt() -> Draft | None:
        moved.clear()
        draft = s.reports.draft(accession)
        if draft is None or draft.status is not DraftStatus.VALIDATING or draft.validation is None:
            return draft
        version = s.reports.version(accession, draft.validation.version)
        written = _moved(s, draft, version, now)
        if written is not None:
            moved.append(written)
        return written or draft

    draft = decide(attempt)
    for one in moved:
        start(s, one)
    return draft


def _moved(s: ReportServices, draft: Draft, version: Version | None, now: datetime) -> Draft | None:
    """Return the draft with one attempt more; None when nothing is due."""
    again = now + s.settings.restart_after
    if version is None or version.state is VersionState.WITHDRAWN:
        if draft.due_at is None or draft.due_at > now:
            return None
        return s.reports.save_draft(replace(draft, attempt=draft.attempt + 1, due_at=again))
    if version.due_at is None or version.due_at > now:
        return None
    written, _ = s.reports.commit(
        replace(draft, attempt=draft.attempt + 1), replace(version, attempt=draft.attempt + 1, due_at=again, changed_at=now)
    )
    return written
