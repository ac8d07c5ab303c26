"""A strict OpenID Connect provider: authorization code flow, PKCE, refresh, userinfo, introspection, logout.

The two providers of the demo differ by a `Profile`. Two doors: the back channel (HTTPS, what the client's server calls) and the
person's pages (HTTP on the loopback, so that a browser that does not know the demo's PKI does not warn); discovery names
both. Time comes in as a function, so that a test grows a token old without waiting.

Source: OpenID Connect Core 1.0, RFC 6749, RFC 7636, RFC 7662, RP-Initiated Logout 1.0, RFC 9207.
"""

from __future__ import annotations

import re
import secrets
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from infra.local.services import oidc_pages
from infra.local.services.control import Script
from infra.local.services.http_door import Reply, Request, html_reply, json_reply, redirect
from infra.local.services.oidc_clients import Client, Clients, OAuthError
from infra.local.services.oidc_tokens import SigningKeys, half_hash, s256, stranger
from infra.local.services.recorder import Recorder

CODE_S = 60
SECRET = frozenset(
    {"client_secret", "code", "code_verifier", "refresh_token", "access_token", "id_token", "token", "id_token_hint"}
)
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


@dataclass(frozen=True)
class Profile:
    """What makes one provider differ from another.

    Args:
        realm: Path of the issuer.
        discovery: Path of the discovery document under the issuer.
        scopes: Scopes a client may ask; `openid` is always required.
        acr: Value that `acr_values` must have, and the only one; empty when none is asked for.
        nonce_and_state_mandatory: Refuse an authorization request without them.
        pkce_mandatory: Refuse one without a challenge (one that has it is always checked).
        evidence_prefix: Before the names of evidence files.
        access_s, refresh_s, session_s: Lifetimes in seconds.
        id_claims, access_claims, userinfo: What is said of a person.
        returns_issuer: Add `iss` to the redirection (RFC 9207).
    """

    title: str
    realm: str
    discovery: str
    scopes: frozenset[str]
    acr: str
    nonce_and_state_mandatory: bool
    pkce_mandatory: bool
    evidence_prefix: str
    access_s: int
    refresh_s: int
    session_s: int
    amr: tuple[str, ...]
    describe: Callable[[dict[str, Any]], tuple[str, str]]
    id_claims: Callable[[dict[str, Any]], dict[str, Any]]
    access_claims: Callable[[dict[str, Any]], dict[str, Any]]
    userinfo: Callable[[dict[str, Any]], dict[str, Any]]
    returns_issuer: bool = False


@dataclass
class _Grant:
    """One login: from the authorization request to the last refresh token."""

    client_id: str
    asked: dict[str, str]
    subject: str = ""
    sid: str = field(default_factory=lambda: str(uuid.uuid4()))
    at: float = 0.0
    code_used: bool = False
    refresh: str = ""
    refresh_until: float = 0.0
    ended: bool = False


