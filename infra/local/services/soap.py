"""SOAP envelopes as a strict server reads and writes them, with lxml."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from html import escape
from typing import Any

from lxml import etree

SOAP = "http://www.w3.org/2003/05/soap-envelope"
SOAP_1_1 = "http://schemas.xmlsoap.org/soap/envelope/"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
ANONYMOUS = f"{WSA}/anonymous"


@dataclass(eq=False)
class Fault(Exception):
    """A SOAP fault to answer.

    Args:
        code: `Sender` or `Receiver`.
        reason: Text of the fault.
        subcode: Name with its prefix, `soap:` or `wsa:`; empty for none.
        detail: XML of the Detail element, or empty.
        language: Of the text, as the real service says it, true or not.
    """

    code: str
    reason: str
    subcode: str = ""
    detail: str = ""
    language: str = "en"


def parse(content: bytes) -> Any:
    """Return the root of a SOAP envelope.

    Raises:
        Fault: Not XML, a DTD, or another root.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise Fault("Sender", "The message is not well-formed XML") from None
    if root.getroottree().docinfo.doctype:
        raise Fault("Sender", "A SOAP message must not contain a Document Type Declaration")
    if root.tag not in {f"{{{SOAP}}}Envelope", f"{{{SOAP_1_1}}}Envelope"}:
        raise Fault("Sender", "The root is not a SOAP envelope")
    return root


def parts(root: Any) -> tuple[Any, Any]:
    """Return Header and the single child of Body.

    Raises:
        Fault: One of them is not there once.
    """
    namespace = etree.QName(root).namespace
    headers, bodies = root.findall(f"{{{namespace}}}Header"), root.findall(f"{{{namespace}}}Body")
    inside = [node for node in bodies[0] if isinstance(node.tag, str)] if len(bodies) == 1 else []
    if len(headers) != 1 or len(inside) != 1:
        raise Fault("Sender", "The envelope needs one Header and one Body with one element")
    return headers[0], inside[0]


def only(parent: Any, name: str) -> Any:
    """Return the only child of that qualified name, or None when there is none or more than one."""
    found = parent.findall(name)
    return found[0] if len(found) == 1 else None


def text(parent: Any, path: str) -> str:
    """Return the text at a path, stripped; empty when it is not there."""
    return str(parent.findtext(path) or "").strip() if parent is not None else ""


def fault_envelope(fault: Fault, *, related: str, action: str = f"{WSA}/fault") -> bytes:
    """Return the envelope of a fault; values carry the prefix `soap:` as the real ones do."""
    value = f"<soap:Subcode><soap:Value>{fault.subcode}</soap:Value></soap:Subcode>" if fault.subcode else ""
    detail = f"<soap:Detail>{fault.detail}</soap:Detail>" if fault.detail else ""
    body = (
        f"<soap:Fault><soap:Code><soap:Value>soap:{fault.code}</soap:Value>{value}</soap:Code><soap:Reason>"
        f'<soap:Text xml:lang="{fault.language}">{escape(fault.reason)}</soap:Text></soap:Reason>{detail}</soap:Fault>'
    )
    return answer_envelope(body, action=action, related=related)


def answer_envelope(body: str, *, action: str, related: str) -> bytes:
    """Return the envelope of an answer; RelatesTo only when the request could be read that far."""
    relation = f"<wsa:RelatesTo>{escape(related)}</wsa:RelatesTo>" if related else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soap:Envelope xmlns:soap="{SOAP}" xmlns:wsa="{WSA}"><soap:Header><wsa:Action>{escape(action)}</wsa:Action>'
        f"<wsa:MessageID>urn:uuid:{uuid.uuid4()}</wsa:MessageID>{relation}</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    ).encode()


def message_id(content: bytes) -> str:
    """Return the MessageID of a request, even one that is refused; empty when it has none."""
    try:
        found = parse(content).findtext(f".//{{{WSA}}}MessageID")
    except Fault:
        return ""
    return str(found or "").strip()


def content_type_parameters(value: str) -> tuple[str, dict[str, str]]:
    """Return the media type in lower case and its parameters, unquoted."""
    kind, _, rest = value.partition(";")
    found = re.findall(r';?\s*([A-Za-z-]+)\s*=\s*(?:"([^"]*)"|([^;\s]*))', rest)
    return kind.strip().lower(), {name.lower(): quoted or bare for name, quoted, bare in found}
