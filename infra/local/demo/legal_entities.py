"""Keys and certificates of the legal entities: the stack of each, TLS client certificates, a SIGN certificate for the key in KMS.

The request for the SIGN certificate is the product's own (`ris certificates csr`): the key never leaves KMS, the demo's authority
only sees the request. What goes into the secrets is what an operator would put there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from infra.local.cloud.client import ROOT, Cloud
from infra.local.demo.pki import Authority, Credential

TLS_CLIENTS = {"insi-manu": "INSI-MANU", "insi-auto": "INSI-AUTO", "dmp": "DMP"}


@dataclass(frozen=True)
class Certified:
    """What one legal entity holds.

    Args:
        clients: TLS client certificates by the last part of their secret's name.
        mailbox: TLS client certificate for the mail operator.
    """

    finess_ej: str
    clients: Mapping[str, Credential]
    mailbox: Credential


def certify(authority: Authority, entities: Iterable[Mapping[str, Any]]) -> list[Certified]:
    """Make the TLS client certificates of each legal entity of the reference data."""
    return [
        Certified(
            row["finess_ej"],
            {
                kind: authority.auth_cli(structure=f"1{row['finess_ej']}", name=row["name"], service=service)
                for kind, service in TLS_CLIENTS.items()
            },
            authority.auth_cli(structure=f"1{row['finess_ej']}", name=row["name"], service="MSSANTE"),
        )
        for row in entities
    ]


def deploy(cloud: Cloud, prefix: str, finess_ej: str) -> None:
    """Deploy the stack of one legal entity: its SIGN key and its empty secrets."""
    parameters = {"Prefix": prefix, "FinessEj": finess_ej}
    cloud.deploy(f"{prefix}-legal-entity-{finess_ej}", ROOT / "infra" / "legal-entity.yaml", parameters)


def put_clients(cloud: Cloud, prefix: str, certified: Certified, authority: Authority, trust: Mapping[str, str]) -> None:
    """Put a legal entity's TLS client certificates into its secrets.

    Args:
        authority: Who issued them.
        trust: `insi` and `dmp`: PEM of what the remote's own certificate must descend from, where that is another authority.
    """
    vault = cloud.client("secretsmanager", "operator")
    for kind, credential in certified.clients.items():
        other = trust.get(kind.partition("-")[0], "")
        secret = {
            "certificate_pem": credential.certificate_pem().decode(),
            "key_pem": credential.key_pem().decode(),
            "chain_pem": authority.chain_pem().decode(),
            **({"ca_pem": other} if other else {}),
        }
        vault.put_secret_value(SecretId=f"{prefix}/legal-entity/{certified.finess_ej}/{kind}", SecretString=json.dumps(secret))


def put_mailbox(cloud: Cloud, prefix: str, site: str, certified: Certified, authority: Authority, box: Mapping[str, str]) -> None:
    """Put the application mailbox of a site into its secret.

    Args:
        box: `address`, `label`, `reply_to`, `password`, and `ca_pem` where the operator's own certificate has another authority.
    """
    secret = {
        "certificate_pem": certified.mailbox.certificate_pem().decode(),
        "key_pem": certified.mailbox.key_pem().decode(),
        "chain_pem": authority.chain_pem().decode(),
        **box,
    }
    cloud.client("secretsmanager", "operator").put_secret_value(
        SecretId=f"{prefix}/mailbox/{site}", SecretString=json.dumps(secret)
    )


def put_sign_certificate(cloud: Cloud, prefix: str, finess_ej: str, authority: Authority, request: str) -> x509.Certificate:
    """Let the authority answer a request, and put the certificate into its secret.

    Args:
        request: PKCS#10 as PEM, signed in KMS.
    """
    certificate = authority.sign_of_request(x509.load_pem_x509_csr(request.encode()))
    secret = {"certificate_pem": certificate.public_bytes(Encoding.PEM).decode(), "chain_pem": authority.chain_pem().decode()}
    cloud.client("secretsmanager", "operator").put_secret_value(
        SecretId=f"{prefix}/legal-entity/{finess_ej}/sign-certificate", SecretString=json.dumps(secret)
    )
    return certificate


def show(folder: Path, certified: Certified, sign: x509.Certificate) -> None:
    """Leave the public halves in the evidence, as a verifier wants them."""
    for kind, credential in {**certified.clients, "mailbox": certified.mailbox}.items():
        (folder / f"{certified.finess_ej}-{kind}.pem").write_bytes(credential.certificate_pem())
    (folder / f"{certified.finess_ej}-sign.pem").write_bytes(sign.public_bytes(Encoding.PEM))
