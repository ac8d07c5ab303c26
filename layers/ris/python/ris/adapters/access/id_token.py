"""Prove an ID token (OpenID Connect Core §3.1.3.7), or refuse it with the name of what failed.

The header is read by us first and decides nothing but which *published* key is tried: the algorithm must be one of a fixed list; a
key or an address that the token itself brings is a refusal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError

from ris.adapters.access.https import strict_object
from ris.adapters.access.keys import SigningKeys
from ris.domain.errors import NotAllowed

ALGORITHMS = ("RS256", "PS256", "ES256")
LEEWAY = timedelta(seconds=30)
OLDEST = timedelta(minutes=10)
_MOST_CHARACTERS = 16 * 1024
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_SELF_MADE_TRUST = ("jwk", "jku", "x5u", "crit", "b64", "zip")


@dataclass(frozen=True)
class Expected:
    """What a token must say.

    Args:
        acr: Required authentication level, empty when none is.
        access_token: Delivered with it, compared with `at_hash` when that is there.
    """

    issuer: str
    client_id: str
    nonce: str
    jwks_uri: str
    acr: str = ""
    access_token: str = ""


def prove(token: object, expected: Expected, keys: SigningKeys, now: datetime) -> dict[str, object]:
    """Return the claims of a token that proves what is expected.

    Args:
        token: As the token endpoint delivered it.
        expected: What it must say.
        keys: The provider's published keys.
        now: Aware UTC instant.

    Raises:
        NotAllowed: `token_*` or `unknown_key`: names what failed.
        RemoteUnavailable: The keys cannot be read.
    """
    header = _header(token)
    assert isinstance(token, str)
    alg, kid = _algorithm(header), header.get("kid")
    if kid is not None and (not isinstance(kid, str) or not kid):
        raise NotAllowed("token_kid")
    key = keys.find(expected.jwks_uri, kid, alg)
    try:
        signed = jwt.decode(token, key, algorithms=[alg])
    except (JoseError, ValueError, TypeError):
        raise NotAllowed("token_signature") from None
    claims = strict_object(_decoded(token.split(".")[1]), code="token_claims")
    if claims != signed.claims:
        raise NotAllowed("token_claims")
    _check_who(claims, expected)
    _check_when(claims, now)
    _check_bindings(claims, expected)
    return claims


def _header(token: object) -> Mapping[str, object]:
    if not isinstance(token, str) or len(token) > _MOST_CHARACTERS or not _COMPACT.fullmatch(token):
        raise NotAllowed("token_form")
    header = strict_object(_decoded(token.split(".")[0]), code="token_header")
    if any(name in header for name in _SELF_MADE_TRUST) or header.get("typ", "JWT") != "JWT":
        raise NotAllowed("token_header")
    return header


def _decoded(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise NotAllowed("token_form") from None


def _algorithm(header: Mapping[str, object]) -> str:
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in ALGORITHMS:
        raise NotAllowed("token_algorithm")
    return alg


def _check_who(claims: Mapping[str, object], expected: Expected) -> None:
    if claims.get("iss") != expected.issuer:
        raise NotAllowed("token_issuer")
    audience = claims.get("aud")
    if audience != expected.client_id and audience != [expected.client_id]:
        raise NotAllowed("token_audience")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise NotAllowed("token_azp")
    if claims.get("typ", "ID") != "ID":
        raise NotAllowed("token_kind")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject.isascii() or not 0 < len(subject) <= 255:
        raise NotAllowed("token_subject")


def _check_when(claims: Mapping[str, object], now: datetime) -> None:
    instant, leeway = now.timestamp(), LEEWAY.total_seconds()
    if instant >= _seconds(claims, "exp") + leeway:
        raise NotAllowed("token_expired")
    issued = _seconds(claims, "iat")
    if issued > instant + leeway or issued < instant - OLDEST.total_seconds():
        raise NotAllowed("token_issued_at")
    if "nbf" in claims and _seconds(claims, "nbf") > instant + leeway:
        raise NotAllowed("token_not_yet")
    if "auth_time" in claims and _seconds(claims, "auth_time") > instant + leeway:
        raise NotAllowed("token_auth_time")


def _seconds(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise NotAllowed("token_instant", field=name)
    return float(value)


def _check_bindings(claims: Mapping[str, object], expected: Expected) -> None:
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not nonce.isascii() or not hmac.compare_digest(nonce, expected.nonce):
        raise NotAllowed("token_nonce")
    if expected.acr and claims.get("acr") != expected.acr:
        raise NotAllowed("token_acr")
    if "at_hash" in claims and claims["at_hash"] != _half_hash(expected.access_token):
        raise NotAllowed("token_at_hash")


def _half_hash(text: str) -> str:
    """Return the left half of the SHA-256, base64url. Source: OpenID Connect Core §3.1.3.6."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()
