"""Send one HL7 message of an exam or of an identity: the row first, then the queue of the site's gateway.

    row: attempt n, perhaps received ── queue ── row: handed over, its answer awaited ── (later) the acknowledgement: settled
       │ killed here: the row is pending and unknown, so the same MSH-10 goes again
       └ surely not queued: raised, and tried again by the workflow

A row that is settled sends nothing; a row that was handed over sends nothing until it is due.
"""

from __future__ import annotations

from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.plan_order import ORDER_CHANNEL, plan_row
from ris.application.dispatch.ports import OrderFacts
from ris.application.dispatch.send_identity import IDENTITY_CHANNEL, after_sending, send_identity
from ris.application.dispatch.send_report_hl7 import send_report_hl7
from ris.application.dispatch.services import DispatchServices
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.dispatch.channels import HL7_REPORT
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.dispatch.transitions import answer_awaited, rejected, sending, withdrawn
from ris.domain.errors import InvalidInput, OutcomeUnknown, Refused, RemoteUnavailable, RisError

_GONE = (ExamState.CANCELLED, ExamState.EXPIRED)


def send_hl7(
    s: DispatchServices, accession: str, channel: str, recipient: str, now: datetime, *, report_version: int = 0
) -> Delivery:
    """Send the message of one row, unless it is settled or its answer is still awaited.

    Args:
        s: The ports.
        accession: Of the exam, or the owner of the row of a change of identity (`send_identity.owner_of`).
        channel: `hl7_pacs_order`, `hl7_pacs_identity`, `hl7_report`.
        recipient: Name of the destination in the gateway's settings, `PACS`.
        now: Aware UTC instant.
        report_version: Version of the report whose row it is; 0 for what is no report.

    Returns:
        The row.

    Raises:
        InvalidInput: `unknown_exam`, `unknown_channel`, `unknown_patient`, `unknown_site`, `unknown_delivery`.
        Refused: `exam_not_booked`: a hold is no order yet.
        RemoteUnavailable: Surely not queued.
        OutcomeUnknown: Perhaps queued.
    """
    if channel == IDENTITY_CHANNEL and s.identity is not None:
        return send_identity(s.identity, accession, recipient, now)
    if channel == HL7_REPORT and s.reports is not None:
        return send_report_hl7(s.reports, accession, recipient, report_version, now)
    if channel != ORDER_CHANNEL:
        raise InvalidInput("unknown_channel", field="channel")
    exam = s.exams.get(accession)
    if exam is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    if exam.state is ExamState.HELD:
        raise Refused("exam_not_booked", field="accession_number")
    row, leaves = decide(lambda: _before_sending(s, exam, channel, recipient, now))
    if not leaves:
        return row
    frame = s.writer.order(_facts(s, exam, row))
    s.gate.send(site=row.site, destination=recipient, message_id=row.message_id, frame=frame, owner=row.owner, attempt=row.attempts)
    return after_sending(s.deliveries, row, now)


def send_again(s: DispatchServices, delivery: Delivery, now: datetime) -> Delivery:
    """Send one overdue row again; an outage leaves it pending with its next due time, a refusal of content settles it."""
    try:
        return send_hl7(s, delivery.owner, delivery.channel, delivery.recipient, now)
    except (RemoteUnavailable, OutcomeUnknown):
        return s.deliveries.get(delivery.owner, delivery.channel, delivery.recipient) or delivery
    except RisError as error:
        code = error.code

        def attempt() -> Delivery:
            row = s.deliveries.get(delivery.owner, delivery.channel, delivery.recipient) or delivery
            after = rejected(row, now, reason=code)
            return row if after == row else s.deliveries.save(after)

        return decide(attempt)


def _before_sending(s: DispatchServices, exam: Exam, channel: str, recipient: str, now: datetime) -> tuple[Delivery, bool]:
    row = plan_row(s.deliveries, exam.accession_number, exam.site, channel, recipient, now)
    if row.state is not DeliveryState.PENDING:
        return row, False
    if exam.state in _GONE and row.operation != DELETE:
        return s.deliveries.save(withdrawn(row, now, reason=f"exam_{exam.state.value}")), False
    if answer_awaited(row, now):
        return row, False
    return s.deliveries.save(sending(row, now)), True


def _facts(s: DispatchServices, exam: Exam, row: Delivery) -> OrderFacts:
    patient, site = s.patients.get(exam.patient_id), s.sites.site(exam.site)
    if patient is None:
        raise InvalidInput("unknown_patient", field="patient_id")
    if site is None:
        raise InvalidInput("unknown_site", field="site")
    return OrderFacts(
        message_id=row.message_id,
        destination=row.recipient,
        sent_at=row.planned_at or exam.appointment.start,
        site=site,
        exam=exam,
        patient=patient,
        request=s.exams.get_request(exam.request_id) if exam.request_id else None,
        operation=row.operation,
    )
