"""The report as CDA R2 level 1 (N1): a header a machine reads and the PDF/A-1 inside.

Written from escaped pieces, then parsed once to be sure it is well formed; the same frozen report and PDF give the same bytes.

Source: CI-SIS, volet Structuration minimale des documents de sante; volet CR d'imagerie; Segur CRR.07, DOC.02, DOC.03, DOC.05.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from ris.domain.errors import InvalidInput
from ris.domain.identity.ins import QualifiedIdentity
from ris.domain.report.frozen import Act, FrozenReport, Professional, Structure

LOINC = "2.16.840.1.113883.6.1"
CCAM = "1.2.250.1.215.300.1"
DCM = "1.2.840.10008.2.16.4"
SNOMED = "2.16.840.1.113883.6.96"
PS_AUTHORITY = "1.2.250.1.71.4.2.1"
STRUCTURE_AUTHORITY = "1.2.250.1.71.4.2.2"
SECTOR = "1.2.250.1.71.4.2.4"
PRACTICE_SETTING = "1.2.250.1.213.1.1.4.9"
SPECIALITY = "1.2.250.1.213.1.1.4.5"
TYPE_CODE, TYPE_LABEL = "18748-4", "CR d'imagerie médicale"
TITLE_MAXIMUM = 128
PRACTICE_LABELS = {"AMBULATOIRE": "Ambulatoire", "ETABLISSEMENT": "Établissement de santé"}
ENCOUNTERS = {"AMB": "Consultation ambulatoire", "IMP": "Hospitalisation", "EMER": "Urgences"}


def build_cda(report: FrozenReport, pdf: bytes) -> bytes:
    """Return the CDA in UTF-8 without a byte order mark.

    Args:
        report: One frozen version.
        pdf: The PDF/A-1 of this very version.

    Raises:
        InvalidInput: `title_too_long`, or `act_missing` when there is no act to document.
    """
    from lxml import etree

    if len(report.title) > TITLE_MAXIMUM:
        raise InvalidInput("title_too_long", field="title", detail=f"at most {TITLE_MAXIMUM} characters")
    if not report.acts:
        raise InvalidInput("act_missing", field="acts")
    text = "".join(_document(report, pdf))
    document = text.encode("utf-8")
    etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))
    return document


def _document(report: FrozenReport, pdf: bytes) -> Iterator[str]:
    """Yield the document in the order of the schema."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield '<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:ps3-20="urn:dicom-org:ps3-20"'
    yield ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    yield '<realmCode code="FR"/><typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>'
    for template in ("2.16.840.1.113883.2.8.2.1", "1.2.250.1.213.1.1.1.1", "1.3.6.1.4.1.19376.1.2.20"):
        yield f'<templateId root="{template}"/>'
    yield f'<id root="{_q(report.document_id)}"/>'
    translations = "".join(_code("translation", act.loinc, LOINC, act.label, "LOINC") for act in report.acts if act.loinc)
    yield _code("code", TYPE_CODE, LOINC, TYPE_LABEL, "LOINC", inside=translations)
    yield f"<title>{_t(report.title)}</title>"
    yield f'<effectiveTime value="{_time(report, report.validated_at)}"/>'
    yield _code("confidentialityCode", "N", "2.16.840.1.113883.5.25", "Normal", "")
    yield '<languageCode code="fr-FR"/>'
    yield f'<setId root="{_q(report.set_id)}"/><versionNumber value="{report.version}"/>'
    yield from _record_target(report)
    yield from _author(report)
    yield f"<custodian><assignedCustodian><representedCustodianOrganization>{_organisation_body(report.structure)}"
    yield "</representedCustodianOrganization></assignedCustodian></custodian>"
    yield f'<legalAuthenticator><time value="{_time(report, report.validated_at)}"/><signatureCode code="S"/>'
    yield f"<assignedEntity>{_professional(report.author, report.structure)}</assignedEntity></legalAuthenticator>"
    if report.requester is not None:
        yield f'<participant typeCode="REF"><time value="{_time(report, report.performed_start)}"/>'
        yield f'<associatedEntity classCode="PROV">{_associated(report.requester)}</associatedEntity></participant>'
    yield from _orders(report)
    for act in report.acts:
        yield from _service_event(report, act)
    if report.replaces:
        yield f'<relatedDocument typeCode="RPLC"><parentDocument><id root="{_q(report.replaces)}"/></parentDocument></relatedDocument>'
    yield from _encounter(report)
    yield '<component><nonXMLBody><text mediaType="application/pdf" representation="B64">'
    yield b64encode(pdf).decode("ascii")
    yield "</text></nonXMLBody></component></ClinicalDocument>"


