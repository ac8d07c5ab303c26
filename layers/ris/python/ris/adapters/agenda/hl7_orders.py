"""ORC/OBR groups of ORM^O01, OMG^O19 and OMI^O23: each becomes one order of its own.

A group begins with ORC; a further OBR under the same ORC begins another group with that ORC (older senders write one ORC and
several OBR), and its own OBR-2 numbers it. Two groups with one placer number would be one request: the message is refused, by name.

Source: HL7 v2.5.1 §4.5; French orders: CI-SIS imaging volumes; XCN of a professional: PAM-FR 2.11 (`8` + RPPS under `IDNPS`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ris.adapters.agenda.er7 import Message, Segment, Value
from ris.domain.agenda.orders import OrderControl, OrderSaid
from ris.domain.agenda.request import Prescriber
from ris.domain.errors import InvalidInput

LONGEST_ID = 64
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,250}")
LONGEST_LABEL = 250
LONGEST_REASON = 20_000

_CONTROLS = {
    "NW": OrderControl.NEW,
    "XO": OrderControl.CHANGE,
    "RP": OrderControl.CHANGE,
    "CA": OrderControl.CANCEL,
    "DC": OrderControl.CANCEL,
    "SC": OrderControl.STATUS,
}
_PRIORITIES = {"S": "stat", "A": "urgent", "U": "urgent"}


@dataclass(frozen=True)
class _Group:
    """One order: its number in the message, ORC, OBR and the TQ1 between."""

    number: int
    orc: Segment
    obr: Segment | None
    tq1: Segment | None

    def place(self, segment: str, field: int) -> str:
        """Return how an operator finds a field: `OBR(2)-4`."""
        return f"{segment}({self.number})-{field}"


def orders_of(message: Message) -> tuple[OrderSaid, ...]:
    """Return every order, in the message's order.

    Raises:
        InvalidInput: `segment_missing`, `order_control_not_supported`, `placer_number_missing`, `placer_number_repeated`,
            `exam_missing`, `too_long`; the field names segment, group and field.
    """
    visit, numbered_by = _visit(message)
    orders = tuple(replace(_order(group), visit_number=visit, visit_authority=numbered_by) for group in _groups(message))
    if not orders:
        raise InvalidInput("segment_missing", field="ORC")
    seen: set[tuple[str, str]] = set()
    for order in orders:
        number = (order.placer_order_number, order.placer_authority)
        if number in seen:
            raise InvalidInput("placer_number_repeated", field=f"{order.place}-2")
        seen.add(number)
    return orders


def _groups(message: Message) -> Iterator[_Group]:
    orc: Segment | None = None
    obr: Segment | None = None
    tq1: Segment | None = None
    number = 0
    for segment in message.segments:
        if segment.name == "OBR" and orc is None:
            raise InvalidInput("segment_missing", field="ORC")
        if orc is not None and (segment.name == "ORC" or (segment.name == "OBR" and obr is not None)):
            number += 1
            yield _Group(number, orc, obr, tq1)
            obr, tq1 = None, tq1 if segment.name == "OBR" else None
        if segment.name == "ORC":
            orc = segment
        elif segment.name == "OBR":
            obr = segment
        elif segment.name == "TQ1" and orc is not None:
            tq1 = segment
    if orc is not None:
        yield _Group(number + 1, orc, obr, tq1)


def _order(group: _Group) -> OrderSaid:
    control = _control(group)
    number, authority = _placer(group)
    place = f"ORC({group.number})"
    if group.obr is None:
        if control in (OrderControl.NEW, OrderControl.CHANGE):
            raise InvalidInput("segment_missing", field=f"OBR({group.number})")
        return OrderSaid(place, control, number, authority)
    code, label, system = _exam(group, group.obr)
    if control in (OrderControl.NEW, OrderControl.CHANGE) and not (code or label):
        raise InvalidInput("exam_missing", field=group.place("OBR", 4))
    return OrderSaid(
        place=place,
        control=control,
        placer_order_number=number,
        placer_authority=authority,
        exam_code=code,
        exam_code_system=system,
        exam_label=label,
        reason=_reason(group, group.obr),
        priority=_priority(group, group.obr),
        prescriber=_prescriber(group.orc.field(12), group.orc.field(14))
        or _prescriber(group.obr.field(16), group.obr.field(17))
        or Prescriber(),
    )


def _control(group: _Group) -> OrderControl:
    code = group.orc.field(1).word()
    if code == "SC" and group.orc.field(5).word() == "CA":
        return OrderControl.CANCEL
    if code not in _CONTROLS:
        raise InvalidInput("order_control_not_supported", field=group.place("ORC", 1))
    return _CONTROLS[code]


def _placer(group: _Group) -> tuple[str, str]:
    """Return number and authority of OBR-2, or ORC-2 when that is empty; the two contradicting each other is refused."""
    of_orc = _entity(group.orc.field(2))
    of_obr = _entity(group.obr.field(2)) if group.obr else ("", "")
    found = of_obr if of_obr[0] else of_orc
    if not found[0]:
        raise InvalidInput("placer_number_missing", field=group.place("ORC", 2))
    if len(found[0]) > LONGEST_ID or len(found[1]) > LONGEST_LABEL:
        raise InvalidInput("too_long", field=group.place("ORC", 2))
    return found[0], found[1] or of_orc[1]


def _visit(message: Message) -> tuple[str, str]:
    """Return number and authority of PV1-19 (CX: the OID, else the namespace, of component 4); both empty where there is none."""
    said = next((segment.field(19) for segment in message.segments if segment.name == "PV1"), None)
    if said is None:
        return "", ""
    number, domain = said.component(1).word(), said.component(4)
    authority = domain.subcomponent(2).word() or domain.subcomponent(1).word()
    if len(number) > LONGEST_ID or len(authority) > LONGEST_LABEL:
        raise InvalidInput("too_long", field="PV1-19")
    return number, authority if number else ""


def _entity(value: Value) -> tuple[str, str]:
    """Return an EI's identifier and its authority: the OID (EI.3), else the namespace (EI.2)."""
    return value.component(1).word(), value.component(3).word() or value.component(2).word()


