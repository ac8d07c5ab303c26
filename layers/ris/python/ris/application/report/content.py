"""Gather what validation freezes: the text, the patient, the exam, the request, the structure and the people, all as documents say it.

Nothing is written here; the same facts give the same content. The portal runs it at the click, so that most refusals are said at once;
the first state of the signing machine runs it again on the facts of that instant.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ris.application.reference import CatalogueExam, LegalEntity, Site
from ris.application.report.services import ReportServices
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.ins import QualifiedIdentity, qualified
from ris.domain.identity.patient import Identifier, IdentityStatus, Patient
from ris.domain.report import rules
from ris.domain.report.characters import DRAWN, drawable
from ris.domain.report.draft import Draft, Validation
from ris.domain.report.frozen import Act, FrozenReport, Professional, Structure
from ris.domain.report.identifiers import document_id, report_id, set_id
from ris.domain.report.marks import Marks
from ris.domain.report.pacs_link import pacs_link
from ris.domain.report.version import Version

_WRONG_ENTRY = "110514"
"""DCM: incorrect worklist entry selected; that procedure step says nothing of this exam."""
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)


def content_of(
    s: ReportServices,
    exam: Exam,
    patient: Patient | None,
    draft: Draft,
    validation: Validation,
    *,
    making: int = 1,
    replaces: str = "",
) -> FrozenReport:
    """Return the content of one version.

    Args:
        s: The ports; nothing is written.
        exam: Whose report it is, and `patient` whose exam.
        draft: The text.
        validation: The click.
        making: How often this version was begun.
        replaces: Document before it, or empty.

    Raises:
        InvalidInput: The text's own rules (`conclusion_missing`, `title_too_long`, `character_not_drawable` …), or a trait or an
            address that cannot be drawn.
        Refused: Facts that are missing: `unknown_patient`, `no_ipp_at_site`, `structure_incomplete`, `author_incomplete`,
            `act_incomplete`, `no_accession_authority`; the field names which.
    """
    require_text(draft)
    site, entity = place_of(s, exam)
    if patient is None:
        raise Refused("unknown_patient", field="patient")
    if not _OID.fullmatch(exam.accession_authority):
        raise Refused("no_accession_authority", field="exam")
    request = s.exams.get_request(exam.request_id) if exam.request_id else None
    begun, ended = _performed(exam, site)
    report = FrozenReport(
        report_id=report_id(exam.accession_number),
        version=validation.version,
        set_id=set_id(exam.accession_authority, exam.accession_number),
        document_id=document_id(exam.accession_authority, exam.accession_number, version=validation.version, making=making),
        replaces=replaces,
        validated_at=validation.validated_at,
        logged_in_at=validation.logged_in_at,
        time_zone=site.time_zone,
        title=rules.clean_title(draft.title),
        sections=tuple(rules.clean_section(section) for section in draft.sections if rules.says(section.text)),
        ipp=_ipp(patient, site),
        traits=patient.traits,
        identity=identity_of(patient),
        author=_author(s, validation.rpps),
        structure=_structure(site, entity),
        requester=requester_of(s, request),
        recipients=tuple(_correspondent(s, rpps) for rpps in draft.recipients),
        placer_order_number=request.placer_order_number if request else "",
        placer_authority=request.placer_authority if request and _OID.fullmatch(request.placer_authority) else "",
        accession_number=exam.accession_number,
        accession_authority=exam.accession_authority,
        study_instance_uid=exam.study_instance_uid,
        acts=(_act(s.reference.catalogue_exam(exam.exam_code), exam),),
        performed_start=begun,
        performed_end=ended,
        visibility=draft.marks.visibility,
        viewer_url=pacs_link(site.pacs_url, study_instance_uid=exam.study_instance_uid, accession_number=exam.accession_number),
        footer=site.report_notice,
    )
    _require_drawable(report)
    return report


def repeated(
    s: ReportServices, exam: Exam, patient: Patient | None, last: Version, validation: Validation, marks: Marks, *, making: int = 1
) -> FrozenReport:
    """Return the content of a version without a text of its own: that of the one before, for who the patient is known to be now.

    Text, author, validation instant, structure and recipients are those that were validated.

    Raises:
        InvalidInput: A trait that cannot be drawn.
        Refused: `unknown_patient`, `unknown_version`, `no_ipp_at_site`, `structure_incomplete`.
    """
    site, _ = place_of(s, exam)
    content = s.reports.content(last)
    if patient is None:
        raise Refused("unknown_patient", field="patient")
    if content is None:
        raise Refused("unknown_version", field="replaces")
    report = replace(
        s.codec.load(content),
        version=validation.version,
        document_id=document_id(exam.accession_authority, exam.accession_number, version=validation.version, making=making),
        replaces=last.document_id,
        ipp=_ipp(patient, site),
        traits=patient.traits,
        identity=identity_of(patient),
        visibility=marks.visibility,
    )
    _require_drawable(report)
    return report


def require_text(draft: Draft) -> None:
    """Refuse a text that breaks a rule, by the first one it breaks.

    Raises:
        InvalidInput: The rule's code, with its field.
    """
    for problem in rules.problems_of(draft.title, draft.sections):
        raise InvalidInput(problem.code, field=problem.field, detail=problem.detail)


def place_of(s: ReportServices, exam: Exam) -> tuple[Site, LegalEntity]:
    """Return the site of an exam and the legal entity whose key signs there.

    Raises:
        Refused: `structure_incomplete`.
    """
    site = s.reference.site(exam.site)
    entity = s.reference.legal_entity(site.legal_entity) if site else None
    if site is None or entity is None:
        raise Refused("structure_incomplete", field="legal_entity")
    return site, entity


def identity_of(patient: Patient) -> QualifiedIdentity | None:
    """Return what may carry the INS, or None while the identity is not qualified."""
    if patient.status is not IdentityStatus.QUALIFIEE:
        return None
    try:
        return qualified(patient.ins, patient.strict, patient.status)
    except Refused:
        return None


def _ipp(patient: Patient, site: Site) -> Identifier:
    value = patient.ipp(site.ipp_authority)
    if not value:
        raise Refused("no_ipp_at_site", field="patient")
    return Identifier(value, site.ipp_authority, "PI")


def _structure(site: Site, entity: LegalEntity) -> Structure:
    """Return the structure that signs: the legal entity, at the address of its site."""
    for name in ("sector_code", "sector_label", "practice_setting", "finess_geo"):
        if not getattr(site, name):
            raise Refused("structure_incomplete", field=name)
    return Structure(
        struct_idnat=entity.national_identifier,
        name=entity.name,
        finess_geo=site.finess_geo,
        sector_code=site.sector_code,
        sector_label=site.sector_label,
        practice_setting=site.practice_setting,
        address=(site.name, *site.address),
        phone=site.phone,
    )


def _author(s: ReportServices, rpps: str) -> Professional:
    person = s.reference.practitioner(rpps)
    if person is None:
        raise Refused("author_incomplete", field="practitioner")
    if not (person.speciality_code and person.speciality_label):
        raise Refused("author_incomplete", field="speciality_code")
    return Professional(
        rpps, person.family, person.given, speciality_code=person.speciality_code, speciality_label=person.speciality_label
    )


def _correspondent(s: ReportServices, rpps: str) -> Professional:
    person = s.reference.correspondent(rpps) or s.reference.practitioner(rpps)
    if person is None:
        raise InvalidInput("unknown_recipient", field="recipients")
    return Professional(
        rpps, person.family, person.given, speciality_code=person.speciality_code, speciality_label=person.speciality_label
    )


def requester_of(s: ReportServices, request: ImagingRequest | None) -> Professional | None:
    """Return who asked: as the directory knows that RPPS, else as the order names them, else nobody."""
    if request is None:
        return None
    sent = request.prescriber
    rpps = sent.rpps[1:] if len(sent.rpps) == 12 and sent.rpps.startswith("8") else sent.rpps
    rpps = rpps if len(rpps) == 11 and rpps.isdigit() else ""
    known = s.reference.correspondent(rpps) if rpps else None
    if known is not None:
        return _correspondent(s, rpps)
    return Professional(rpps, sent.family, sent.given) if sent.family else None


def _act(kind: CatalogueExam | None, exam: Exam) -> Act:
    if kind is None:
        raise Refused("act_incomplete", field="exam_code")
    for name in ("loinc", "dicom_modality", "region_code", "region_label"):
        if not getattr(kind, name):
            raise Refused("act_incomplete", field=name)
    ccam = kind.exam_code if kind.system == "CCAM" else ""
    return Act(exam.exam_label or kind.label, kind.loinc, ccam, kind.dicom_modality, kind.region_code, kind.region_label)


def _performed(exam: Exam, site: Site) -> tuple[datetime, datetime | None]:
    """Return when the exam took place: as the modality said it, on the site's clock, else as it was booked."""
    zone = ZoneInfo(site.time_zone)
    said = [one for one in exam.performed if one.discontinuation_reason != _WRONG_ENTRY]
    begun = sorted(found for one in said if (found := _wall_time(one.started_at, zone)))
    ended = sorted(found for one in said if (found := _wall_time(one.ended_at, zone)))
    if not begun:
        return exam.appointment.start.astimezone(UTC), exam.appointment.end.astimezone(UTC)
    return begun[0], ended[-1] if ended and ended[-1] > begun[0] else None


def _wall_time(text: str, zone: ZoneInfo) -> datetime | None:
    try:
        return datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None


def _require_drawable(report: FrozenReport) -> None:
    """Refuse what the page prints beside the text and its font cannot draw; the field names what, never the value."""
    traits = report.traits
    printed = {f"patient.{name}": getattr(traits, name) for name in _PRINTED_TRAITS} | {"patient.ipp": report.ipp.value}
    people = [person for person in (report.author, report.requester, *report.recipients) if person is not None]
    printed |= {f"professional.{rank}": f"{one.given} {one.family}" for rank, one in enumerate(people)}
    structure = report.structure
    printed |= {"structure": " ".join((structure.name, *structure.address, structure.phone)), "report_notice": report.footer}
    for field, text in printed.items():
        drawable(text, DRAWN, field=field)


_PRINTED_TRAITS = ("birth_family", "birth_given", "used_family", "used_given", "birth_date_text")
