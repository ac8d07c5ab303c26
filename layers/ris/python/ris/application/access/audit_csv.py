"""One access as one row of a CSV."""

from __future__ import annotations

from datetime import UTC

from ris.domain.access.audit import NO_SITE, AuditRecord

COLUMNS = (
    "instant_utc",
    "site",
    "account",
    "rpps",
    "role",
    "provider",
    "action",
    "object",
    "patient",
    "result",
    "code",
    "source_ip",
    "audit_id",
)


def cells(record: AuditRecord) -> tuple[str, ...]:
    """Return the row of a record, in the order of `COLUMNS`; `patient` is our own number."""
    return (
        f"{record.instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "" if record.site == NO_SITE else record.site,
        record.account_id,
        record.rpps,
        record.role,
        record.provider,
        record.action,
        record.object_id,
        record.patient_id,
        record.result,
        record.code,
        record.source_ip,
        record.audit_id,
    )
