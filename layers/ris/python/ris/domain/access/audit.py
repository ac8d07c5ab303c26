"""What is kept of each access: who, in what role, did what, on which object of ours, with what result, from where, when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

NO_SITE = "-"
"""The site of a record whose request named none (or one that cannot be known)."""


@dataclass(frozen=True)
class Visit:
    """What one request wants.

    Args:
        action: Name in the policy table, or of the route when nobody is logged in.
        site: Site of the object, empty when unknown.
        object_id: Our own identifier (accession number, patient id …), never a patient's value.
        patient_id: Ours, of the one patient it is about; empty when it is about none, or about a whole list.
        source_ip: Address the request came from, as the API gateway saw it.
    """

    action: str
    site: str = ""
    object_id: str = ""
    source_ip: str = ""
    patient_id: str = ""


class AuditBy(Enum):
    """What records of a site are found by: each has its own list, in order of time."""

    DAY = "day"
    PATIENT = "patient"
    ACCOUNT = "account"
    ACTION = "action"


@dataclass(frozen=True)
class AuditRecord:
    """One record: appended, never changed.

    Args:
        audit_id: Ours, unique.
        result: `allowed`, `refused` or `not_found`; `code` is the reason of a refusal.
        role: The role the action was allowed by, empty when refused.
    """

    audit_id: str
    instant: datetime
    site: str
    action: str
    result: str
    account_id: str = ""
    rpps: str = ""
    role: str = ""
    provider: str = ""
    object_id: str = ""
    code: str = ""
    source_ip: str = ""
    patient_id: str = ""

    @property
    def day(self) -> str:
        """The UTC day the record belongs to, `YYYY-MM-DD`."""
        return self.instant.date().isoformat()

    def listed(self) -> dict[AuditBy, str]:
        """Return the lists it is on besides its day's, each with its value."""
        values = {AuditBy.PATIENT: self.patient_id, AuditBy.ACCOUNT: self.account_id, AuditBy.ACTION: self.action}
        return {by: value for by, value in values.items() if value}
