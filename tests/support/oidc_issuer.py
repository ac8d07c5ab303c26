"""A tiny OpenID provider over HTTPS that says whatever a test wants, right or forged; it signs with `cryptography` alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import tempfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

CLIENT_ID = "ris"
CLIENT_SECRET = "secret of the client"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(header: dict[str, Any] | bytes, claims: dict[str, Any] | bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return a JWS in compact form."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signed = ".".join(map(b64, parts))
    return f"{signed}.{b64(sign(signed.encode()))}"


def rs256(key: Key) -> Callable[[bytes], bytes]:
    """Return an RSASSA-PKCS1-v1_5 signer."""
    return lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def ps256(key: Key) -> Callable[[bytes], bytes]:
    """Return an RSASSA-PSS signer."""
    return lambda data: key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def es256(key: Key, size: int = 32) -> Callable[[bytes], bytes]:
    """Return an ECDSA signer with the raw form of JWS."""

    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return sign


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    """Return an HMAC signer."""
    return lambda data: hmac.new(secret, data, hashlib.sha256).digest()


def jwk(key: Key, **more: Any) -> dict[str, Any]:
    """Return the public JWK of a key."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        return {"kty": "RSA", "n": b64(n), "e": b64(numbers.e.to_bytes(3, "big")), **more}
    point = public.public_numbers()
    size = (public.curve.key_size + 7) // 8
    names = {"secp256r1": "P-256", "secp384r1": "P-384"}
    x, y = (b64(value.to_bytes(size, "big")) for value in (point.x, point.y))
    return {"kty": "EC", "crv": names[public.curve.name], "x": x, "y": y, **more}


class Issuer:
    """The provider: change what it says, count what it was asked.

    Args:
        discovery: Path of its discovery document.
    """

    def __init__(self, discovery: str = "/.well-known/openid-configuration") -> None:
        self.key, self.ec_key = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
        self.ca_pem, chain = _certificates()
        self.asked: list[tuple[str, str, dict[str, list[str]], dict[str, str]]] = []
        self.id_token: Any = ""
        self.answers: dict[str, tuple[int, str, bytes]] = {}
        self.discovery_path = discovery
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = chain.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.reset()

    def reset(self) -> None:
        """Say the right things again."""
        self.keys = [jwk(self.key, kid="rsa", use="sig", alg="RS256"), jwk(self.ec_key, kid="ec", use="sig", alg="ES256")]
        self.said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "end_session_endpoint": f"{self.url}/logout",
        }
        self.userinfo: dict[str, Any] = {"sub": "person", "SubjectNameID": "899900012347"}
        self.id_token = ""
        self.answers.clear()
        self.asked.clear()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def claims(self, now: datetime, **other: Any) -> dict[str, Any]:
        """Return the claims of a good ID token; a value `...` leaves its claim out."""
        at = int(now.timestamp())
        good = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "azp": CLIENT_ID,
            "sub": "person",
            "exp": at + 120,
            "iat": at,
            "auth_time": at - 5,
            "nonce": "the nonce",
            "acr": "eidas1",
            "typ": "ID",
        }
        return {name: value for name, value in (good | other).items() if value is not ...}

    def signed(self, now: datetime, header: dict[str, Any] | None = None, **other: Any) -> str:
        """Return an ID token signed with the published RSA key, with other claims or header members."""
        return compact({"alg": "RS256", "kid": "rsa", "typ": "JWT"} | (header or {}), self.claims(now, **other), rs256(self.key))

    def count(self, path: str) -> int:
        """Return how often a path was asked."""
        return sum(asked[1] == path for asked in self.asked)

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path in self.answers:
            return self.answers[path]
        tokens = {"access_token": "the access token", "token_type": "Bearer", "id_token": self.id_token}
        bodies = {
            self.discovery_path: self.said,
            "/jwks": {"keys": self.keys},
            "/token": tokens,
            "/userinfo": self.userinfo,
        }
        if path not in bodies:
            return 404, "text/plain", b"no"
        return 200, "application/json", json.dumps(bodies[path]).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._serve({})

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                self._serve(parse_qs(self.rfile.read(length).decode()))

            def _serve(self, form: dict[str, list[str]]) -> None:
                issuer.asked.append((self.command, self.path, form, dict(self.headers.items())))
                status, media_type, body = issuer._answer(self.path)
                self.send_response(status)
                self.send_header("content-type", media_type)
                self.send_header("content-length", str(len(body)))
                if status in (301, 302, 307):
                    self.send_header("location", body.decode())
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                return

        return Handler


def _certificates() -> tuple[str, ssl.SSLContext]:
    """Return a CA's PEM and a server context whose certificate it signed, for 127.0.0.1."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of the tests")])
    start, end = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)

    def build(subject: x509.Name, public: Any, *extensions: tuple[Any, bool]) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(ca_key, hashes.SHA256())

    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    subject_key = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    ca = build(name, ca_key.public_key(), (x509.BasicConstraints(True, None), True), (usage, True), (subject_key, False))
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    server = build(server_name, key.public_key(), (address, False), (authority, False))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = serialization.Encoding.PEM
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "chain.pem"
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        chain.write_bytes(private + server.public_bytes(pem))
        context.load_cert_chain(chain)
    return ca.public_bytes(pem).decode(), context