def _record_target(report: FrozenReport) -> Iterator[str]:
    """Yield the patient: INS with its strict traits when qualified, the IPP always."""
    identity, traits = report.identity, report.traits
    yield "<recordTarget><patientRole>"
    if identity is not None:
        yield f'<id root="{_q(identity.ins.oid)}" extension="{_q(identity.ins.matricule)}"/>'
    yield f'<id root="{_q(report.ipp.authority)}" extension="{_q(report.ipp.value)}"/>'
    yield '<addr nullFlavor="NASK"/>'
    if identity is not None:
        yield f'<telecom value="mailto:{_q(identity.ins.matricule)}@patient.mssante.fr"/>'
    else:
        yield '<telecom nullFlavor="NASK"/>'
    yield f"<patient><name>{_birth_name(report)}"
    if traits.used_given:
        yield f'<given qualifier="CL">{_t(traits.used_given)}</given>'
    if traits.used_family:
        yield f'<family qualifier="CL">{_t(traits.used_family)}</family>'
    yield "</name>"
    sex = {"M": ("M", "Masculin"), "F": ("F", "Féminin")}.get(traits.sex, ("U", "Inconnu"))
    yield _code("administrativeGenderCode", sex[0], "2.16.840.1.113883.5.1", sex[1], "")
    yield f'<birthTime value="{traits.birth_date:%Y%m%d}"/>' if traits.birth_date else '<birthTime nullFlavor="UNK"/>'
    place = identity.traits.birth_place_insee if identity is not None else traits.birth_place_insee
    if place:
        yield f"<birthplace><place><addr><county>{_t(place)}</county></addr></place></birthplace>"
    yield "</patient></patientRole></recordTarget>"


def _birth_name(report: FrozenReport) -> str:
    """Return the birth name: one `given` holds the whole list, the first given name carries BR beside it."""
    identity: QualifiedIdentity | None = report.identity
    source = identity.traits if identity is not None else report.traits
    whole = source.birth_given_all or source.birth_given
    return (
        f'<given>{_t(whole)}</given><given qualifier="BR">{_t(source.birth_given)}</given>'
        f'<family qualifier="BR">{_t(source.birth_family)}</family>'
    )


def _author(report: FrozenReport) -> Iterator[str]:
    """Yield the radiologist with speciality, name and exercising structure."""
    person = report.author
    speciality = f"G15_{person.profession_code}/{person.speciality_code}"
    yield f'<author><time value="{_time(report, report.validated_at)}"/><assignedAuthor>'
    yield f'<id root="{PS_AUTHORITY}" extension="8{_q(person.rpps)}"/>'
    yield _code("code", speciality, SPECIALITY, f"Médecin - {person.speciality_label} (SM)", "")
    yield f'<addr nullFlavor="NASK"/><telecom nullFlavor="NASK"/><assignedPerson>{_name(person)}</assignedPerson>'
    yield f"{_organisation(report.structure, setting=True)}</assignedAuthor></author>"


def _orders(report: FrozenReport) -> Iterator[str]:
    """Yield the request: Order Placer Number, or UNK, and always the accession number."""
    order = (
        f'<id root="{_q(report.placer_authority)}" extension="{_q(report.placer_order_number)}"/>'
        if report.placer_order_number and report.placer_authority
        else '<id nullFlavor="UNK"/>'
    )
    accession = f'<ps3-20:accessionNumber root="{_q(report.accession_authority)}" extension="{_q(report.accession_number)}"/>'
    yield f"<inFulfillmentOf><order>{order}{accession}</order></inFulfillmentOf>"


def _service_event(report: FrozenReport, act: Act) -> Iterator[str]:
    """Yield one act: LOINC, CCAM, modality and region, with the Study Instance UID."""
    yield f'<documentationOf><serviceEvent><id root="{_q(report.study_instance_uid)}"/>'
    inside = _code("translation", act.ccam, CCAM, act.label, "CCAM") if act.ccam else ""
    inside += _qualified(act.modality, DCM, act.modality, "DCM", "121139", DCM, "Modality")
    inside += _qualified(act.region_code, SNOMED, act.region_label, "SNOMED CT", "39111-0", LOINC, "Localisation anatomique")
    yield _code("code", act.loinc, LOINC, act.label, "LOINC", inside=inside)
    yield f'<effectiveTime><low value="{_time(report, report.performed_start)}"/>'
    if report.performed_end is not None and report.performed_end != report.performed_start:
        yield f'<high value="{_time(report, report.performed_end)}"/>'
    yield '</effectiveTime><performer typeCode="PRF"><assignedEntity>'
    yield f"{_professional(report.author, report.structure, setting=True)}</assignedEntity></performer></serviceEvent></documentationOf>"


