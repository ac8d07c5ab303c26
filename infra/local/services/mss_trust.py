"""Mutual TLS of a mail operator, and what a client's certificate must say for a mailbox.

Certificates come from IGC-Sante or from the operator's own authority, per mailbox; a revocation list is asked for only when there is one.

Source: Referentiel socle MSSante #2, ECO.1.1.1-1.1.10 (versions and suites); RFC 3207, RFC 9051 §6.2.1.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SUITES = ":".join(
    (
        "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-RSA-AES256-SHA384",
        "ECDHE-RSA-AES128-SHA256",
        "DHE-RSA-AES256-GCM-SHA384",
        "DHE-RSA-AES128-GCM-SHA256",
    )
)
SHORT = {
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "commonName": "CN",
}
LATEST = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True)
class MailTrust:
    """The server's side; files are read again for each connection, so that a revocation shows at once.

    Args:
        certificate, key: Chain and key of the server, PEM files.
        ca: PEM file of the authorities of the clients; `more_ca` others (an operator's own).
        crl: PEM file of revocation lists, or empty: then none is asked for.
        latest: Highest version spoken, `1.2` or `1.3`.
    """

    certificate: str
    key: str
    ca: str
    crl: str = ""
    more_ca: list[str] = field(default_factory=list)
    latest: str = "1.3"

    def context(self) -> ssl.SSLContext:
        """Return the context of now."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, LATEST[self.latest]
        context.set_ciphers(SUITES)
        context.load_cert_chain(self.certificate, self.key)
        for authorities in (self.ca, *self.more_ca):
            context.load_verify_locations(authorities)
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        if self.crl:
            context.load_verify_locations(self.crl)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        return context


@dataclass(frozen=True)
class Client:
    """Who is at the other end, as the handshake showed it.

    Args:
        subject, issuer: By short names (`C ST O OU CN`).
        version: `TLSv1.2` or `TLSv1.3`.
    """

    subject: dict[str, str]
    issuer: dict[str, str]
    version: str
    cipher: str

    def facts(self) -> dict[str, Any]:
        """Return what evidence says of the connection."""
        named = {"subject": _written(self.subject), "issuer": _written(self.issuer)}
        return {"tls": {"version": self.version, "cipher": self.cipher}, "client_certificate": named}


def client_of(transport: Any) -> Client | None:
    """Return the client of a connection under TLS, or None without a verified certificate."""
    handshake, certificate = transport.get_extra_info("ssl_object"), transport.get_extra_info("peercert")
    if handshake is None or not certificate:
        return None
    cipher = handshake.cipher()
    return Client(_named(certificate["subject"]), _named(certificate["issuer"]), handshake.version(), cipher[0] if cipher else "")


def _named(parts: Iterable[Iterable[tuple[str, str]]]) -> dict[str, str]:
    return {SHORT.get(kind, kind): value for part in parts for kind, value in part}


def _written(parts: dict[str, str]) -> str:
    return ", ".join(f"{kind}={value}" for kind, value in parts.items())
