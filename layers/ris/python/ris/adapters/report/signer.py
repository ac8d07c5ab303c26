"""Port `SubmissionSigner`: the key of the legal entity in KMS, its certificate beside it in Secrets Manager.

The certificate must be the structure's, the key's and in force; the finished signature is verified before anybody sees it.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

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


KEPT_S = 300.0
"""Seconds for which a key and its certificate are kept: a renewed certificate is taken up within that time."""


class LegalEntityKeys:
    """The SIGN keys of the legal entities: in KMS, their certificates in Secrets Manager.

    Args:
        secrets: Returns `boto3.client("secretsmanager")`; `kms` likewise.
        secret_prefix: `{prefix}/legal-entity/{finess_ej}/sign-certificate` is the secret: JSON with `certificate_pem`.
        key_alias_prefix: `{prefix}{finess_ej}` is the alias of the key.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        *,
        secrets: Callable[[], Any],
        kms: Callable[[], Any],
        secret_prefix: str,
        key_alias_prefix: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets, self._kms = secrets, kms
        self._secret_prefix, self._key_alias_prefix = secret_prefix, key_alias_prefix
        self._monotonic = monotonic
        self._kept: dict[str, tuple[float, SigningKey]] = {}

    def __call__(self, legal_entity: str) -> SigningKey:
        """Return the key of a legal entity.

        Raises:
            RemoteUnavailable: `certificate_missing`: nobody put it in yet; `cloud_unavailable`.
        """
        kept = self._kept.get(legal_entity)
        if kept is None or kept[0] <= self._monotonic():
            kept = self._kept[legal_entity] = (self._monotonic() + KEPT_S, self._read(legal_entity))
        return kept[1]

    def _read(self, legal_entity: str) -> SigningKey:
        from cryptography import x509

        from ris.adapters.keys.kms_rsa import KmsRsaPrivateKey
        from ris.adapters.secret import secret_text

        name = f"{self._secret_prefix}/legal-entity/{legal_entity}/sign-certificate"
        try:
            pem = json.loads(secret_text(self._secrets(), name))["certificate_pem"]
            certificate = x509.load_pem_x509_certificate(pem.encode())
        except (LookupError, ValueError, TypeError, AttributeError):
            raise RemoteUnavailable("certificate_missing", field="sign-certificate") from None
        return SigningKey(KmsRsaPrivateKey(self._kms(), f"{self._key_alias_prefix}{legal_entity}"), certificate)


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
        from ris.adapters.dynamodb import by_who_must_act

        signing = self._keys(legal_entity)
        # What KMS does not answer is asked again later; a key that is missing or switched off too.
        with by_who_must_act():
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
