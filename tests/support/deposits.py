"""What the DMP received, taken apart with the standard library's MIME reader and verified with libxmlsec: nothing of product or simulator."""

from __future__ import annotations

import copy
import hashlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

DS = "{http://www.w3.org/2000/09/xmldsig#}"


@dataclass(frozen=True)
class Submission:
    """One ITI-41 as it crossed the wire.

    Args:
        cda: The documents that are CDA; `lot` is the signature document.
    """

    envelope: Any
    cda: list[bytes]
    lot: Any


def submissions(folder: Path) -> Iterator[Submission]:
    """Read every submission of an evidence folder `dmp/`."""
    for file in sorted(folder.glob("*-iti-41-request.http")):
        _, _, message = file.read_bytes().partition(b"\r\n")
        parts = [
            part.get_payload(decode=True) for part in message_from_bytes(message, policy=HTTP).walk() if not part.is_multipart()
        ]
        roots = [(part, etree.fromstring(part)) for part in parts if isinstance(part, bytes) and part.lstrip().startswith(b"<")]
        by_name: dict[str, list[tuple[bytes, Any]]] = {}
        for part, root in roots:
            by_name.setdefault(etree.QName(root).localname, []).append((part, root))
        ((_, envelope),), ((_, lot),) = by_name["Envelope"], by_name["Signature"]
        yield Submission(envelope, [part for part, _ in by_name["ClinicalDocument"]], lot)


def verify(submission: Submission, sign: x509.Certificate) -> None:
    """Require VIHF and lot signature to hold under a certificate, and the lot to digest the documents; raise when something does not."""
    (assertion,) = submission.envelope.iter("{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")
    _hold(assertion.find(f"{DS}Signature"), sign, "ID")
    _hold(_with_manifest_beside(submission.lot), sign, "Id")
    digests = [b64decode(each.text) for each in submission.lot.iterfind(f"{DS}Object/{DS}Manifest/{DS}Reference/{DS}DigestValue")]
    for cda in submission.cda:
        canonical = etree.tostring(etree.fromstring(cda), method="c14n", with_comments=True)
        assert hashlib.sha256(canonical).digest() in digests


def _hold(signature: Any, sign: x509.Certificate, id_attribute: str) -> None:
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(sign.public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatCertPem)
    xmlsec.tree.add_ids(signature.getroottree().getroot(), [id_attribute])
    context.verify(signature)


def _with_manifest_beside(root: Any) -> Any:
    """Return the signature in a copy in which the manifest stands beside it: libxmlsec would follow its `urn:oid:` references."""
    wrapper = etree.Element("wrapper", nsmap=root.nsmap)
    signature = copy.deepcopy(root)
    holder = next(each for each in signature.findall(f"{DS}Object") if each.find(f"{DS}Manifest") is not None)
    signature.remove(holder)
    wrapper.extend([holder, signature])
    return etree.fromstring(etree.tostring(wrapper)).find(f"{DS}Signature")
