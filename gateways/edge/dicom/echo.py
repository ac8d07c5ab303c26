"""A C-ECHO of our own, for a check at the site: one short association, blocking.

Source: PS3.7 9.1.5 and 9.3.5 (C-ECHO), PS3.8 9.3 (the PDUs); the verification SOP class is 1.2.840.10008.1.1.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

from gateways.edge.dicom import dimse, pdu
from gateways.edge.dicom.negotiation import IMPLEMENTATION

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
MAX_LENGTH = 16384
_ACCEPT, _REJECT, _DATA, _RELEASE = 2, 3, 4, 5
_STATUS = struct.pack("<HHI", 0, 0x0900, 2)


class NotEchoed(Exception):
    """The peer did not answer the echo; the text says at which step, with the peer's code."""


def echo(host: str, port: int, *, called: str, calling: str, timeout_s: float = 5.0) -> None:
    """Ask a DICOM port whether it answers.

    Raises:
        NotEchoed: It refused, or answered otherwise than Success.
        OSError: It cannot be reached, or was silent.
    """
    with socket.create_connection((host, port), timeout_s) as line, line.makefile("rb") as answers:
        line.sendall(_associate(called, calling))
        kind, body = _read(answers.read)
        if kind == _REJECT:
            raise NotEchoed(f"association refusée ({body[1]}/{body[2]}/{body[3]})")
        if kind != _ACCEPT or _result(body) != 0:
            raise NotEchoed("vérification non acceptée")
        line.sendall(pdu.encode_data(1, _request(), is_command=True, max_length=MAX_LENGTH))
        kind, body = _read(answers.read)
        at = body.find(_STATUS)
        if kind != _DATA or at < 0 or body[at + len(_STATUS) : at + len(_STATUS) + 2] != b"\0\0":
            raise NotEchoed("C-ECHO sans succès")
        line.sendall(pdu.pdu(_RELEASE, bytes(4)))
        _read(answers.read)


def _associate(called: str, calling: str) -> bytes:
    item = pdu.item
    syntaxes = item(0x30, VERIFICATION.encode()) + item(0x40, IMPLICIT_LITTLE_ENDIAN.encode())
    user = item(0x51, MAX_LENGTH.to_bytes(4, "big")) + item(0x52, IMPLEMENTATION[0].encode())
    titles = called.encode("ascii").ljust(16) + calling.encode("ascii").ljust(16)
    body = b"\0\1\0\0" + titles + bytes(32) + item(0x10, pdu.APPLICATION_CONTEXT.encode()) + item(0x20, b"\1\0\0\0" + syntaxes)
    return pdu.pdu(1, body + item(0x50, user))


def _request() -> bytes:
    values = dimse.write_text(0x0002, VERIFICATION, b"\0") + dimse.write_short(0x0100, dimse.Field.C_ECHO)
    values += dimse.write_short(0x0110, 1) + dimse.write_short(0x0800, dimse.NO_DATASET)
    return dimse.write_element(0x0000, struct.pack("<I", len(values))) + values


def _result(accepted: bytes) -> int:
    """Return the result of presentation context 1: the accept's items begin at byte 68, each with its kind and length."""
    at = 68
    while at + 4 <= len(accepted):
        kind, length = struct.unpack_from(">BxH", accepted, at)
        if kind == 0x21:
            return accepted[at + 6]
        at += 4 + length
    return -1


def _read(read: Callable[[int], bytes]) -> tuple[int, bytes]:
    header = read(6)
    if len(header) < 6:
        raise NotEchoed("connexion fermée")
    kind, length = struct.unpack(">BxI", header)
    if length > pdu.MAX_ASSOCIATE:
        raise NotEchoed("réponse trop longue")
    return kind, read(length)
