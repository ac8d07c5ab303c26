"""Whether a server's certificate was revoked, by the lists that its issuers publish.

handshake (chain verified) ── each certificate of the chain names its issuer's list ── revoked: the connection ends, nothing was sent
   └ a list cannot be had: the last one serves until its own end; without one the setting decides, and a log line says so

A list is read only from where the certificate says, believed only with its issuer's signature, and asked for again after `fresh_for_s`.

Source: MSS.04-06 and ECO.1.1.5-7 (revocation of the server's certificate; the last list that has not ended is kept); RFC 5280 §5, §6.3.
"""

from __future__ import annotations

import functools
import http.client
import itertools
import os
import ssl
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ris.observability import LogReference, log

if TYPE_CHECKING:
    from cryptography import x509

REVOKED, UNKNOWN = "server_certificate_revoked", "server_revocation_unknown"
LARGEST = 32 * 1024 * 1024
"""Octets of a list."""
_AGAIN = timedelta(seconds=60)
"""From a list that could not be had to the next try: a call does not wait for it each time."""


class RevocationError(ssl.SSLCertVerificationError):
    """The connection ends here; `code` says why: it is revoked, or nobody can tell and the setting wants to know."""

    def __init__(self, code: str, verify_code: int) -> None:
        super().__init__(1, code)
        self.code = code
        self.verify_code = verify_code  # X509_V_ERR_CERT_REVOKED, X509_V_ERR_UNABLE_TO_GET_CRL
        self.verify_message = self.reason = code


def code_of(error: BaseException, otherwise: str) -> str:
    """Return the code of a refusal of ours inside an error, however a library wrapped it; another error's is the caller's own."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        if isinstance(one, RevocationError):
            return one.code
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__, *(each for each in one.args if isinstance(each, BaseException))]
    return otherwise


@dataclass(frozen=True)
class _Kept:
    content: x509.CertificateRevocationList | None
    again_at: datetime


def fetched(url: str, timeout_s: float) -> bytes:
    """Return what is at an `http` address; a list is signed, so that plain HTTP carries it (RFC 5280 §8).

    Raises:
        OSError: Nobody answers; `http.client.HTTPException` and ValueError likewise.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("not an http address")
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        content = answer.read(LARGEST + 1)
    finally:
        connection.close()
    if answer.status != 200 or len(content) > LARGEST:
        raise ValueError(f"status {answer.status}, {len(content)} octets")
    return content


@dataclass
class Revocation:
    """The lists a process knows.

    Args:
        refuse_unknown: Whether a connection ends where no list can be had; else it goes on, with a log line.
        fresh_for_s: From a list that was had to the next question, however long it is valid.
        timeout_s: Of one question.
        fetch: Returns the octets at an address.
        clock: The present, aware UTC.
    """

    refuse_unknown: bool = False
    fresh_for_s: float = 3600.0
    timeout_s: float = 5.0
    fetch: Callable[[str, float], bytes] = fetched
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _lists: dict[tuple[str, bytes], _Kept] = field(default_factory=dict)

    def check(self, chain: Sequence[bytes], host: str) -> None:
        """Check each certificate of a verified chain that says where its list is.

        Args:
            chain: DER, the server's own first, each followed by its issuer.
            host: For the log.

        Raises:
            RevocationError: `server_certificate_revoked`, or `server_revocation_unknown` where the setting refuses that.
        """
        from cryptography import x509

        certificates = [x509.load_der_x509_certificate(one) for one in chain]
        for certificate, issuer in itertools.pairwise(certificates):
            places = _places(certificate)
            if not places:
                continue  # its issuer publishes no list
            found = next((one for one in (self._list(url, places, issuer) for url in places) if one is not None), None)
            if found is None:
                log(
                    LogReference.REVOCATION_001,
                    destination=host,
                    code=UNKNOWN,
                    outcome="refused" if self.refuse_unknown else "accepted",
                )
                if self.refuse_unknown:
                    raise RevocationError(UNKNOWN, 3)
            elif found.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
                log(LogReference.REVOCATION_002, destination=host, code=REVOKED)
                raise RevocationError(REVOKED, 23)

    def _list(self, url: str, places: list[str], issuer: x509.Certificate) -> x509.CertificateRevocationList | None:
        """Return an issuer's list that has not ended, or None."""
        key, now = (url, issuer.public_bytes(_der())), self.clock()
        kept = self._lists.get(key)
        if kept is None or now >= kept.again_at or (kept.content is not None and not _stands(kept.content, now)):
            kept = self._asked(url, places, issuer, kept, now)
            self._lists[key] = kept
        return kept.content if kept.content is not None and _stands(kept.content, now) else None

    def _asked(self, url: str, places: list[str], issuer: x509.Certificate, before: _Kept | None, now: datetime) -> _Kept:
        try:
            found = _read(self.fetch(url, self.timeout_s), places, issuer)
        except (OSError, http.client.HTTPException, ValueError):
            return _Kept(before.content if before else None, now + _AGAIN)
        return _Kept(found, now + timedelta(seconds=self.fresh_for_s))


@functools.cache
def of_this_process() -> Revocation:
    """Return the lists of this process, under its settings: `CRL_POLICY` (`accept` or `refuse`) and `CRL_FRESH_S`."""
    policy, fresh = os.environ.get("CRL_POLICY", "accept"), os.environ.get("CRL_FRESH_S", "")
    if policy not in ("accept", "refuse"):
        raise ValueError("CRL_POLICY is accept or refuse")
    return Revocation(refuse_unknown=policy == "refuse", fresh_for_s=float(fresh or 3600))


def _der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding

    return Encoding.DER


def _places(certificate: x509.Certificate) -> list[str]:
    """Return the http addresses of a certificate's list; another scheme (ldap) cannot be asked here."""
    from cryptography import x509

    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    names = [name for point in points for name in point.full_name or () if isinstance(name, x509.UniformResourceIdentifier)]
    return [name.value for name in names if name.value.lower().startswith("http://")]


def _stands(found: x509.CertificateRevocationList, now: datetime) -> bool:
    return found.next_update_utc is not None and now < found.next_update_utc


def _read(content: bytes, places: list[str], issuer: x509.Certificate) -> x509.CertificateRevocationList:
    """Return a list, as its issuer signed it, that speaks of the certificates of these addresses.

    Raises:
        ValueError: It is none.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    pem = content.lstrip().startswith(b"-----BEGIN")
    found = x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
    key = issuer.public_key()
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise ValueError("a key that signs no list")
    if found.issuer != issuer.subject or not found.is_signature_valid(key):
        raise ValueError("not this issuer's list")
    for extension in found.extensions:
        said = extension.value
        if isinstance(said, x509.IssuingDistributionPoint):
            names = {name.value for name in said.full_name or ()}
            if said.indirect_crl or said.only_some_reasons or (names and not names & set(places)):
                raise ValueError("a list of other certificates")
        elif extension.critical:
            raise ValueError("a part of a list")
    return found
