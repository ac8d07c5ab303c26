"""HTTPS to an identity provider: one trust anchor, short time limits, bounded answers, no redirection followed.

A connection serves one request: a function that slept between two logins would find the old one closed, and nothing is sent twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import urllib3

from ris.adapters.keys.revocation import code_of
from ris.adapters.keys.server_trust import server_context
from ris.domain.errors import NotAllowed, RemoteUnavailable

MOST_BYTES = 256 * 1024
_LIMITS = urllib3.Timeout(connect=3.0, read=5.0)


@dataclass(frozen=True)
class Answer:
    """One answer: status, media type in lower case without parameters, body of at most MOST_BYTES."""

    status: int
    media_type: str
    body: bytes

    def json_object(self, *, code: str) -> dict[str, object]:
        """Return the body as a JSON object.

        Raises:
            NotAllowed: With that code, when it is anything else.
        """
        if self.media_type not in ("application/json", "application/jwk-set+json"):
            raise NotAllowed(code, detail="the provider's answer is not JSON")
        return strict_object(self.body, code=code)


class Https(Protocol):
    """What the client needs of HTTP."""

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET."""

    def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Return the answer to a POST of a form."""


class PooledHttps:
    """urllib3 with the system's trust, or with nothing but the CA that is given.

    Args:
        ca_pem: PEM of the provider's CA, used from memory; empty = the system's trust store.
    """

    def __init__(self, ca_pem: str = "") -> None:
        self._pool = urllib3.PoolManager(ssl_context=server_context(ca_pem), retries=False, timeout=_LIMITS, maxsize=2)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a GET.

        Raises:
            RemoteUnavailable: No answer, or one longer than MOST_BYTES, or a server error.
        """
        return self._send("GET", url, headers=dict(headers or {}))

    def post_form(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """Return the answer to a POST of a form; raises as `get`."""
        return self._send("POST", url, headers=dict(headers), fields=dict(form), encode_multipart=False)

    def _send(self, method: str, url: str, **words: object) -> Answer:
        if not url.startswith("https://"):
            raise NotAllowed("provider_not_https", detail="an address of the provider is not https")
        try:
            answer = self._pool.request(method, url, preload_content=False, redirect=False, **words)  # type: ignore[arg-type]
            try:
                body = answer.read(MOST_BYTES + 1, decode_content=True)
            finally:
                answer.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise RemoteUnavailable(code_of(error, "provider_unreachable"), detail=type(error).__name__) from None
        if len(body) > MOST_BYTES or answer.status >= 500:
            raise RemoteUnavailable("provider_failed", detail=f"HTTP {answer.status}")
        media_type = answer.headers.get("content-type", "").split(";")[0].strip().lower()
        return Answer(answer.status, media_type, body)


def strict_object(data: bytes, *, code: str) -> dict[str, object]:
    """Read a JSON object; a repeated name, NaN or anything but an object is refused.

    Raises:
        NotAllowed: With that code.
    """
    try:
        read = json.loads(data, object_pairs_hook=_without_repetition, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise NotAllowed(code, detail="not a strict JSON object") from None
    if not isinstance(read, dict):
        raise NotAllowed(code, detail="not a JSON object")
    return read


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("repeated name")
    return read


def _no_constant(name: str) -> object:
    raise ValueError(name)
