"""A client of a simulated OpenID provider, well behaved unless told otherwise; the clock is the test's."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from infra.local.services.http_door import Reply, Request
from infra.local.services.oidc_provider import Provider
from infra.local.services.oidc_tokens import s256

CALLBACK = "http://127.0.0.1:9000/login/callback"
GOODBYE = "http://127.0.0.1:9000/"
VERIFIER = "v" * 43
SECRET = "s3cret:é"


class Clock:
    """Seconds since the epoch, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        """Return now."""
        return self.now


class Party:
    """Plays the client's server and the person's browser."""

    def __init__(self, provider: Provider, clock: Clock, folder: Path) -> None:
        self.provider, self.clock, self.folder = provider, clock, folder
        self.realm = urlsplit(provider.issuer).path
        self.psc = bool(provider.profile.acr)

    def question(self, **changes: str | None) -> dict[str, str]:
        """Return a right authorization request, changed; None removes a parameter."""
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": "ris",
            "redirect_uri": CALLBACK,
            "scope": "openid scope_all" if self.psc else "openid",
            "state": "st4te",
            "nonce": "n0nce",
            "code_challenge": s256(VERIFIER),
            "code_challenge_method": "S256",
            **({"acr_values": "eidas1"} if self.psc else {}),
            **changes,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def authorize(self, asked: dict[str, str] | list[tuple[str, str]]) -> Reply:
        """Open the authorization page."""
        pairs = list(asked.items()) if isinstance(asked, dict) else asked
        return self.provider.pages(Request("GET", "/auth", query=pairs))

    def choose(self, page: Reply, subject: str) -> Reply:
        """Choose a person on the page."""
        found = re.search(rb'name="interaction" value="([^"]+)"', page.body)
        assert found
        form = [("interaction", found[1].decode()), ("subject", subject)]
        return self.provider.pages(Request("POST", "/auth/choose", form=form))

    def code(self, subject: str, **changes: str | None) -> str:
        """Log a person in and return the code."""
        return returned(self.choose(self.authorize(self.question(**changes)), subject))["code"]

    def token(self, *, secret: str = SECRET, basic: bool = True, **form: str) -> Reply:
        """Ask the token endpoint."""
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if basic:
            pair = f"ris:{quote(secret, safe='')}"
            headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": "ris", "client_secret": secret}
        return self.post("token", list(form.items()), headers)

    def redeem(self, code: str, **changes: str) -> Reply:
        """Exchange a code."""
        asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **changes}
        return self.token(**asked)

    def login(self, subject: str, **changes: str | None) -> dict[str, Any]:
        """Return the tokens of a whole login."""
        reply = self.redeem(self.code(subject, **changes))
        assert reply.status == 200, reply.body
        return json.loads(reply.body)

    def post(self, endpoint: str, form: list[tuple[str, str]], headers: dict[str, str]) -> Reply:
        """POST to an endpoint of the back channel."""
        return self.provider.back_channel(
            Request("POST", f"{self.realm}/protocol/openid-connect/{endpoint}", form=form, headers=headers)
        )

    def userinfo(self, access_token: str) -> Reply:
        """GET the userinfo endpoint."""
        headers = {"authorization": f"Bearer {access_token}"}
        return self.provider.back_channel(Request("GET", f"{self.realm}/protocol/openid-connect/userinfo", headers=headers))


def returned(reply: Reply) -> dict[str, str]:
    """Return what a redirection brings to the callback."""
    assert reply.status == 303, reply.body
    address = urlsplit(reply.headers["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == CALLBACK
    return dict(parse_qsl(address.query))


def error_of(reply: Reply) -> str:
    """Return the error code of a JSON answer."""
    return str(json.loads(reply.body)["error"])
