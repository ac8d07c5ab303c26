"""Last task of the signing machine: sign the submission of a version, and say that the report is validated.

The signature is made over the bytes that were kept, and kept itself: a resend is the same bytes, years later and with another key.
"""

from __future__ import annotations

from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.documents import frozen_of, kept, read, version_of
from ris.application.report.refusing import putting_back
from ris.application.report.services import ReportServices
from ris.domain.dispatch.delivery import Delivery, Origin
from ris.domain.errors import InvalidInput
from ris.domain.report.draft import DraftStatus, validated
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.succession import succeed
from ris.domain.report.version import CDA, SIGNATURE, StoredFile, Version, VersionState, advanced
from ris.domain.usage.facts import UsageFact, validation


def sign_submission(s: ReportServices, accession: str, number: int, now: datetime) -> Version:
    """Sign a version and close its draft; run again, it changes nothing.

    Raises:
        InvalidInput: `unknown_version`.
        Refused: `version_withdrawn`; `certificate_of_another_structure`, `certificate_of_another_key`, the draft has its refusal.
        RemoteUnavailable: The key or its certificate is not to be had, `document_unavailable`, `too_busy`.
    """
    version = version_of(s, accession, number)
    if version.state is VersionState.SIGNED:
        return version
    report, cda = frozen_of(s, version), read(s, version, CDA)
    with putting_back(s, accession, number, now, making=version.making):
        signature = s.signer.sign(report, cda, legal_entity=version.legal_entity, now=now)
    file = kept(s, version, SIGNATURE, signature)
    return decide(lambda: _close(s, version, report, file, now))


def _close(s: ReportServices, version: Version, report: FrozenReport, file: StoredFile, now: datetime) -> Version:
    # The draft is read first: it closes together with its version, so a closed one means that the version is signed.
    draft = s.reports.draft(version.accession_number)
    row = version_of(s, version.accession_number, version.version)
    if row.state is VersionState.SIGNED:
        return row
    if draft is None or draft.status is not DraftStatus.VALIDATING:
        raise InvalidInput("unknown_report", field="accession_number")
    signed = advanced(row, VersionState.SIGNED, SIGNATURE, file, now)
    after = _succession(s, row, now)
    fact = _validation(row, report, now)
    _, written = s.reports.commit(validated(draft, version.version), signed, deliveries=after, facts=(fact,))
    return written


def _validation(version: Version, report: FrozenReport, now: datetime) -> UsageFact:
    """Return the fact that counts the version: what it says of itself, and how each channel was planned."""
    origin = Origin(
        time_zone=report.time_zone,
        legal_entity=version.legal_entity,
        finess_geo=report.structure.finess_geo,
        author=report.author.rpps,
        qualified=report.identity is not None,
    )
    return validation(
        version.accession_number,
        version.site,
        version.version,
        version.document_id,
        origin,
        now,
        plan=tuple(f"{one.channel}:{one.state.value}:{one.reason}" for one in version.plan),
        marks=tuple(name for name, on in vars(version.marks).items() if on),
        row_version=version.row_version,
    )


def _succession(s: ReportServices, version: Version, now: datetime) -> tuple[Delivery, ...]:
    """Return the rows that change now that the version stands: its own, which replace, and earlier ones, which do not leave any more."""
    rows = [row for row in s.deliveries.of_owner(version.accession_number) if row.report_version]
    own = [row for row in rows if row.report_version == version.version]
    earlier = [row for row in rows if row.report_version < version.version]
    if not earlier:
        return ()
    after = succeed(version.reason, own, earlier, now)
    changed = [row for row, seen in zip(after.rows, own, strict=True) if row != seen]
    return (*changed, *after.earlier)
