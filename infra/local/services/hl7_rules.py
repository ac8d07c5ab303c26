"""What a PACS or a hospital system needs of a message, and the acknowledgement that says so.

A rule raises `Unreadable` with the location and the code an ERR segment names.

Source: HL7 v2.5.1 §2.9.2, §2.15.5 (ERR), tables 0008, 0357; IHE RAD TF-2 4.2, 4.4 (ORM^O01 with ZDS); French ack rules of
CI-SIS HL7 v2 volume: ERR-3 and ERR-4 required with AE and AR.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime

from infra.local.services.er7 import Message, Unreadable, part

VERSIONS = frozenset({"2.3.1", "2.4", "2.5", "2.5.1", "2.6"})
CONTROLS = frozenset({"NW", "CA", "XO", "SC", "RP"})
CONDITIONS = {
    "100": "Segment sequence error",
    "101": "Required field missing",
    "102": "Data type error",
    "103": "Table value not found",
    "198": "Non-conformant cardinality",
    "199": "Other HL7 error",
    "200": "Unsupported message type",
    "201": "Unsupported event code",
    "202": "Unsupported processing id",
    "203": "Unsupported version id",
    "205": "Duplicate key identifier",
    "207": "Application internal error",
}
UID = re.compile(r"(?=.{1,64}\Z)(0|[1-9]\d*)(\.(0|[1-9]\d*))+\Z")
DAY = re.compile(r"\d{4}(\d{2}){0,2}\Z")


def require(condition: object, location: str, code: str, why: str) -> None:
    """Refuse a message unless the condition holds."""
    if not condition:
        raise Unreadable(location, code, why)


def check_header(message: Message, types: frozenset[str]) -> None:
    """Check MSH: type, control id, processing id, version."""
    kind = f"{message.component('MSH', 9, 1)}^{message.component('MSH', 9, 2)}"
    require(message.component("MSH", 9, 1), "MSH^1^9", "101", "no message type")
    require(kind in types, "MSH^1^9", "200", "this type is not received here")
    control_id = message.field("MSH", 10)
    require(control_id, "MSH^1^10", "101", "no control id")
    require(len(control_id) <= 20, "MSH^1^10", "102", "control id above 20 characters")
    require(message.component("MSH", 11, 1) in {"P", "T", "D"}, "MSH^1^11", "103", "processing id is none of P, T, D")
    require(message.component("MSH", 12, 1) in VERSIONS, "MSH^1^12", "203", "version not supported")


def check_patient(message: Message) -> None:
    """Check PID: an IPP (type PI) with its authority, a birth name (type L), a birth day."""
    require(message.all("PID"), "PID^1", "100", "no PID")
    ipps = [cx for cx in message.field("PID", 3).split("~") if part(cx, 5) == "PI"]
    require(ipps and part(ipps[0], 1) not in {"", '""'}, "PID^1^3", "101", "no identifier of type PI")
    require(part(ipps[0], 4), "PID^1^3", "101", "the identifier of type PI names no authority")
    names = [xpn for xpn in message.field("PID", 5).split("~") if part(xpn, 1) not in {"", '""'}]
    require(names, "PID^1^5", "101", "no name")
    require(part(names[0], 7) in {"L", "D", "U", "S", ""}, "PID^1^5", "103", "unknown name type")
    born = message.field("PID", 7)
    require(not born or DAY.match(born[:8]), "PID^1^7", "102", "birth day is no date")


def check_imaging_order(message: Message) -> None:
    """Check what a PACS files an order under: ORC, OBR with accession and modality, ZDS with the Study Instance UID."""
    check_patient(message)
    orders, requests, studies = message.all("ORC"), message.all("OBR"), message.all("ZDS")
    require(orders, "ORC^1", "100", "no ORC")
    require(len(requests) == len(orders), "OBR^1", "100", "one OBR for each ORC")
    require(len(studies) == 1, "ZDS^1", "100", "one ZDS")
    for rank in range(1, len(orders) + 1):
        require(message.field("ORC", 1, rank) in CONTROLS, f"ORC^{rank}^1", "103", "order control not supported")
        numbers = message.field("ORC", 2, rank) + message.field("ORC", 3, rank)
        require(numbers, f"ORC^{rank}^2", "101", "neither placer nor filler number")
        require(message.field("OBR", 4, rank), f"OBR^{rank}^4", "101", "no service")
        accession = message.component("OBR", 18, 1, rank)
        require(accession, f"OBR^{rank}^18", "101", "no accession number")
        require(len(accession) <= 16 and accession.isascii(), f"OBR^{rank}^18", "102", "accession number is no SH of 16")
        require(message.field("OBR", 24, rank), f"OBR^{rank}^24", "101", "no modality")
    require(UID.match(message.component("ZDS", 1, 1)), "ZDS^1^1", "102", "no valid Study Instance UID")
    require(message.component("ZDS", 1, 4) == "DICOM", "ZDS^1^1", "103", "ZDS-1 is of type DICOM")


def acknowledgement(frame: bytes, code: str, refused: Unreadable | None = None, *, application: str = "") -> bytes:
    """Return the ACK of a frame, built from its header alone.

    Args:
        frame: What was received, readable or not.
        code: `AA`, `AE` or `AR`.
        refused: What ERR says; required with AE and AR.
        application: ERR-5, the code of who receives a document (900-906); a platform says none.
    """
    header = frame.split(b"\r", 1)[0].decode("ascii", "replace").split("|") if frame.startswith(b"MSH|") else []
    received = [field if field.isprintable() and "\ufffd" not in field else "" for field in header] + [""] * 20
    sender, sender_place, receiver, receiver_place = received[2:6]
    event = part(received[8], 2)
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    own = hashlib.sha256(now.encode() + frame).hexdigest()[:20].upper()
    kind = f"ACK^{event}^ACK" if event else "ACK"
    addresses = f"{receiver}|{receiver_place}|{sender}|{sender_place}"
    lines = [
        f"MSH|^~\\&|{addresses}|{now}||{kind}|{own}|{received[10] or 'P'}|{received[11] or '2.5'}",
        f"MSA|{code}|{received[9]}",
    ]
    if refused is not None:
        text = CONDITIONS.get(refused.code, "Other")
        lines.append(f"ERR||{refused.location}|{refused.code}^{text}^HL70357|E|{application}|||{refused.why}")
    return ("\r".join(lines) + "\r").encode("ascii", "replace")
