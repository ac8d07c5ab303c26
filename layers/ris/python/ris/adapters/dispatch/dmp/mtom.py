"""MTOM: a SOAP envelope and its documents as one MIME body of joined bytes; and the reading of an answer in parts.

Source: W3C MTOM and XOP; DMP integration guide (one part per document, binary, CRLF).
"""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes, policy


@dataclass(frozen=True)
class MtomBody:
    """A body and the Content-Type that names its boundary."""

    content_type: str
    body: bytes


def mtom_body(envelope: bytes, parts: dict[str, bytes], *, action: str, boundary: str) -> MtomBody:
    """Return the multipart body.

    Args:
        envelope: SOAP 1.2 envelope with one `xop:Include` per part.
        parts: Bytes by content id, without angle brackets.
        action: wsa:Action.
        boundary: A text that stands in no part; made from a hash of the message by the caller.
    """
    root = "root@ris"
    chunks = [
        f'--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n'
        f"Content-Transfer-Encoding: binary\r\nContent-ID: <{root}>\r\n\r\n".encode(),
        envelope,
    ]
    for content_id, content in parts.items():
        head = (
            f"\r\n--{boundary}\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{content_id}>\r\n\r\n"
        )
        chunks += [head.encode(), content]
    chunks.append(f"\r\n--{boundary}--\r\n".encode())
    content_type = (
        f'multipart/related; type="application/xop+xml"; start="<{root}>"; start-info="application/soap+xml";'
        f' boundary="{boundary}"; action="{action}"'
    )
    return MtomBody(content_type, b"".join(chunks))


def soap_part(content_type: str, body: bytes) -> bytes:
    """Return the SOAP envelope of an answer, whether it came in parts or alone.

    Raises:
        ValueError: In parts, and none of them is a readable root.
    """
    if not content_type.lower().startswith("multipart/"):
        return body
    message = message_from_bytes(b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body, policy=policy.HTTP)
    start = str(message.get_param("start") or "").strip("<>")
    parts = [part for part in message.walk() if not part.is_multipart()]
    chosen = next(
        (part for part in parts if start and str(part["Content-ID"] or "").strip("<> ") == start), parts[0] if parts else None
    )
    content = chosen.get_payload(decode=True) if chosen is not None else None
    if not isinstance(content, bytes) or not content.strip():
        raise ValueError("no root part")
    return content
