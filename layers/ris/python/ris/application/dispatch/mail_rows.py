"""What is true of one row of a mail at this instant, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.dmp_port import RemoteBreaker
from ris.application.dispatch.mail_port import Directory, MailOperator, MailWriter, StoredReports
from ris.application.dispatch.ports import DeliveryStore, Exams, Patients
from ris.application.reference import ReferenceBook
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.mail import MailRules
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.ins import QualifiedIdentity, qualified
from ris.domain.identity.patient import Patient
from ris.domain.report.frozen import FrozenReport

REMOTE = "mss"


@dataclass(frozen=True)
class MailServices:
    """Everything outside the sending of mail.

    Args:
        clock: The instant after a call, which may have taken half a minute.
    """

    deliveries: DeliveryStore
    exams: Exams
    patients: Patients
    reports: StoredReports
    directory: Directory
    reference: ReferenceBook
    writer: MailWriter
    operator: MailOperator
    breaker: RemoteBreaker
    clock: Callable[[], datetime]
    rules: MailRules = field(default_factory=MailRules)


def mail_row(deliveries: DeliveryStore, owner: str, channel: str, recipient: str, report_version: int) -> Delivery:
    """Return the row of one recipient.

    Raises:
        InvalidInput: `unknown_delivery`.
    """
    row = deliveries.get(owner, channel, recipient, report_version)
    if row is None:
        raise InvalidInput("unknown_delivery", field="recipient")
    return row


def moved(deliveries: DeliveryStore, row: Delivery, change: Callable[[Delivery], Delivery]) -> Delivery:
    """Apply one transition to the row as it now is, and write it if it changed anything."""

    def attempt() -> Delivery:
        current = mail_row(deliveries, row.owner, row.channel, row.recipient, row.report_version)
        after = change(current)
        return current if after == current else deliveries.save(after)

    return decide(attempt)


def identity_now(report: FrozenReport, patient: Patient) -> QualifiedIdentity | None:
    """Return the identity the document carries, if the patient is qualified now with that very INS; else None."""
    try:
        now = qualified(patient.ins, patient.strict, patient.status)
    except Refused:
        return None
    frozen = report.identity
    return frozen if frozen is not None and frozen.ins == now.ins else None


def superseded(deliveries: DeliveryStore, row: Delivery) -> bool:
    """Say whether a later version of the report has a row for the same recipient: what is older goes no more."""
    return any(
        (one.channel, one.recipient) == (row.channel, row.recipient) and one.report_version > row.report_version
        for one in deliveries.of_owner(row.owner)
    )
