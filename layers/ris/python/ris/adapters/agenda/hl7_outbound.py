"""The messages we send: ORM^O01 to a PACS, and the answers to them.

Shape of the order: HL7 v2.5.1 in UTF-8; one ORC/OBR per scheduled step; OBR-18 is the Accession Number, OBR-19 the Requested
Procedure ID, OBR-20 the Scheduled Procedure Step ID, OBR-24 the modality, and ZDS-1 the Study Instance UID, which the PACS learns
from nowhere else (IHE RAD TF-2 §4.4, RAD-4). A change of its place has ORC-1 `XO`, its end `CA` (§4.13, RAD-13). No INS leaves: PID-32
is `VIDE` and PID-3 holds the IPP alone.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from ris.adapters.agenda.er7 import Message, components, escape, frame, hd, read, segment
from ris.application.dispatch.ports import Answer, OrderFacts
from ris.domain.agenda.exam import ScheduledStep
from ris.domain.agenda.request import Prescriber
from ris.domain.dispatch.delivery import CREATE, DELETE, REPLACE
from ris.domain.errors import InvalidInput

_CONTROL = {CREATE: ("NW", "SC"), REPLACE: ("XO", "SC"), DELETE: ("CA", "CA")}
"""ORC-1 and ORC-5 of what a row does at the PACS (HL7 tables 0119 and 0038; IHE RAD TF-2 §4.4 and §4.13)."""
_PRIORITIES = {"stat": "S", "urgent": "A", "routine": "R"}
_RPPS_AUTHORITY = "ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO"


class Hl7OrderWriter:
    """Implements `OrderWriter`."""

    def order(self, facts: OrderFacts) -> bytes:
        """Return an ORM^O01; the same facts give the same bytes."""
        lines = [_msh(facts), _pid(facts), segment("PV1", {1: "1", 2: "O"})]
        for number, step in enumerate(facts.exam.steps, start=1):
            lines += [_orc(facts), _obr(facts, number, step)]
        lines.append(segment("ZDS", {1: components(facts.exam.study_instance_uid, "RIS", "Application", "DICOM")}))
        return frame(lines)

    def answer(self, frame: bytes) -> Answer:
        """Read MSA and the first ERR; see the port."""
        message = read(frame, "UNICODE UTF-8")
        msa = message.first("MSA")
        if msa is None:
            raise InvalidInput("segment_missing", field="MSA")
        error, words = _error(message)
        return Answer(msa.field(1).word(), msa.field(2).word(), error, words or msa.field(3).word())


def _error(message: Message) -> tuple[str, str]:
    err = message.first("ERR")
    if err is None:
        return "", ""
    # Before v2.5 all of it stands in ERR-1: segment^sequence^field^code&text.
    code = err.field(3).component(1).word() or err.field(1).component(4).subcomponent(1).word()
    words = err.field(8).word() or err.field(7).word() or err.field(3).component(2).word()
    return code, words or err.field(1).component(4).subcomponent(2).word()


def _instant(facts: OrderFacts, instant: datetime) -> str:
    return instant.astimezone(ZoneInfo(facts.site.time_zone)).strftime("%Y%m%d%H%M%S%z")


def _msh(facts: OrderFacts) -> str:
    return segment(
        "MSH",
        {
            2: "^~\\&",
            3: "RIS",
            4: escape(facts.site.site),
            5: escape(facts.destination),
            6: escape(facts.site.site),
            7: _instant(facts, facts.sent_at),
            9: "ORM^O01^ORM_O01",
            10: escape(facts.message_id),
            11: "P",
            12: "2.5.1",
            17: "FRA",
            18: "UNICODE UTF-8",
        },
    )


def _pid(facts: OrderFacts) -> str:
    traits = facts.patient.traits
    names = [components(traits.birth_family, traits.birth_given, traits.birth_given_all, "", "", "", "L")]
    if traits.used_family or traits.used_given:
        names.append(components(traits.used_family, traits.used_given, "", "", "", "", "D"))
    ipp = facts.patient.ipp(facts.site.ipp_authority)
    return segment(
        "PID",
        {
            1: "1",
            3: f"{escape(ipp)}^^^{hd(facts.site.ipp_authority)}^PI",
            5: "~".join(names),
            7: traits.birth_date.strftime("%Y%m%d") if traits.birth_date else "",
            8: traits.sex,
            32: "VIDE",
        },
    )


def _placer(facts: OrderFacts) -> str:
    """Return the requester's number; an exam booked without a request is its own order."""
    request = facts.request
    if request is None or not request.placer_order_number:
        return components(facts.exam.accession_number, "RIS")
    authority = request.placer_authority
    if authority.replace(".", "").isdigit():
        return components(request.placer_order_number, "", authority, "ISO")
    return components(request.placer_order_number, authority)


def _timing(facts: OrderFacts) -> str:
    priority = _PRIORITIES.get(facts.request.priority if facts.request else "routine", "R")
    return f"^^^{_instant(facts, facts.exam.appointment.start)}^^{priority}"


def _prescriber(facts: OrderFacts) -> str:
    asked = facts.request.prescriber if facts.request else Prescriber()
    if not (asked.rpps or asked.family):
        return ""
    if not asked.rpps:
        return components("", asked.family, asked.given)
    return f"{components(asked.rpps, asked.family, asked.given) + '^' * (8 - _carets(asked))}{_RPPS_AUTHORITY}^D^^^RPPS"


def _carets(asked: Prescriber) -> int:
    return components(asked.rpps, asked.family, asked.given).count("^")


def _orc(facts: OrderFacts) -> str:
    return segment(
        "ORC",
        {
            1: _CONTROL[facts.operation][0],
            2: _placer(facts),
            3: components(facts.exam.accession_number, "RIS"),
            5: _CONTROL[facts.operation][1],
            7: _timing(facts),
            9: _instant(facts, facts.sent_at),
            12: _prescriber(facts),
        },
    )


def _obr(facts: OrderFacts, number: int, step: ScheduledStep) -> str:
    exam, request = facts.exam, facts.request
    system = request.exam_code_system if request and request.exam_code == exam.exam_code else ""
    return segment(
        "OBR",
        {
            1: str(number),
            2: _placer(facts),
            3: components(exam.accession_number, "RIS"),
            4: components(exam.exam_code, exam.exam_label, system or "CCAM"),
            13: escape(request.reason) if request else "",
            16: _prescriber(facts),
            18: escape(exam.accession_number),
            19: escape(exam.accession_number),
            20: escape(step.sps_id),
            24: escape(step.dicom_modality),
            27: _timing(facts),
            36: _instant(facts, exam.appointment.start),
        },
    )