class Provider:
    """The provider's rules, without sockets.

    Args:
        issuer: Address of the HTTPS door and the realm's path.
        front: Address of the door of the pages.
        people: Who can log in, by subject (`subject` of the group, RPPS of Pro Sante Connect).
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        issuer: str,
        front: str,
        clients: list[dict[str, Any]],
        people: list[dict[str, Any]],
        recorder: Recorder,
        now: Callable[[], float],
    ) -> None:
        self.profile, self.issuer, self.front = profile, issuer, front
        self.clients, self.keys, self.script = Clients(clients), SigningKeys(), Script()
        self._people = {person["subject"]: person for person in people}
        self._recorder, self._now, self._lock = recorder, now, threading.RLock()
        self._interactions: dict[str, _Grant] = {}
        self._codes: dict[str, _Grant] = {}
        self._refreshes: dict[str, _Grant] = {}
        self._sessions: dict[str, _Grant] = {}
        self._tamper: dict[str, Any] = {}
        self._amr = list(profile.amr)

    # --- routing ---

    def back_channel(self, request: Request) -> Reply:
        """Answer the HTTPS door: what a client's server calls."""
        realm = urlsplit(self.issuer).path
        endpoints = {
            ("GET", f"{realm}/{self.profile.discovery}"): ("discovery", lambda _: json_reply(self.metadata())),
            ("GET", f"{realm}/protocol/openid-connect/certs"): ("certs", lambda _: json_reply(self.keys.published())),
            ("POST", f"{realm}/protocol/openid-connect/token"): ("token", self._token),
            ("GET", f"{realm}/protocol/openid-connect/userinfo"): ("userinfo", self._userinfo),
            ("POST", f"{realm}/protocol/openid-connect/userinfo"): ("userinfo", self._userinfo),
            ("POST", f"{realm}/protocol/openid-connect/token/introspect"): ("introspect", self._introspect),
        }
        point, answer = endpoints.get((request.method, request.path), ("", _not_found))
        return self._failure(point) or answer(request)

    def pages(self, request: Request) -> Reply:
        """Answer the HTTP door: what a person's browser opens."""
        doors = {
            ("GET", "/auth"): ("authorize", self._authorize),
            ("POST", "/auth/choose"): ("choose", self._choose),
            ("GET", "/logout"): ("logout", self._logout),
            ("POST", "/logout"): ("logout", self._logout),
        }
        point, answer = doors.get((request.method, request.path), ("", _not_found))
        return self._failure(point) or answer(request)

    def command(self, body: dict[str, Any]) -> None:
        """Obey the control door: `rotate`, `retire`, `enrol` (a client), `amr` (list), `tamper` (claims of the next ID token).

        In `tamper`, the claim `signature` makes a token signed by a key nobody publishes; a null value removes a claim.
        """
        known = {"rotate", "retire", "enrol", "amr", "tamper"}
        if set(body) - known:
            raise ValueError(f"unknown commands: {sorted(set(body) - known)}")
        with self._lock:
            if body.get("rotate"):
                self.keys.rotate()
            if body.get("retire"):
                self.keys.retire()
            if "enrol" in body:
                self.clients.enrol(body["enrol"])
            if "amr" in body:
                self._amr = list(body["amr"])
            self._tamper.update(body.get("tamper", {}))

    def metadata(self) -> dict[str, Any]:
        """Return the discovery document."""
        base = f"{self.issuer}/protocol/openid-connect"
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.front}/auth",
            "token_endpoint": f"{base}/token",
            "userinfo_endpoint": f"{base}/userinfo",
            "introspection_endpoint": f"{base}/token/introspect",
            "jwks_uri": f"{base}/certs",
            "end_session_endpoint": f"{self.front}/logout",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": sorted(self.profile.scopes),
            **({"acr_values_supported": [self.profile.acr]} if self.profile.acr else {}),
            "authorization_response_iss_parameter_supported": self.profile.returns_issuer,
        }

    def _failure(self, point: str) -> Reply | None:
        fault = self.script.take(point) if point else None
        if fault is None:
            return None
        return Reply(cut=True) if fault == "cut" else json_reply({"error": "temporarily_unavailable"}, int(fault))

    # --- the person's pages ---

    def _authorize(self, request: Request) -> Reply:
        self._evidence("authorize", request.query)
        asked = dict(request.query)
        client = self.clients.get(asked.get("client_id", ""))
        # What cannot be trusted to name its own address is answered here, never by a redirection.
        if len(asked) != len(request.query):
            return self._refuse("invalid_request", "a parameter is repeated")
        if client is None:
            return self._refuse("unauthorized_client", "unknown client_id")
        if asked.get("redirect_uri") not in client.redirect_uris:
            return self._refuse("invalid_request", "redirect_uri is not one declared")
        try:
            self._check_authorization(asked)
        except OAuthError as refused:
            return self._back(asked, error=refused.code, error_description=refused.why)
        interaction = secrets.token_urlsafe(24)
        with self._lock:
            self._interactions[interaction] = _Grant(client.client_id, asked, at=self._now())
        people = [(subject, *self.profile.describe(person)) for subject, person in self._people.items()]
        return html_reply(oidc_pages.choice(self.profile.title, "/auth/choose", interaction, people))

    def _check_authorization(self, asked: dict[str, str]) -> None:
        if asked.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "only response_type=code")
        scopes = asked.get("scope", "").split()
        if "openid" not in scopes or set(scopes) - self.profile.scopes:
            raise OAuthError("invalid_scope", "openid is required, unknown scopes are refused")
        if self.profile.nonce_and_state_mandatory and not (asked.get("state") and asked.get("nonce")):
            raise OAuthError("invalid_request", "state and nonce are mandatory")
        if self.profile.acr and asked.get("acr_values") != self.profile.acr:
            raise OAuthError("invalid_request", f"acr_values must be {self.profile.acr}")
        if asked.get("response_mode", "query") != "query":
            raise OAuthError("invalid_request", "only response_mode=query")
        self._check_challenge(asked)
        if asked.get("prompt") == "none":
            raise OAuthError("login_required", "nobody is logged in here")

    def _check_challenge(self, asked: dict[str, str]) -> None:
        challenge = asked.get("code_challenge", "")
        if not challenge and self.profile.pkce_mandatory:
            raise OAuthError("invalid_request", "code_challenge is missing")
        if challenge and (asked.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge)):
            raise OAuthError("invalid_request", "code_challenge must be of method S256")

    def _choose(self, request: Request) -> Reply:
        form = dict(request.form)
        with self._lock:
            grant = self._interactions.pop(form.get("interaction", ""), None)
        if grant is None:
            return self._refuse("invalid_request", "this page was used already")
        subject = form.get("subject", "")
        if subject not in self._people:
            return self._back(grant.asked, error="access_denied", error_description="the person did not log in")
        grant.subject, grant.at = subject, self._now()
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._codes[code] = grant
            self._sessions[grant.sid] = grant
        return self._back(grant.asked, code=code, session_state=grant.sid)

    def _refuse(self, code: str, why: str) -> Reply:
        return html_reply(oidc_pages.refusal(self.profile.title, code, why), 400)

    def _back(self, asked: dict[str, str], **parameters: str) -> Reply:
        if "state" in asked:
            parameters["state"] = asked["state"]
        if self.profile.returns_issuer:
            parameters["iss"] = self.issuer
        joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
        return redirect(f"{asked['redirect_uri']}{joint}{urlencode(parameters)}")

    def _logout(self, request: Request) -> Reply:
        asked = dict(request.query + request.form)
        self._evidence("logout", request.query + request.form)
        claims = self.keys.claims_of(asked.get("id_token_hint", ""))
        if claims is None:
            return self._refuse("invalid_request", "id_token_hint is missing or not ours")
        if asked.get("client_id", claims["aud"]) != claims["aud"]:
            return self._refuse("invalid_request", "client_id is not the one of id_token_hint")
        with self._lock:
            grant = self._sessions.pop(claims.get("sid", ""), None)
            if grant is not None:
                grant.ended = True
        client = self.clients.get(claims["aud"])
        target = asked.get("post_logout_redirect_uri")
        if target is None:
            return html_reply(oidc_pages.farewell(self.profile.title))
        if client is None or target not in client.post_logout_redirect_uris:
            return self._refuse("invalid_request", "post_logout_redirect_uri is not one declared")
        joint = "&" if urlsplit(target).query else "?"
        return redirect(target + (f"{joint}{urlencode({'state': asked['state']})}" if "state" in asked else ""))

    # --- the back channel ---

    def _token(self, request: Request) -> Reply:
        self._evidence("token", request.form, request)
        try:
            form, client = self._authenticated(request)
            with self._lock:
                if form.get("grant_type") == "authorization_code":
                    return json_reply(self._issue(self._redeem_code(form, client)))
                if form.get("grant_type") == "refresh_token":
                    return json_reply(self._issue(self._redeem_refresh(form, client)))
            raise OAuthError("unsupported_grant_type", "authorization_code or refresh_token")
        except OAuthError as refused:
            return _oauth_reply(refused)

    def _authenticated(self, request: Request) -> tuple[dict[str, str], Client]:
        form = dict(request.form)
        if not request.is_form or len(form) != len(request.form):
            raise OAuthError("invalid_request", "one urlencoded form, each parameter once")
        return form, self.clients.authenticate(request, form)

    def _redeem_code(self, form: dict[str, str], client: Client) -> _Grant:
        grant = self._codes.get(form.get("code", ""))
        if grant is None or grant.client_id != client.client_id:
            raise OAuthError("invalid_grant", "unknown code")
        if grant.code_used:
            grant.ended = True  # RFC 6749 §4.1.2: a second use revokes what the first one gave
            raise OAuthError("invalid_grant", "the code was used already")
        grant.code_used = True
        if self._now() - grant.at > CODE_S:
            raise OAuthError("invalid_grant", "the code has expired")
        if form.get("redirect_uri") != grant.asked["redirect_uri"]:
            raise OAuthError("invalid_grant", "redirect_uri differs from the one of the authorization request")
        challenge, verifier = grant.asked.get("code_challenge", ""), form.get("code_verifier", "")
        if challenge and not (VERIFIER.fullmatch(verifier) and s256(verifier) == challenge):
            raise OAuthError("invalid_grant", "code_verifier does not fit the challenge")
        if not challenge and verifier:
            raise OAuthError("invalid_grant", "a verifier without a challenge")
        return grant

    def _redeem_refresh(self, form: dict[str, str], client: Client) -> _Grant:
        grant = self._refreshes.get(form.get("refresh_token", ""))
        if grant is None or grant.client_id != client.client_id or grant.ended:
            raise OAuthError("invalid_grant", "unknown refresh token")
        if form["refresh_token"] != grant.refresh:
            grant.ended = True
            raise OAuthError("invalid_grant", "the refresh token was used already")
        if self._now() >= min(grant.refresh_until, grant.at + self.profile.session_s):
            raise OAuthError("invalid_grant", "the session has expired")
        return grant

    def _issue(self, grant: _Grant) -> dict[str, Any]:
        now, profile, person = int(self._now()), self.profile, self._people[grant.subject]
        common = {
            "iss": self.issuer,
            "sub": person.get("sub", grant.subject),
            "azp": grant.client_id,
            "iat": now,
            "auth_time": int(grant.at),
            "sid": grant.sid,
            "acr": profile.acr or "1",
            **({"nonce": grant.asked["nonce"]} if "nonce" in grant.asked else {}),
        }
        scope = grant.asked["scope"]
        access = self.keys.sign(
            {
                **common,
                **profile.access_claims(person),
                "exp": now + profile.access_s,
                "jti": str(uuid.uuid4()),
                "scope": scope,
                "typ": "Bearer",
            }
        )
        id_claims = {
            **common,
            **profile.id_claims(person),
            "aud": grant.client_id,
            "exp": now + profile.access_s,
            "jti": str(uuid.uuid4()),
            "amr": self._amr,
            "at_hash": half_hash(access),
            "typ": "ID",
        }
        grant.refresh, grant.refresh_until = secrets.token_urlsafe(40), now + profile.refresh_s
        self._refreshes[grant.refresh] = grant
        return {
            "access_token": access,
            "expires_in": profile.access_s,
            "refresh_token": grant.refresh,
            "refresh_expires_in": profile.refresh_s,
            "token_type": "Bearer",
            "id_token": self._sign_id_token(id_claims),
            "not-before-policy": 0,
            "session_state": grant.sid,
            "scope": scope,
        }

    def _sign_id_token(self, claims: dict[str, Any]) -> str:
        tamper, self._tamper = self._tamper, {}
        foreign = stranger() if tamper.pop("signature", None) is not None else None
        told = {name: value for name, value in {**claims, **tamper}.items() if value is not None}
        return self.keys.sign(told, key=foreign)

    def _userinfo(self, request: Request) -> Reply:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self._living(token) if scheme.lower() == "bearer" else None
        if grant is None:
            return json_reply({"error": "invalid_token"}, 401, WWW_Authenticate='Bearer error="invalid_token"')
        person = self._people[grant.subject]
        return json_reply({"sub": person.get("sub", grant.subject), **self.profile.userinfo(person)})

    def _introspect(self, request: Request) -> Reply:
        self._evidence("introspect", request.form, request)
        try:
            form, _ = self._authenticated(request)
        except OAuthError as refused:
            return _oauth_reply(refused)
        token = form.get("token", "")
        if self._living(token) is None:
            return json_reply({"active": False})
        return json_reply({"active": True, **(self.keys.claims_of(token) or {})})

    def _living(self, token: str) -> _Grant | None:
        claims = self.keys.claims_of(token)
        if claims is None or claims.get("typ") != "Bearer" or claims["exp"] <= self._now():
            return None
        grant = self._sessions.get(claims["sid"])
        return None if grant is None or grant.ended else grant

    def _evidence(self, what: str, parameters: list[tuple[str, str]], request: Request | None = None) -> None:
        shown = [{"name": name, "value": masked(value) if name in SECRET else value} for name, value in parameters]
        content: dict[str, Any] = {"provider": self.issuer, "parameters": shown}
        if request is not None:
            scheme = request.headers.get("authorization", "").partition(" ")[0]
            content["client_authentication"] = "client_secret_basic" if scheme.lower() == "basic" else "client_secret_post"
        self._recorder.record_json(f"{self.profile.evidence_prefix}{what}.json", content)
        self.script.note(endpoint=what, parameters=[name for name, _ in parameters])


def masked(value: str) -> str:
    """Return what can be shown of a secret: how long it is."""
    return f"*** ({len(value)} characters)"


def _oauth_reply(refused: OAuthError) -> Reply:
    headers = {"WWW_Authenticate": 'Basic realm="token"'} if refused.status == 401 else {}
    return json_reply({"error": refused.code, "error_description": refused.why}, refused.status, **headers)


def _not_found(_: Request) -> Reply:
    return json_reply({"error": "not_found"}, 404)
