"""Apply one inbound HL7 message: one effect however often it comes, and never a queue that stands still for its content.

The row of the ledger brackets the effects, each of which is conditional and does nothing the second time, so that a function killed
anywhere is repeated without harm:

    row RECEIVED ── patient ── each order ── row APPLIED
         │              any of them refuses its content ── row PARKED, on the operator's list; the next message goes on
         │ killed: the queue delivers again, the row still says RECEIVED, the effects find themselves done
    the same bytes again: the row says what became of them; nothing else happens
    other bytes under the same MSH-3, 4, 10: a row INCIDENT beside it; both are kept, a person decides

Only outages are raised, for the queue to deliver again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ris.application.agenda.cancel_exam import ORDER_CANCELLED
from ris.application.agenda.messages import (
    Frames,
    LedgerEntry,
    MessageHeader,
    MessageLedger,
    MessageReader,
    MessageState,
    ReadMessage,
)
from ris.application.conflicts import Conflict, decide
from ris.application.dispatch.apply_zam import BusinessAcknowledgement
from ris.application.dispatch.dmp_facts import OPPOSED
from ris.application.identity.ports import PatientStore
from ris.application.identity.update_patient import update_patient
from ris.application.reference import ReferenceBook
from ris.domain.agenda.orders import OrderControl, OrderSaid, check_owner, request_after, request_id_of
from ris.domain.agenda.request import ImagingRequest, RequestState
from ris.domain.errors import InvalidInput, OutcomeUnknown, RemoteUnavailable, RisError
from ris.domain.identity.patient import Patient

OUTAGES = (RemoteUnavailable, OutcomeUnknown)


class Requests(Protocol):
    """What an order reads and writes of the `exams` table."""

    def get_request(self, request_id: str) -> ImagingRequest | None:
        """Return the request, read consistently, or None."""

    def save_request(self, request: ImagingRequest) -> ImagingRequest:
        """Write under the version read; raise Conflict when it no longer stands."""


@dataclass(frozen=True)
class IntakeServices:
    """Everything outside the intake's use cases.

    Args:
        cancel_exam: Cancels a held or booked exam: accession number, reason, actor, now (the agenda's use case).
        new_patient_id: Gives an id nobody has had, `[A-Za-z0-9_.-]+`.
        republish: Publishes a patient's exams to the worklist again: patient id, now (the agenda's use case).
        apply_answer: Moves the row of a report that a platform answered about: what it says, site, now (dispatch's use case).
        opposition_over: Makes due what only an opposition kept from the DMP, unless the patient still opposes: patient, now.
    """

    ledger: MessageLedger
    frames: Frames
    reader: MessageReader
    patients: PatientStore
    requests: Requests
    reference: ReferenceBook
    cancel_exam: Callable[[str, str, str, datetime], object]
    new_patient_id: Callable[[], str]
    republish: Callable[[str, datetime], object] = lambda _patient, _now: None
    apply_answer: Callable[[BusinessAcknowledgement, str, datetime], object] = lambda _said, _site, _now: None
    opposition_over: Callable[[Patient, datetime], object] = lambda _patient, _now: None


@dataclass(frozen=True)
class ReceivedMessage:
    """One frame a gateway acknowledged AA.

    Args:
        frame: Its bytes; empty when `s3_key` names them.
        default_charset: Of the source, for an empty MSH-18.
    """

    site: str
    received_at: datetime
    default_charset: str
    spool_id: str = ""
    frame: bytes = b""
    s3_key: str = ""


@dataclass(frozen=True)
class Applied:
    """What became of a message.

    Args:
        entry: Its row.
        repeated: It had come before; nothing was done this time.
    """

    entry: LedgerEntry
    repeated: bool = False


def apply_hl7(s: IntakeServices, message: ReceivedMessage, now: datetime) -> Applied:
    """Apply one message once.

    Args:
        message: As the gateway kept it.
        now: Aware UTC instant.

    Returns:
        Its row: applied, parked with its reason, or kept as an incident.

    Raises:
        RemoteUnavailable: An outage; deliver it again.
        InvalidInput: `unknown_site`: no gateway of ours sent this.
    """
    if s.reference.site(message.site) is None:
        raise InvalidInput("unknown_site", field="site")
    frame = message.frame or s.frames.get(message.s3_key)
    entry, is_new = _entered(s, message, frame, now)
    if not is_new and entry.state is not MessageState.RECEIVED:
        return Applied(entry, repeated=True)
    if entry.state is MessageState.INCIDENT:
        return Applied(entry)
    return Applied(settle(s, entry, frame, now))


def park(s: IntakeServices, message: ReceivedMessage, reason: str, now: datetime) -> Applied:
    """Put a message on the operator's list that broke our own code, so that the next ones pass.

    Args:
        message: As the gateway kept it.
        reason: Code for the list.
        now: Aware UTC instant.
    """
    frame = message.frame or s.frames.get(message.s3_key)
    entry, _ = _entered(s, message, frame, now)
    if entry.state is not MessageState.RECEIVED:
        return Applied(entry, repeated=True)
    return Applied(_written(s, replace(entry, state=MessageState.PARKED, reason=reason, place="MSH", changed_at=now)))


def entry_id_of(header: MessageHeader) -> str:
    """Return the ledger's name of a message: digest of MSH-3, MSH-4 and MSH-10."""
    text = "|".join((header.sending_application, header.sending_facility, header.control_id))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _entered(s: IntakeServices, message: ReceivedMessage, frame: bytes, now: datetime) -> tuple[LedgerEntry, bool]:
    """Return the message's row and whether it was made now."""
    digest = hashlib.sha256(frame).hexdigest()
    try:
        header = s.reader.header(frame, message.default_charset)
        entry_id = entry_id_of(header)
    except InvalidInput:
        header, entry_id = MessageHeader("", "", "", ""), digest
    wanted = LedgerEntry(
        entry_id=entry_id,
        site=message.site,
        sha256=digest,
        state=MessageState.RECEIVED,
        received_at=message.received_at,
        frame=b"" if message.s3_key else frame,
        s3_key=message.s3_key,
        default_charset=message.default_charset,
        sending_application=header.sending_application,
        sending_facility=header.sending_facility,
        control_id=header.control_id,
        message_type=header.message_type,
        spool_id=message.spool_id,
        changed_at=now,
    )

    def attempt() -> tuple[LedgerEntry, bool]:
        first = s.ledger.get(message.site, entry_id)
        if first is None:
            return s.ledger.save(wanted), True
        if first.sha256 == digest:
            return first, False
        incident_id = f"{entry_id}.{digest[:32]}"
        kept = s.ledger.get(message.site, incident_id)
        if kept is not None:
            return kept, False
        incident = replace(wanted, entry_id=incident_id, state=MessageState.INCIDENT, reason="control_id_repeated", place="MSH-10")
        return s.ledger.save(incident), True

    return decide(attempt)


def settle(s: IntakeServices, entry: LedgerEntry, frame: bytes, now: datetime, *, late: bool = False) -> LedgerEntry:
    """Do what a message asks and write what became of it.

    Args:
        entry: Its row; `frame` its bytes.
        now: Aware UTC instant.
        late: It was parked: words of newer messages stand.
    """
    try:
        site = s.reference.site(entry.site)
        if site is None:
            raise InvalidInput("unknown_site", field="site")
        _take(s, s.reader.read(frame, entry.default_charset, site), entry, now, late=late)
    except OUTAGES:
        raise
    except RisError as error:
        parked = replace(entry, state=MessageState.PARKED, reason=error.code, place=error.field, changed_at=now)
        return _written(s, parked)
    return _written(s, replace(entry, state=MessageState.APPLIED, reason="", place="", changed_at=now))


def _written(s: IntakeServices, entry: LedgerEntry) -> LedgerEntry:
    try:
        return s.ledger.save(entry)
    except Conflict:
        # Another delivery of the same message was faster; what it wrote is as true.
        return s.ledger.get(entry.site, entry.entry_id) or entry


def _take(s: IntakeServices, message: ReadMessage, entry: LedgerEntry, now: datetime, *, late: bool) -> None:
    if message.answer is not None:
        s.apply_answer(message.answer, entry.site, now)
    if message.patient is None:
        return
    patient = update_patient(
        s.patients,
        message.patient,
        site=entry.site,
        new_id=s.new_patient_id,
        now=now,
        unless_changed_since=entry.changed_at if late else None,
    )
    if patient is None:
        return
    if message.patient.consents.get("ZFA-9") not in (None, OPPOSED):
        s.opposition_over(patient, now)
    # All orders are looked at before any is taken: a message is refused whole.
    orders = [_labelled(s, order) for order in message.orders]
    for order in orders:
        _check(s, order, patient, entry)
    for order in orders:
        _apply_order(s, order, patient, entry, now)
    if patient.version > 1 and patient.updated_at and patient.updated_at >= entry.received_at:
        # Changed by this message: now, or by an earlier delivery of it that ended before this line.
        s.republish(patient.patient_id, now)


def _check(s: IntakeServices, order: OrderSaid, patient: Patient, entry: LedgerEntry) -> None:
    stored = s.requests.get_request(request_id_of(entry.site, order.placer_order_number, order.placer_authority))
    if order.control is OrderControl.CANCEL:
        _cancellable(stored, order, patient)
    else:
        request_after(order, stored, site=entry.site, patient_id=patient.patient_id, received_at=entry.received_at)


def _cancellable(stored: ImagingRequest | None, order: OrderSaid, patient: Patient) -> ImagingRequest:
    if stored is None:
        raise InvalidInput("unknown_placer_number", field=f"{order.place}-2")
    check_owner(stored, patient.patient_id, order)
    return stored


def _apply_order(s: IntakeServices, order: OrderSaid, patient: Patient, entry: LedgerEntry, now: datetime) -> None:
    request_id = request_id_of(entry.site, order.placer_order_number, order.placer_authority)

    def attempt() -> None:
        stored = s.requests.get_request(request_id)
        if order.control is OrderControl.CANCEL:
            _cancel(s, _cancellable(stored, order, patient), order, entry, now)
            return
        after = request_after(order, stored, site=entry.site, patient_id=patient.patient_id, received_at=entry.received_at)
        if after is not None:
            s.requests.save_request(after)

    decide(attempt)


def _labelled(s: IntakeServices, order: OrderSaid) -> OrderSaid:
    catalogued = s.reference.catalogue_exam(order.exam_code) if order.exam_code and not order.exam_label else None
    return replace(order, exam_label=catalogued.label) if catalogued else order


def _cancel(s: IntakeServices, stored: ImagingRequest, order: OrderSaid, entry: LedgerEntry, now: datetime) -> None:
    """Take back the exam, if any, then the request; each step does nothing the second time."""
    if stored.accession_number:
        try:
            s.cancel_exam(stored.accession_number, ORDER_CANCELLED, entry.sending_application, now)
        except OUTAGES:
            raise
        except RisError as error:
            raise type(error)(error.code, field=f"{order.place}-1", detail=error.detail) from None
    current = s.requests.get_request(stored.request_id) or stored
    if current.state is RequestState.CANCELLED:
        return
    if current.accession_number != stored.accession_number:
        raise Conflict("booked meanwhile")
    s.requests.save_request(replace(current, state=RequestState.CANCELLED))
