"""What a refusal on the way to the signature leaves behind: the draft to be corrected, and never half a report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.services import ReportServices
from ris.domain.dispatch.delivery import Delivery
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report import draft as drafts
from ris.domain.report.draft import Draft, DraftStatus, Refusal
from ris.domain.report.plan import withdrawn_rows
from ris.domain.report.version import Version, VersionState, withdrawn


@contextmanager
def putting_back(s: ReportServices, accession: str, version: int, now: datetime, *, making: int) -> Iterator[None]:
    """Put the draft back with its refusal when what is inside is refused, then let the refusal out.

    Args:
        s: The ports.
        accession: Of the exam.
        version: Of the report.
        now: Aware UTC instant.
        making: The making that is at work: an execution that was overtaken by a later one puts nothing back.

    Raises:
        InvalidInput: As raised inside; so is Refused.
        RemoteUnavailable: `too_busy`, nothing was put back: the task is tried again.
    """
    try:
        yield
    except (InvalidInput, Refused) as error:
        refusal = Refusal(error.code, error.field, error.detail, now)
        decide(lambda: _put_back(s, accession, version, making, refusal, now))
        raise


def _put_back(s: ReportServices, accession: str, number: int, making: int, refusal: Refusal, now: datetime) -> None:
    draft, version = s.reports.draft(accession), s.reports.version(accession, number)
    if draft is None or draft.status is not DraftStatus.VALIDATING:
        return
    if draft.validation is None or draft.validation.version != number:
        return
    back = drafts.put_back(draft, refusal)
    if version is None or version.state is VersionState.WITHDRAWN:
        s.reports.save_draft(back)
    elif version.state is not VersionState.SIGNED and version.making == making:
        gone = withdrawn_rows(rows_of(s, version), now)
        s.reports.commit(back, withdrawn(version, refusal.code, now), deliveries=gone)


def rows_of(s: ReportServices, version: Version) -> tuple[Delivery, ...]:
    """Return the delivery rows of one version."""
    places = [(one.channel, one.recipient) for one in version.plan]
    rows = [s.deliveries.get(version.accession_number, channel, recipient, version.version) for channel, recipient in places]
    return tuple(row for row in rows if row is not None)


def require_validating(draft: Draft | None, version: int, draft_rev: int) -> Draft:
    """Return the draft that this execution was started for.

    Raises:
        InvalidInput: `unknown_report`.
        Refused: `validation_gone`: the draft is no longer what was validated; nothing is put back, somebody else did it.
    """
    if draft is None:
        raise InvalidInput("unknown_report", field="accession_number")
    validation = draft.validation if draft.status is DraftStatus.VALIDATING else None
    if validation is None or validation.version != version or (validation.reason.has_text and draft.rev != draft_rev):
        raise Refused("validation_gone", field="draft_rev")
    return draft
