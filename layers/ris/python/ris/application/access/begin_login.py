"""Send a browser to a provider."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from ris.application.access.ports import AccessServices
from ris.domain.access.session import PendingLogin
from ris.domain.errors import InvalidInput

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_LOCAL_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9_.~!$&'()*+,;=:@%/?-]{0,500}")


@dataclass(frozen=True)
class BegunLogin:
    """Where the browser goes, and the value of the login cookie it must come back with."""

    authorization_url: str
    login_cookie: str


def fingerprint(token: str) -> str:
    """Return what is stored in place of a secret value: its SHA-256 in hex."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def begin_login(
    s: AccessServices,
    provider: str,
    *,
    redirect_uri: str,
    now: datetime,
    return_to: str = "/",
    login_cookie: str = "",
) -> BegunLogin:
    """Write a pending login and return the provider's address.

    Args:
        provider: `group` or `psc`.
        redirect_uri: Our callback, exactly as it was declared to the provider.
        return_to: Local path to go to afterwards; anything else becomes `/`.
        login_cookie: Value of the login cookie the browser already has: kept, so that two tabs can log in at once.

    Raises:
        InvalidInput: `unknown_provider`.
        RemoteUnavailable: The provider cannot be reached.
        RemoteRejected: The provider is not the one the settings name.
    """
    door = s.providers.get(provider)
    if door is None:
        raise InvalidInput("unknown_provider", field="provider")
    browser = login_cookie if _TOKEN.fullmatch(login_cookie) else s.new_token()
    state, nonce, verifier = s.new_token(), s.new_token(), s.new_token()
    url = door.authorization_url(redirect_uri=redirect_uri, state=state, nonce=nonce, code_challenge=code_challenge(verifier))
    s.sessions.begin(
        PendingLogin(
            state_id=fingerprint(state),
            provider=provider,
            browser_id=fingerprint(browser),
            nonce=nonce,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
            return_to=return_to if _LOCAL_PATH.fullmatch(return_to) else "/",
            expires_at=now + s.limits.login,
        )
    )
    return BegunLogin(url, browser)


def code_challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier. Source: RFC 7636 §4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
