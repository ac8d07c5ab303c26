"""One HTTPS request, by the standard library."""

from __future__ import annotations

import ssl
from urllib.request import urlopen


def get(url: str, context: ssl.SSLContext) -> bytes:
    """Return the body of a GET."""
    with urlopen(url, context=context, timeout=5) as answer:
        return bytes(answer.read())
