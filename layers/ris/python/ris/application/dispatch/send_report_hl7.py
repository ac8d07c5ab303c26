"""Send a report to a hospital or a PACS as HL7: the row first, then the queue of the site's gateway; the answer comes later.

A report is as large as its CDA, so a large one waits in the messages bucket and the queue carries its key (the gate's matter).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ris.application.conflicts import Conflict, decide
from ris.application.dispatch.addresses import address_of
from ris.application.dispatch.mail_port import Directory, ReportDocuments, StoredReports
from ris.application.dispatch.mail_rows import mail_row, moved, superseded
from ris.application.dispatch.ports import DeliveryStore, Exams, Hl7Gate
from ris.application.reference import ReferenceBook
from ris.domain.agenda.request import ImagingRequest
from ris.domain.dispatch.channels import HL7_REPORT, MSS_PROFESSIONAL, PLATFORM
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.dispatch.flags import Flags
from ris.domain.dispatch.mail import SUPERSEDED
from ris.domain.dispatch.transitions import answer_awaited, handed_over, sending, withdrawn
from ris.domain.errors import InvalidInput, RemoteUnavailable
from ris.domain.report.plan import flags_of
from ris.domain.report.version import CDA


@dataclass(frozen=True)
class ReportMessageFacts:
    """All that one message says.

    Args:
        row: Whose MSH-10, destination and operation it has; its planning dates the message, so that a resend is the same bytes.
        addresses: MSSante addresses of the professionals the platform is asked to mail, by RPPS.
        patient_address: Of the patient, when the platform is asked to mail them.
        reply_to: Where answers to those mails go.
        visit: Number of the hospital's visit with its authority, as its order said it, or two empty texts.
    """

    row: Delivery
    documents: ReportDocuments
    flags: Flags
    addresses: dict[str, str]
    patient_address: str = ""
    reply_to: str = ""
    visit: tuple[str, str] = ("", "")


class ReportWriter(Protocol):
    """Makes the bytes of a report's message."""

    def report(self, facts: ReportMessageFacts) -> bytes:
        """Return MDM or ORU, as the destination takes it.

        Raises:
            InvalidInput: `illegal_combination`.
        """


@dataclass(frozen=True)
class ReportSending:
    """Everything outside this use case."""

    deliveries: DeliveryStore
    exams: Exams
    reports: StoredReports
    directory: Directory
    reference: ReferenceBook
    writer: ReportWriter
    gate: Hl7Gate
    patient_domain: str = "patient.mssante.fr"


def send_report_hl7(s: ReportSending, accession: str, recipient: str, version: int, now: datetime) -> Delivery:
    """Send the message of one destination, unless its row is settled, held, or its answer is still awaited.

    Args:
        s: The ports.
        accession: Of the exam.
        recipient: Name of the destination in the gateway's settings, `HIS`.
        version: Of the report: whose row it is.
        now: Aware UTC instant.

    Raises:
        InvalidInput: `unknown_delivery`, `illegal_combination`.
        Refused: `stored_document_changed`.
        RemoteUnavailable: Surely not queued; also `version_not_signed`.
        OutcomeUnknown: Perhaps queued.
    """
    row = mail_row(s.deliveries, accession, HL7_REPORT, recipient, version)
    if not _leaves(row, now):
        return row
    if superseded(s.deliveries, row):
        return moved(s.deliveries, row, lambda current: withdrawn(current, now, reason=SUPERSEDED))
    documents = s.reports.with_files(accession, row.predecessor_version if row.operation == DELETE else version, CDA)
    if documents is None:
        raise RemoteUnavailable("version_not_signed")
    frame = s.writer.report(_facts(s, row, documents))
    row, ours = decide(lambda: _taken(s, row, now))
    if not ours:
        return row
    s.gate.send(site=row.site, destination=recipient, message_id=row.message_id, frame=frame, owner=row.owner, attempt=row.attempts)
    try:
        return s.deliveries.save(handed_over(row, now))
    except Conflict:
        # The answer was faster than we are, or the sweep looked at it: what they wrote stands.
        return mail_row(s.deliveries, accession, HL7_REPORT, recipient, version)


def _leaves(row: Delivery, now: datetime) -> bool:
    return row.state is DeliveryState.PENDING and not answer_awaited(row, now)


def _taken(s: ReportSending, read: Delivery, now: datetime) -> tuple[Delivery, bool]:
    row = mail_row(s.deliveries, read.owner, read.channel, read.recipient, read.report_version)
    if row.attempts != read.attempts or not _leaves(row, now):
        return row, False
    return s.deliveries.save(sending(row, now)), True


def _facts(s: ReportSending, row: Delivery, documents: ReportDocuments) -> ReportMessageFacts:
    site = s.reference.site(row.site)
    if site is None:
        raise InvalidInput("unknown_site", field="site")
    rows = tuple(one for one in s.deliveries.of_owner(row.owner) if one.report_version == row.report_version)
    theirs = rows if row.recipient == site.platform else ()
    flags = flags_of(theirs, documents.marks, documents.reason)
    identity, request = documents.report.identity, _request(s, row)
    return ReportMessageFacts(
        row=row,
        documents=documents,
        flags=flags,
        addresses={
            one.recipient: _address(s, one, request)
            for one in theirs
            if one.channel == MSS_PROFESSIONAL and one.who_sends == PLATFORM
        },
        patient_address=f"{identity.ins.matricule}@{s.patient_domain}" if flags.dest_mss_pat and identity else "",
        reply_to=site.reply_to,
        visit=(request.visit_number, request.visit_authority) if request else ("", ""),
    )


def _request(s: ReportSending, row: Delivery) -> ImagingRequest | None:
    exam = s.exams.get(row.owner)
    return s.exams.get_request(exam.request_id) if exam and exam.request_id else None


def _address(s: ReportSending, row: Delivery, request: ImagingRequest | None) -> str:
    """Return where the platform is to mail one professional, kept on that row: its acknowledgement names the address."""
    if row.address:
        return row.address
    found = address_of(s.directory, s.reference, row.recipient, request)
    if found is None:
        return ""
    return moved(s.deliveries, row, lambda current: current if current.address else replace(current, address=found.address)).address
