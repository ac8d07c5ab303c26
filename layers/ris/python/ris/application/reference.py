"""Reference data as the use cases read it: sites, rooms, modalities, catalogue, people. Loaded by `ris reference load`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ris.domain.access.session import Account
from ris.domain.agenda.contraindications import Question
from ris.domain.report.templates import Macro, Template
from ris.domain.usage.money import Indicator, Milestone


@dataclass(frozen=True)
class LegalEntity:
    """A legal entity of the group: certificates and SONS orders belong to it (FINESS EJ).

    Args:
        struct_idnat: National identifier of the structure, as the OU of its certificates says; empty takes `1` and the FINESS.
    """

    finess_ej: str
    name: str
    siren: str = ""
    struct_idnat: str = ""

    @property
    def national_identifier(self) -> str:
        """Struct_IdNat: what certificates, signatures and author institutions name."""
        return self.struct_idnat or f"1{self.finess_ej}"


@dataclass(frozen=True)
class Site:
    """One site.

    Args:
        opening: Weekday (`mon`…`sun`) to wall times ("HH:MM", "HH:MM"); a closed day is absent.
        ipp_authority: OID of the domain whose PI is this site's IPP.
        gateway_ae_title: Called AE title of the site's worklist.
        pacs_url: Link that opens an exam, `{StudyInstanceUID}` and `{AccessionNumber}` in their places, or empty.
        address: Lines of the letterhead; `phone` too.
        sector_code: JDV_J61 with its label, e.g. `SA08`; `practice_setting` is `AMBULATOIRE` or `ETABLISSEMENT`.
        report_notice: The notice on personal data at the foot of every report (DOC.06).
        report_destinations: Those of `hl7_destinations` that get reports; empty for all.
        report_late_hours: From the end of an exam until its missing report is called late.
        reply_to: MSSante address to which answers go where a platform mails for us (PRT REPLY), or empty.
        ipp_prefix: Begins the IPP this RIS gives to patients created at the desk; empty where a hospital numbers the site's patients.
        who_sends: `ours`: the RIS feeds the DMP and mails; `platform`: the HL7 destination `platform` is asked to, where it may be.
    """

    site: str
    name: str
    finess_geo: str
    legal_entity: str
    time_zone: str
    opening: dict[str, tuple[str, str]]
    ipp_authority: str
    gateway_ae_title: str
    hl7_destinations: tuple[str, ...] = ()
    pacs_url: str = ""
    address: tuple[str, ...] = ()
    phone: str = ""
    sector_code: str = "SA08"
    sector_label: str = "Cabinet de groupe"
    practice_setting: str = "AMBULATOIRE"
    report_notice: str = ""
    report_destinations: tuple[str, ...] = ()
    who_sends: str = "ours"
    platform: str = "HIS"
    ipp_prefix: str = ""
    report_late_hours: int = 48
    reply_to: str = ""

    @property
    def gets_reports(self) -> tuple[str, ...]:
        """HL7 destinations to which each report goes."""
        return self.report_destinations or self.hl7_destinations


@dataclass(frozen=True)
class Room:
    """One room and the modalities that stand in it."""

    site: str
    room: str
    name: str
    modalities: tuple[str, ...]


@dataclass(frozen=True)
class Modality:
    """One machine: (0008,1010) StationName, AE title, DICOM modality code (CT, MR, US …)."""

    site: str
    modality: str
    name: str
    ae_title: str
    station_name: str
    dicom_modality: str


@dataclass(frozen=True)
class CatalogueExam:
    """One exam of the catalogue: CCAM code, LOINC, duration, preparation shown to the receptionist.

    Args:
        region_code: SNOMED CT code of the region (value set 1.2.250.1.213.1.1.5.695), with its label.
        questions: What the patient is asked before, on contraindications.
    """

    exam_code: str
    system: str
    label: str
    dicom_modality: str
    duration_minutes: int
    preparation: str = ""
    loinc: str = ""
    region_code: str = ""
    region_label: str = ""
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Practitioner:
    """A professional by RPPS.

    Args:
        speciality_code: TRE_R38, `SM44` radiodiagnostic; `speciality_label` as that list says it.
    """

    rpps: str
    family: str
    given: str
    speciality: str = ""
    speciality_code: str = ""
    speciality_label: str = ""


@dataclass(frozen=True)
class Correspondent:
    """A professional outside the group who sends patients; an address is looked up when something is sent, never kept here."""

    rpps: str
    family: str
    given: str
    speciality: str = ""
    structure: str = ""
    finess_geo: str = ""
    speciality_code: str = ""
    speciality_label: str = ""


@dataclass(frozen=True)
class Login:
    """What opens an account: a subject of the group's provider (`sub`) or of Pro Sante Connect (the RPPS)."""

    provider: str
    subject: str
    account_id: str


@dataclass(frozen=True)
class ReferenceData:
    """Everything a group says of itself, in its files' order."""

    legal_entities: tuple[LegalEntity, ...] = ()
    sites: tuple[Site, ...] = ()
    rooms: tuple[Room, ...] = ()
    modalities: tuple[Modality, ...] = ()
    catalogue: tuple[CatalogueExam, ...] = ()
    practitioners: tuple[Practitioner, ...] = ()
    correspondents: tuple[Correspondent, ...] = ()
    accounts: tuple[Account, ...] = ()
    logins: tuple[Login, ...] = ()
    report_templates: tuple[Template, ...] = ()
    report_macros: tuple[Macro, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    milestones: tuple[Milestone, ...] = ()


class ReferenceBook(Protocol):
    """Read access; small, cached for minutes by the adapter."""

    def legal_entity(self, finess_ej: str) -> LegalEntity | None:
        """Return one legal entity, or None."""

    def sites(self) -> list[Site]:
        """Return every site of the tenant."""

    def site(self, site: str) -> Site | None:
        """Return one site, or None."""

    def rooms(self, site: str) -> list[Room]:
        """Return the rooms of a site, in the file's order."""

    def modalities(self, site: str) -> list[Modality]:
        """Return the modalities of a site."""

    def catalogue(self) -> list[CatalogueExam]:
        """Return the exam catalogue."""

    def catalogue_exam(self, exam_code: str) -> CatalogueExam | None:
        """Return one exam of the catalogue, or None."""

    def practitioner(self, rpps: str) -> Practitioner | None:
        """Return one practitioner, or None."""

    def correspondent(self, rpps: str) -> Correspondent | None:
        """Return one correspondent, or None."""

    def correspondents(self, rpps: Sequence[str]) -> dict[str, Correspondent]:
        """Return those that are known, by RPPS."""

    def report_templates(self) -> list[Template]:
        """Return what reports begin with, in the file's order."""

    def indicators(self) -> list[Indicator]:
        """Return what figures are worth, by scheme and time, in the file's order."""

    def milestones(self) -> list[Milestone]:
        """Return the deadlines and conditions of the schemes, in the file's order."""

    def report_macros(self) -> list[Macro]:
        """Return the words that are put in by one click, in the file's order."""
