"""The portal's cookies: `__Host-`, Secure, HttpOnly, SameSite=Lax; their names carry the run, since cookies ignore ports."""

from __future__ import annotations

import re

_VALUE = re.compile(r"[A-Za-z0-9_.~-]{1,512}")
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"


def name_of(kind: str, suffix: str) -> str:
    """Return the cookie's name, e.g. `__Host-ris-session-7f3a`."""
    return f"__Host-ris-{kind}-{suffix}" if suffix else f"__Host-ris-{kind}"


def read(header: str, name: str) -> str:
    """Return the value of a cookie, or an empty string when it is absent, given twice with two values, or not one of ours."""
    values = {value.strip() for key, _, value in (pair.partition("=") for pair in header.split(";")) if key.strip() == name}
    value = values.pop() if len(values) == 1 else ""
    return value if _VALUE.fullmatch(value) else ""


def setting(name: str, value: str, *, max_age_s: int | None = None) -> str:
    """Return a Set-Cookie that lasts until the browser closes, or `max_age_s`."""
    if not _VALUE.fullmatch(value):
        raise ValueError("not a cookie value")
    age = "" if max_age_s is None else f"; Max-Age={max_age_s}"
    return f"{name}={value}; {_ATTRIBUTES}{age}"


def killing(name: str) -> str:
    """Return a Set-Cookie that ends the cookie."""
    return f"{name}=; {_ATTRIBUTES}; Max-Age=0"
