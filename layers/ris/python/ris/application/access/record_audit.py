"""Keep one record of an access."""

from __future__ import annotations

from datetime import datetime

from ris.application.access.ports import AccessServices
from ris.domain.access.audit import NO_SITE, AuditRecord, Visit
from ris.domain.access.session import Session


def record_audit(
    s: AccessServices,
    session: Session | None,
    visit: Visit,
    *,
    result: str,
    now: datetime,
    role: str = "",
    code: str = "",
    account_id: str = "",
) -> AuditRecord:
    """Append one record and return it.

    Args:
        session: Who, or None when nobody is known.
        visit: What was wanted.
        result: `allowed`, `refused` or `not_found`.
        now: Aware UTC instant.
        role: The role that allowed it.
        code: The reason of a refusal.
        account_id: Who, when it is no session: an operator at the command line.
    """
    record = AuditRecord(
        audit_id=s.new_token()[:22],
        instant=now,
        site=visit.site or NO_SITE,
        action=visit.action,
        result=result,
        account_id=session.account_id if session else account_id,
        rpps=session.rpps if session else "",
        role=role,
        provider=session.provider if session else "",
        object_id=visit.object_id,
        code=code,
        source_ip=visit.source_ip,
        patient_id=visit.patient_id,
    )
    s.audit.append(record)
    return record
