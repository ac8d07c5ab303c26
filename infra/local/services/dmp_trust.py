"""Signatures as libxmlsec sees them, and certificates as the chain and the revocation list see them."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xmlsec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from infra.local.services.soap import Fault

DS = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DS}enveloped-signature"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SHA1, RSA_SHA1 = f"{DS}sha1", f"{DS}rsa-sha1"


def bad_certificate() -> Fault:
    """Return the fault of a certificate that may not sign."""
    return Fault("Sender", "Not a valid signature certificate", "soap:DMPInvalidCertificate")


class SigningTrust:
    """Which certificates may sign: of the chain, in their time, not revoked, for signature.

    Args:
        ca: PEM file of root and issuing authority.
        crl: PEM file of the issuing authority's list, read at each use.
        client_certificates: Accept a signature made with a certificate for client authentication (one public sample has one).
    """

    def __init__(self, *, ca: str, crl: str, client_certificates: bool = False) -> None:
        self._issuers = x509.load_pem_x509_certificates(Path(ca).read_bytes())
        self._crl = Path(crl)
        self._client_certificates = client_certificates

    def check(self, certificate: x509.Certificate, *, now: datetime) -> None:
        """Raise the fault `DMPInvalidCertificate` unless the certificate may sign."""
        issuer = next((i for i in self._issuers if i.subject == certificate.issuer and _issued(certificate, i)), None)
        in_time = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
        if issuer is None or not in_time or not self._for_signature(certificate) or self._revoked(certificate, issuer):
            raise bad_certificate()

    def _for_signature(self, certificate: x509.Certificate) -> bool:
        """Tell whether key usage and extended key usage are those of a SIGN certificate."""
        try:
            usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
            purposes = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
        except x509.ExtensionNotFound:
            return False
        if self._client_certificates and ExtendedKeyUsageOID.CLIENT_AUTH in purposes:
            return usage.digital_signature
        return usage.content_commitment and ExtendedKeyUsageOID.EMAIL_PROTECTION in purposes

    def _revoked(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        """Tell whether the list names the certificate; a list that is not the issuer's counts as a revocation."""
        listed = x509.load_pem_x509_crl(self._crl.read_bytes())
        if not listed.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
            return True
        return listed.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def key_info_certificate(signature: Any) -> x509.Certificate:
    """Return the one certificate of a signature's KeyInfo.

    Raises:
        Fault: There is none, more than one, or something else.
    """
    found = signature.findall(f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate")
    try:
        (only,) = found
        return x509.load_der_x509_certificate(b64decode("".join(str(only.text or "").split()), validate=True))
    except ValueError:
        raise bad_certificate() from None


def verify(signature: Any, identified: Any, id_attribute: str, certificate: x509.Certificate) -> bool:
    """Verify one signature with libxmlsec in the tree where it stands.

    Args:
        identified: Elements that references may name; no other element can be reached by a reference.
    """
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(certificate.public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatCertPem)
    try:
        for node in identified:
            context.register_id(node, id_attribute)
        context.verify(signature)
    except xmlsec.Error:
        return False
    return True


def now() -> datetime:
    """Return the instant the checks use."""
    return datetime.now(UTC)


def same_name(said: str, certificate: x509.Certificate) -> bool:
    """Tell whether a text is the subject of a certificate, attributes in either order, `, ` or `,` between them."""
    attributes = [f"{a.rfc4514_attribute_name}={a.value!s}" for a in certificate.subject]
    found = [part.strip() for part in said.replace("\\,", "\0").split(",")]
    found = [part.replace("\0", "\\,") for part in found]
    return found in (attributes, attributes[::-1])
