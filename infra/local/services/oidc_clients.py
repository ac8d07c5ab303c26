"""Clients enrolled at a provider, and how one proves who it is (RFC 6749 §2.3.1)."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from infra.local.services.http_door import Request


class OAuthError(Exception):
    """What a provider answers instead of a token.

    Args:
        code: Error code of RFC 6749 §5.2 or OpenID Connect Core §3.1.2.6.
        why: English sentence for `error_description`.
        status: HTTP status of the JSON answer.
    """

    def __init__(self, code: str, why: str, status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.why = why
        self.status = status


@dataclass
class Client:
    """One enrolled client; addresses are compared as they are written, character by character."""

    client_id: str
    client_secret: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]


class Clients:
    """Who is enrolled."""

    def __init__(self, enrolled: list[dict[str, Any]]) -> None:
        self._by_id: dict[str, Client] = {}
        for entry in enrolled:
            self.enrol(entry)

    def enrol(self, entry: dict[str, Any]) -> None:
        """Add a client, or change the addresses of one that is known (its secret stays when none is given)."""
        known = self._by_id.get(entry["client_id"])
        self._by_id[entry["client_id"]] = Client(
            entry["client_id"],
            entry.get("client_secret") or (known.client_secret if known else ""),
            list(entry.get("redirect_uris", known.redirect_uris if known else [])),
            list(entry.get("post_logout_redirect_uris", known.post_logout_redirect_uris if known else [])),
        )

    def get(self, client_id: str) -> Client | None:
        """Return the client of that id."""
        return self._by_id.get(client_id)

    def authenticate(self, request: Request, form: dict[str, str]) -> Client:
        """Return the client that sent a back-channel request.

        Raises:
            OAuthError: `invalid_client` (401), or `invalid_request` when two methods are used at once.
        """
        basic = request.headers.get("authorization", "")
        if basic and "client_secret" in form:
            raise OAuthError("invalid_request", "one client authentication method only")
        client_id, secret = _basic(basic) if basic else (form.get("client_id", ""), form.get("client_secret", ""))
        client = self._by_id.get(client_id)
        if client is None or not client.client_secret or not hmac.compare_digest(secret.encode(), client.client_secret.encode()):
            raise OAuthError("invalid_client", "unknown client or wrong secret", 401)
        if form.get("client_id", client_id) != client_id:
            raise OAuthError("invalid_request", "client_id differs from the one authenticated")
        return client


def _basic(header: str) -> tuple[str, str]:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        raise OAuthError("invalid_client", "unsupported authentication scheme", 401)
    try:
        client_id, colon, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError("invalid_client", "malformed Basic credentials", 401) from None
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else ("", "")
