"""Send the mail of one row: the row first, then the operator, then what became of it.

    row: attempt n, perhaps taken ── MAIL, RCPT, DATA ── 250 after the final dot: accepted; a receipt is waited for
       │ killed here, or cut after the final dot: pending and unknown; the same Message-ID goes again after hours without a receipt
       └ refused, or surely not taken: rejected, or later

The address is looked up here, not when the report was validated; what the facts forbid now does not leave, whatever was planned. What a
mail weighs is known before anything is sent.
"""

from __future__ import annotations

from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.addresses import address_of
from ris.application.dispatch.mail_port import Letter, Outgoing, ReportDocuments
from ris.application.dispatch.mail_rows import REMOTE, MailServices, identity_now, mail_row, moved, superseded
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.channels import MAIL
from ris.domain.dispatch.delivery import DELETE, Delivery
from ris.domain.dispatch.mail import (
    ANNOUNCEMENT,
    IDENTITY,
    MASKED,
    REFUSAL,
    TO_PRINT,
    TOO_BIG,
    accepted,
    held,
    is_patient,
    leaves,
    lost,
    mail_number,
    may_leave,
    not_taken,
    overtaken,
    refused,
    waits,
    withdrawn,
)
from ris.domain.dispatch.mail_codes import safe_code, shown_words
from ris.domain.errors import InvalidInput, NotAllowed, OutcomeUnknown, Refused, RemoteRejected, RemoteUnavailable, RisError
from ris.domain.identity.patient import Patient
from ris.domain.report.version import CDA, PDF

LONGEST_WORDS = 500


def send_mail(s: MailServices, accession: str, channel: str, recipient: str, version: int, now: datetime) -> Delivery:
    """Send one mail, unless its row is settled, held, accepted, or perhaps taken not long ago.

    Args:
        s: The ports.
        accession: Of the exam.
        channel: `mss_professional` or `mss_patient`.
        recipient: RPPS, or `PATIENT`.
        version: Of the report: whose row it is.
        now: Aware UTC instant.

    Returns:
        The row.

    Raises:
        InvalidInput: `unknown_channel`, `unknown_delivery`, `unknown_exam`, `unknown_patient`, `address_malformed`.
        Refused: `mailbox_not_configured`, `stored_document_changed`.
        RemoteRejected: The operator's own code, after its words were written on the row.
        RemoteUnavailable: Surely not taken; also `version_not_signed`.
        OutcomeUnknown: Perhaps taken.
    """
    if channel not in MAIL:
        raise InvalidInput("unknown_channel", field="channel")
    row = mail_row(s.deliveries, accession, channel, recipient, version)
    if not may_leave(row, now, s.rules):
        return row
    if superseded(s.deliveries, row):
        return moved(s.deliveries, row, lambda current: overtaken(current, now))
    exam, patient = _people(s, row)
    documents = s.reports.with_files(accession, row.predecessor_version if row.operation == DELETE else version, CDA, PDF)
    if documents is None:
        raise RemoteUnavailable("version_not_signed")
    kept = _kept_back(s, row, documents, patient, now)
    if kept is not None:
        return kept
    address = _address(s, row, documents, exam)
    if not address:
        return moved(s.deliveries, row, lambda current: held(current, now, reason=TO_PRINT))
    return _composed(s, row, documents, address, now)


def _people(s: MailServices, row: Delivery) -> tuple[Exam, Patient]:
    exam = s.exams.get(row.owner)
    if exam is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    patient = s.patients.get(exam.patient_id)
    if patient is None:
        raise InvalidInput("unknown_patient", field="patient_id")
    return exam, patient


def _kept_back(s: MailServices, row: Delivery, documents: ReportDocuments, patient: Patient, now: datetime) -> Delivery | None:
    """Return the row once a fact of now keeps it from leaving, or None: it may leave."""
    marks = documents.marks
    if row.recipient in patient.refusals:
        return moved(s.deliveries, row, lambda current: withdrawn(current, now, reason=REFUSAL))
    if not is_patient(row):
        if marks.masked_to_professionals and row.operation != DELETE:
            return moved(s.deliveries, row, lambda current: withdrawn(current, now, reason=MASKED))
        return None
    if marks.announcement_pending:
        return moved(s.deliveries, row, lambda current: held(current, now, reason=ANNOUNCEMENT))
    if identity_now(documents.report, patient) is None:
        return moved(s.deliveries, row, lambda current: held(current, now, reason=IDENTITY))
    return None


