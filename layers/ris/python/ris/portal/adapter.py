"""Between API Gateway (HTTP API, payload 1.0, one route `ANY /{proxy+}`) and Chalice, which looks routes up by `resourcePath`.

Paths arrive decoded and are never decoded again. On the way out every answer, whoever made it, gets the security headers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ris.portal.routing import PathTable

Event = dict[str, Any]

NO_STORE = "no-store"
SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
    "Vary": "Accept, Cookie, HX-Request",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Adapter:
    """Callable by Lambda.

    Args:
        application: The Chalice application.
        table: Its paths.
        unknown: Makes the answer for a path nobody declared, as Chalice would give it.
    """

    def __init__(self, application: Callable[[Event, Any], Event], table: PathTable, unknown: Callable[[Event], Event]) -> None:
        self._application = application
        self._table = table
        self._unknown = unknown

    def __call__(self, event: Event, context: Any = None) -> Event:
        """Answer one request."""
        request = normalised(event)
        found = self._table.match(request["path"])
        if found is None:
            return hardened(self._unknown(request), head=request["head"])
        request["requestContext"]["resourcePath"], request["pathParameters"] = found
        return hardened(self._application(request, context), head=request["head"])


def normalised(event: Event) -> Event:
    """Return the event with everything Chalice and the views read, present and in one form."""
    method = str(event.get("httpMethod") or event.get("requestContext", {}).get("httpMethod") or "GET").upper()
    context = {**(event.get("requestContext") or {}), "httpMethod": "GET" if method == "HEAD" else method}
    headers = _joined_headers(event)
    return {
        "path": event.get("path") or "/",
        "head": method == "HEAD",
        "httpMethod": context["httpMethod"],
        "headers": {**headers, "x-ris-accept": headers.get("accept", ""), "accept": "*/*"},
        "multiValueQueryStringParameters": _every_value(event),
        "pathParameters": None,
        "requestContext": context,
        "stageVariables": event.get("stageVariables"),
        "body": event.get("body"),
        "isBase64Encoded": bool(event.get("isBase64Encoded")),
    }


def _joined_headers(event: Event) -> dict[str, str]:
    """Return headers by lower-case name; several cookies become one, of anything else the last stands."""
    single = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    several = {str(name).lower(): [str(v) for v in values] for name, values in (event.get("multiValueHeaders") or {}).items()}
    for name, values in several.items():
        if values:
            single[name] = "; ".join(values) if name == "cookie" else values[-1]
    return single


def _every_value(event: Event) -> dict[str, list[str]]:
    several = event.get("multiValueQueryStringParameters")
    if several:
        return {name: list(values) for name, values in several.items()}
    return {name: [value] for name, value in (event.get("queryStringParameters") or {}).items()}


def hardened(answer: Event, *, head: bool = False) -> Event:
    """Return the answer with the security headers; a header that would split the answer is refused.

    Raises:
        ValueError: A CR or LF in a header, which is a fault of ours.
    """
    headers = {**SECURITY_HEADERS, "Cache-Control": NO_STORE, **(answer.get("headers") or {})}
    several = {name: list(values) for name, values in (answer.get("multiValueHeaders") or {}).items()}
    for name, value in [*headers.items(), *((name, value) for name, values in several.items() for value in values)]:
        if any(character in f"{name}{value}" for character in "\r\n\0"):
            raise ValueError(f"bad header {name[:40]!r}")
    return {**answer, "headers": headers, "multiValueHeaders": several, **({"body": ""} if head else {})}
