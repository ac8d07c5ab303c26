"""A SIGN certificate for a key that stays in KMS, as the demo's authority gives it for a request."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from infra.local.demo.pki import Authority
from ris.adapters.keys.kms_rsa import KmsRsaPrivateKey


def key_in_kms(kms: Any, alias: str) -> KmsRsaPrivateKey:
    """Make a SIGN key under an alias, unless there is one."""
    if alias not in {found["AliasName"] for found in kms.list_aliases()["Aliases"]}:
        made = kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
        kms.create_alias(AliasName=alias, TargetKeyId=made["KeyMetadata"]["KeyId"])
    return KmsRsaPrivateKey(kms, alias)


def certificate_of(authority: Authority, key: KmsRsaPrivateKey, structure: str) -> x509.Certificate:
    """Return a certificate shaped as the authority's own, for the public half of that key."""
    shape = authority.sign(structure=structure, name="Imagerie du Nord").certificate
    builder = (
        x509.CertificateBuilder()
        .subject_name(shape.subject)
        .issuer_name(shape.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(shape.not_valid_before_utc)
        .not_valid_after(shape.not_valid_after_utc)
    )
    for extension in shape.extensions:
        value = extension.value
        if isinstance(value, x509.SubjectKeyIdentifier):
            value = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(value, critical=extension.critical)
    return builder.sign(authority.issuing.key, hashes.SHA256())
