"""The questions asked of the DMP and their answers: TD0.2 (existence) and TD3.1b (entryUUID of our own document).

Source: HL7 v3 PRPA_IN201307UV02/201308UV02; IHE ITI TF-2 §3.18; DMP integration guide, TD0.2 and TD3.1b.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.domain.identity.ins import Ins

HL7 = "urn:hl7-org:v3"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"


@dataclass(frozen=True)
class DmpExistence:
    """What TD0.2 says.

    Args:
        state: `open`, `closed` or `none`.
        authorisation: `VALIDE INTERDIT EXPIRE NON_EXISTE` or empty; it matters for consultation only.
        closed_on: Date text when the answer gives one.
    """

    state: str
    authorisation: str = ""
    closed_on: str = ""
    reason: str = ""


def existence_request(ins: Ins, settings: DmpSettings, *, message_oid: str, query_oid: str, created: str) -> str:
    """Return the body of TD0.2.

    Args:
        message_oid: Root of the message id, ours and unique; `query_oid` that of the query.
        created: `yyyyMMddHHmmss`.
    """
    interaction = f'<interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201307UV02"/><processingCode code="{settings.processing_code}"/>'
    receiver = _device("receiver", "RCV", "1.2.250.1.213.4.1.1.1", "DMP")
    sender = _device("sender", "SND", settings.lps_oid, settings.lps_name)
    return (
        f'<PRPA_IN201307UV02 xmlns="{HL7}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ITSVersion="XML_1.0">'
        f'<id root="{message_oid}" extension="1"/><creationTime value="{created}"/>{interaction}<processingModeCode code="T"/>'
        f'<acceptAckCode code="AL"/>{receiver}{sender}<attentionLine xsi:nil="true"/>'
        '<controlActProcess classCode="CACT" moodCode="EVN"><reasonCode code="TEST_EXST" codeSystem="1.2.250.1.213.1.1.4.11"/>'
        f'<queryByParameter><queryId root="{query_oid}" extension="1"/><statusCode code="new"/><parameterList><dataSource xsi:nil="true"/>'
        f'<patientIdentifier><value root="{ins.oid}" extension="{ins.matricule}"/><semanticsText>Patient.id</semanticsText>'
        "</patientIdentifier></parameterList></queryByParameter></controlActProcess></PRPA_IN201307UV02>"
    )


def read_existence(root: Any) -> DmpExistence:
    """Return what the answer of TD0.2 says.

    Raises:
        ValueError: It is no such answer.
    """
    answer = root.find(f".//{{{HL7}}}PRPA_IN201308UV02")
    code = answer.find(f".//{{{HL7}}}queryAck/{{{HL7}}}queryResponseCode") if answer is not None else None
    if code is None:
        raise ValueError("no query acknowledgement")
    if code.get("code") == "NF":
        return DmpExistence("none")
    status = answer.find(f".//{{{HL7}}}patient/{{{HL7}}}statusCode")
    if status is None or code.get("code") != "OK":
        raise ValueError("no patient status")
    state = "open" if status.get("code") == "active" else "closed"
    return DmpExistence(state, _line(answer, "AUTORISATION"), _line(answer, "DATE_FERMETURE"), _line(answer, "RAISON_FERMETURE"))


def _line(answer: Any, keyword: str) -> str:
    """Return the value of one attentionLine."""
    for line in answer.iter(f"{{{HL7}}}attentionLine"):
        key = line.find(f"{{{HL7}}}keyWordText")
        value = line.find(f"{{{HL7}}}value")
        if key is not None and value is not None and keyword in {key.get("code"), str(key.text or "").strip()}:
            return str(value.get("code") or value.get("value") or value.text or "")
    return ""


def own_document_query(unique_id: str) -> str:
    """Return the body of TD3.1b: the entryUUID of the document with that uniqueId, as ObjectRef."""
    return (
        f'<query:AdhocQueryRequest xmlns:query="{QUERY}" xmlns:rim="{RIM}">'
        '<query:ResponseOption returnComposedObjects="true" returnType="ObjectRef"/>'
        f'<rim:AdhocQuery id="{GET_DOCUMENTS}"><rim:Slot name="$XDSDocumentEntryUniqueId"><rim:ValueList>'
        f"<rim:Value>('{escape(unique_id)}')</rim:Value></rim:ValueList></rim:Slot></rim:AdhocQuery></query:AdhocQueryRequest>"
    )


def read_object_refs(root: Any) -> list[str]:
    """Return the entryUUIDs of a stored query's answer; an empty list says that the document is not there.

    Raises:
        ValueError: It is no such answer.
    """
    answer = root.find(f".//{{{QUERY}}}AdhocQueryResponse")
    if answer is None or answer.find(f"{{{RIM}}}RegistryObjectList") is None:
        raise ValueError("no registry object list")
    return [str(found.get("id")) for found in answer.iter(f"{{{RIM}}}ObjectRef")]


def registry_errors(root: Any) -> list[tuple[str, str]]:
    """Return (errorCode, codeContext) of each registry error; empty when the status is success.

    Raises:
        ValueError: No registry response, or a failure that names no error.
    """
    found = root.find(f".//{{{RS}}}RegistryResponse")
    response = found if found is not None else root.find(f".//{{{QUERY}}}AdhocQueryResponse")
    if response is None:
        raise ValueError("no registry response")
    errors = [
        (str(e.get("errorCode") or "").rpartition(":")[2], str(e.get("codeContext") or ""))
        for e in response.iter(f"{{{RS}}}RegistryError")
    ]
    if not str(response.get("status") or "").endswith(":Success") and not errors:
        raise ValueError("a failure without an error")
    return [] if str(response.get("status") or "").endswith(":Success") else errors


def _device(tag: str, code: str, oid: str, name: str) -> str:
    """Return the sender or the receiver."""
    return (
        f'<{tag} typeCode="{code}"><device classCode="DEV" determinerCode="INSTANCE"><id root="{oid}"/>'
        f"<softwareName>{escape(name)}</softwareName></device></{tag}>"
    )
