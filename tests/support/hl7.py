"""Messages as partners send them, and the intake over memory twins."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ris.adapters.agenda.frames import MemoryFrames
from ris.adapters.agenda.hl7_inbound import Hl7MessageReader
from ris.adapters.agenda.ledger import MemoryMessageLedger
from ris.application.agenda.apply_hl7 import Applied, IntakeServices, ReceivedMessage, apply_hl7
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.messages import MessageLedger
from ris.application.agenda.publish_worklist import republish_patient
from ris.application.identity.ports import PatientStore
from ris.domain.agenda.orders import request_id_of
from ris.domain.agenda.request import ImagingRequest
from ris.domain.identity.patient import Identifier, Patient
from tests.support.agenda import AUTHORITY, World

NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)
PLACER = "1.2.250.1.99999.7"
_IDS = itertools.count(1)


def msh(kind: str = "ADT^A04^ADT_A01", control_id: str = "", *, charset: str = "UNICODE UTF-8", sender: str = "HIS") -> str:
    return (
        f"MSH|^~\\&|{sender}|CH|RIS|CIM|20260112081500||{kind}|{control_id or f'M{next(_IDS)}'}|T|2.5^FRA^2.11|||||FRA|{charset}|FR"
    )


def pid(ipp: str = "IPP-7", **fields: str) -> str:
    """One PID; `pid_5="…"` and the like replace its fields."""
    values = {
        3: f"{ipp}^^^CIM&{AUTHORITY}&ISO^PI",
        5: "ADRUN^ZOE^ZOE MARIE^^^^L",
        7: "19751231",
        8: "F",
        32: "VIDE",
        **{int(name.removeprefix("pid_")): value for name, value in fields.items()},
    }
    return "PID|" + "|".join(values.get(number, "") for number in range(1, max(values) + 1))


def orc(control: str = "NW", placer: str = "OPN-1", status: str = "") -> str:
    return f"ORC|{control}|{placer}^^{PLACER}^ISO|||{status}|||||||899999999990^EXEMPLE^LUC^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"


def obr(placer: str = "OPN-1", exam: str = "ZBQK002^Scanner du thorax^CCAM", reason: str = "Toux persistante") -> str:
    return f"OBR|1|{placer}^^{PLACER}^ISO||{exam}|||||||||{reason}"


def message(*segments: str, charset: str = "utf-8") -> bytes:
    return "".join(each + "\r" for each in segments).encode(charset)


def adt(*extra: str, control_id: str = "", event: str = "A04", ipp: str = "IPP-7", **fields: str) -> bytes:
    return message(msh(f"ADT^{event}^ADT_A01", control_id), "EVN||20260112081500", pid(ipp, **fields), "PV1|1|O", *extra)


def orm(*groups: str, control_id: str = "", ipp: str = "IPP-7", kind: str = "ORM^O01^ORM_O01", **fields: str) -> bytes:
    return message(msh(kind, control_id), pid(ipp, **fields), "PV1||O", *groups)


@dataclass
class Intake:
    """The intake over memory twins beside the agenda's, with the agenda's own cancellation."""

    world: World = field(default_factory=World)
    ledger: MessageLedger = field(default_factory=MemoryMessageLedger)
    frames: MemoryFrames = field(default_factory=MemoryFrames)

    def __post_init__(self) -> None:
        numbers = itertools.count(1)
        self.s = IntakeServices(
            ledger=self.ledger,
            frames=self.frames,
            reader=Hl7MessageReader(),
            patients=self.world.patients,
            requests=self.world.s.exams,
            reference=self.world.s.reference,
            cancel_exam=lambda *given: cancel_exam(self.world.s, *given),
            new_patient_id=lambda: f"new-{next(numbers)}",
            republish=lambda *given: republish_patient(self.world.s, *given),
        )

    @property
    def patients(self) -> PatientStore:
        return self.s.patients

    def take(self, frame: bytes, *, site: str = "nord", default_charset: str = "8859/1", now: datetime = NOW) -> Applied:
        return apply_hl7(self.s, ReceivedMessage(site, NOW, default_charset, "g-1", frame), now)

    def patient(self, ipp: str = "IPP-7") -> Patient | None:
        return self.patients.find_by_identifier(Identifier(ipp, AUTHORITY, "PI"))

    def known(self, ipp: str = "IPP-7") -> Patient:
        patient = self.patient(ipp)
        assert patient is not None
        return patient

    def request(self, placer: str = "OPN-1", site: str = "nord") -> ImagingRequest | None:
        return self.s.requests.get_request(request_id_of(site, placer, PLACER))

    def listed(self, site: str = "nord") -> list[tuple[str, str]]:
        return [(entry.reason, entry.place) for entry in self.ledger.parked(site, limit=100)]

    def to_book(self, site: str = "nord") -> list[str]:
        return [one.placer_order_number for one in self.world.s.exams.requests_to_book(site, limit=100)]
