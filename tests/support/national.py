"""The national services on free ports with a PKI of their own, for tests; made once a session, since keys cost time."""

from __future__ import annotations

import json
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import urllib3

from infra.local.demo.pki import Authority, Credential, write_server, write_trust

STRUCTURE = "1990000017"
OTHER_STRUCTURE = "1990000025"
NAMES = {STRUCTURE: "Imagerie du Nord", OTHER_STRUCTURE: "Imagerie du Sud"}
IDAM = "DA67E1B1"


@dataclass(frozen=True, eq=False)
class Pki:
    """One chain with every sample that a test needs.

    Args:
        files: Settings of a simulator's TLS side.
    """

    authority: Authority
    files: dict[str, str]

    @cache  # noqa: B019 - one PKI lives as long as the session
    def client(
        self, service: str = "DMP", structure: str = STRUCTURE, *, expired: bool = False, revoked: bool = False
    ) -> Credential:
        """Return an AUTH_CLI certificate."""
        made = self.authority.auth_cli(structure=structure, name=NAMES[structure], service=service, expired=expired)
        return self._listed(made, revoked)

    @cache  # noqa: B019
    def sign(self, structure: str = STRUCTURE, *, expired: bool = False, revoked: bool = False) -> Credential:
        """Return a SIGN certificate."""
        return self._listed(self.authority.sign(structure=structure, name=NAMES[structure], expired=expired), revoked)

    def context(self, credential: Credential | None, chain: bytes = b"") -> ssl.SSLContext:
        """Return a client's TLS settings."""
        context = ssl.create_default_context(cadata=self.authority.chain_pem().decode())
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if credential is not None:
            with tempfile.NamedTemporaryFile(suffix=".pem") as file:
                file.write(credential.key_pem() + credential.certificate_pem() + chain)
                file.flush()
                context.load_cert_chain(file.name)
        return context

    def _listed(self, credential: Credential, revoked: bool) -> Credential:
        if revoked:
            self.authority.revoke(credential)
            write_trust(Path(self.files["crl"]).parent, self.authority)
        return credential


def make_pki(folder: Path) -> Pki:
    """Make a chain, its list and a server's certificate in a folder."""
    authority = Authority()
    return Pki(authority, {**write_server(folder, "national", authority), **write_trust(folder, authority)})


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    kind: str
    body: bytes


def post(url: str, body: bytes, content_type: str, tls: ssl.SSLContext, headers: Mapping[str, str] | None = None) -> Got:
    """Send once; urllib3's errors are the caller's."""
    with urllib3.PoolManager(ssl_context=tls, retries=False, timeout=10) as pool:
        answer = pool.request("POST", url, body=body, headers={"Content-Type": content_type, **(headers or {})})
        return Got(answer.status, str(answer.headers.get("Content-Type", "")), answer.data)


def control(url: str, **body: Any) -> dict[str, Any]:
    """Tell a control door, then return its report."""
    if body:
        answer = urllib3.request("POST", url, body=json.dumps(body).encode())
        assert answer.status == 200, answer.data
    return dict(json.loads(urllib3.request("GET", url).data))
