"""Acknowledgements in original mode: written for what comes in, read for what goes out.

Nothing of a message is repeated but its header fields, and those as the very bytes that came, so that no character set can spoil
them. MSA-2 is MSH-10 exactly.

Source: HL7 v2.5 §2.9.2, §2.15.5 (ERR); CI-SIS volet HL7v2 (AE and AR carry ERR-3 and ERR-4).
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from gateways.edge.hl7.msh import Fault, Header

Code = Literal["AA", "AE", "AR"]
_DEFAULT = Header((b"MSH", b"|", b"^~\\&"))
_WORDS = {
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    200: "Unsupported message type",
    207: "Application internal error",
}
_PLAIN = re.compile(r"[^A-Za-z0-9 ]")


def control_ids() -> Callable[[], str]:
    """Return a maker of MSH-10s of our own: 20 characters, a start of 48 random bits at each call of this, then a number."""
    start, numbers = secrets.token_hex(6).upper(), itertools.count()
    return lambda: f"{start}{next(numbers):08X}"


def build(header: Header | None, code: Code, *, now: datetime, control_id: str, fault: Fault | None = None) -> bytes:
    """Write the acknowledgement of one message.

    Args:
        header: Of the message; None when it could not be read.
        code: AA (taken), AE (the sender must correct), AR (ours; the same may be sent again).
        now: Aware UTC instant, for MSH-7.
        control_id: Our own MSH-10, at most 20 characters.
        fault: What AE or AR names in ERR.

    Returns:
        The payload of one frame; every segment ends in CR.
    """
    header = header or _DEFAULT
    fields, separator, component = header.padded(), header.separator, header.component_separator
    event = header.component(9, 2)
    msh = [
        b"MSH",
        fields[2],
        fields[5],
        fields[6],
        fields[3],
        fields[4],
        _instant(now),
        b"",
        component.join((b"ACK", event, b"ACK")) if event else b"ACK",
        control_id.encode(),
        fields[11] or b"P",
        fields[12] or b"2.5",
    ]
    if fields[18]:
        msh += (b"", b"", b"", b"", b"", fields[18])
    segments = [separator.join(msh), separator.join((b"MSA", code.encode(), fields[10]))]
    if fault is not None:
        segments.append(_error(header, fault))
    return b"\r".join((*segments, b""))


@lru_cache(maxsize=2)
def _instant(now: datetime) -> bytes:
    return now.strftime("%Y%m%d%H%M%S+0000").encode()


def _error(header: Header, fault: Fault) -> bytes:
    separator, component = header.separator, header.component_separator
    place = [fault.segment.encode(), str(fault.occurrence).encode()] + ([str(fault.field).encode()] if fault.field else [])
    reason = [str(fault.code).encode(), _WORDS[fault.code].encode(), b"HL70357"]
    delimiters = (header.separator + header.field(2)).decode("latin-1")
    words = _PLAIN.sub(lambda match: " " if match.group() in delimiters else match.group(), fault.words)
    return separator.join((b"ERR", b"", component.join(place), component.join(reason), b"E", b"", b"", b"", words.encode("ascii")))


@dataclass(frozen=True)
class Answer:
    """What a peer answered to a message of ours.

    Args:
        code: Original and enhanced mode codes alike: CA is AA, CE is AE, CR is AR.
        message_id: MSA-2 as it came.
    """

    code: Code
    message_id: str


_CODES: dict[bytes, Code] = {b"AA": "AA", b"CA": "AA", b"AE": "AE", b"CE": "AE", b"AR": "AR", b"CR": "AR"}


def parse(frame: bytes) -> Answer | None:
    """Read MSA of an acknowledgement; None when it is none."""
    ends = b"\r" if b"\r" in frame else b"\n"
    segments = [segment.lstrip(b"\r\n") for segment in frame.split(ends)]
    segments = [segment for segment in segments if segment]
    if not segments or segments[0][:3] != b"MSH" or len(segments[0]) < 5:
        return None
    separator = segments[0][3:4]
    for segment in segments[1:]:
        if segment.startswith(b"MSA" + separator):
            fields = [*segment.split(separator), b"", b""]
            code = _CODES.get(fields[1].strip())
            return Answer(code, fields[2].decode("latin-1")) if code else None
    return None
