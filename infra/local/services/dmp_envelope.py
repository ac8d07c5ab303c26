"""WS-Addressing of a request to the DMP.

Source: W3C WS-Addressing 1.0, SOAP binding §6; DMP integration guide (MessageID, To, ReplyTo and Action; mustUnderstand).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from infra.local.services.soap import ANONYMOUS, SOAP, SOAP_1_1, WSA, Fault, only, text

MISSING = "A required header representing a Message Addressing Property is not present"


def addressed(header: Any, *, action: str, said: str, path: str) -> None:
    """Check the addressing headers.

    Args:
        action: What this endpoint does; `said` the action of the Content-Type, which may be left out.
        path: Where the request came.

    Raises:
        Fault: In the words of the standard.
    """
    found = {name: only(header, f"{{{WSA}}}{name}") for name in ("Action", "MessageID", "To", "ReplyTo")}
    for name, node in found.items():
        if node is None:
            twice = header.find(f"{{{WSA}}}{name}") is not None
            reason = f"A header representing a Message Addressing Property is not valid: {name}" if twice else MISSING
            raise Fault("Sender", reason, "wsa:InvalidAddressingHeader" if twice else "wsa:MessageAddressingHeaderRequired")
    if str(found["Action"].text or "").strip() != action or said not in {"", action}:
        raise Fault("Sender", "The Action cannot be processed at the receiver", "wsa:ActionNotSupported")
    if not re.fullmatch(r"urn:uuid:[0-9a-fA-F-]{36}", str(found["MessageID"].text or "").strip()):
        raise _invalid("MessageID")
    if text(found["ReplyTo"], f"{{{WSA}}}Address") != ANONYMOUS:
        raise _invalid("ReplyTo")
    to = urlsplit(str(found["To"].text or "").strip())
    if to.geturl() and not (to.scheme == "https" and to.netloc and to.path == path):
        raise _invalid("To")
    for name in ("Action", "ReplyTo"):
        if not _must_understand(found[name]):
            raise _invalid(name)


def _must_understand(node: Any) -> bool:
    """Tell whether a header must be understood, in either form that is seen."""
    marks = [node.get(f"{{{SOAP}}}mustUnderstand"), node.get(f"{{{SOAP_1_1}}}mustUnderstand"), node.get("mustUnderstand")]
    return any(mark in {"1", "true"} for mark in marks)


def _invalid(name: str) -> Fault:
    return Fault(
        "Sender", f"A header representing a Message Addressing Property is not valid: {name}", "wsa:InvalidAddressingHeader"
    )
