"""The TLS context of every connection the product opens: the server's chain, its name, and whether its certificate was revoked.

`ssl` makes the sockets of a context by a class that may be set; ours looks at the lists right after the handshake, before anything is
sent, whichever library opened the connection.
"""

from __future__ import annotations

import ssl
from typing import Any

from ris.adapters.keys.revocation import Revocation, of_this_process


def server_context(ca_pem: str = "", revocation: Revocation | None = None) -> ssl.SSLContext:
    """Return a context of TLS 1.2 or later.

    Args:
        ca_pem: What the server's certificate must descend from; empty takes the machine's trust.
        revocation: The lists to be looked at; those of this process when absent.

    Raises:
        ssl.SSLError: The text holds no certificate; ValueError when it is not ASCII.
    """
    context = ssl.create_default_context(cadata=ca_pem or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    class Checked(ssl.SSLSocket):
        """A socket of this context."""

        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            (revocation or of_this_process()).check(_verified_chain(self), str(self.server_hostname or ""))

    context.sslsocket_class = Checked
    return context


def _verified_chain(connection: Any) -> list[bytes]:
    """Return the chain that was verified, DER, the server's own first (Python 3.13 has a method for it)."""
    if hasattr(connection, "get_verified_chain"):
        return list(connection.get_verified_chain())
    return [bytes(ssl.PEM_cert_to_DER_cert(one.public_bytes())) for one in connection._sslobj.get_verified_chain() or ()]
