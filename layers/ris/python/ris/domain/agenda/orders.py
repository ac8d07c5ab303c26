"""What an order of another system may do to a request, decided on what is stored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from ris.domain.agenda.request import ImagingRequest, Prescriber, RequestState
from ris.domain.errors import InvalidInput, Refused


class OrderControl(Enum):
    """What ORC-1 asks, as far as we follow it."""

    NEW = "new"
    CHANGE = "change"
    CANCEL = "cancel"
    STATUS = "status"


@dataclass(frozen=True)
class OrderSaid:
    """One ORC/OBR group.

    Args:
        place: How the operator finds it: `ORC(2)` is the second group.
        placer_authority: OID, or namespace, of who numbered it.
        visit_number: PV1-19 of the message, and `visit_authority` who numbered that.
    """

    place: str
    control: OrderControl
    placer_order_number: str
    placer_authority: str
    exam_code: str = ""
    exam_code_system: str = ""
    exam_label: str = ""
    reason: str = ""
    priority: str = "routine"
    prescriber: Prescriber = field(default_factory=Prescriber)
    visit_number: str = ""
    visit_authority: str = ""


def request_id_of(site: str, placer_order_number: str, placer_authority: str) -> str:
    """Return our id of a request: the same whenever the order comes again, and safe in a URL."""
    text = "\x1f".join((site, placer_authority, placer_order_number))
    return "R" + hashlib.sha256(text.encode()).hexdigest()[:31]


def request_after(
    order: OrderSaid, stored: ImagingRequest | None, *, site: str, patient_id: str, received_at: datetime
) -> ImagingRequest | None:
    """Return the request as the order wants it, or None when nothing of it changes.

    Args:
        order: Anything but a cancellation, which also concerns the exam.
        stored: The request of this placer number, or None.
        site: Where the order was received.
        patient_id: Of the message's patient.
        received_at: Aware instant of reception.

    Raises:
        InvalidInput: `unknown_placer_number`, `placer_number_of_somebody_else`.
        Refused: `request_cancelled`, `request_already_booked`: a person must look at what was planned.
    """
    if stored is None:
        if order.control is not OrderControl.NEW:
            raise InvalidInput("unknown_placer_number", field=f"{order.place}-2")
        return _new(order, site=site, patient_id=patient_id, received_at=received_at)
    check_owner(stored, patient_id, order)
    if order.control is OrderControl.STATUS:
        return None
    if stored.state is RequestState.CANCELLED:
        raise Refused("request_cancelled", field=f"{order.place}-2")
    wanted = _with(stored, order)
    if wanted == stored:
        return None
    if stored.state is RequestState.BOOKED and _visiting(stored, order) != wanted:
        raise Refused("request_already_booked", field=f"{order.place}-1")
    return wanted


def check_owner(stored: ImagingRequest, patient_id: str, order: OrderSaid) -> None:
    """Refuse an order whose placer number is another patient's: `placer_number_of_somebody_else` (PID-3)."""
    if stored.patient_id != patient_id:
        raise InvalidInput("placer_number_of_somebody_else", field="PID-3", detail=order.place)


def _new(order: OrderSaid, *, site: str, patient_id: str, received_at: datetime) -> ImagingRequest:
    empty = ImagingRequest(
        request_id=request_id_of(site, order.placer_order_number, order.placer_authority),
        site=site,
        patient_id=patient_id,
        placer_order_number=order.placer_order_number,
        placer_authority=order.placer_authority,
        exam_code="",
        exam_code_system="",
        exam_label="",
        received_at=received_at,
    )
    return _with(empty, order)


def _with(request: ImagingRequest, order: OrderSaid) -> ImagingRequest:
    return replace(
        _visiting(request, order),
        exam_code=order.exam_code,
        exam_code_system=order.exam_code_system,
        exam_label=order.exam_label or order.exam_code,
        reason=order.reason,
        priority=order.priority,
        prescriber=order.prescriber,
    )


def _visiting(request: ImagingRequest, order: OrderSaid) -> ImagingRequest:
    """Return the request with the visit that an order names; one without a number changes none."""
    if not order.visit_number:
        return request
    return replace(request, visit_number=order.visit_number, visit_authority=order.visit_authority)