def _exam(group: _Group, obr: Segment) -> tuple[str, str, str]:
    service = obr.field(4)
    code, label, system = (service.component(number).word() for number in (1, 2, 3))
    if max(len(code), len(label), len(system)) > LONGEST_LABEL:
        raise InvalidInput("too_long", field=group.place("OBR", 4))
    return code, label, system


def _reason(group: _Group, obr: Segment) -> str:
    stated = obr.field(13).word() or obr.field(31).component(2).word() or obr.field(31).component(1).word()
    if len(stated) > LONGEST_REASON:
        raise InvalidInput("too_long", field=group.place("OBR", 13))
    return stated


def _priority(group: _Group, obr: Segment) -> str:
    stated = (
        group.tq1.field(9).component(1).word() if group.tq1 else "",
        group.orc.field(7).component(6).word(),
        obr.field(27).component(6).word(),
        obr.field(5).word(),
    )
    first = next(filter(None, stated), "R")
    return _PRIORITIES.get(first[:1].upper(), "routine")


def _prescriber(person: Value, call_back: Value) -> Prescriber | None:
    """Return who asked: RPPS when the identifier is one, and the name; None when the field is empty."""
    number, kind = person.component(1).word(), person.component(13).word()
    if kind == "IDNPS" and len(number) == 12 and number.startswith("8"):
        number = number[1:]
    is_rpps = kind in ("IDNPS", "RPPS", "") and len(number) == 11 and number.isascii() and number.isdigit()
    family = person.component(2).subcomponent(1).word()[:LONGEST_LABEL]
    given = person.component(3).word()[:LONGEST_LABEL]
    if not (number or family):
        return None
    return Prescriber(rpps=number if is_rpps else "", family=family, given=given, mss_address=_address(call_back))


def _address(call_back: Value) -> str:
    """Return the electronic address of an XTN (component 4, of the equipment `X.400` or `Internet`), or an empty string."""
    stated = call_back.component(4).word()
    return stated if call_back.component(3).word() in ("X.400", "Internet") and _MAIL.fullmatch(stated) else ""
