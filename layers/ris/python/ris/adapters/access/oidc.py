"""Our OpenID Connect client: authorization code flow with PKCE, for the group's provider and for Pro Sante Connect.

Addresses come from discovery (kept ten minutes). What the server is asked travels over https only; the pages a browser is sent to
(authorization, end of session) may be plain http on the loopback, where a developer's machine shows them.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode, urlsplit

from ris.adapters.access.https import Https, strict_object
from ris.adapters.access.id_token import Expected, prove
from ris.adapters.access.keys import SigningKeys
from ris.adapters.access.psc import psc_session
from ris.application.access.ports import Identified
from ris.domain.errors import NotAllowed, RemoteRejected, RemoteUnavailable

DISCOVERY_KEPT = timedelta(minutes=10)


@dataclass(frozen=True)
class ProviderSettings:
    """One provider as a deployment names it.

    Args:
        issuer: Exact `iss`; discovery is at `issuer` + `discovery_path`.
        acr: Level asked for (`acr_values`) and required back; empty = none.
        subject_of_psc: Read userinfo and link accounts by RPPS.
    """

    issuer: str
    client_id: str
    client_secret: str
    discovery_path: str = "/.well-known/openid-configuration"
    scope: str = "openid"
    acr: str = ""
    subject_of_psc: bool = False


def group_settings(issuer: str, client_id: str, client_secret: str) -> ProviderSettings:
    """Return the settings of the group's own provider."""
    return ProviderSettings(issuer.rstrip("/"), client_id, client_secret)


def psc_settings(issuer: str, client_id: str, client_secret: str) -> ProviderSettings:
    """Return the settings of Pro Sante Connect: another discovery path, its own scope, `eidas1` and nothing else."""
    return ProviderSettings(
        issuer.rstrip("/"), client_id, client_secret, "/.well-known/wallet-openid-configuration", "openid scope_all", "eidas1", True
    )


@dataclass(frozen=True)
class _Discovered:
    authorization: str
    token: str
    jwks: str
    userinfo: str
    end_session: str
    secret_in_form: bool
    says_issuer: bool


