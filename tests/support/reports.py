"""A report's world over memory twins: a group, a performed exam of a qualified patient, a radiologist, a key that signs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ris.adapters.agenda.memory import MemoryExamStore, MemoryRows
from ris.adapters.dispatch.directory import MemoryDirectory
from ris.adapters.dispatch.memory import MemoryDeliveryStore
from ris.adapters.identity.memory import MemoryPatientStore
from ris.adapters.reference.memory import MemoryReferenceBook
from ris.adapters.report.frozen_json import FrozenJson
from ris.adapters.report.makers import CdaMaker, PdfMaker
from ris.adapters.report.memory import MemoryDocumentStore, MemoryReportStore, MemorySigningWorkflows
from ris.adapters.report.signer import LotSigner, SigningKey
from ris.application.dispatch.mail_port import DirectoryMailbox
from ris.application.reference import CatalogueExam, Correspondent, LegalEntity, Practitioner, ReferenceData, Site
from ris.application.report.build_cda import build_cda
from ris.application.report.edit_report import EditReport, edit_report
from ris.application.report.freeze_report import FreezeReport, freeze_report
from ris.application.report.render_report import render_report
from ris.application.report.services import ReportServices, ReportSettings
from ris.application.report.sign_submission import sign_submission
from ris.application.report.validate_report import ValidateReport, validate_report
from ris.domain.access.session import Account, PscSession, Session
from ris.domain.agenda.exam import Appointment, Exam, ExamState, Performed
from ris.domain.agenda.request import ImagingRequest, Prescriber
from ris.domain.identity.ins import OID_NIR_TEST, Ins, StrictTraits
from ris.domain.identity.patient import Identifier, IdentityStatus, Patient, Traits
from ris.domain.report.draft import Draft
from ris.domain.report.frozen import Section
from ris.domain.report.version import Version
from tests.support.certificates import a_signer

ACCESSION = "260000000001"
NOW = datetime(2026, 11, 26, 9, 15, 30, 123456, tzinfo=UTC)
IPP_AUTHORITY = "1.2.250.1.99999.1"
RPPS = "89990001234"
ENTITY = "990000017"
ALWAYS = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), ("00:00", "24:00"))

TEXT = (
    Section("Indication", "Toux persistante."),
    Section("Résultats", "Pas de foyer.\n\nCœur de taille normale, ≤ 3 µm, 5 Ω."),
    Section("Conclusion", "Examen normal."),
)

GROUP = ReferenceData(
    legal_entities=(LegalEntity(ENTITY, "Imagerie du Nord"),),
    sites=(
        Site(
            "nord", "Centre Nord", ENTITY, ENTITY, "Europe/Paris", ALWAYS, IPP_AUTHORITY, "RISMWL",
            address=("1 rue du Test", "99000 Essai"), phone="01 99 00 00 01", report_notice="Vos données, vos droits.",
        ),
    ),
    catalogue=(
        CatalogueExam(
            "ZBQK001", "CCAM", "Scanner du thorax", "CT", 15, loinc="29252-4", region_code="67734004", region_label="Thorax"
        ),
    ),
    practitioners=(Practitioner(RPPS, "RAYON", "Claire", speciality_code="SM44", speciality_label="Radio-diagnostic"),),
    correspondents=(
        Correspondent("89990005678", "EXEMPLE", "Luc", speciality_code="SM54", speciality_label="Médecine Générale"),
        Correspondent("89990009999", "COPIE", "Anne"),
    ),
    accounts=(
        Account("dr.rayon", "Dr Rayon", {"nord": frozenset({"radiologist"})}, rpps=RPPS),
        Account("dr.second", "Dr Second", {"nord": frozenset({"radiologist"})}, rpps="89990007777"),
        Account("dr.sans", "Dr Sans", {"nord": frozenset({"radiologist"})}),
        Account("secretaire", "Secrétaire", {"nord": frozenset({"secretary"})}),
    ),
)  # fmt: skip


def a_patient(**changes: Any) -> Patient:
    """Return ADRUN ZOE, qualified and informed."""
    traits = Traits(
        "ADRUN", "ZOE", "ZOE", birth_date=date(1975, 12, 31), birth_date_text="19751231", sex="F", birth_place_insee="63220"
    )
    patient = Patient(
        "p-1",
        traits,
        (Identifier("IPP-90017", IPP_AUTHORITY, "PI"),),
        IdentityStatus.QUALIFIEE,
        frozenset({"nord"}),
        consents={"ZFA-9": "INO"},
        ins=Ins("275126322074974", OID_NIR_TEST),
        strict=StrictTraits("ADRUN", "ZOE", "ZOE", date(1975, 12, 31), "F", "63220"),
    )
    return replace(patient, **changes)


def an_exam(**changes: Any) -> Exam:
    """Return a chest CT that was performed this morning."""
    start = datetime(2026, 11, 26, 8, 30, tzinfo=UTC)
    exam = Exam(
        accession_number=ACCESSION,
        study_instance_uid="2.25.300000000000000000000000000000000001",
        site="nord",
        patient_id="p-1",
        request_id="r-1",
        exam_code="ZBQK001",
        exam_label="Scanner du thorax",
        appointment=Appointment("nord", "2026-11-26", start, start + timedelta(minutes=15), "scanner", "ct1", ("scanner", "ct1")),
        state=ExamState.COMPLETED,
        performed=(Performed("2.25.9", "COMPLETED", started_at="20261126093200", ended_at="20261126094500"),),
        accession_authority="2.25.200000000000000000000000000000000002",
    )
    return replace(exam, **changes)


def a_request(**changes: Any) -> ImagingRequest:
    """Return what Dr EXEMPLE asked for."""
    request = ImagingRequest(
        "r-1", "nord", "p-1", "OPN-777", "1.2.250.1.99999.7", "ZBQK001", "CCAM", "Scanner du thorax",
        prescriber=Prescriber("889990005678", "EXEMPLE", "LUC"),
    )  # fmt: skip
    return replace(request, **changes)


def a_session(account: str = "dr.rayon", *, psc: bool = True, **changes: Any) -> Session:
    """Return the open session of an account, through Pro Sante Connect unless told otherwise."""
    found = next(one for one in GROUP.accounts if one.account_id == account)
    at = datetime(2026, 11, 26, 8, 2, tzinfo=UTC)
    session = Session(
        "id", account, found.name, found.roles, found.rights, "psc" if psc else "group", "csrf", at, at, at + timedelta(hours=4),
        rpps=found.rpps, psc=PscSession(f"8{found.rpps}", "eidas1", at) if psc else None,
    )  # fmt: skip
    return replace(session, **changes)


@dataclass
class ReportWorld:
    """Everything a report needs, in memory; every port may be wrapped by a test."""

    patient: Patient = field(default_factory=a_patient)
    exam: Exam = field(default_factory=an_exam)
    settings: ReportSettings = field(default_factory=ReportSettings)

    def __post_init__(self) -> None:
        self.deliveries = MemoryDeliveryStore()
        self.reports = MemoryReportStore(self.deliveries)
        self.documents = MemoryDocumentStore()
        self.patients = MemoryPatientStore()
        self.workflows = MemorySigningWorkflows()
        rows = MemoryRows()
        rows.exams[self.exam.accession_number] = self.exam
        rows.requests["r-1"] = a_request()
        self.rows = rows
        self.patients.save(self.patient)
        book = MemoryReferenceBook(GROUP)
        self.directory = MemoryDirectory(
            DirectoryMailbox("luc.exemple@demo.mssante.fr", "PER", rpps="89990005678"),
            DirectoryMailbox("cabinet@demo.mssante.fr", "PER", rpps="89990009999"),
        )
        signer = a_signer(structure=f"1{ENTITY}")
        self.s = ReportServices(
            reports=self.reports,
            documents=self.documents,
            exams=MemoryExamStore(rows),
            patients=self.patients,
            reference=book,
            directory=self.directory,
            accounts=book,
            deliveries=self.deliveries,
            workflows=self.workflows,
            codec=FrozenJson(),
            renderer=PdfMaker(),
            builder=CdaMaker(),
            signer=LotSigner(lambda _: SigningKey(signer.key, signer.certificate)),
            settings=self.settings,
        )

    def written(self, **changes: Any) -> Draft:
        """Save a text."""
        draft = self.reports.draft(ACCESSION)
        command = EditReport(ACCESSION, draft.rev if draft else 0, "Scanner thoracique", TEXT, "dr.rayon", ("89990009999",))
        return edit_report(self.s, replace(command, **changes), NOW - timedelta(minutes=1))

    def validated(self, *, now: datetime = NOW, **changes: Any) -> Draft:
        """Save a text and click on validate."""
        draft = self.written(**changes)
        return validate_report(self.s, ValidateReport(ACCESSION, draft.rev, a_session()), now)

    def command(self) -> FreezeReport:
        """Return what the last started execution was given."""
        accession, validation, rev = list(self.workflows.started.values())[-1]
        return FreezeReport(accession, validation.version, rev)

    def signed(self, *, now: datetime = NOW, **changes: Any) -> Version:
        """Write, validate, and run the states of the signing machine one after the other."""
        self.validated(now=now, **changes)
        return self.run(now=now)

    def run(self, *, now: datetime = NOW) -> Version:
        """Run the states of the signing machine on the last click."""
        command = self.command()
        freeze_report(self.s, command, now)
        for state in (render_report, build_cda, sign_submission):
            version = state(self.s, command.accession_number, command.version, now)
        return version
