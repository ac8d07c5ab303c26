"""Certificates as the tenant holds them: PEM texts in the JSON of secrets.

| secret | JSON |
|---|---|
| `{prefix}/legal-entity/{finess_ej}/insi-manu`, `insi-auto`, `dmp` | `certificate_pem`, `key_pem`, `chain_pem`, perhaps `ca_pem` |
| `{prefix}/legal-entity/{finess_ej}/sign-certificate` | `certificate_pem`, `chain_pem`; the key is in KMS |
| `{prefix}/group-provider`, `{prefix}/pro-sante-connect` | `ca_pem` beside the client's secret |

A renewal puts its certificate under the stage `AWSPENDING` first: it is watched with the one in use.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ris.adapters.secret import secret_text
from ris.domain.access.certificates import KINDS, HeldCertificate
from ris.domain.errors import InvalidInput

FIELDS = ("certificate_pem", "chain_pem", "ca_pem")
STAGES = ("AWSCURRENT", "AWSPENDING")


class SecretsCertificateVault:
    """Implements `CertificateVault`.

    Args:
        client: `boto3.client("secretsmanager")`.
        prefix: The tenant's.
    """

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def certificates(self, name: str) -> Sequence[HeldCertificate]:
        """Return the certificates of one secret; none when nothing was put in yet, or nothing that can be read."""
        folder = "legal-entity/" if name.rpartition("/")[2] in KINDS else ""
        ends = {pem.public_bytes(_der()): pem for stage in STAGES for pem in self._stage(f"{self._prefix}/{folder}{name}", stage)}
        return [
            HeldCertificate(f"{name}#{number}" if number > 1 else name, pem.not_valid_after_utc)
            for number, pem in enumerate(ends.values(), 1)
        ]

    def _stage(self, secret: str, stage: str) -> Iterator[Any]:
        from cryptography.x509 import load_pem_x509_certificates

        try:
            content = json.loads(secret_text(self._client, secret, stage=stage))
            for field in FIELDS:
                if pem := content.get(field):
                    yield from load_pem_x509_certificates(pem.encode())
        except (LookupError, ValueError, TypeError, AttributeError):
            return


def credential_json(certificate_pem: str, chain_pem: str, key_pem: str, public_key: Any = None) -> str:
    """Return the JSON of a secret, once its parts are known to belong together.

    Args:
        certificate_pem: One certificate, the leaf.
        chain_pem: Its authorities.
        key_pem: Its private key, not encrypted; empty for a SIGN certificate.
        public_key: The public half of the key in KMS, for a SIGN certificate.

    Raises:
        InvalidInput: `not_pem`, or `certificate_of_another_key`.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificate, load_pem_x509_certificates

    try:
        certificate = load_pem_x509_certificate(certificate_pem.encode())
        load_pem_x509_certificates(chain_pem.encode())
        public = load_pem_private_key(key_pem.encode(), None).public_key() if key_pem else public_key
    except (ValueError, TypeError):
        raise InvalidInput("not_pem") from None
    if certificate.public_key() != public:
        raise InvalidInput("certificate_of_another_key")
    parts = {"certificate_pem": certificate_pem, "key_pem": key_pem, "chain_pem": chain_pem}
    return json.dumps({name: text for name, text in parts.items() if text})


def _der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER
