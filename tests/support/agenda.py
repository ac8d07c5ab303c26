"""A small group, a patient, a request and the agenda's services over memory twins, for tests of every context."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from ris.adapters.agenda.memory import MemoryOrders, MemoryRows, MemoryWorkflows, MemoryWorklistPublisher, memory_services
from ris.adapters.dispatch.memory import MemoryDeliveryStore
from ris.adapters.identity.memory import MemoryPatientStore
from ris.adapters.reference.memory import MemoryReferenceBook
from ris.application.agenda.book_appointment import BookAppointment, book_appointment
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.publish_worklist import publish_worklist
from ris.application.agenda.services import Services
from ris.application.reference import CatalogueExam, Modality, ReferenceData, Room, Site
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest, Prescriber
from ris.domain.identity.patient import Identifier, Patient, Traits

NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)
"""A Monday, 08:00 in Paris."""
DAY = "2026-10-06"
AUTHORITY = "1.2.250.1.99999.1"
ALWAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("00:00", "24:00"))
OFFICE = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("08:00", "19:00"))


def a_site(site: str, opening: dict[str, tuple[str, str]]) -> Site:
    return Site(site, f"Centre {site}", "750000001", "750000000", "Europe/Paris", opening, AUTHORITY, "RISMWL", ("HIS", "PACS"))


GROUP = ReferenceData(
    sites=(a_site("nord", OFFICE), a_site("nuit", ALWAYS)),
    rooms=(
        Room("nord", "scanner", "Salle du scanner", ("ct1",)),
        Room("nord", "irm", "Salle IRM", ("mr1",)),
        Room("nord", "mixte", "Salle mixte", ("us1", "us2", "ct1")),
        Room("nuit", "garde", "Salle de garde", ("ct9",)),
    ),
    modalities=(
        Modality("nord", "ct1", "Scanner 1", "CT1", "CTNORD", "CT"),
        Modality("nord", "mr1", "IRM 1", "MR1", "MRNORD", "MR"),
        Modality("nord", "us1", "Échographe 1", "US1", "USNORD1", "US"),
        Modality("nord", "us2", "Échographe 2", "US2", "USNORD2", "US"),
        Modality("nuit", "ct9", "Scanner de garde", "CT9", "CTNUIT", "CT"),
    ),
    catalogue=(
        CatalogueExam("ZBQK002", "CCAM", "Scanner du thorax", "CT", 30, "À jeun depuis 4 heures"),
        CatalogueExam("ZZQK024", "CCAM", "Scanner de l'abdomen", "CT", 20),
        CatalogueExam("NZQN001", "CCAM", "IRM du genou", "MR", 40),
        CatalogueExam("ZCQM008", "CCAM", "Échographie abdominale", "US", 15),
    ),
)


def a_patient(number: int = 1, **traits: object) -> Patient:
    return Patient(
        patient_id=f"p-{number}",
        identifiers=(Identifier(f"IPP-{number}", AUTHORITY, "PI"),),
        traits=Traits(**{**_ZOE, **traits}),  # type: ignore[arg-type]
        sites=frozenset({"nord", "nuit"}),
    )


_ZOE = {"birth_family": "ADRUN", "birth_given": "ZOE", "birth_date": date(1984, 5, 13), "sex": "F"}


def a_request(number: int = 1, **changes: object) -> ImagingRequest:
    request = ImagingRequest(
        request_id=f"r-{number}",
        site="nord",
        patient_id="p-1",
        placer_order_number=f"OPN-{number}",
        placer_authority="1.2.250.1.99999.7",
        exam_code="ZBQK002",
        exam_code_system="CCAM",
        exam_label="Scanner du thorax",
        reason="Toux persistante",
        priority="urgent",
        prescriber=Prescriber("899999999990", "EXEMPLE", "LUC"),
        received_at=NOW - timedelta(hours=number),
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def a_booking(**changes: object) -> BookAppointment:
    command = BookAppointment(
        site="nord",
        request_id=None,
        patient_id="p-1",
        exam_code="ZBQK002",
        room="scanner",
        day=DAY,
        start="09:00",
        fold=None,
        actor="acc",
    )
    return replace(command, **changes)  # type: ignore[arg-type]


@dataclass
class World:
    """The agenda over memory twins, with patients p-1 … and whatever a test books."""

    rows: MemoryRows = field(default_factory=MemoryRows)
    patients: MemoryPatientStore = field(default_factory=MemoryPatientStore)
    deliveries: MemoryDeliveryStore = field(default_factory=MemoryDeliveryStore)
    orders: MemoryOrders = field(default_factory=MemoryOrders)
    workflows: MemoryWorkflows = field(default_factory=MemoryWorkflows)
    feed: MemoryWorklistPublisher = field(default_factory=MemoryWorklistPublisher)

    def __post_init__(self) -> None:
        self.s: Services = memory_services(
            reference=MemoryReferenceBook(GROUP),
            patients=self.patients,
            deliveries=self.deliveries,
            orders=self.orders,
            workflows=self.workflows,
            feed=self.feed,
            rows=self.rows,
        )
        self.patients.save(a_patient(1))

    def held(self, **changes: object) -> Exam:
        return book_appointment(self.s, a_booking(**changes), NOW)

    def booked(self, **changes: object) -> Exam:
        """Book, confirm and publish, as the booking machine does."""
        exam = self.held(**changes)
        confirm_booking(self.s, exam.accession_number, exam.hold_token, NOW)
        return publish_worklist(self.s, exam.accession_number, NOW)

    def exam(self, accession: str) -> Exam:
        exam = self.s.exams.get(accession)
        assert exam is not None
        return exam

    def slots(self, resource: str, day: str = DAY, site: str = "nord") -> list[str]:
        return [slot.accession_number for slot in self.s.agenda.days(site, [resource], day)[resource].slots]