def _encounter(report: FrozenReport) -> Iterator[str]:
    """Yield the encounter: its class, its beginning, the kind of place."""
    label = ENCOUNTERS.get(report.encounter_class, report.encounter_class)
    yield "<componentOf><encompassingEncounter>"
    yield _code("code", report.encounter_class, "2.16.840.1.113883.5.4", label, "")
    yield f'<effectiveTime><low value="{_time(report, report.performed_start)}"/></effectiveTime>'
    sector = _code("code", report.structure.sector_code, SECTOR, report.structure.sector_label, "")
    yield f"<location><healthCareFacility>{sector}</healthCareFacility></location></encompassingEncounter></componentOf>"


def _professional(person: Professional, structure: Structure, *, setting: bool = False) -> str:
    """Return the inside of an assignedEntity."""
    return (
        f'<id root="{PS_AUTHORITY}" extension="8{_q(person.rpps)}"/>'
        + _code(
            "code",
            f"G15_{person.profession_code}/{person.speciality_code}",
            SPECIALITY,
            f"Médecin - {person.speciality_label} (SM)",
            "",
        )
        + f'<addr nullFlavor="NASK"/><telecom nullFlavor="NASK"/><assignedPerson>{_name(person)}</assignedPerson>'
        + _organisation(structure, setting=setting)
    )


def _associated(person: Professional) -> str:
    """Return the inside of the requester's associatedEntity, with the MSSante address when known (DOC.05)."""
    identifier = f'<id root="{PS_AUTHORITY}" extension="8{_q(person.rpps)}"/>' if person.rpps else '<id nullFlavor="UNK"/>'
    telecom = f'<telecom value="mailto:{_q(person.mss_address)}"/>' if person.mss_address else '<telecom nullFlavor="NASK"/>'
    return f'{identifier}<addr nullFlavor="NASK"/>{telecom}<associatedPerson>{_name(person)}</associatedPerson>'


def _organisation(structure: Structure, *, setting: bool = False) -> str:
    """Return a representedOrganization; `setting` adds standardIndustryClassCode."""
    code = ""
    if setting:
        label = PRACTICE_LABELS.get(structure.practice_setting, structure.practice_setting)
        code = _code("standardIndustryClassCode", structure.practice_setting, PRACTICE_SETTING, label, "")
    return f"<representedOrganization>{_organisation_body(structure)}{code}</representedOrganization>"


def _organisation_body(structure: Structure) -> str:
    """Return identifier, name, telecom and address of a structure."""
    telecom = (
        f'<telecom value="tel:{_q(structure.phone.replace(" ", ""))}"/>' if structure.phone else '<telecom nullFlavor="NASK"/>'
    )
    lines = "".join(f"<streetAddressLine>{_t(line)}</streetAddressLine>" for line in structure.address)
    address = f"<addr>{lines}</addr>" if lines else '<addr nullFlavor="NASK"/>'
    return f'<id root="{STRUCTURE_AUTHORITY}" extension="{_q(structure.struct_idnat)}"/><name>{_t(structure.name)}</name>{telecom}{address}'


def _name(person: Professional) -> str:
    """Return a professional's name."""
    return f"<name><family>{_t(person.family)}</family><given>{_t(person.given)}</given></name>"


def _code(tag: str, code: str, system: str, label: str, system_name: str, *, inside: str = "") -> str:
    """Return one coded element."""
    named = f' codeSystemName="{_q(system_name)}"' if system_name else ""
    opening = f'<{tag} code="{_q(code)}" codeSystem="{system}"{named} displayName="{_q(label)}"'
    return f"{opening}>{inside}</{tag}>" if inside else f"{opening}/>"


def _qualified(code: str, system: str, label: str, system_name: str, name_code: str, name_system: str, name_label: str) -> str:
    """Return a translation whose qualifier says what it is (modality, region)."""
    name = _code("name", name_code, name_system, name_label, "")
    return _code("translation", code, system, label, system_name, inside=f"<qualifier>{name}</qualifier>")


def _time(report: FrozenReport, instant: datetime) -> str:
    """Return an instant in the site's civil time, seconds and offset."""
    return instant.astimezone(ZoneInfo(report.time_zone)).strftime("%Y%m%d%H%M%S%z")


def _t(text: str) -> str:
    """Return text for an element."""
    return escape(text, quote=False)


def _q(text: str) -> str:
    """Return text for an attribute."""
    return escape(text, quote=True)
