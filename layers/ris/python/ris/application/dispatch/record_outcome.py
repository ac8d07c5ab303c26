"""Write on a row what a workflow could not do: refused, to be sent later, or perhaps sent.

The row of a report in the DMP, or of a mail, knows itself whether it was perhaps sent, since it is written before each attempt: an error of a
workflow never makes it unknown and never makes an unknown one known, but for the DMP's own refusal of what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ris.application.conflicts import decide
from ris.application.dispatch.dmp_facts import row_of
from ris.application.dispatch.mail_rows import mail_row
from ris.application.dispatch.plan_order import plan_row
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch import mail
from ris.domain.dispatch.channels import MAIL
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.dmp import CHANNEL, identity_missing, opposed_to, refused, waits
from ris.domain.dispatch.mail import MailRules
from ris.domain.dispatch.transitions import postponed, rejected
from ris.domain.errors import InvalidInput

PERSON_ACTS = frozenset({"InvalidInput", "Refused", "NotAllowed", "RemoteRejected"})
SURELY_NOT_DONE = frozenset({"RemoteUnavailable", "Lambda.TooManyRequestsException"})


class ExamById(Protocol):
    """Reads one exam."""

    def get(self, accession_number: str) -> Exam | None:
        """Return the exam, read consistently, or None."""


@dataclass(frozen=True)
class OutcomeServices:
    """What recording needs: fewer ports than sending."""

    deliveries: DeliveryStore
    exams: ExamById
    mail_rules: MailRules = field(default_factory=MailRules)


def record_outcome(
    s: OutcomeServices,
    accession: str,
    channel: str,
    recipient: str,
    error: str,
    code: str,
    now: datetime,
    *,
    report_version: int = 0,
) -> Delivery:
    """Write the outcome of a task that failed; a second time, or after the real answer came, changes nothing.

    Args:
        s: The ports.
        accession: Of the exam.
        channel: Of the row; `recipient` too.
        error: Name of the error as the state machine saw it: a group of ours, `States.Timeout`, `Lambda.Unknown` …
        code: The precise code from the cause, or empty.
        now: Aware UTC instant.
        report_version: Version of the report whose row it is; 0 for what is no report.

    Returns:
        The row: rejected when a person must act, pending when surely nothing left, else pending and unknown.

    Raises:
        InvalidInput: `unknown_exam`, `unknown_delivery`.
    """
    if channel == CHANNEL:
        return decide(lambda: _of_the_dmp(s, row_of(s.deliveries, accession, report_version), error, code, now))
    if channel in MAIL:
        return decide(
            lambda: _of_a_mail(s, mail_row(s.deliveries, accession, channel, recipient, report_version), error, code, now)
        )

    def attempt() -> Delivery:
        row = s.deliveries.get(accession, channel, recipient, report_version)
        if row is None and report_version:
            raise InvalidInput("unknown_delivery", field="version")
        if row is None:
            exam = s.exams.get(accession)
            if exam is None:
                raise InvalidInput("unknown_exam", field="accession_number")
            row = plan_row(s.deliveries, accession, exam.site, channel, recipient, now)
        if error in PERSON_ACTS:
            after = rejected(row, now, reason=code or error)
        else:
            after = postponed(row, now, reason=code or error, unknown=error not in SURELY_NOT_DONE)
        return row if after == row else s.deliveries.save(after)

    return decide(attempt)


def _of_the_dmp(s: OutcomeServices, row: Delivery, error: str, code: str, now: datetime) -> Delivery:
    reason = code or "function_failed"  # killed, timed out, throttled: its name says nothing to a reader of the row
    if error == "RemoteRejected":
        after = refused(row, now, reason=reason, remote_code=code)
    elif error in PERSON_ACTS and not row.unknown:
        after = _by_a_rule(row, reason, now)
    else:
        after = waits(row, now, reason=reason)
    return row if after == row else s.deliveries.save(after)


def _of_a_mail(s: OutcomeServices, row: Delivery, error: str, code: str, now: datetime) -> Delivery:
    """Return the row of a mail after a failed task: only the row itself says whether the mail was perhaps taken."""
    reason = code or "function_failed"
    if error == "RemoteRejected" or (error in PERSON_ACTS and not row.unknown):
        after = mail.refused(row, now, reason=reason)
    elif row.unknown:
        after = mail.lost(row, now, s.mail_rules, reason=reason)
    else:
        after = mail.waits(row, now, reason=reason)
    return row if after == row else s.deliveries.save(after)


def _by_a_rule(row: Delivery, reason: str, now: datetime) -> Delivery:
    """Return the row that a rule of ours kept from leaving: what events can mend is held or withdrawn, the rest a person must."""
    match reason:
        case "identity_not_qualified":
            return identity_missing(row, now)
        case "patient_opposed":
            return opposed_to(row, now)
    return refused(row, now, reason=reason)
