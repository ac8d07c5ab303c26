"""MTOM as it must be: a multipart/related body taken apart by bytes, nothing guessed, nothing left over.

Source: RFC 2046 §5.1, RFC 2387; W3C XOP §4; DMP integration guide (binary parts, CRLF, one part per Document).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.local.services.soap import Fault, content_type_parameters


@dataclass(frozen=True)
class Mtom:
    """A request in parts.

    Args:
        parts: Bytes of the other parts by Content-ID, without angle brackets.
        action: The `action` parameter of the Content-Type.
    """

    root: bytes
    parts: dict[str, bytes]
    action: str


def read(content_type: str, body: bytes) -> Mtom:
    """Return the parts.

    Raises:
        Fault: The body is not MTOM as the DMP wants it.
    """
    kind, said = content_type_parameters(content_type)
    _must(kind == "multipart/related", "Content-Type is not multipart/related")
    _must(said.get("type", "").lower() == "application/xop+xml", "The type of the multipart is not application/xop+xml")
    _must(said.get("start-info", "").lower() == "application/soap+xml", "start-info is not application/soap+xml")
    _must(re.fullmatch(r"[0-9A-Za-z'()+_,./:=? -]{1,70}", said.get("boundary", "")) is not None, "The boundary is missing")
    parts = _parts(body, said["boundary"].encode("ascii"))
    start = said.get("start", "")
    _must(start in parts, "No part is the start of the message")
    headers, root = parts.pop(start)
    root_kind, root_said = content_type_parameters(headers.get("content-type", ""))
    _must(root_kind == "application/xop+xml", "The root part is not application/xop+xml")
    _must(root_said.get("type", "").lower() == "application/soap+xml", "The type of the root part is not application/soap+xml")
    return Mtom(root, {name[1:-1]: content for name, (_, content) in parts.items()}, said.get("action", ""))


def _parts(body: bytes, boundary: bytes) -> dict[str, tuple[dict[str, str], bytes]]:
    """Return headers and bytes of each part by its Content-ID as written."""
    delimiter = b"\r\n--" + boundary
    pieces = (b"\r\n" + body).split(delimiter)
    _must(len(pieces) >= 3 and not pieces[0].strip(), "The body does not begin with its boundary")
    _must(pieces[-1] in {b"--", b"--\r\n"}, "The last boundary is missing: the body was cut")
    found: dict[str, tuple[dict[str, str], bytes]] = {}
    for piece in pieces[1:-1]:
        _must(piece.startswith(b"\r\n"), "A boundary is not followed by CRLF")
        head, gap, content = piece[2:].partition(b"\r\n\r\n")
        _must(bool(gap), "A part has no end of headers")
        headers = _headers(head)
        name = headers.get("content-id", "")
        _must(name.startswith("<") and name.endswith(">") and name not in found, "A Content-ID is missing, bare or repeated")
        _must(headers.get("content-transfer-encoding", "").lower() == "binary", "A part is not binary")
        found[name] = (headers, content)
    return found


def _headers(head: bytes) -> dict[str, str]:
    headers = {}
    for line in head.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        _must(bool(colon) and name.lower() not in headers, "A header of a part is malformed or repeated")
        headers[name.lower()] = value.strip()
    return headers


def _must(holds: bool, reason: str) -> None:
    if not holds:
        raise Fault("Sender", f"MTOM: {reason}")


def answer(envelope: bytes, *, action: str, boundary: str) -> tuple[str, bytes]:
    """Return Content-Type and body of an answer in one part, as the repository gives even its faults."""
    content_type = (
        f'multipart/related; type="application/xop+xml"; boundary="{boundary}"; start="<root.message@dmp>";'
        f' start-info="application/soap+xml"; action="{action}"'
    )
    head = (
        f'--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n'
        "Content-Transfer-Encoding: binary\r\nContent-ID: <root.message@dmp>\r\n\r\n"
    )
    return content_type, head.encode() + envelope + f"\r\n--{boundary}--\r\n".encode()
