"""A site's mailbox at its MSSante operator: its secret, its TLS context, and where the operator's servers are.

`MSS_URL` is the autoconfiguration of the operator's domain (`https://autoconfig.{domain}/mail/config-v1.1.xml`), or the two servers themselves:
`smtp://host:587 imap://host:143`.

Source: MSS/CONF.04 (autoconfiguration), MSS/CONF.12 (application mailbox: client certificate, then AUTH PLAIN), ECO.1.1.1-7 (TLS).
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ris.adapters.keys.client_tls import client_context
from ris.adapters.keys.revocation import code_of
from ris.adapters.keys.server_trust import server_context
from ris.adapters.secret import secret_text
from ris.application.dispatch.mail_port import Mailbox
from ris.domain.errors import Refused, RemoteUnavailable

KEPT_S = 300.0
"""Seconds for which a mailbox's secret is kept: a renewed certificate is taken up within that time."""
SUITES = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-SHA256"
"""MSS.03: C030, C02F, C028, C027."""
_LONGEST_CONFIG = 65_536


@dataclass(frozen=True)
class Server:
    """One server of the operator."""

    host: str
    port: int


@dataclass(frozen=True)
class Operator:
    """Both servers."""

    smtp: Server
    imap: Server


@dataclass(frozen=True)
class MailboxAccess:
    """Everything one session needs."""

    mailbox: Mailbox
    password: str
    tls: ssl.SSLContext
    operator: Operator


@dataclass
class MailboxesOfSites:
    """Gives the access of a site's mailbox, kept for minutes.

    Args:
        secrets: `boto3.client("secretsmanager")`.
        secret_prefix: `{prefix}/mailbox/{site}` is the secret: JSON `address label reply_to password certificate_pem key_pem chain_pem ca_pem`.
        url: See the module.
        product: Reference of the product given by Convergence (X-MSS-NIL).
        timeout_s: Of the autoconfiguration.
    """

    secrets: Any
    secret_prefix: str
    url: str
    product: str
    timeout_s: float = 10.0
    monotonic: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, MailboxAccess]] = field(default_factory=dict)

    def access(self, site: str) -> MailboxAccess:
        """Return the access of a site's mailbox.

        Raises:
            Refused: `mailbox_not_configured`.
            RemoteUnavailable: The secret or the autoconfiguration cannot be had now.
        """
        until, kept = self._kept.get(site, (0.0, None))
        if kept is None or until <= self.monotonic():
            kept = self._read(site)
            self._kept[site] = (self.monotonic() + KEPT_S, kept)
        return kept

    def _read(self, site: str) -> MailboxAccess:
        if not self.url:
            raise Refused("mailbox_not_configured", field="MSS_URL")
        content = self._secret(site)
        chain = content.get("chain_pem", "")
        ca = content.get("ca_pem") or chain
        try:
            tls = client_context(
                certificate_pem=content["certificate_pem"] + "\n" + chain, key_pem=content["key_pem"], ca_pem=ca, tls_1_2_only=True
            )
        except (ssl.SSLError, ValueError):
            raise Refused("mailbox_not_configured", field="certificate_pem") from None
        tls.set_ciphers(SUITES)
        mailbox = Mailbox(content["address"], content.get("label") or site, content.get("reply_to", ""), self.product)
        return MailboxAccess(mailbox, content["password"], tls, operator_of(self.url, ca, self.timeout_s))

    def _secret(self, site: str) -> dict[str, str]:
        try:
            content = json.loads(secret_text(self.secrets, f"{self.secret_prefix}/mailbox/{site}"))
        except (LookupError, ValueError):
            content = {}
        if not isinstance(content, dict):
            content = {}
        for name in ("address", "password", "certificate_pem", "key_pem"):
            if not content.get(name):
                raise Refused("mailbox_not_configured", field=name)
        return content


def operator_of(url: str, ca_pem: str, timeout_s: float) -> Operator:
    """Return where the operator's servers are.

    Raises:
        Refused: `mss_not_configured`: what was given names no two servers.
        RemoteUnavailable: `mss_unreachable`.
    """
    if url.startswith("https://"):
        return _autoconfigured(url, ca_pem, timeout_s)
    found: dict[str, Server] = {}
    for one in url.split():
        parts = urllib.parse.urlsplit(one)
        if parts.scheme in ("smtp", "imap") and parts.hostname:
            found[parts.scheme] = Server(parts.hostname, parts.port or (587 if parts.scheme == "smtp" else 143))
    if len(found) != 2:
        raise Refused("mss_not_configured", field="MSS_URL")
    return Operator(found["smtp"], found["imap"])


def _autoconfigured(url: str, ca_pem: str, timeout_s: float) -> Operator:
    parts = urllib.parse.urlsplit(url)
    context = server_context(ca_pem)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout_s, context=context)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        text = answer.read(_LONGEST_CONFIG)
    except (OSError, http.client.HTTPException) as error:
        raise RemoteUnavailable(code_of(error, "mss_unreachable"), detail="autoconfig") from None
    finally:
        connection.close()
    if answer.status != 200:
        raise RemoteUnavailable("mss_unreachable", detail=f"autoconfig {answer.status}")
    return read_autoconfig(text)


def read_autoconfig(text: bytes) -> Operator:
    """Return the servers of a document in Mozilla's format; STARTTLS alone is taken.

    Raises:
        Refused: `mss_not_configured`.
    """
    from lxml import etree

    try:
        root = etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError:
        raise Refused("mss_not_configured", field="autoconfig") from None
    return Operator(_server(root, "outgoingServer", "smtp"), _server(root, "incomingServer", "imap"))


def _server(root: Any, element: str, kind: str) -> Server:
    for one in root.iter(element):
        host, port = (one.findtext(name, "").strip() for name in ("hostname", "port"))
        if one.get("type") == kind and one.findtext("socketType", "").strip().upper() == "STARTTLS" and host and port.isdigit():
            return Server(host, int(port))
    raise Refused("mss_not_configured", field=element)
