"""The rows of a group's reference files, one model per file; a name or a value that is not foreseen is an error, never ignored."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from ris.domain.access.session import RIGHTS, ROLES
from ris.domain.errors import InvalidInput
from ris.domain.report.characters import DRAWN, drawable
from ris.domain.report.pacs_link import PLACEHOLDERS, wrong_pattern
from ris.domain.usage.figures import BY_CODE


class Rule(ValueError):
    """A rule of ours that a value breaks, in words for the person who wrote the file."""


def _luhn(text: str) -> str:
    digits = [int(character) for character in reversed(text)]
    total = sum(digit if rank % 2 == 0 else digit * 2 - 9 * (digit > 4) for rank, digit in enumerate(digits))
    if total % 10:
        raise Rule("clé de contrôle fausse")
    return text


def _finess(text: str) -> str:
    return text if text[:2] in ("2A", "2B") else _luhn(text)


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise Rule("fuseau horaire inconnu (exemple : Europe/Paris)")
    ZoneInfo(text)
    return text


def _pacs_address(text: str) -> str:
    match wrong_pattern(text):
        case "address":
            raise Rule("adresse attendue, par exemple https://pacs.exemple.fr/voir?etude={StudyInstanceUID}")
        case "placeholder":
            raise Rule(f"seuls sont remplacés : {', '.join('{' + one + '}' for one in PLACEHOLDERS)}")
    return text


def _printable(text: str) -> str:
    try:
        drawable(text, DRAWN, field="")
    except InvalidInput as error:
        raise Rule(f"caractère que le compte rendu ne peut pas imprimer : {error.detail}") from None
    return text


def _among(names: tuple[str, ...]) -> AfterValidator:
    def check(text: str) -> str:
        if text not in names:
            raise Rule(f"attendu : {', '.join(names)}")
        return text

    return AfterValidator(check)


Text = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=32)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
AnyCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{0,64}$")]
AeTitle = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,16}$")]
Rpps = Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$"), AfterValidator(_luhn)]
Finess = Annotated[str, StringConstraints(pattern=r"^([0-9]{9}|2[AB][0-9]{7})$"), AfterValidator(_finess)]
Siren = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$"), AfterValidator(_luhn)]
Oid = Annotated[str, StringConstraints(pattern=r"^[0-2](\.(0|[1-9][0-9]*))+$", max_length=64)]
Loinc = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}-[0-9]$")]
StructIdNat = Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Z]{8,14}$")]
Sector = Annotated[str, StringConstraints(pattern=r"^SA[0-9]{2}$")]
Speciality = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,4}[0-9]{2,3}$")]
Label = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Destination = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9_]{1,16}$")]
WallTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Region = Literal[
    "63337009", "38266002", "53120007", "61685007", "67734004", "774007", "113257007", "80891009", "76752008", "737561001"
]
DicomModality = Literal["CT", "MR", "US", "DX", "CR", "MG", "XA", "RF", "NM", "PT", "BMD", "PX", "IO"]


class ReferenceRow(BaseModel):
    """What all rows share."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class LegalEntityRow(ReferenceRow):
    """`legal_entities.json`."""

    finess_ej: Finess
    name: Text
    siren: Siren | Literal[""] = ""
    struct_idnat: StructIdNat | Literal[""] = ""


class SiteRow(ReferenceRow):
    """`sites.json`."""

    site: Slug
    name: Text
    finess_geo: Finess
    legal_entity: Finess
    time_zone: Annotated[str, AfterValidator(_zone)]
    opening: dict[Weekday, tuple[WallTime, WallTime]] = Field(min_length=1)
    ipp_authority: Oid
    gateway_ae_title: AeTitle
    hl7_destinations: tuple[Destination, ...] = ()
    pacs_url: Annotated[str, StringConstraints(max_length=500), AfterValidator(_pacs_address)] = ""
    address: Annotated[tuple[Text, ...], Field(max_length=4)] = ()
    phone: Annotated[str, StringConstraints(max_length=30)] = ""
    sector_code: Sector = "SA08"
    sector_label: Text = "Cabinet de groupe"
    practice_setting: Literal["AMBULATOIRE", "ETABLISSEMENT"] = "AMBULATOIRE"
    report_notice: Annotated[str, StringConstraints(max_length=400)] = ""
    report_destinations: tuple[Destination, ...] = ()
    who_sends: Literal["ours", "platform"] = "ours"
    platform: Destination = "HIS"
    ipp_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{0,4}$")] = ""
    report_late_hours: Annotated[int, Field(strict=True, ge=1, le=720)] = 48
    reply_to: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,250})?$", max_length=254)] = ""

    @model_validator(mode="after")
    def _platform_gets_reports(self) -> SiteRow:
        for name in self.report_destinations:
            if name not in self.hl7_destinations:
                raise Rule(f"{name} n'est pas une destination HL7 du site")
        if self.who_sends == "platform" and self.platform not in (self.report_destinations or self.hl7_destinations):
            raise Rule("la plateforme qui envoie doit recevoir les comptes rendus")
        return self

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> SiteRow:
        for day, (opens, closes) in self.opening.items():
            if opens >= closes:
                raise Rule(f"{day} : l'ouverture doit précéder la fermeture")
        return self


class RoomRow(ReferenceRow):
    """`rooms.json`."""

    site: Slug
    room: Slug
    name: Text
    modalities: tuple[Slug, ...] = Field(min_length=1)


class ModalityRow(ReferenceRow):
    """`modalities.json`."""

    site: Slug
    modality: Slug
    name: Text
    ae_title: AeTitle
    station_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,16}$")]
    dicom_modality: DicomModality


