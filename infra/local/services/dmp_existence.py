"""TD0.2: has this patient a record, and may we?

Source: HL7 v3 PRPA_IN201307UV02 and PRPA_IN201308UV02; DMP integration guide, TD0.2. How a closed record is answered is not public:
here `patient/statusCode` is `terminated`, and attention lines give date and reason.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any

from infra.local.services.dmp_registry import Record
from infra.local.services.soap import Fault

HL7 = "urn:hl7-org:v3"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
REQUEST = "PRPA_IN201307UV02"
ANSWER = "PRPA_IN201308UV02"
DMP_OID = "1.2.250.1.213.4.1.1.1"


@dataclass(frozen=True)
class Asked:
    """Whose record is asked for, and what the answer must repeat."""

    matricule: str
    oid: str
    message: tuple[str, str]
    query: tuple[str, str]
    sender: str


def read(body: Any) -> Asked:
    """Return what is asked.

    Raises:
        Fault: Something of the request is missing.
    """
    _must(body.tag == f"{{{HL7}}}{REQUEST}", "the body is not PRPA_IN201307UV02")
    interaction = _find(body, "interactionId")
    _must((interaction.get("root"), interaction.get("extension")) == ("2.16.840.1.113883.1.6", REQUEST), "interactionId")
    _must(_find(body, "processingCode").get("code") in {"D", "P"}, "processingCode")
    _must(_find(body, "processingModeCode").get("code") == "T", "processingModeCode")
    _must(_find(body, "acceptAckCode").get("code") == "AL", "acceptAckCode")
    _must(re.fullmatch(r"\d{14}", _find(body, "creationTime").get("value") or "") is not None, "creationTime")
    _must(_find(body, "receiver/device/id").get("root") == DMP_OID, "receiver")
    _must(_find(body, "attentionLine").get(NIL) == "true", "attentionLine is nil")
    act = _find(body, "controlActProcess")
    _must((act.get("classCode"), act.get("moodCode")) == ("CACT", "EVN"), "controlActProcess")
    reason = _find(act, "reasonCode")
    _must((reason.get("code"), reason.get("codeSystem")) == ("TEST_EXST", "1.2.250.1.213.1.1.4.11"), "reasonCode")
    query = _find(act, "queryByParameter")
    _must(_find(query, "statusCode").get("code") == "new", "statusCode of the query")
    _must(_find(query, "parameterList/dataSource").get(NIL) == "true", "dataSource is nil")
    value = _find(query, "parameterList/patientIdentifier/value")
    text = _find(query, "parameterList/patientIdentifier/semanticsText").text
    _must(text == "Patient.id" and bool(value.get("root") and value.get("extension")), "patientIdentifier")
    return Asked(
        str(value.get("extension")),
        str(value.get("root")),
        _identifier(_find(body, "id")),
        _identifier(_find(query, "queryId")),
        str(_find(body, "sender/device/id").get("root") or ""),
    )


def answer(asked: Asked, record: Record) -> str:
    """Return the body of the answer."""
    found = record.status != "none"
    lines = ""
    if found:
        lines = _line("AUTORISATION", "1.2.250.1.213.4.1.2.6.1", record.authorisation, "1.2.250.1.213.4.1.2.6.2")
        lines += _line("STATUT_MT", "1.2.250.1.213.4.1.2.6.3", "false")
    if record.status == "closed":
        lines += _line("DATE_FERMETURE", "1.2.250.1.213.4.1.2.6.1", record.closed_on)
        lines += _line("RAISON_FERMETURE", "1.2.250.1.213.4.1.2.6.1", record.reason)
    code = "OK" if found else "NF"
    query = f'<queryId root="{asked.query[0]}" extension="{escape(asked.query[1])}"/>'
    act = (
        '<controlActProcess classCode="CACT" moodCode="EVN">'
        + (_subject(asked, record) if found else "")
        + f'<queryAck>{query}<queryResponseCode code="{code}"/></queryAck>'
        + f'<queryByParameter>{query}<statusCode code="new"/></queryByParameter></controlActProcess>'
    )
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    return (
        f'<{ANSWER} xmlns="{HL7}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ITSVersion="XML_1.0">'
        f'<id root="2.25.{uuid.uuid4().int}"/><creationTime value="{now}"/>'
        f'<interactionId root="2.16.840.1.113883.1.6" extension="{ANSWER}"/><processingCode code="D"/><processingModeCode code="T"/>'
        f'<acceptAckCode code="NE"/><receiver typeCode="RCV"><device classCode="DEV" determinerCode="INSTANCE">'
        f'<id root="{escape(asked.sender)}"/></device></receiver>'
        f'<sender typeCode="SND"><device classCode="DEV" determinerCode="INSTANCE"><id root="{DMP_OID}"/>'
        "<softwareName>DMP</softwareName></device></sender>"
        f'{lines}<acknowledgement><typeCode code="AA"/><targetMessage><id root="{asked.message[0]}"'
        f' extension="{escape(asked.message[1])}"/></targetMessage></acknowledgement>{act}</{ANSWER}>'
    )


def _subject(asked: Asked, record: Record) -> str:
    """Return the registration event of a record that exists."""
    status = "active" if record.status == "open" else "terminated"
    birth = f'<birthTime value="{escape(record.birth_date)}"/>' if record.birth_date else ""
    sex = f'<administrativeGenderCode code="{escape(record.sex)}"/>' if record.sex else ""
    return (
        '<subject typeCode="SUBJ"><registrationEvent classCode="REG" moodCode="EVN"><statusCode code="completed"/>'
        f'<subject1 typeCode="SBJ"><patient classCode="PAT"><id root="{escape(asked.oid)}" extension="{escape(asked.matricule)}"/>'
        f'<statusCode code="{status}"/><patientPerson><name><family>{escape(record.family)}</family>'
        f"<given>{escape(record.given)}</given></name>{sex}{birth}</patientPerson></patient></subject1>"
        f'<custodian typeCode="CST"><assignedEntity classCode="ASSIGNED"><id root="{DMP_OID}"/></assignedEntity></custodian>'
        "</registrationEvent></subject>"
    )


def _line(keyword: str, system: str, value: str, value_system: str = "") -> str:
    named = f'<keyWordText code="{keyword}" codeSystem="{system}">{keyword}</keyWordText>'
    if value_system:
        return f'<attentionLine>{named}<value xsi:type="CV" code="{escape(value)}" codeSystem="{value_system}"/></attentionLine>'
    if value in {"true", "false"}:
        return f'<attentionLine>{named}<value xsi:type="BL" value="{value}"/></attentionLine>'
    return f'<attentionLine>{named}<value xsi:type="ST">{escape(value)}</value></attentionLine>'


def _identifier(node: Any) -> tuple[str, str]:
    _must(bool(node.get("root")), "an id without root")
    return str(node.get("root")), str(node.get("extension") or "")


def _find(node: Any, path: str) -> Any:
    found = node.findall("/".join(f"{{{HL7}}}{step}" for step in path.split("/")))
    _must(len(found) == 1, f"{path} is expected once")
    return found[0]


def _must(holds: bool, reason: str) -> None:
    if not holds:
        raise Fault("Sender", f"TD0.2: {reason}")
