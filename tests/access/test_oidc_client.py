"""Our client at a provider: what it asks, what it believes, when it asks again, and what it does when the provider is not well."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ris.adapters.access.https import MOST_BYTES, PooledHttps
from ris.adapters.access.oidc import OidcClient, group_settings, psc_settings
from ris.adapters.access.provider import ConfiguredProvider
from ris.domain.errors import NotAllowed, RemoteRejected, RemoteUnavailable
from tests.support.access import NOW, Clock
from tests.support.oidc_issuer import CLIENT_ID, CLIENT_SECRET, Issuer, compact, jwk, rs256

PSC_DISCOVERY = "/.well-known/wallet-openid-configuration"
CALLBACK = "https://ris.example/login/psc/callback"


def _json(value: Any) -> tuple[int, str, bytes]:
    return 200, "application/json", json.dumps(value).encode()


def _group(issuer: Issuer, clock: Clock) -> OidcClient:
    return OidcClient(group_settings(issuer.url, CLIENT_ID, CLIENT_SECRET), PooledHttps(issuer.ca_pem), clock)


def _psc(issuer: Issuer, clock: Clock) -> OidcClient:
    issuer.answers[PSC_DISCOVERY] = _json(issuer.said)
    return OidcClient(psc_settings(issuer.url, CLIENT_ID, CLIENT_SECRET), PooledHttps(issuer.ca_pem), clock)


def _identify(client: OidcClient, clock: Clock, issuer: str = "") -> Any:
    return client.identify(
        code="the code", redirect_uri=CALLBACK, code_verifier="v" * 43, nonce="the nonce", issuer=issuer, now=clock.now
    )


def _url(client: OidcClient) -> dict[str, list[str]]:
    url = client.authorization_url(redirect_uri=CALLBACK, state="the state", nonce="the nonce", code_challenge="the challenge")
    return parse_qs(urlsplit(url).query)


# What is asked.


def test_the_browser_is_sent_to_pro_sante_connect_with_its_scope_its_level_and_a_challenge(issuer: Issuer, clock: Clock) -> None:
    asked = _url(_psc(issuer, clock))

    assert asked == {
        "response_type": ["code"],
        "client_id": [CLIENT_ID],
        "redirect_uri": [CALLBACK],
        "scope": ["openid scope_all"],
        "acr_values": ["eidas1"],
        "state": ["the state"],
        "nonce": ["the nonce"],
        "code_challenge": ["the challenge"],
        "code_challenge_method": ["S256"],
    }


def test_the_group_s_provider_is_asked_for_no_level(issuer: Issuer, clock: Clock) -> None:
    asked = _url(_group(issuer, clock))

    assert asked["scope"] == ["openid"]
    assert "acr_values" not in asked


def test_the_code_is_exchanged_with_its_verifier_and_the_secret_in_the_header(issuer: Issuer, clock: Clock) -> None:
    issuer.id_token = issuer.signed(NOW)

    _identify(_group(issuer, clock), clock)

    ((_, _, form, headers),) = [asked for asked in issuer.asked if asked[1] == "/token"]
    assert form == {
        "grant_type": ["authorization_code"],
        "code": ["the code"],
        "redirect_uri": [CALLBACK],
        "code_verifier": ["v" * 43],
    }
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")) == b"ris:secret%20of%20the%20client"


def test_a_provider_that_takes_the_secret_only_in_the_form_gets_it_there(issuer: Issuer, clock: Clock) -> None:
    issuer.said["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    issuer.id_token = issuer.signed(NOW)

    _identify(_group(issuer, clock), clock)

    ((_, _, form, headers),) = [asked for asked in issuer.asked if asked[1] == "/token"]
    assert form["client_secret"] == [CLIENT_SECRET]
    assert "authorization" not in headers


# Who comes in.


def test_a_person_of_the_group_is_its_sub(issuer: Issuer, clock: Clock) -> None:
    issuer.id_token = issuer.signed(NOW, sub="accueil.nord", acr=...)

    who = _identify(_group(issuer, clock), clock)

    assert (who.subject, who.psc, who.id_token) == ("accueil.nord", None, issuer.id_token)
    assert issuer.count("/userinfo") == 0


def test_a_professional_is_the_rpps_behind_the_8(issuer: Issuer, clock: Clock) -> None:
    issuer.id_token = issuer.signed(NOW)
    issuer.userinfo["SubjectRefPro"] = {"exercices": [{"codeProfession": "10", "codeSavoirFaire": "SM44"}]}

    who = _identify(_psc(issuer, clock), clock)

    assert who.subject == who.psc.rpps == "99900012347"
    assert (who.psc.subject_name_id, who.psc.acr, who.psc.profession) == ("899900012347", "eidas1", "10")
    assert who.psc.speciality == "SM44"


@pytest.mark.parametrize(
    "name_id", [..., "", "0123456789", "99900012347", "8999000123470", "3630999100/1", 899900012347, None, "8９９９00012347"]
)
def test_a_name_id_that_is_no_rpps_opens_nothing(issuer: Issuer, clock: Clock, name_id: object) -> None:
    issuer.id_token = issuer.signed(NOW)
    issuer.userinfo = {"sub": "person"} if name_id is ... else {"sub": "person", "SubjectNameID": name_id}

    with pytest.raises(NotAllowed, match="psc_no_rpps"):
        _identify(_psc(issuer, clock), clock)


def test_userinfo_of_another_person_opens_nothing(issuer: Issuer, clock: Clock) -> None:
    issuer.id_token = issuer.signed(NOW)
    issuer.userinfo["sub"] = "somebody else"

    with pytest.raises(NotAllowed, match="userinfo_subject"):
        _identify(_psc(issuer, clock), clock)


def test_a_token_that_names_another_professional_than_userinfo_opens_nothing(issuer: Issuer, clock: Clock) -> None:
    issuer.id_token = issuer.signed(NOW, SubjectNameID="899900023450")

    with pytest.raises(NotAllowed, match="psc_no_rpps"):
        _identify(_psc(issuer, clock), clock)


@pytest.mark.parametrize("issuer_parameter", ["https://attacker.example", "missing"])
def test_a_callback_that_names_another_issuer_asks_for_no_token(issuer: Issuer, clock: Clock, issuer_parameter: str) -> None:
    if issuer_parameter == "missing":
        issuer.said["authorization_response_iss_parameter_supported"] = True
    client = _group(issuer, clock)

    with pytest.raises(NotAllowed, match="other_issuer"):
        _identify(client, clock, "" if issuer_parameter == "missing" else issuer_parameter)

    assert issuer.count("/token") == 0


# Keys.


def test_a_new_key_is_taken_up_when_a_token_names_it(issuer: Issuer, clock: Clock) -> None:
    client = _group(issuer, clock)
    issuer.id_token = issuer.signed(NOW)
    _identify(client, clock)
    new = rsa.generate_private_key(65537, 2048)
    issuer.keys = [jwk(new, kid="new", use="sig")]
    clock.pass_by(seconds=31)
    issuer.id_token = compact({"alg": "RS256", "kid": "new"}, issuer.claims(clock.now), rs256(new))

    assert _identify(client, clock).subject == "person"
    assert issuer.count("/jwks") == 2


def test_tokens_with_invented_kids_do_not_make_us_ask_for_keys_again_and_again(issuer: Issuer, clock: Clock) -> None:
    client = _group(issuer, clock)
    issuer.id_token = issuer.signed(NOW)
    _identify(client, clock)
    clock.pass_by(seconds=31)

    for attempt in range(20):
        issuer.id_token = issuer.signed(clock.now, {"kid": f"invented {attempt}"})
        with pytest.raises(NotAllowed, match="unknown_key"):
            _identify(client, clock)

    assert issuer.count("/jwks") == 2


def test_a_rotated_key_is_refused_within_ten_minutes(issuer: Issuer, clock: Clock) -> None:
    client = _group(issuer, clock)
    issuer.id_token = issuer.signed(NOW)
    _identify(client, clock)
    issuer.keys = [key for key in issuer.keys if key["kid"] != "rsa"]
    clock.pass_by(minutes=10)
    issuer.id_token = issuer.signed(clock.now)

    with pytest.raises(NotAllowed, match="unknown_key"):
        _identify(client, clock)


def test_old_keys_do_not_serve_when_new_ones_cannot_be_read(issuer: Issuer, clock: Clock) -> None:
    client = _group(issuer, clock)
    issuer.id_token = issuer.signed(NOW)
    _identify(client, clock)
    issuer.answers["/jwks"] = (503, "text/plain", b"")
    clock.pass_by(minutes=10)
    issuer.id_token = issuer.signed(clock.now)

    with pytest.raises(RemoteUnavailable):
        _identify(client, clock)


def test_a_published_key_that_cannot_be_read_hides_no_other(issuer: Issuer, clock: Clock) -> None:
    issuer.keys[:0] = [
        {"kty": "RSA", "kid": "bad", "n": "%%", "e": "AQAB"},
        {"kty": "OKP"},
        "no key",
        {"kty": "EC", "crv": "P-256"},
    ]  # type: ignore[list-item]
    issuer.id_token = issuer.signed(NOW)

    assert _identify(_group(issuer, clock), clock).subject == "person"


# The provider is not well.


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token_endpoint", "http://127.0.0.1:9/token"),
        ("jwks_uri", "http://127.0.0.1:9/jwks"),
        ("authorization_endpoint", "http://provider.example/authorize"),
        ("authorization_endpoint", "javascript:alert(1)"),
        ("end_session_endpoint", "http://provider.example/logout"),
        ("token_endpoint", "https://user:word@127.0.0.1/token"),
        ("token_endpoint", "file:///etc/passwd"),
        ("token_endpoint", ""),
        ("jwks_uri", None),
        ("issuer", "https://attacker.example"),
    ],
)
def test_discovery_that_leads_elsewhere_starts_no_login(issuer: Issuer, clock: Clock, field: str, value: Any) -> None:
    issuer.said[field] = value

    with pytest.raises(RemoteRejected):
        _url(_group(issuer, clock))


def test_only_the_page_of_the_browser_may_be_http_and_only_on_the_loopback(issuer: Issuer, clock: Clock) -> None:
    issuer.said["authorization_endpoint"] = "http://127.0.0.1:8080/authorize"

    url = _group(issuer, clock).authorization_url(redirect_uri=CALLBACK, state="s", nonce="n", code_challenge="c")

    assert url.startswith("http://127.0.0.1:8080/authorize?")


@pytest.mark.parametrize(
    ("path", "answer", "error", "code"),
    [
        ("/token", (400, "application/json", b'{"error":"invalid_grant"}'), RemoteRejected, "code_refused"),
        ("/token", (401, "application/json", b'{"error":"invalid_client"}'), RemoteRejected, "code_refused"),
        ("/token", (302, "text/plain", b"/elsewhere"), RemoteRejected, "code_refused"),
        ("/token", (503, "text/plain", b""), RemoteUnavailable, "provider_failed"),
        ("/token", (200, "text/html", b"<p>{}"), NotAllowed, "token_answer"),
        ("/token", (200, "application/json", b"[]"), NotAllowed, "token_answer"),
        ("/token", (200, "application/json", b"{"), NotAllowed, "token_answer"),
        ("/token", (200, "application/json", b"{}"), NotAllowed, "token_form"),
        ("/token", (200, "application/json", b"[" * 100_000), NotAllowed, "token_answer"),
        ("/token", (200, "application/json", b" " * (MOST_BYTES + 1)), RemoteUnavailable, "provider_failed"),
        ("/jwks", (404, "text/plain", b""), RemoteUnavailable, "keys_unreadable"),
        ("/jwks", (200, "application/json", b'{"keys": 7}'), NotAllowed, "unknown_key"),
        ("/userinfo", (401, "application/json", b"{}"), RemoteRejected, "userinfo_refused"),
        ("/userinfo", (200, "application/jwt", b"a.b.c"), NotAllowed, "userinfo_unreadable"),
        (PSC_DISCOVERY, (404, "text/plain", b""), RemoteUnavailable, "discovery_unreadable"),
        (PSC_DISCOVERY, (200, "application/json", b"[]"), RemoteRejected, "discovery_unreadable"),
    ],
)
def test_an_answer_out_of_the_ordinary_has_a_name(
    issuer: Issuer, clock: Clock, path: str, answer: tuple[int, str, bytes], error: type[Exception], code: str
) -> None:
    client = _psc(issuer, clock)
    issuer.answers[path] = answer
    issuer.id_token = issuer.signed(NOW)

    with pytest.raises(error, match=code):
        _identify(client, clock)


def test_a_provider_under_another_authority_is_not_spoken_to(issuer: Issuer, clock: Clock) -> None:
    stranger = Issuer()
    client = OidcClient(group_settings(issuer.url, CLIENT_ID, CLIENT_SECRET), PooledHttps(stranger.ca_pem), clock)

    with pytest.raises(RemoteUnavailable, match="provider_unreachable"):
        _url(client)

    stranger.close()
    assert issuer.asked == []


def test_a_provider_that_is_away_is_unavailable(clock: Clock) -> None:
    client = OidcClient(group_settings("https://127.0.0.1:9", CLIENT_ID, CLIENT_SECRET), PooledHttps(), clock)

    with pytest.raises(RemoteUnavailable):
        _url(client)
    assert client.logout_url(id_token="t", post_logout_redirect_uri="https://ris.example/") == ""


def test_an_issuer_without_tls_is_not_spoken_to(clock: Clock) -> None:
    with pytest.raises(RemoteRejected, match="provider_not_https"):
        _url(OidcClient(group_settings("http://127.0.0.1:9", CLIENT_ID, CLIENT_SECRET), PooledHttps(), clock))


# Logout and settings.


def test_the_logout_names_the_session_by_its_id_token_and_the_page_to_come_back_to(issuer: Issuer, clock: Clock) -> None:
    url = _group(issuer, clock).logout_url(id_token="the token", post_logout_redirect_uri="https://ris.example/out")

    assert url.startswith(f"{issuer.url}/logout?")
    assert parse_qs(urlsplit(url).query) == {
        "id_token_hint": ["the token"],
        "post_logout_redirect_uri": ["https://ris.example/out"],
        "client_id": [CLIENT_ID],
    }


def test_a_provider_without_logout_has_no_address(issuer: Issuer, clock: Clock) -> None:
    del issuer.said["end_session_endpoint"]

    assert _group(issuer, clock).logout_url(id_token="t", post_logout_redirect_uri="https://ris.example/") == ""


def test_a_renewed_secret_is_taken_up_within_ten_minutes(issuer: Issuer, clock: Clock) -> None:
    secret = {"client_id": CLIENT_ID, "client_secret": "old", "ca_pem": issuer.ca_pem}
    reads: list[str] = []

    def read() -> str:
        reads.append(secret["client_secret"])
        return json.dumps(secret)

    provider = ConfiguredProvider(issuer.url, group_settings, read, clock)
    assert reads == []
    issuer.id_token = issuer.signed(NOW)
    _identify(provider, clock)  # type: ignore[arg-type]
    secret["client_secret"] = "new"
    clock.pass_by(minutes=10)
    issuer.id_token = issuer.signed(clock.now)
    _identify(provider, clock)  # type: ignore[arg-type]

    used = [base64.b64decode(headers["authorization"].split()[1]) for _, path, _, headers in issuer.asked if path == "/token"]
    assert (reads, used) == (["old", "new"], [b"ris:old", b"ris:new"])


@pytest.mark.parametrize(
    "text", ["", "{}", '{"client_id": "ris"}', '{"client_id": "ris", "client_secret": "s", "ca_pem": "no PEM"}']
)
def test_a_secret_that_is_none_is_named_without_its_content(clock: Clock, text: str) -> None:
    provider = ConfiguredProvider("https://127.0.0.1:9", group_settings, lambda: text, clock)

    with pytest.raises(RemoteRejected, match="provider_secret") as refusal:
        provider.authorization_url(redirect_uri=CALLBACK, state="s", nonce="n", code_challenge="c")

    assert "no PEM" not in str(refusal.value) + refusal.value.detail
    assert provider.logout_url(id_token="t", post_logout_redirect_uri="https://ris.example/") == ""