class OidcClient:
    """One provider (port `IdentityProvider`)."""

    def __init__(self, settings: ProviderSettings, https: Https, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._settings = settings
        self._https = https
        self._clock = clock
        self._keys = SigningKeys(https, clock)
        self._discovered: _Discovered | None = None
        self._discovered_at: datetime | None = None

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, code_challenge: str) -> str:
        """Return the address the browser is sent to; raise RemoteUnavailable when discovery cannot be read."""
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": self._settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": code_challenge,
            "code_challenge_method": "S256",
        }
        if self._settings.acr:
            asked["acr_values"] = self._settings.acr
        return _with_query(self._endpoints().authorization, asked)

    def identify(self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str, issuer: str, now: datetime) -> Identified:
        """Exchange the code, prove the ID token, say who it is; raises as the port says."""
        endpoints = self._endpoints()
        if issuer != self._settings.issuer and (issuer or endpoints.says_issuer):
            raise NotAllowed("other_issuer", detail="the callback's iss is not the provider's")
        tokens = self._exchange(endpoints, code, redirect_uri, code_verifier)
        access_token = tokens.get("access_token")
        access_token = access_token if isinstance(access_token, str) else ""
        expected = Expected(
            self._settings.issuer, self._settings.client_id, nonce, endpoints.jwks, self._settings.acr, access_token
        )
        claims = prove(tokens.get("id_token"), expected, self._keys, now)
        subject, id_token = str(claims["sub"]), str(tokens["id_token"])
        if not self._settings.subject_of_psc:
            return Identified(subject, id_token)
        session = psc_session(claims, self._userinfo(endpoints, access_token, subject))
        return Identified(session.rpps, id_token, session)

    def logout_url(self, *, id_token: str, post_logout_redirect_uri: str) -> str:
        """Return the provider's end-of-session address, or an empty string when it has none or cannot be reached."""
        try:
            address = self._endpoints().end_session
        except (RemoteUnavailable, RemoteRejected):
            return ""
        asked = {
            "id_token_hint": id_token,
            "post_logout_redirect_uri": post_logout_redirect_uri,
            "client_id": self._settings.client_id,
        }
        return _with_query(address, asked) if address else ""

    def _exchange(self, endpoints: _Discovered, code: str, redirect_uri: str, verifier: str) -> dict[str, object]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
        headers = {"accept": "application/json"}
        if endpoints.secret_in_form:
            form |= {"client_id": self._settings.client_id, "client_secret": self._settings.client_secret}
        else:
            headers["authorization"] = _basic(self._settings.client_id, self._settings.client_secret)
        answer = self._https.post_form(endpoints.token, form, headers)
        if answer.status != 200:
            raise RemoteRejected("code_refused", detail=f"HTTP {answer.status}")
        return answer.json_object(code="token_answer")

    def _userinfo(self, endpoints: _Discovered, access_token: str, subject: str) -> dict[str, object]:
        if not endpoints.userinfo or not access_token:
            raise NotAllowed("userinfo_missing")
        answer = self._https.get(endpoints.userinfo, {"authorization": f"Bearer {access_token}", "accept": "application/json"})
        if answer.status != 200:
            raise RemoteRejected("userinfo_refused", detail=f"HTTP {answer.status}")
        read = answer.json_object(code="userinfo_unreadable")
        if read.get("sub") != subject:
            raise NotAllowed("userinfo_subject", detail="userinfo speaks of another person than the ID token")
        return read

    def _endpoints(self) -> _Discovered:
        now = self._clock()
        if self._discovered is None or self._discovered_at is None or now - self._discovered_at >= DISCOVERY_KEPT:
            try:
                self._discovered, self._discovered_at = self._discover(), now
            except NotAllowed as fault:
                raise RemoteRejected(fault.code, field=fault.field, detail=fault.detail) from None
        return self._discovered

    def _discover(self) -> _Discovered:
        answer = self._https.get(self._settings.issuer + self._settings.discovery_path)
        if answer.status != 200:
            raise RemoteUnavailable("discovery_unreadable", detail=f"HTTP {answer.status}")
        read = strict_object(answer.body, code="discovery_unreadable")
        if read.get("issuer") != self._settings.issuer:
            raise NotAllowed("discovery_issuer", detail="discovery speaks of another issuer than the setting")
        methods = read.get("token_endpoint_auth_methods_supported")
        only_post = isinstance(methods, list) and "client_secret_basic" not in methods and "client_secret_post" in methods
        return _Discovered(
            authorization=_address(read, "authorization_endpoint", browser=True),
            token=_address(read, "token_endpoint"),
            jwks=_address(read, "jwks_uri"),
            userinfo=_address(read, "userinfo_endpoint", required=self._settings.subject_of_psc),
            end_session=_address(read, "end_session_endpoint", browser=True, required=False),
            secret_in_form=only_post,
            says_issuer=read.get("authorization_response_iss_parameter_supported") is True,
        )


def _address(read: Mapping[str, object], name: str, *, browser: bool = False, required: bool = True) -> str:
    value = read.get(name, "")
    if not isinstance(value, str) or (required and not value):
        raise NotAllowed("discovery_unreadable", field=name)
    if not value:
        return ""
    parts = urlsplit(value)
    loopback_page = browser and parts.scheme == "http" and _is_loopback(parts.hostname or "")
    if not parts.hostname or parts.username or parts.fragment or not (parts.scheme == "https" or loopback_page):
        raise NotAllowed("provider_not_https", field=name)
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _with_query(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"


def _basic(client_id: str, client_secret: str) -> str:
    """Return the Authorization header of client_secret_basic. Source: RFC 6749 §2.3.1 (each half is form-encoded first)."""
    pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()
