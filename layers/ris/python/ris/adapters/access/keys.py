"""A provider's signing keys: kept ten minutes at most, read again when a token names an unknown one, but not for ever so often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from ris.adapters.access.https import Https
from ris.domain.errors import NotAllowed, RemoteUnavailable

KEPT = timedelta(minutes=10)
REFETCHED_AT_MOST_EVERY = timedelta(seconds=30)
RSA_LEAST_BITS = 2048
RSA_LEAST_CHARACTERS = RSA_LEAST_BITS // 6
_CURVES = {"ES256": "P-256"}

SigningKey = RSAKey | ECKey


class SigningKeys:
    """The published keys of one provider.

    Args:
        clock: Returns the aware UTC instant.
    """

    def __init__(self, https: Https, clock: Callable[[], datetime]) -> None:
        self._https = https
        self._clock = clock
        self._keys: list[tuple[str, SigningKey]] = []
        self._read_at: datetime | None = None
        self._url = ""

    def find(self, url: str, kid: str | None, alg: str) -> SigningKey:
        """Return the key that a token's header names.

        Args:
            url: jwks_uri of the provider.
            kid: Header `kid`, or None: then there must be exactly one key that fits.
            alg: Header `alg`, already known to be an asymmetric one we accept.

        Raises:
            NotAllowed: `unknown_key`, also for one that is too short or of another kind than the algorithm.
            RemoteUnavailable: The keys cannot be read.
        """
        self._refresh_when(self._too_old(url), url)
        found = self._fitting(kid, alg)
        if len(found) != 1 and self._may_refetch():
            self._refresh_when(True, url)
            found = self._fitting(kid, alg)
        if len(found) != 1:
            raise NotAllowed("unknown_key", detail="no published key, or more than one, fits the token")
        return found[0]

    def _fitting(self, kid: str | None, alg: str) -> list[SigningKey]:
        return [key for name, key in self._keys if (kid is None or name == kid) and _fits(key, alg)]

    def _too_old(self, url: str) -> bool:
        return self._read_at is None or url != self._url or self._clock() - self._read_at >= KEPT

    def _may_refetch(self) -> bool:
        return self._read_at is not None and self._clock() - self._read_at >= REFETCHED_AT_MOST_EVERY

    def _refresh_when(self, due: bool, url: str) -> None:
        if not due:
            return
        answer = self._https.get(url)
        if answer.status != 200:
            raise RemoteUnavailable("keys_unreadable", detail=f"HTTP {answer.status}")
        published = answer.json_object(code="keys_unreadable").get("keys")
        self._keys = [read for entry in (published if isinstance(published, list) else []) if (read := _read(entry))]
        self._read_at, self._url = self._clock(), url


def _read(entry: object) -> tuple[str, SigningKey] | None:
    """Return (kid, key) of one published key that may sign, or None: a symmetric or encryption key is never one."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    try:
        key: SigningKey
        if entry.get("kty") == "RSA" and len(str(entry.get("n", ""))) >= RSA_LEAST_CHARACTERS:
            key = RSAKey.import_key(entry)
        elif entry.get("kty") == "EC":
            key = ECKey.import_key(entry)
        else:
            return None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    kid = entry.get("kid")
    return (kid if isinstance(kid, str) else ""), key


def _fits(key: SigningKey, alg: str) -> bool:
    if key.get("alg") not in (None, alg):
        return False
    if isinstance(key, RSAKey):
        return alg in ("RS256", "PS256") and key.public_key.key_size >= RSA_LEAST_BITS
    return key.get("crv") == _CURVES.get(alg)
