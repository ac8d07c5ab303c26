"""The signature of a submission (IHE DSG, XAdES 1.1.1 with an IHE manifest): the document that makes a lot trustworthy.

The tree is built once in its final place and shape, with prefixes, and digested there: a node moved, re-indented or given a default
namespace afterwards no longer has the digest that was signed. The same frozen report gives the same bytes.

Source: IHE ITI TF-3 §5.5 (DSG); DMP integration guide, TD2.1 signature.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from html import escape
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

DS = "http://www.w3.org/2000/09/xmldsig#"
XAD = "http://uri.etsi.org/01903/v1.1.1#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
PURPOSE = "1.2.840.10065.1.12.1.14"


def sign_submission(
    *,
    signature_id: str,
    submission_set_id: str,
    documents: dict[str, bytes],
    signed_at: datetime,
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
) -> bytes:
    """Return the signature document of one submission.

    Args:
        signature_id: OID, uniqueId of the signature's entry.
        submission_set_id: OID of the submission set; its digest is the literal `AA==`.
        documents: XML bytes by uniqueId, every document but the signature.
        signed_at: The validation instant, so that a restart gives the same bytes.
    """
    from lxml import etree

    text = _signature(
        signature_id=signature_id,
        references=[_reference(f"urn:oid:{submission_set_id}", "AA==")]
        + [
            _reference(f"urn:oid:{name}", _digest(_canonical(etree.fromstring(content, _parser()))), transform=C14N)
            for name, content in documents.items()
        ],
        signed_at=signed_at,
        certificate=certificate,
    )
    root = etree.fromstring(text.encode(), _parser())
    for reference, node in (("#IHEManifest", "Manifest"), ("#S0-SignedProperties", "SignedProperties")):
        target = next(e for e in root.iter() if isinstance(e.tag, str) and etree.QName(e).localname == node)
        _find(root, f".//{{{DS}}}SignedInfo/{{{DS}}}Reference[@URI='{reference}']/{{{DS}}}DigestValue").text = _digest(
            _canonical(target)
        )
    signed_info = _canonical(_find(root, f"{{{DS}}}SignedInfo"))
    value = key.sign(signed_info, padding.PKCS1v15(), hashes.SHA256())
    _find(root, f"{{{DS}}}SignatureValue").text = b64encode(value).decode()
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=False))


def _signature(*, signature_id: str, references: list[str], signed_at: datetime, certificate: x509.Certificate) -> str:
    """Return the whole tree with empty digests and signature value."""
    der = certificate.public_bytes(serialization.Encoding.DER)
    manifest = f'<ds:Object><ds:Manifest Id="IHEManifest">{"".join(references)}</ds:Manifest></ds:Object>'
    purpose = (
        f'<ds:Object><ds:SignatureProperties><ds:SignatureProperty Id="purposeOfSignature" Target="#{signature_id}">{PURPOSE}'
        "</ds:SignatureProperty></ds:SignatureProperties></ds:Object>"
    )
    return (
        f'<ds:Signature xmlns:ds="{DS}" xmlns:xad="{XAD}" Id="{signature_id}"><ds:SignedInfo>'
        f'<ds:CanonicalizationMethod Algorithm="{C14N}"/><ds:SignatureMethod Algorithm="{RSA_SHA256}"/>'
        + _reference("#IHEManifest", "", kind=f"{DS}Manifest", transform=C14N)
        + _reference("#S0-SignedProperties", "", kind=f"{XAD}SignedProperties", transform=C14N)
        + "</ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>"
        f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{b64encode(der).decode()}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
        + manifest
        + purpose
        + _qualifying_properties(signature_id=signature_id, signed_at=signed_at, certificate=certificate, der=der)
        + "</ds:Signature>"
    )


def _qualifying_properties(*, signature_id: str, signed_at: datetime, certificate: x509.Certificate, der: bytes) -> str:
    """Return the XAdES object: when, with which certificate, under the implied policy."""
    issuer = escape(certificate.issuer.rfc4514_string())
    return (
        f'<ds:Object><xad:QualifyingProperties Target="#{signature_id}"><xad:SignedProperties Id="S0-SignedProperties">'
        "<xad:SignedSignatureProperties>"
        f"<xad:SigningTime>{signed_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}</xad:SigningTime>"
        f'<xad:SigningCertificate><xad:Cert><xad:CertDigest><xad:DigestMethod Algorithm="{SHA256}"/>'
        f"<xad:DigestValue>{_digest(der)}</xad:DigestValue></xad:CertDigest>"
        f"<xad:IssuerSerial><ds:X509IssuerName>{issuer}</ds:X509IssuerName>"
        f"<ds:X509SerialNumber>{certificate.serial_number}</ds:X509SerialNumber></xad:IssuerSerial></xad:Cert></xad:SigningCertificate>"
        "<xad:SignaturePolicyIdentifier><xad:SignaturePolicyImplied/></xad:SignaturePolicyIdentifier>"
        "</xad:SignedSignatureProperties><xad:SignedDataObjectProperties/></xad:SignedProperties></xad:QualifyingProperties></ds:Object>"
    )


def _reference(uri: str, digest: str, *, kind: str = "", transform: str = "") -> str:
    """Return one reference."""
    typed = f' Type="{kind}"' if kind else ""
    transforms = f'<ds:Transforms><ds:Transform Algorithm="{transform}"/></ds:Transforms>' if transform else ""
    return (
        f'<ds:Reference{typed} URI="{uri}">{transforms}<ds:DigestMethod Algorithm="{SHA256}"/>'
        f"<ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>"
    )


def _digest(content: bytes) -> str:
    """Return SHA-256 in base64."""
    return b64encode(hashlib.sha256(content).digest()).decode()


def _canonical(node: Any) -> bytes:
    """Return inclusive canonical XML 1.0 with comments."""
    from lxml import etree

    return bytes(etree.tostring(node, method="c14n", with_comments=True))


def _find(root: Any, path: str) -> Any:
    """Return the one element that must be there."""
    found = root.find(path)
    assert found is not None, path
    return found


def _parser() -> Any:
    """Return a parser that resolves nothing."""
    from lxml import etree

    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