class QuestionRow(ReferenceRow):
    """One question of an exam on contraindications; a *yes* to one that blocks is no exam without a physician's decision.

    `told_in` is the attribute of the worklist in which the modality learns of a *yes*, `told_as` what it reads there (LO, 64).
    """

    code: Slug
    text: Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True)]
    blocks: bool = True
    told_in: Literal["MedicalAlerts", "Allergies", "PregnancyStatus", "SpecialNeeds"] = "MedicalAlerts"
    told_as: Annotated[str, StringConstraints(max_length=64, strip_whitespace=True)] = ""


class CatalogueRow(ReferenceRow):
    """`catalogue.json`."""

    exam_code: Code
    system: Literal["CCAM", "LN", "L"]
    label: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
    dicom_modality: DicomModality
    duration_minutes: Annotated[int, Field(strict=True, ge=5, le=480)]
    preparation: Annotated[str, StringConstraints(max_length=1000)] = ""
    loinc: Loinc | Literal[""] = ""
    region_code: Region | Literal[""] = ""
    region_label: Label = ""
    questions: Annotated[tuple[QuestionRow, ...], Field(max_length=12)] = ()

    @model_validator(mode="after")
    def _questions_have_their_own_codes(self) -> CatalogueRow:
        if len({each.code for each in self.questions}) < len(self.questions):
            raise Rule("deux questions ont le même code")
        return self


class PractitionerRow(ReferenceRow):
    """`practitioners.json`."""

    rpps: Rpps
    family: Text
    given: Text
    speciality: Label = ""
    speciality_code: Speciality | Literal[""] = ""
    speciality_label: Label = ""


class CorrespondentRow(PractitionerRow):
    """`correspondents.json`."""

    structure: Annotated[str, StringConstraints(max_length=200)] = ""
    finess_geo: Finess | Literal[""] = ""


class LoginRow(ReferenceRow):
    """One login of an account."""

    provider: Literal["group", "psc"]
    subject: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]

    @model_validator(mode="after")
    def _psc_is_an_rpps(self) -> LoginRow:
        if self.provider == "psc" and not (len(self.subject) == 11 and self.subject.isdigit()):
            raise Rule("le sujet Pro Santé Connect est le RPPS (11 chiffres, sans le 8)")
        return self


class AccountRow(ReferenceRow):
    """`accounts.json`."""

    account_id: Code
    name: Text
    logins: tuple[LoginRow, ...] = Field(min_length=1)
    roles: dict[Slug, Annotated[tuple[Annotated[str, _among(ROLES)], ...], Field(min_length=1)]]
    rights: tuple[Annotated[str, _among(RIGHTS)], ...] = ()


class SectionRow(ReferenceRow):
    """One section of a template."""

    heading: Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True), AfterValidator(_printable)]
    text: Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_printable)] = ""


class OfReportsRow(ReferenceRow):
    """What templates and macros share: for which exam, modality and radiologist; empty for all."""

    exam_code: AnyCode = ""
    dicom_modality: Annotated[str, _among(("", *get_args(DicomModality)))] = ""
    account_id: AnyCode = ""


class ReportTemplateRow(OfReportsRow):
    """`report_templates.json`."""

    template_id: Code
    name: Text
    sections: Annotated[tuple[SectionRow, ...], Field(max_length=40)]
    opens: bool = True

    @model_validator(mode="after")
    def _concludes(self) -> ReportTemplateRow:
        if not any(each.heading.casefold().startswith("conclusion") for each in self.sections):
            raise Rule("une section « Conclusion » est attendue : la validation la demande")
        return self


class ReportMacroRow(OfReportsRow):
    """`report_macros.json`."""

    macro_id: Code
    label: Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]
    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(_printable)]
    heading: Annotated[str, StringConstraints(max_length=120, strip_whitespace=True)] = ""


def _civil_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise Rule("ce jour n'existe pas") from None
    return text


CivilDay = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_civil_day)]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,9}(\.[0-9]{1,4})?$")]
"""A decimal number as text: money is never a float."""
Shown = Annotated[str, _among(tuple(BY_CODE))]
Note = Annotated[str, StringConstraints(max_length=400, strip_whitespace=True)]


class IndicatorRow(ReferenceRow):
    """`indicators.json`: what a figure is worth in a scheme, for a time, by which text."""

    code: Code
    scheme: Text
    label: Text
    scope: Literal["practitioner", "site", "legal_entity", "group"]
    numerator: Shown
    first: CivilDay
    last: CivilDay
    legal_reference: Text
    denominator: Shown | Literal[""] = ""
    threshold: Number | Literal[""] = ""
    points: Number | Literal[""] = ""
    euros_per_point: Number | Literal[""] = ""
    euros: Number | Literal[""] = ""
    requires: tuple[Code, ...] = ()
    confirmed: bool = False
    note: Note = ""

    @model_validator(mode="after")
    def _is_of_a_time_and_of_one_amount(self) -> IndicatorRow:
        if self.last < self.first:
            raise Rule("le dernier jour précède le premier")
        if self.euros and self.points:
            raise Rule("un montant ou des points, pas les deux")
        if self.points and not self.euros_per_point:
            raise Rule("la valeur du point manque")
        return self


class MilestoneRow(ReferenceRow):
    """`milestones.json`: a deadline or a condition of a scheme, and the day it was met."""

    code: Code
    scheme: Text
    label: Text
    legal_reference: Text
    due: CivilDay | Literal[""] = ""
    done: CivilDay | Literal[""] = ""
    legal_entity: Finess | Literal[""] = ""
    euros: Number | Literal[""] = ""
    confirmed: bool = False
    note: Note = ""
