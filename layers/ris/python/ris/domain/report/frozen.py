"""What validation freezes: everything the documents are made of, so that the same input gives the same bytes for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris.domain.identity.ins import QualifiedIdentity
from ris.domain.identity.patient import Identifier, Traits


@dataclass(frozen=True)
class Professional:
    """A professional as the documents name them.

    Args:
        rpps: Eleven digits; PS_IdNat is `8` and these.
        profession_code: Code of TRE_G15, `10` for a doctor; `speciality_code` of TRE_R38, `SM44` radiodiagnostic.
        mss_address: MSSante address, or empty.
    """

    rpps: str
    family: str
    given: str
    profession_code: str = "10"
    speciality_code: str = ""
    speciality_label: str = ""
    mss_address: str = ""


@dataclass(frozen=True)
class Structure:
    """The exercising structure: certificate OU = VIHF structure = author institution = legalAuthenticator's organisation.

    Args:
        struct_idnat: Struct_IdNat, e.g. `1` and the FINESS, `3` and the SIRET.
        sector_code: JDV_J61, e.g. `SA08` cabinet de groupe; `practice_setting` is `AMBULATOIRE` or `ETABLISSEMENT`.
    """

    struct_idnat: str
    name: str
    finess_geo: str
    sector_code: str
    sector_label: str
    practice_setting: str
    address: tuple[str, ...] = ()
    phone: str = ""


@dataclass(frozen=True)
class Act:
    """One act: LOINC code of the exam, CCAM when there is one, DICOM modality, SNOMED CT region."""

    label: str
    loinc: str
    ccam: str
    modality: str
    region_code: str
    region_label: str


@dataclass(frozen=True)
class Section:
    """One section of the text: a heading and its paragraphs (plain text, empty lines separate paragraphs)."""

    heading: str
    text: str


@dataclass(frozen=True)
class Visibility:
    """The marks of design decision 7 that travel as confidentiality codes."""

    masked_to_professionals: bool = False
    invisible_to_patient: bool = False
    invisible_to_representatives: bool = False


@dataclass(frozen=True)
class FrozenReport:
    """One version of one report, at the instant of its validation.

    Args:
        report_id: Ours, URL-safe; one per accession number.
        version: 1, 2, 3 … of the set `set_id` (OID); `document_id` is this version's OID, `replaces` the one before or empty.
        validated_at: Aware instant; every date of the documents comes from it or from the exam, never from a clock.
        time_zone: IANA name of the site's zone.
        identity: The qualified identity, or None: then no INS, no datamatrix, no DMP, no patient mail.
        ipp: Local identifier with its authority OID.
        encounter_class: HL7 ActCode of the encounter: AMB, IMP, EMER.
        footer: The site's notice on personal data (DOC.06).
    """

    report_id: str
    version: int
    set_id: str
    document_id: str
    replaces: str
    validated_at: datetime
    logged_in_at: datetime
    time_zone: str
    title: str
    sections: tuple[Section, ...]
    ipp: Identifier
    traits: Traits
    identity: QualifiedIdentity | None
    author: Professional
    structure: Structure
    requester: Professional | None
    recipients: tuple[Professional, ...]
    placer_order_number: str
    placer_authority: str
    accession_number: str
    accession_authority: str
    study_instance_uid: str
    acts: tuple[Act, ...]
    performed_start: datetime
    performed_end: datetime | None
    visibility: Visibility = Visibility()
    encounter_class: str = "AMB"
    viewer_url: str = ""
    footer: str = ""
