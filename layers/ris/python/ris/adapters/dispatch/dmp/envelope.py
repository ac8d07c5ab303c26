"""SOAP 1.2 envelopes with WS-Addressing and one VIHF; and what every answer must be before it is believed."""

from __future__ import annotations

from html import escape
from typing import Any

SOAP = "http://www.w3.org/2003/05/soap-envelope"
SOAP_1_1 = "http://schemas.xmlsoap.org/soap/envelope/"
WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


def envelope(*, action: str, to: str, message_id: str, vihf: Any, body: str) -> bytes:
    """Return an envelope.

    Args:
        action: wsa:Action of the request.
        to: Absolute address of the endpoint.
        message_id: `urn:uuid:…`.
        vihf: Signed assertion; it is serialised as it is, since a signature stands on it.
        body: Content of soap:Body.
    """
    from lxml import etree

    assertion = etree.tostring(vihf, encoding="unicode")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soap:Envelope xmlns:soap="{SOAP}" xmlns:wsa="{WSA}"><soap:Header>'
        f'<wsa:Action soap:mustUnderstand="1">{escape(action)}</wsa:Action><wsa:MessageID>{message_id}</wsa:MessageID>'
        f'<wsa:ReplyTo soap:mustUnderstand="1"><wsa:Address>{WSA}/anonymous</wsa:Address></wsa:ReplyTo><wsa:To>{escape(to)}</wsa:To>'
        f'<wsse:Security xmlns:wsse="{WSSE}">{assertion}</wsse:Security>'
        f"</soap:Header><soap:Body>{body}</soap:Body></soap:Envelope>"
    ).encode()


def parse_answer(content: bytes) -> Any:
    """Return the root of an answer.

    Raises:
        ValueError: Not XML, a DTD, cut short, or not a SOAP envelope: nothing in it can be believed.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        raise ValueError("the answer is not XML") from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("the answer has a DTD")
    if root.tag not in {f"{{{SOAP}}}Envelope", f"{{{SOAP_1_1}}}Envelope"}:
        raise ValueError("the answer is not a SOAP envelope")
    return root


def related_to(root: Any, message_id: str) -> bool:
    """Tell whether an answer says that it is for another request; one that names none is taken (a fault may)."""
    found = root.findtext(f".//{{{WSA}}}RelatesTo")
    return found is None or str(found).strip() == message_id


def fault(root: Any) -> tuple[str, str] | None:
    """Return (code, text) of a SOAP fault, or None: the deepest Subcode without its prefix, else the Code."""
    for namespace in (SOAP, SOAP_1_1):
        found = root.find(f".//{{{namespace}}}Fault")
        if found is None:
            continue
        values = [str(value.text or "").strip() for value in found.iter(f"{{{SOAP}}}Value")] or [
            str(found.findtext("faultcode") or "")
        ]
        texts = [str(text.text or "") for text in found.iter(f"{{{SOAP}}}Text")] or [str(found.findtext("faultstring") or "")]
        return values[-1].split(":")[-1], texts[0]
    return None
