"""The report as HL7: MDM to a hospital's platform or record, ORU to a PACS, both holding the signed CDA in one unbroken base64 run.

ORC-1, the event and OBX-11 say the same thing three times and must agree: NW, T02, F for a first sending; RO, T10, C for a replacement; CA,
T04, D for a deletion. PID-3 equals the CDA's patientRole/id. The flags stand in the order of the guide; the combinations a platform accepts
are those of `ris.domain.dispatch.flags`.

Source: CI-SIS, volet Transmission d'un document CDA en HL7 v2, v2.1 (MSH-21 `2.1^CISIS_CDA_HL7_V2`); HL7 v2.6 MDM_T02, v2.5 ORU_R01.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from ris.adapters.agenda.er7 import components, escape, frame, hd, segment
from ris.domain.dispatch.flags import Flags
from ris.domain.report.frozen import FrozenReport, Professional, Structure

PROFILE = "2.1^CISIS_CDA_HL7_V2"
CODE = ("18748-4", "CR d'imagerie médicale", "LN")
_PS = "ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO"
_ST = "ASIP-SANTE-ST&1.2.250.1.71.4.2.2&ISO"
_CLASSES = {"AMB": "O", "IMP": "I", "EMER": "E"}


class Intent(Enum):
    """What the message is for: (ORC-1, MDM event, OBX-11)."""

    FIRST = ("NW", "T02", "F")
    REPLACE = ("RO", "T10", "C")
    DELETE = ("CA", "T04", "D")


@dataclass(frozen=True)
class ReportMessage:
    """All that one message says.

    Args:
        kind: `MDM` (2.6) or `ORU` (2.5).
        cda: The stored bytes; their base64 is one unbroken run.
        replaced_document: `relatedDocument/parentDocument/id` of a replacement.
        visit: PV1-19 with its authority, or empty.
        professionals: Recipients with their MSSante addresses; `patient_address` the patient's or empty.
    """

    kind: str
    intent: Intent
    message_id: str
    destination: str
    site: str
    sent_at: datetime
    report: FrozenReport
    cda: bytes
    flags: Flags = field(default_factory=Flags)
    replaced_document: str = ""
    visit: tuple[str, str] = ("", "")
    professionals: tuple[Professional, ...] = ()
    patient_address: str = ""
    reply_address: str = ""


def report_message(said: ReportMessage) -> bytes:
    """Return the message in UTF-8; the same facts give the same bytes.

    Raises:
        InvalidInput: `illegal_combination` of flags.
    """
    said.flags.check()
    lines = [_msh(said)]
    if said.kind == "MDM":
        lines.append(segment("EVN", {2: _instant(said, said.sent_at)}))
    lines += [_pid(said.report), _pv1(said), segment("ORC", {1: said.intent.value[0]}), _obr(said)]
    if said.kind == "MDM":
        lines.append(_txa(said))
    lines += [_document(said), *_participants(said), *_flags(said)]
    return frame(lines)


def _instant(said: ReportMessage, instant: datetime) -> str:
    return instant.astimezone(ZoneInfo(said.report.time_zone)).strftime("%Y%m%d%H%M%S%z")


def _msh(said: ReportMessage) -> str:
    mdm = said.kind == "MDM"
    event = f"MDM^{said.intent.value[1]}^MDM_T02" if mdm else "ORU^R01^ORU_R01"
    return segment(
        "MSH",
        {
            2: "^~\\&",
            3: "RIS",
            4: escape(said.site),
            5: escape(said.destination),
            6: escape(said.site),
            7: _instant(said, said.sent_at),
            9: event,
            10: escape(said.message_id),
            11: "P",
            12: "2.6" if mdm else "2.5",
            17: "FRA",
            18: "UNICODE UTF-8",
            21: PROFILE,
        },
    )


def _pid(report: FrozenReport) -> str:
    identity, local = report.identity, report.traits
    birth = identity.traits if identity is not None else local
    identifiers = [f"{escape(report.ipp.value)}^^^{hd(report.ipp.authority)}^PI"]
    if identity is not None:
        ins = identity.ins
        identifiers.append(f"{escape(ins.matricule)}^^^{ins.authority}&{escape(ins.oid)}&ISO^INS")
    names = [components(birth.birth_family, birth.birth_given, birth.birth_given_all, "", "", "", "L")]
    if local.used_family or local.used_given:
        names.append(
            components(local.used_family or birth.birth_family, local.used_given or birth.birth_given, "", "", "", "", "D")
        )
    place = birth.birth_place_insee
    return segment(
        "PID",
        {
            1: "1",
            3: "~".join(identifiers),
            5: "~".join(names),
            7: birth.birth_date.strftime("%Y%m%d") if birth.birth_date else "",
            8: birth.sex,
            11: f"^^^^^^BDL^^{escape(place)}" if place else "",
            32: "VALI" if identity is not None else "PROV",
        },
    )


def _pv1(said: ReportMessage) -> str:
    number, authority = said.visit
    # PV1-19 is required for E, I, O and R: without a visit number of the hospital, ours is the exam's.
    visit = (
        f"{escape(number)}^^^{hd(authority)}^VN"
        if number
        else f"{escape(said.report.accession_number)}^^^{hd(said.report.accession_authority)}^VN"
    )
    return segment("PV1", {1: "1", 2: _CLASSES.get(said.report.encounter_class, "O"), 19: visit})


def _obr(said: ReportMessage) -> str:
    report = said.report
    fields = {1: "1", 4: components(*CODE)}
    if report.placer_order_number:
        fields[2] = components(report.placer_order_number, "", report.placer_authority, "ISO")
    if said.kind == "ORU":
        fields |= {3: components(report.accession_number, "RIS"), 18: escape(report.accession_number), 25: said.intent.value[2]}
    return segment("OBR", fields)


def _txa(said: ReportMessage) -> str:
    report = said.report
    return segment(
        "TXA",
        {
            1: "1",
            2: CODE[0],
            3: "TEXT",
            4: _instant(said, report.performed_start),
            12: escape(report.document_id),
            13: escape(said.replaced_document),
            17: "AU",
        },
    )


def _document(said: ReportMessage) -> str:
    text = "text" if said.kind == "MDM" else "TEXT"
    value = f"^{text}^XML^Base64^{b64encode(said.cda).decode('ascii')}"
    return segment("OBX", {1: "1", 2: "ED", 3: components(*CODE), 5: value, 11: said.intent.value[2]})


def _participants(said: ReportMessage) -> list[str]:
    """Return who sends, and who is to receive when the platform sends."""
    report = said.report
    found = [segment("PRT", {2: "UC", 4: "SB^Send by^participation", 5: _xcn(report.author), 8: _xon(report.structure)})]
    if said.flags.dest_mss_ps:
        found += [
            segment(
                "PRT",
                {
                    2: "UC",
                    4: "RCT^Results Copies To^participation",
                    5: _xcn(person),
                    15: f"^NET^X.400^{escape(person.mss_address)}",
                },
            )
            for person in said.professionals
            if person.mss_address
        ]
    if said.flags.dest_mss_pat and said.patient_address:
        found.append(
            segment("PRT", {2: "UC", 4: "RCT^Results Copies To^participation", 15: f"^NET^X.400^{escape(said.patient_address)}"})
        )
    if said.reply_address and said.flags.delegates:
        found.append(segment("PRT", {2: "UC", 4: "REPLY^Reply to^participation", 15: f"^NET^X.400^{escape(said.reply_address)}"}))
    return found


def _flags(said: ReportMessage) -> list[str]:
    """Return the flags in the guide's order; acknowledgements are asked only of a receiver that sends."""
    flags = said.flags
    named = (
        ("MASQUE_PS", flags.masque_ps),
        ("INVISIBLE_PATIENT", flags.invisible_patient),
        ("INVISIBLE_REP_LEGAUX", flags.invisible_rep_legaux),
        ("CONNEXION_SECRETE", flags.connexion_secrete),
        ("MODIF_CONF_CODE", flags.modif_conf_code),
        ("DESTDMP", flags.dest_dmp),
        ("DESTMSSANTEPS", flags.dest_mss_ps),
        ("DESTMSSANTEPAT", flags.dest_mss_pat),
        ("ACK_RECEPTION", flags.delegates),
        ("ACK_LECTURE_MSS", flags.dest_mss_ps or flags.dest_mss_pat),
    )
    kind = "CWE" if said.kind == "MDM" else "CE"
    return [
        segment(
            "OBX",
            {1: str(number), 2: kind, 3: f"{name}^^MetaDMPMSS", 5: f"{'Y' if value else 'N'}^^expandedYes-NoIndicator", 11: "F"},
        )
        for number, (name, value) in enumerate(named, start=2)
    ]


def _xcn(person: Professional) -> str:
    return f"8{person.rpps}^{escape(person.family)}^{escape(person.given)}^^^^^^{_PS}^D^^^IDNPS"


def _xon(structure: Structure) -> str:
    return f"{escape(structure.name)}^^^^^{_ST}^IDNST^^^{escape(structure.struct_idnat)}"
