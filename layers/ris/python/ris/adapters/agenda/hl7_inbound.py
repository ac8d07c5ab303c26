"""From an HL7 message to what it says of a patient and of orders. Reads; decides nothing that needs a row.

Every refusal is an `InvalidInput` that names segment and field as the operator's list shows it (`PID-7`, `ORC(2)-2`).

Source: IHE PAM-FR 2.11 (ADT, PID-3, PID-5, PID-11, PID-32, ZFA, ZFD); HL7 v2.3.1 and 2.5.1 (ORM^O01, OMG^O19, OMI^O23).
"""

from __future__ import annotations

from ris.adapters.agenda import hl7_orders, hl7_patient
from ris.adapters.agenda.er7 import Message, read
from ris.adapters.dispatch.hl7_zam import TYPE, read_zam
from ris.application.agenda.messages import MessageHeader, ReadMessage
from ris.application.reference import Site
from ris.domain.errors import InvalidInput
from ris.domain.identity.announcement import PatientSaid

CREATES = frozenset(f"A{each}" for each in ("01", "02", "04", "05", "06", "07", "08", "14", "28", "31")) | {"Z99"}
"""Events that make a patient known: registration, admission, pre-admission, transfer, class, update."""

UPDATES = frozenset(f"A{each}" for each in (11, 12, 13, 15, 16, 21, 22, 25, 26, 27, 38, 52, 53, 54, 55)) | {"A03"}
"""Events of a visit that is over, cancelled or of no matter here: they update somebody known and make nobody known."""

LONGEST_CONTROL_ID = 199
LONGEST_NAME = 500

ORDERS = frozenset({"ORM^O01", "OMG^O19", "OMI^O23"})


class Hl7MessageReader:
    """Implements `MessageReader`."""

    def header(self, frame: bytes, default_charset: str) -> MessageHeader:
        """Return MSH; see the port."""
        return _header(read(frame, default_charset))

    def read(self, frame: bytes, default_charset: str, site: Site) -> ReadMessage:
        """Return what the message asks; see the port.

        Raises:
            InvalidInput: Everything `er7.read` raises; `message_type_not_supported` (MSH-9), `segment_missing` (PID, ORC),
                and what the patient's and the orders' readers refuse.
        """
        message = read(frame, default_charset)
        header = _header(message)
        kind, _, event = header.message_type.partition("^")
        if kind == "ADT" and event in CREATES | UPDATES:
            return ReadMessage(header, _patient(message, site, creates=event in CREATES))
        if header.message_type in ORDERS:
            return ReadMessage(header, _patient(message, site, creates=True), hl7_orders.orders_of(message))
        if kind == TYPE:
            return ReadMessage(header, None, answer=read_zam(message))
        raise InvalidInput("message_type_not_supported", field="MSH-9")

    def text(self, frame: bytes, default_charset: str) -> str:
        """Return the message for a person's eyes; see the port."""
        try:
            message = read(frame, default_charset)
        except InvalidInput:
            shown = frame.decode("ascii", "backslashreplace")
            return "\n".join(line for line in shown.replace("\r", "\n").split("\n") if line.strip())
        return "\n".join(segment.text for segment in message.segments)


def _header(message: Message) -> MessageHeader:
    msh = message.header
    kind = msh.field(9)
    header = MessageHeader(
        sending_application=msh.field(3).raw,
        sending_facility=msh.field(4).raw,
        control_id=msh.field(10).word(),
        message_type="^".join((kind.component(1).word(), kind.component(2).word())).rstrip("^"),
    )
    if (
        len(header.control_id) > LONGEST_CONTROL_ID
        or max(len(header.sending_application), len(header.sending_facility)) > LONGEST_NAME
    ):
        raise InvalidInput("too_long", field="MSH-10" if len(header.control_id) > LONGEST_CONTROL_ID else "MSH-3")
    if not header.control_id:
        raise InvalidInput("field_missing", field="MSH-10")
    if not header.message_type:
        raise InvalidInput("field_missing", field="MSH-9")
    return header


def _patient(message: Message, site: Site, *, creates: bool) -> PatientSaid:
    pids = message.all("PID")
    if len(pids) != 1:
        raise InvalidInput("segment_missing" if not pids else "several_patients", field="PID")
    return hl7_patient.patient_of(message, pids[0], site, creates=creates)
