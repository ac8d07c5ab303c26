"""Keys and signed tokens of the OpenID providers: RS256, a JWKS that rotates on command, the half hash of OpenID Connect.

Source: RFC 7515, RFC 7517, RFC 7519; OpenID Connect Core 1.0 §3.1.3.6 (at_hash).
"""

from __future__ import annotations

import base64
import hashlib
import threading
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey


class SigningKeys:
    """The provider's keys; the newest signs, all that are published verify."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: list[RSAKey] = []
        self.rotate()

    def rotate(self) -> None:
        """Sign with a new key from now on; the older ones stay published."""
        key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, private=True)
        key.ensure_kid()
        with self._lock:
            self._keys.append(key)

    def retire(self) -> None:
        """Publish the newest key alone, as a provider does once old tokens have expired."""
        with self._lock:
            del self._keys[:-1]

    def published(self) -> dict[str, Any]:
        """Return the JWKS: public halves only."""
        with self._lock:
            return {"keys": [key.as_dict(private=False) for key in self._keys]}

    def sign(self, claims: dict[str, Any], *, key: RSAKey | None = None) -> str:
        """Return the claims as a JWT; another key than ours makes one that does not verify."""
        with self._lock:
            kid = self._keys[-1].kid
            signer = key or self._keys[-1]
        return jwt.encode({"alg": "RS256", "kid": kid, "typ": "JWT"}, claims, signer, algorithms=["RS256"])

    def claims_of(self, token: str) -> dict[str, Any] | None:
        """Return the claims of a token of ours, expired or not; None when it is not ours."""
        with self._lock:
            keys = KeySet(list(self._keys))
        try:
            return dict(jwt.decode(token, keys, algorithms=["RS256"]).claims)
        except (JoseError, ValueError):
            return None


def stranger() -> RSAKey:
    """Return a key nobody publishes, for a token that must be refused."""
    return RSAKey.generate_key(2048, private=True)


def half_hash(text: str) -> str:
    """Return the left half of SHA-256 in base64url: at_hash of an access token under RS256."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


def s256(verifier: str) -> str:
    """Return the code challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
