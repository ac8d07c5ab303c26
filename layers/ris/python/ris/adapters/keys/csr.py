"""The request for a SIGN certificate, made with the key that stays in KMS.

Source: RFC 2986; subject of an ORG certificate as the IGC-Sante has it (C, ST, O, OU = Struct_IdNat, CN).
"""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


def signing_request(key: rsa.RSAPrivateKey, *, department: str, name: str, structure: str, service: str) -> str:
    """Return a PKCS#10 request as PEM.

    Args:
        key: The SIGN key, `KmsRsaPrivateKey`: KMS signs the request.
        department: `Puy-de-Dôme (63)`: ST as the authority writes it.
        name: Of the legal entity.
        structure: Struct_IdNat, `1` and the FINESS.
        service: Common name, `DMP SIGN`.
    """
    parts = (
        (NameOID.COUNTRY_NAME, "FR"),
        (NameOID.STATE_OR_PROVINCE_NAME, department),
        (NameOID.ORGANIZATION_NAME, name),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, structure),
        (NameOID.COMMON_NAME, service),
    )
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()
