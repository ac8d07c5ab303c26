"""Sending over memory twins, beside the agenda's world."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from ris.adapters.agenda.hl7_outbound import Hl7OrderWriter
from ris.adapters.agenda.ledger import MemoryMessageLedger
from ris.adapters.dispatch.memory import MemoryHl7Gate
from ris.application.dispatch.apply_acknowledgement import (
    Acknowledgement,
    AcknowledgementServices,
    apply_acknowledgement,
)
from ris.application.dispatch.record_outcome import OutcomeServices, record_outcome
from ris.application.dispatch.send_hl7 import send_again, send_hl7
from ris.application.dispatch.services import DispatchServices
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import Delivery
from tests.support.agenda import NOW, World, a_request

CHANNEL, PACS = "hl7_pacs_order", "PACS"


def ack(code: str, message_id: str, *, err: str = "") -> bytes:
    lines = ["MSH|^~\\&|PACS|nord|RIS|nord|20261005||ACK^O01^ACK|K1|P|2.5.1|||||FRA|UNICODE UTF-8", f"MSA|{code}|{message_id}", err]
    return "".join(line + "\r" for line in lines if line).encode()


@dataclass
class Dispatch:
    """One booked exam whose order is to be sent."""

    world: World = field(default_factory=World)
    gate: MemoryHl7Gate = field(default_factory=MemoryHl7Gate)
    ledger: MemoryMessageLedger = field(default_factory=MemoryMessageLedger)

    def __post_init__(self) -> None:
        self.s = DispatchServices(
            deliveries=self.world.deliveries,
            exams=self.world.s.exams,
            patients=self.world.patients,
            sites=self.world.s.reference,
            gate=self.gate,
            writer=Hl7OrderWriter(),
        )
        self.answers = AcknowledgementServices(self.world.deliveries, self.ledger, Hl7OrderWriter())

    def booked(self, **changes: object) -> Exam:
        self.world.s.exams.save_request(a_request())
        return self.world.booked(request_id="r-1", **changes)

    def send(self, exam: Exam, minutes: float = 0) -> Delivery:
        return send_hl7(self.s, exam.accession_number, CHANNEL, PACS, NOW + timedelta(minutes=minutes))

    def again(self, row: Delivery, minutes: float) -> Delivery:
        return send_again(self.s, row, NOW + timedelta(minutes=minutes))

    def record(self, exam: Exam, error: str, code: str = "", minutes: float = 0) -> Delivery:
        outcome = OutcomeServices(self.world.deliveries, self.world.s.exams)
        return record_outcome(outcome, exam.accession_number, CHANNEL, PACS, error, code, NOW + timedelta(minutes=minutes))

    def answer(
        self,
        message_id: str,
        outcome: str = "AA",
        *,
        frame: bytes | None = None,
        site: str = "nord",
        destination: str = PACS,
        unknown: bool = False,
        minutes: float = 0,
    ) -> Delivery | None:
        raw = b"" if outcome == "none" else ack(outcome, message_id) if frame is None else frame
        said = Acknowledgement(site, NOW, destination, message_id, outcome, unknown, raw, "g-9")
        return apply_acknowledgement(self.answers, said, NOW + timedelta(minutes=minutes))

    def row(self, exam: Exam) -> Delivery:
        row = self.world.deliveries.get(exam.accession_number, CHANNEL, PACS)
        assert row is not None
        return row

    def incidents(self) -> list[str]:
        return [entry.reason for entry in self.ledger.parked("nord", limit=99)]
