"""A TLS context with a client certificate that never touches a disk.

`ssl` loads certificates from paths only, so the PEM text passes through an anonymous file in memory.
"""

from __future__ import annotations

import os
import ssl

from ris.adapters.keys.server_trust import server_context


def client_context(*, certificate_pem: str, key_pem: str, ca_pem: str, tls_1_2_only: bool = True) -> ssl.SSLContext:
    """Return a context for mutual TLS.

    Args:
        certificate_pem: Client certificate and its chain.
        key_pem: Its private key, unencrypted, as Secrets Manager keeps it.
        ca_pem: What the server's certificate must descend from; empty takes the machine's trust.
        tls_1_2_only: The national services speak mutual TLS 1.2; it also makes a refused certificate fail before anything is sent.
    """
    context = server_context(ca_pem)
    if tls_1_2_only:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    descriptor = os.memfd_create("client", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, (key_pem.strip() + "\n" + certificate_pem.strip() + "\n").encode("ascii"))
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    return context
