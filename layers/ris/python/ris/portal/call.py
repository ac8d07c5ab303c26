"""One request as the views see it: what was asked, by whom, when; nothing of Chalice or of the event's shape."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ris.domain.access.audit import Visit
from ris.domain.access.policy import allows, authorise_any
from ris.portal.answers import Stop

if TYPE_CHECKING:
    from ris.bootstrap.portal import PortalServices
    from ris.domain.access.session import Session
    from ris.portal.routing import Rule

MAX_BODY_BYTES = 256 * 1024
_MAX_FIELDS = 100


class Wants(Enum):
    """What the caller can use: a page, a piece of one (htmx), or JSON."""

    PAGE = "page"
    FRAGMENT = "fragment"
    JSON = "json"


@dataclass
class Call:
    """One request.

    Args:
        path: As decoded by API Gateway.
        query: Every value of every name; `one` refuses a repeated one.
        public_url: Scheme and authority of our own address, no trailing slash.
        session: Set by the gate before the view of any route that is not public.
        touched: What the audit record of this call names.
        role: The role by which the action is allowed, once it is.
        others: What it touches at other sites: each is one more audit record.
        kept_on: Local path of the page that gives this form back when its session ended; empty where nothing is typed.
    """

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    wants: Wants
    public_url: str
    source_ip: str
    now: datetime
    services: PortalServices
    rule: Rule
    session: Session | None = None
    touched: Visit = field(default_factory=lambda: Visit(""))
    role: str = ""
    kept_on: str = ""
    others: tuple[Visit, ...] = ()
    _form: dict[str, str] | None = None

    @property
    def person(self) -> Session:
        """The session; only public views have none."""
        assert self.session is not None
        return self.session

    def one(self, name: str, default: str = "") -> str:
        """Return a query parameter; one that is repeated is refused."""
        values = self.query.get(name, [])
        if len(values) > 1:
            raise Stop(400, "repeated_parameter")
        return values[0].strip() if values else default

    @property
    def form(self) -> dict[str, str]:
        """The fields of the form, or of the JSON object, that was sent.

        Raises:
            Stop: 413, 415, or 400 when it cannot be read.
        """
        if self._form is None:
            self._form = parsed_body(self.headers.get("content-type", ""), self.body, self.rule.max_body)
        return self._form

    def admit(self, *sites: str, object_id: str = "", patient_id: str = "") -> str:
        """Let the person act on an object of these sites, or hide it; return the site it is allowed at.

        Raises:
            NotAllowed: No role at any of them allows the action.
        """
        wanted = Visit(self.rule.action, object_id=object_id, source_ip=self.source_ip, patient_id=patient_id)
        self.touched = replace(wanted, site=sites[0] if len(sites) == 1 else "")
        site, role = authorise_any(self.person, self.rule.action, sites)
        self.touched = replace(wanted, site=site)
        self.role = role
        return site

    def names(self, object_id: str, patient_id: str = "") -> None:
        """Say which object of the site this call is about, for the audit, and which one patient."""
        self.touched = replace(self.touched, object_id=object_id, patient_id=patient_id)

    def also(self, visit: Visit) -> None:
        """Say what this call touches besides, at another site, for the audit of that site."""
        self.others = (*self.others, visit)

    def may(self, action: str, site: str) -> bool:
        """Tell whether the person could do something else there; for menus and buttons."""
        return self.session is not None and allows(self.session, action, site)


def parsed_body(content_type: str, body: bytes, most: int = MAX_BODY_BYTES) -> dict[str, str]:
    """Return the fields of a form or of a flat JSON object; every value is text.

    Raises:
        Stop: 413 over `most` bytes, 415 for another type, 400 for what cannot be read or a field given twice.
    """
    if len(body) > most:
        raise Stop(413, "body_too_large")
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded":
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
        elif kind == "application/json":
            pairs = _flat(json.loads(body))
        else:
            raise Stop(415, "unsupported_media_type")
    except (ValueError, RecursionError):
        raise Stop(400, "unreadable_body") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Stop(400, "repeated_parameter")
    return fields


def _flat(content: Any) -> list[tuple[str, str]]:
    if not isinstance(content, dict):
        raise ValueError("not an object")
    return [
        (str(name), "" if value is None else str(value)) for name, value in content.items() if not isinstance(value, dict | list)
    ]


def body_of(event: Mapping[str, Any]) -> bytes:
    """Return the body's bytes; what is not base64 though it says so is refused as unreadable."""
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(text).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Stop(400, "unreadable_body") from None


def wanted(headers: Mapping[str, str]) -> Wants:
    """Return what the caller can use."""
    if headers.get("hx-request", "").lower() == "true":
        return Wants.FRAGMENT
    accept = headers.get("x-ris-accept", "").lower()
    return Wants.JSON if "application/json" in accept and "text/html" not in accept else Wants.PAGE


def public_address(configured: str, event: Mapping[str, Any]) -> str:
    """Return our own scheme and authority: the setting, else what the API gateway says; never the Host header.

    On the loopback interface, where the embedded cloud stands, the scheme is http.
    """
    if configured:
        return configured.rstrip("/")
    domain = str(event.get("requestContext", {}).get("domainName", ""))
    scheme = "http" if domain.partition(":")[0] in ("127.0.0.1", "localhost") else "https"
    return f"{scheme}://{domain}"
