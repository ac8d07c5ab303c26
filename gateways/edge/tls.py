"""A port over TLS as BCP 195 (RFC 9325) asks: version 1.2 or later, forward secrecy, authenticated encryption only."""

from __future__ import annotations

import ssl

from gateways.edge.config import TlsSettings

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """Return the context of a listening port.

    Raises:
        OSError: A file cannot be read or holds no certificate or key (`ssl.SSLError` is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(settings.certificate, settings.key)
    if settings.client_authority is not None:
        context.load_verify_locations(settings.client_authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
