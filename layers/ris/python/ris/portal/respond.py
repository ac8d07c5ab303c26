"""From a view's answer, or a failure, to the response Chalice sends."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from chalice.app import Response

from ris.bootstrap.portal import PortalSettings
from ris.domain.errors import InvalidInput, NotAllowed, OutcomeUnknown, Refused, RemoteRejected, RemoteUnavailable, RisError
from ris.portal import cookies
from ris.portal.answers import Answer, Raw, Redirect
from ris.portal.call import Call, Wants
from ris.portal.french import sentence, title_of
from ris.portal.layout import context_of
from ris.portal.pages import render

HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"

_STATUS: tuple[tuple[type[RisError], int], ...] = (
    (InvalidInput, 400),
    (NotAllowed, 403),
    (Refused, 409),
    (RemoteRejected, 502),
    (RemoteUnavailable, 503),
    (OutcomeUnknown, 503),
)


def status_of(error: RisError) -> int:
    """Return the HTTP status of a group of errors."""
    return next((status for group, status in _STATUS if isinstance(error, group)), 500)


def rendered(call: Call, answer: Answer) -> Response:
    """Return the response of a view's answer, in the form the caller can use."""
    if isinstance(answer, Raw):
        return Response(answer.body, headers={"Content-Type": answer.content_type, **answer.headers}, status_code=answer.status)
    if isinstance(answer, Redirect):
        return _redirect(call, answer)
    extra: dict[str, Any] = {**answer.headers, **_cookie_header(answer.cookies)}
    if call.wants is Wants.JSON and answer.data is not None:
        return Response(answer.data.model_dump_json(), headers={"Content-Type": JSON, **extra}, status_code=answer.status)
    body = render(answer.template, {**context_of(call), **answer.values})
    return Response(body, headers={"Content-Type": HTML, **extra}, status_code=answer.status)


def _redirect(call: Call, answer: Redirect) -> Response:
    extra = _cookie_header(answer.cookies)
    if call.wants is Wants.JSON and answer.data is not None:
        headers = {"Content-Type": JSON, "Location": answer.location, **extra}
        return Response(answer.data.model_dump_json(), headers=headers, status_code=201)
    if call.wants is Wants.FRAGMENT:
        return Response("", headers={"Content-Type": HTML, "HX-Redirect": answer.location, **extra}, status_code=204)
    return Response("", headers={"Content-Type": HTML, "Location": answer.location, **extra}, status_code=303)


def _cookie_header(values: tuple[str, ...]) -> dict[str, list[str]]:
    return {"Set-Cookie": list(values)} if values else {}


def problem(wants: Wants, status: int, code: str, *, field: str = "", headers: dict[str, Any] | None = None) -> Response:
    """Return a failure: the same bytes for the same status and code, whoever asks."""
    text = sentence(code)
    if wants is Wants.JSON:
        body = json.dumps({"code": code, "message": text, **({"field": field} if field else {})}, ensure_ascii=False)
        return Response(body, headers={"Content-Type": JSON, **(headers or {})}, status_code=status)
    template = "fragments/problem.html" if wants is Wants.FRAGMENT else "problem.html"
    body = render(template, {"status": status, "code": code, "title": title_of(status), "text": text, "field": field})
    return Response(body, headers={"Content-Type": HTML, **(headers or {})}, status_code=status)


def login_needed(call: Call, settings: PortalSettings, reason: str, *, back: str = "") -> Response:
    """Send to the login and back: a page by redirection, JSON and fragments by 401.

    Args:
        call: Whose session is over, or never was.
        settings: Of the portal.
        reason: Code.
        back: Local page that gives back what was typed; empty for the page itself.
    """
    had_cookie = reason != "no_session"
    dead = {"Set-Cookie": [cookies.killing(cookies.name_of("session", settings.cookie_suffix))]} if had_cookie else {}
    place = back or return_to(call)
    address = "/login?" + urlencode({"next": place, **({"reason": reason} if had_cookie else {})}, quote_via=quote)
    if call.wants is Wants.PAGE:
        return Response("", headers={"Content-Type": HTML, "Location": address, **dead}, status_code=303)
    redirect = {"HX-Redirect": address} if call.wants is Wants.FRAGMENT else {}
    return problem(call.wants, 401, reason, headers={"WWW-Authenticate": "Session", **redirect, **dead})


def return_to(call: Call) -> str:
    """Return the local page to come back to: this one, or for what was posted or a fragment the page it stands on."""
    if call.method == "GET" and call.wants is Wants.PAGE:
        pairs = [(name, value) for name, values in call.query.items() for value in values]
        return call.path + (f"?{urlencode(pairs)}" if pairs else "")
    return _page_of(call.headers.get("hx-current-url") or call.headers.get("referer", ""), call.public_url)


def _page_of(address: str, public_url: str) -> str:
    local = address.removeprefix(public_url)
    return local if address.startswith(public_url + "/") and local.startswith("/") else "/"
