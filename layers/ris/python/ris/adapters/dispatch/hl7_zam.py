"""Read a platform's business acknowledgement: ZAM^Z01, Z02, Z03.

Source: CI-SIS, volet Transmission d'un document CDA en HL7 v2, structure ZAM_Z01 (HL7 2.6). The code system of the first OBX is printed
with and without its accent: it is not looked at.
"""

from __future__ import annotations

from ris.adapters.agenda.er7 import Message, Segment
from ris.application.dispatch.apply_zam import BusinessAcknowledgement
from ris.domain.errors import InvalidInput

TYPE = "ZAM"
SAYS = {"Z01": "ACK_RECEPTION_DMP", "Z02": "ACK_RECEPTION_MSS", "Z03": "ACK_LECTURE_MSS"}
RECIPIENT = {"Z02": "DESTINATAIRE_MSS", "Z03": "LECTEUR_MSS"}


def read_zam(message: Message) -> BusinessAcknowledgement:
    """Return what a ZAM says.

    Raises:
        InvalidInput: `message_type_not_supported` (an event we do not know), `segment_missing`, `field_missing`, `field_malformed`.
    """
    event = message.header.field(9).component(2).word()
    if event not in SAYS:
        raise InvalidInput("message_type_not_supported", field="MSH-9")
    first = _observation(message, SAYS[event])
    message_id, answer = first.field(4).word(), first.field(5).component(1).word()
    if not message_id:
        raise InvalidInput("field_missing", field="OBX-4")
    if answer not in ("Y", "N"):
        raise InvalidInput("field_malformed", field="OBX-5")
    address = ""
    if event in RECIPIENT:
        said = _observation(message, RECIPIENT[event]).field(5)
        address = said.component(4).word().strip().lower()
        if not address:
            raise InvalidInput("field_missing", field="OBX(2)-5")
    code, words = _error(message) if answer == "N" else ("", "")
    return BusinessAcknowledgement(event, message_id, answer == "Y", address, code, words)


def _observation(message: Message, code: str) -> Segment:
    for one in message.all("OBX"):
        if one.field(3).component(1).word() == code:
            return one
    raise InvalidInput("segment_missing", field=f"OBX {code}")


def _error(message: Message) -> tuple[str, str]:
    err = message.first("ERR")
    if err is None:
        return "", ""
    told = err.field(5)
    return told.component(1).word(), told.component(2).word() or err.field(8).word() or err.field(7).word()
