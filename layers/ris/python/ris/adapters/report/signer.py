"""Port `SubmissionSigner`: the key of the legal entity in KMS, its certificate beside it in Secrets Manager.

The certificate must be the structure's, the key's and in force; the finished signature is verified before anybody sees it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ris.domain.errors import Refused, RemoteUnavailable
from ris.domain.report.frozen import FrozenReport

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class SigningKey:
    """A key and its certificate, as one legal entity has them."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate


class LotSigner:
    """Implements `SubmissionSigner`.

    Args:
        keys: Returns the key of a legal entity (FINESS EJ); raises RemoteUnavailable when it is not to be had.
    """

    def __init__(self, keys: Callable[[str], SigningKey]) -> None:
        self._keys = keys

    def sign(self, report: FrozenReport, cda: bytes, *, legal_entity: str, now: datetime) -> bytes:
        """See the port."""
        from ris.adapters.dispatch.dmp.signature_document import sign_submission
        from ris.adapters.dispatch.dmp.submission import signature_id, submission_set_id

        signing = self._keys(legal_entity)
        _require_certificate(signing, report, now)
        document = sign_submission(
            signature_id=signature_id(report),
            submission_set_id=submission_set_id(report),
            documents={report.document_id: cda},
            signed_at=report.validated_at,
            key=signing.key,
            certificate=signing.certificate,
        )
        _require_valid(document, signing.certificate)
        return document


def _require_certificate(signing: SigningKey, report: FrozenReport, now: datetime) -> None:
    from cryptography.x509.oid import NameOID

    certificate = signing.certificate
    units = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)]
    if report.structure.struct_idnat not in units:
        raise Refused("certificate_of_another_structure", field="structure")
    if certificate.public_key() != signing.key.public_key():
        raise Refused("certificate_of_another_key", field="structure")
    # The instant of validation is whole seconds and may be a little older than a certificate made just now.
    if not certificate.not_valid_before_utc - timedelta(days=1) <= now <= certificate.not_valid_after_utc:
        raise RemoteUnavailable("certificate_not_in_force", detail="the SIGN certificate is to be renewed")


def _require_valid(document: bytes, certificate: x509.Certificate) -> None:
    """Verify the signature's value with the certificate's key; a KMS that signs with another key is our bug."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from lxml import etree

    from ris.adapters.dispatch.dmp.signature_document import DS

    root = etree.fromstring(document, etree.XMLParser(resolve_entities=False, no_network=True))
    signed = etree.tostring(root.find(f"{{{DS}}}SignedInfo"), method="c14n", with_comments=True)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise Refused("certificate_of_another_key", field="structure")
    key.verify(b64decode(root.findtext(f"{{{DS}}}SignatureValue")), signed, padding.PKCS1v15(), hashes.SHA256())
