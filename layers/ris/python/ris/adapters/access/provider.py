"""A provider whose secret is read when somebody first logs in, and again every ten minutes: a renewed secret is taken up."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from ris.adapters.access.https import PooledHttps
from ris.adapters.access.oidc import OidcClient, ProviderSettings
from ris.application.access.ports import Identified
from ris.contracts.access import ProviderSecret
from ris.domain.errors import RemoteRejected

SECRET_KEPT = timedelta(minutes=10)
MakeSettings = Callable[[str, str, str], ProviderSettings]


class ConfiguredProvider:
    """Implements `IdentityProvider`.

    Args:
        issuer: Issuer URL.
        make_settings: `group_settings` or `psc_settings`.
        read_secret: Returns the secret's JSON text.
        clock: Aware UTC instant.
    """

    def __init__(
        self,
        issuer: str,
        make_settings: MakeSettings,
        read_secret: Callable[[], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._issuer = issuer
        self._make_settings = make_settings
        self._read_secret = read_secret
        self._clock = clock
        self._text = ""
        self._client: OidcClient | None = None
        self._read_at: datetime | None = None

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, code_challenge: str) -> str:
        """Return the address the browser is sent to; raises as the port says."""
        client = self._configured()
        return client.authorization_url(redirect_uri=redirect_uri, state=state, nonce=nonce, code_challenge=code_challenge)

    def identify(self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str, issuer: str, now: datetime) -> Identified:
        """Exchange the code, prove the ID token, say who it is; raises as the port says."""
        return self._configured().identify(
            code=code, redirect_uri=redirect_uri, code_verifier=code_verifier, nonce=nonce, issuer=issuer, now=now
        )

    def logout_url(self, *, id_token: str, post_logout_redirect_uri: str) -> str:
        """Return the provider's end-of-session address, or an empty string when it has none or cannot be reached."""
        try:
            client = self._configured()
        except RemoteRejected:
            return ""
        return client.logout_url(id_token=id_token, post_logout_redirect_uri=post_logout_redirect_uri)

    def _configured(self) -> OidcClient:
        """Return the client; the same one, with its caches, as long as the secret is the same."""
        now = self._clock()
        if self._client is None or self._read_at is None or now - self._read_at >= SECRET_KEPT:
            text = self._read_secret()
            if self._client is None or text != self._text:
                self._client = self._make(text)
            self._text, self._read_at = text, now
        return self._client

    def _make(self, text: str) -> OidcClient:
        try:
            secret = ProviderSecret.model_validate_json(text)
            https = PooledHttps(secret.ca_pem)
        except (ValidationError, ssl.SSLError, ValueError):
            raise RemoteRejected("provider_secret", detail="the provider's secret is not what docs/deployment says") from None
        settings = self._make_settings(self._issuer, secret.client_id, secret.client_secret.get_secret_value())
        return OidcClient(settings, https, self._clock)