def _address(s: MailServices, row: Delivery, documents: ReportDocuments, exam: Exam) -> str:
    """Return where the mail goes; empty when a person must send paper. A row that left keeps the address it left for."""
    if is_patient(row):
        identity = documents.report.identity
        return f"{identity.ins.matricule}@{s.rules.patient_domain}" if identity else ""
    if row.address:
        return row.address
    request = s.exams.get_request(exam.request_id) if exam.request_id else None
    found = address_of(s.directory, s.reference, row.recipient, request)
    return found.address if found else ""


def _composed(s: MailServices, row: Delivery, documents: ReportDocuments, address: str, now: datetime) -> Delivery:
    mailbox = s.operator.mailbox(row.site)
    before = row.predecessor_version
    letter = Letter(
        number=row.message_id,
        recipient=address,
        kind=row.operation,
        in_reply_to=mail_number(row.owner, row.channel, row.recipient, before) if before else "",
        final=is_patient(row) and not (s.rules.patient_may_answer and mailbox.reply_to),
    )
    content = s.writer.write(documents, letter, mailbox, sent_at=now)
    if len(content) > (s.rules.largest_patient if is_patient(row) else s.rules.largest_professional):
        return moved(s.deliveries, row, lambda current: refused(current, now, reason=TOO_BIG))
    if not s.breaker.allow(REMOTE, now):
        return moved(s.deliveries, row, lambda current: waits(current, now, reason="mss_breaker_open"))
    row, ours = decide(lambda: _taken(s, row, "" if is_patient(row) else address, now))
    return _given(s, row, Outgoing(mailbox.address, address, row.message_id, content)) if ours else row


def _taken(s: MailServices, read: Delivery, address: str, now: datetime) -> tuple[Delivery, bool]:
    """Write the attempt before it is made; False when another execution has it, or a receipt settled the row meanwhile."""
    row = mail_row(s.deliveries, read.owner, read.channel, read.recipient, read.report_version)
    if row.attempts != read.attempts or not may_leave(row, now, s.rules):
        return row, False
    return s.deliveries.save(leaves(row, now, s.rules, address=address)), True


def _given(s: MailServices, row: Delivery, mail: Outgoing) -> Delivery:
    """Give the mail to the operator and write what became of it."""
    try:
        s.operator.submit(row.site, mail)
    except RisError as failed:
        _tell_breaker(s, failed)
        outward = type(failed)(safe_code(failed.code))  # the operator's words stay on the row: they may name the recipient
        _written(s, row, failed)
        raise outward from None
    s.breaker.success(REMOTE, s.clock())
    try:
        return moved(s.deliveries, row, lambda current: accepted(current, s.clock(), s.rules))
    except RemoteUnavailable:
        raise OutcomeUnknown("outcome_not_written") from None


def _written(s: MailServices, row: Delivery, failed: RisError) -> None:
    """Write a failed attempt on the row; where that fails too, the error itself tells the workflow."""
    try:
        moved(s.deliveries, row, lambda current: _after(current, row.attempts, failed, s))
    except RemoteUnavailable:
        return


def _after(current: Delivery, attempt: int, failed: RisError, s: MailServices) -> Delivery:
    """Return the row after a failed attempt, unless a later one is under way."""
    if current.attempts != attempt or not current.unknown:
        return current
    now, code = s.clock(), safe_code(failed.code)
    words = shown_words(failed.detail, LONGEST_WORDS)
    if isinstance(failed, RemoteRejected):
        return refused(current, now, reason=code, remote_code=failed.field, remote_words=words)
    if isinstance(failed, RemoteUnavailable | InvalidInput | Refused | NotAllowed):
        return not_taken(current, now, reason=code, remote_code=failed.field, remote_words=words)
    return lost(current, now, s.rules, reason=code)


def _tell_breaker(s: MailServices, failed: RisError) -> None:
    """Tell the breaker whether the operator answers; a recipient it refuses shows that it does."""
    if isinstance(failed, RemoteUnavailable | OutcomeUnknown) and not failed.field:
        s.breaker.failure(REMOTE, s.clock(), safe_code(failed.code))
    elif failed.code in ("mss_login_refused", "mss_certificate_refused"):
        s.breaker.failure(REMOTE, s.clock(), failed.code)
    else:
        s.breaker.success(REMOTE, s.clock())
