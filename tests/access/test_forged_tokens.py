"""Tokens that prove nothing, each refused with the name of what failed: over HTTPS, through the client that logs people in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from ris.adapters.access.https import PooledHttps
from ris.adapters.access.oidc import OidcClient, psc_settings
from ris.domain.errors import NotAllowed
from tests.support.access import NOW, Clock
from tests.support.oidc_issuer import CLIENT_ID, CLIENT_SECRET, Issuer, b64, compact, es256, hs256, jwk, ps256, rs256

Forge = Callable[[Issuer, datetime], Any]
AT = int(NOW.timestamp())
STRANGER = rsa.generate_private_key(65537, 2048)
SHORT = rsa.generate_private_key(65537, 1024)
P384 = ec.generate_private_key(ec.SECP384R1())


def _claims(**other: Any) -> Forge:
    return lambda issuer, now: issuer.signed(now, **other)


def _header(**other: Any) -> Forge:
    return lambda issuer, now: issuer.signed(now, other)


def _with(header: dict[str, Any], sign: Callable[[Issuer], Callable[[bytes], bytes]]) -> Forge:
    return lambda issuer, now: compact(header, issuer.claims(now), sign(issuer))


def _public_pem(issuer: Issuer) -> bytes:
    return issuer.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _public_der(issuer: Issuer) -> bytes:
    return issuer.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _nothing(_: Issuer) -> Callable[[bytes], bytes]:
    return lambda data: b""


def _unsigned(alg: str) -> Forge:
    def forge(issuer: Issuer, now: datetime) -> str:
        return f"{b64(json.dumps({'alg': alg, 'kid': 'rsa'}).encode())}.{b64(json.dumps(issuer.claims(now)).encode())}."

    return forge


def _changed_after_signing(issuer: Issuer, now: datetime) -> str:
    header, _, signature = issuer.signed(now).split(".")
    return f"{header}.{b64(json.dumps(issuer.claims(now, sub='somebody else')).encode())}.{signature}"


def _changed_header(issuer: Issuer, now: datetime) -> str:
    _, claims, signature = issuer.signed(now).split(".")
    return f"{b64(json.dumps({'alg': 'RS256', 'kid': 'rsa', 'cty': 'x'}).encode())}.{claims}.{signature}"


def _signature_of_another(issuer: Issuer, now: datetime) -> str:
    header, claims, _ = issuer.signed(now).split(".")
    return f"{header}.{claims}.{issuer.signed(now, sub='somebody else').split('.')[2]}"


def _flipped(position: int) -> Forge:
    def forge(issuer: Issuer, now: datetime) -> str:
        header, claims, signature = issuer.signed(now).split(".")
        other = "A" if signature[position] != "A" else "B"
        return f"{header}.{claims}.{signature[:position]}{other}{signature[position + 1 :] if position != -1 else ''}"

    return forge


def _text(change: Callable[[str], Any]) -> Forge:
    return lambda issuer, now: change(issuer.signed(now))


def _repeated_claim(issuer: Issuer, now: datetime) -> str:
    body = json.dumps(issuer.claims(now))
    return compact({"alg": "RS256", "kid": "rsa"}, (body[:-1] + ', "sub": "somebody else"}').encode(), rs256(issuer.key))


def _repeated_header(issuer: Issuer, now: datetime) -> str:
    return compact(b'{"alg": "none", "alg": "RS256", "kid": "rsa"}', issuer.claims(now), rs256(issuer.key))


def _raw_claims(body: bytes) -> Forge:
    return lambda issuer, now: compact({"alg": "RS256", "kid": "rsa"}, body, rs256(issuer.key))


def _published(key: Any, kid: str, header: dict[str, Any], sign: Callable[[Any], Callable[[bytes], bytes]], **more: Any) -> Forge:
    """Forge with a key the provider really publishes, but that must not serve for this."""

    def forge(issuer: Issuer, now: datetime) -> str:
        issuer.keys.append(jwk(key, kid=kid, **more))
        return compact(header, issuer.claims(now), sign(key))

    return forge


def _symmetric_published(issuer: Issuer, now: datetime) -> str:
    issuer.keys.append({"kty": "oct", "kid": "oct", "k": b64(b"s" * 32), "use": "sig"})
    return compact({"alg": "HS256", "kid": "oct"}, issuer.claims(now), hs256(b"s" * 32))


def _two_keys_fit(issuer: Issuer, now: datetime) -> str:
    issuer.keys = [jwk(issuer.key, kid="a"), jwk(STRANGER, kid="b")]
    return compact({"alg": "RS256"}, issuer.claims(now), rs256(STRANGER))


def _same_kid_twice(issuer: Issuer, now: datetime) -> str:
    issuer.keys = [jwk(issuer.key, kid="rsa"), jwk(STRANGER, kid="rsa")]
    return issuer.signed(now)


def _withdrawn(issuer: Issuer, now: datetime) -> str:
    issuer.keys = [key for key in issuer.keys if key["kid"] != "rsa"]
    return issuer.signed(now)


def _nan(issuer: Issuer, now: datetime) -> str:
    body = json.dumps(issuer.claims(now, exp=float("nan")))
    return compact({"alg": "RS256", "kid": "rsa"}, body.encode(), rs256(issuer.key))


def _sha512(issuer: Issuer) -> Callable[[bytes], bytes]:
    return lambda data: issuer.key.sign(data, padding.PKCS1v15(), hashes.SHA512())


FORGED: list[tuple[str, Forge, str]] = [
    # The algorithm is the attacker's choice.
    ("none", _unsigned("none"), "token_form"),
    ("None", _unsigned("None"), "token_form"),
    ("NONE with a signature", _header(alg="NONE"), "token_algorithm"),
    ("none with a signature", _header(alg="none"), "token_algorithm"),
    ("empty algorithm", _header(alg=""), "token_algorithm"),
    ("algorithm is a list", _header(alg=["RS256"]), "token_algorithm"),
    ("algorithm is null", _header(alg=None), "token_algorithm"),
    ("algorithm in lower case", _header(alg="rs256"), "token_algorithm"),
    ("HMAC with the public key as PEM", _with({"alg": "HS256", "kid": "rsa"}, lambda i: hs256(_public_pem(i))), "token_algorithm"),
    ("HMAC with the public key as DER", _with({"alg": "HS256", "kid": "rsa"}, lambda i: hs256(_public_der(i))), "token_algorithm"),
    ("HMAC with the client's secret", _with({"alg": "HS256"}, lambda i: hs256(CLIENT_SECRET.encode())), "token_algorithm"),
    ("HMAC with an empty secret", _with({"alg": "HS256"}, lambda i: hs256(b"")), "token_algorithm"),
    ("HMAC with a symmetric key that is published", _symmetric_published, "token_algorithm"),
    ("RS512", _with({"alg": "RS512", "kid": "rsa"}, _sha512), "token_algorithm"),
    ("EdDSA", _header(alg="EdDSA"), "token_algorithm"),
    ("says PS256, key is for RS256", _with({"alg": "PS256", "kid": "rsa"}, lambda i: ps256(i.key)), "unknown_key"),
    ("says ES256, key is RSA", _header(alg="ES256"), "unknown_key"),
    ("says RS256, key is EC", _with({"alg": "RS256", "kid": "ec"}, lambda i: es256(i.ec_key)), "unknown_key"),
    # The key is the attacker's choice.
    ("unknown kid", _header(kid="other"), "unknown_key"),
    ("kid is a path", _header(kid="../../dev/null"), "unknown_key"),
    ("kid is an injection", _header(kid="rsa' OR '1'='1"), "unknown_key"),
    ("kid is an address", _header(kid="https://attacker.example/jwks"), "unknown_key"),
    ("kid is empty", _header(kid=""), "token_kid"),
    ("kid is a number", _header(kid=0), "token_kid"),
    ("kid is a list", _header(kid=["rsa"]), "token_kid"),
    ("signed by a stranger under a known kid", _with({"alg": "RS256", "kid": "rsa"}, lambda i: rs256(STRANGER)), "token_signature"),
    ("signed by a stranger without kid", _with({"alg": "RS256"}, lambda i: rs256(STRANGER)), "token_signature"),
    ("key in the header", _header(jwk=jwk(STRANGER)), "token_header"),
    ("address of keys in the header", _header(jku="https://attacker.example/jwks"), "token_header"),
    ("address of a certificate in the header", _header(x5u="https://attacker.example/cert"), "token_header"),
    ("two published keys fit and no kid", _two_keys_fit, "unknown_key"),
    ("one kid for two published keys", _same_kid_twice, "unknown_key"),
    ("key withdrawn by the provider", _withdrawn, "unknown_key"),
    ("RSA key of 1024 bits", _published(SHORT, "short", {"alg": "RS256", "kid": "short"}, rs256), "unknown_key"),
    ("key for encryption", _published(STRANGER, "enc", {"alg": "RS256", "kid": "enc"}, rs256, use="enc"), "unknown_key"),
    (
        "curve of another algorithm",
        _published(P384, "p384", {"alg": "ES256", "kid": "p384"}, lambda k: es256(k, 48)),
        "unknown_key",
    ),
    ("private key published", _published(STRANGER, "leak", {"alg": "RS256", "kid": "leak"}, rs256, d="AQAB"), "unknown_key"),
    # The signature or the form is wrong.
    ("claims changed after signing", _changed_after_signing, "token_signature"),
    ("header changed after signing", _changed_header, "token_signature"),
    ("signature of another token", _signature_of_another, "token_signature"),
    ("first bit of the signature", _flipped(0), "token_signature"),
    ("middle of the signature", _flipped(150), "token_signature"),
    ("no signature", _text(lambda token: token.rsplit(".", 1)[0] + "."), "token_form"),
    ("two parts", _text(lambda token: token.rsplit(".", 1)[0]), "token_form"),
    ("five parts, as if encrypted", _text(lambda token: token + ".x.y"), "token_form"),
    ("blank at the end", _text(lambda token: token + " "), "token_form"),
    ("line feed inside", _text(lambda token: token.replace(".", ".\n", 1)), "token_form"),
    ("padding", _text(lambda token: token + "=="), "token_form"),
    ("not a text", _text(lambda token: {"token": token}), "token_form"),
    ("no token at all", _text(lambda token: None), "token_form"),
    ("a token of 40 kB", _claims(padding="x" * 30_000), "token_form"),
    ("claims are a list", _raw_claims(b"[]"), "token_signature"),
    ("claims are no JSON", _raw_claims(b"{sub: person}"), "token_signature"),
    ("a claim twice", _repeated_claim, "token_claims"),
    ("a header member twice", _repeated_header, "token_header"),
    ("crit asks for something", _header(crit=["exp"]), "token_header"),
    ("unencoded payload", _header(b64=False), "token_header"),
    ("typ of an access token", _header(typ="at+jwt"), "token_header"),
    ("typ of a logout token", _header(typ="logout+jwt"), "token_header"),
    # It is somebody else's token.
    ("another issuer", _claims(iss="https://attacker.example"), "token_issuer"),
    ("issuer with a final slash", lambda i, now: i.signed(now, iss=i.url + "/"), "token_issuer"),
    ("issuer is a list", lambda i, now: i.signed(now, iss=[i.url]), "token_issuer"),
    ("no issuer", _claims(iss=...), "token_issuer"),
    ("another audience", _claims(aud="other"), "token_audience"),
    ("no audience", _claims(aud=...), "token_audience"),
    ("empty audience", _claims(aud=[]), "token_audience"),
    ("audience we do not trust beside ours", _claims(aud=[CLIENT_ID, "other"]), "token_audience"),
    ("audience that begins like ours", _claims(aud=CLIENT_ID + "2"), "token_audience"),
    ("another authorized party", _claims(azp="other"), "token_azp"),
    ("authorized party null", _claims(azp=None), "token_azp"),
    ("an access token", _claims(typ="Bearer"), "token_kind"),
    ("a refresh token", _claims(typ="Refresh"), "token_kind"),
    ("no subject", _claims(sub=...), "token_subject"),
    ("empty subject", _claims(sub=""), "token_subject"),
    ("subject is half a character", _claims(sub="\ud800"), "token_subject"),
    ("subject is a number", _claims(sub=7), "token_subject"),
    # It is not the moment.
    ("expired", _claims(exp=AT - 31), "token_expired"),
    ("expired at the last second of grace", _claims(exp=AT - 30), "token_expired"),
    ("no expiry", _claims(exp=...), "token_instant"),
    ("expiry is a text", _claims(exp=str(AT + 120)), "token_instant"),
    ("expiry is true", _claims(exp=True), "token_instant"),
    ("expiry is not a number", _nan, "token_claims"),
    ("expiry beyond all time", _claims(exp=10**300), "token_instant"),
    ("expiry before the epoch", _claims(exp=-1), "token_instant"),
    ("not yet valid", _claims(nbf=AT + 60), "token_not_yet"),
    ("not-before is a text", _claims(nbf="now"), "token_instant"),
    ("issued in the future", _claims(iat=AT + 60), "token_issued_at"),
    ("issued an hour ago", _claims(iat=AT - 3600), "token_issued_at"),
    ("no instant of issue", _claims(iat=...), "token_instant"),
    ("authenticated in the future", _claims(auth_time=AT + 60), "token_auth_time"),
    # It does not answer our question.
    ("nonce of another login", _claims(nonce="another nonce"), "token_nonce"),
    ("no nonce", _claims(nonce=...), "token_nonce"),
    ("nonce is half a character", _claims(nonce="\ud800"), "token_nonce"),
    ("nonce is a list", _claims(nonce=["the nonce"]), "token_nonce"),
    ("no acr", _claims(acr=...), "token_acr"),
    ("weaker acr", _claims(acr="eidas0"), "token_acr"),
    ("acr is a list", _claims(acr=["eidas1"]), "token_acr"),
    ("at_hash of another access token", _claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"), "token_at_hash"),
]


def _identify(client: OidcClient) -> Any:
    return client.identify(
        code="code", redirect_uri="https://ris.example/cb", code_verifier="v" * 43, nonce="the nonce", issuer="", now=NOW
    )


def _client(issuer: Issuer, clock: Clock) -> OidcClient:
    issuer.answers["/.well-known/wallet-openid-configuration"] = (200, "application/json", json.dumps(issuer.said).encode())
    return OidcClient(psc_settings(issuer.url, CLIENT_ID, CLIENT_SECRET), PooledHttps(issuer.ca_pem), clock)


@pytest.mark.parametrize(("forge", "code"), [forged[1:] for forged in FORGED], ids=[forged[0] for forged in FORGED])
def test_a_forged_token_is_refused_by_the_name_of_what_failed(issuer: Issuer, clock: Clock, forge: Forge, code: str) -> None:
    client = _client(issuer, clock)
    issuer.id_token = forge(issuer, NOW)

    with pytest.raises(NotAllowed) as refusal:
        _identify(client)

    assert code == refusal.value.code
    assert issuer.count("/userinfo") == 0, "nothing is asked in the name of a token that proves nothing"


def test_the_list_of_forgeries_is_long_enough_and_has_no_double() -> None:
    assert len(FORGED) >= 60
    assert len({name for name, *_ in FORGED}) == len(FORGED)


@pytest.mark.parametrize(
    "true",
    [
        _claims(),
        _claims(aud=[CLIENT_ID]),
        _claims(azp=..., typ=..., auth_time=...),
        _claims(exp=AT - 29),
        _claims(nbf=AT, amr=["pwd", "something new"]),
        _claims(at_hash="8kJybPby-BwHrrSnx_oS4A"),
        lambda i, now: compact({"alg": "ES256", "kid": "ec"}, i.claims(now), es256(i.ec_key)),
        lambda i, now: compact({"alg": "RS256"}, i.claims(now), rs256(i.key)),
    ],
)
def test_a_true_token_is_believed(issuer: Issuer, clock: Clock, true: Forge) -> None:
    client = _client(issuer, clock)
    issuer.id_token = true(issuer, NOW)

    who = _identify(client)

    assert who.subject == "99900012347"
    assert who.psc.acr == "eidas1"
    assert who.id_token == issuer.id_token
