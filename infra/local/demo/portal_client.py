"""A browser, as far as the demo needs one: cookies, redirections, forms posted as a person would.

Cookies go by host and ignore the port, as in a browser; a Secure one is kept for the loopback, which browsers trust.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3

from infra.local.demo.journey import StepFailed
from infra.local.demo.portal_page import Form, PageContent, read

TIMEOUT = urllib3.Timeout(connect=3.0, read=30.0)
MOST_REDIRECTIONS = 12


@dataclass(frozen=True)
class Answer:
    """What a browser shows in the end."""

    status: int
    url: str
    headers: dict[str, str]
    body: bytes
    page: PageContent = field(default_factory=PageContent)

    @property
    def path(self) -> str:
        """Return the path of the address shown."""
        return urlsplit(self.url).path

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


class Browser:
    """One person's browser.

    Args:
        home: The portal's address.
        ca_file: CA of a provider of somebody else; the system's trust when empty.
    """

    def __init__(self, home: str, ca_file: str = "") -> None:
        self.home = home.rstrip("/")
        context = ssl.create_default_context(cafile=ca_file or None)
        self._pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=TIMEOUT)
        self._cookies: dict[str, dict[str, str]] = {}

    def open(self, address: str, *, as_json: bool = False) -> Answer:
        """Follow a link or an address; a path is the portal's."""
        return self._go("GET", urljoin(self.home + "/", address), None, as_json=as_json)

    def submit(self, shown: Answer, form: Form, typed: dict[str, str], *, action: str = "") -> Answer:
        """Send a form of the page shown, with what a person typed or chose.

        Args:
            action: `data-action` of the button that was clicked, where the form has several.
        """
        values = {**form.fields, **typed}
        target = urljoin(shown.url, form.ways.get(action) or form.action or shown.url)
        if form.method == "get":
            return self._go("GET", f"{target.split('?')[0]}?{urlencode(values)}", None)
        return self._go("POST", target, values, referer=shown.url)

    def login(self, provider: str, fields: dict[str, str]) -> Answer:
        """Log in through a provider's own page, filling the form that has those fields.

        Raises:
            StepFailed: A page on the way was not the expected one.
        """
        doors = self.open("/login")
        door = doors.page.link(provider=provider)
        if not door:
            raise StepFailed(f"the login page has no door of {provider}")
        page = self.open(door)
        form = page.page.form_with(*fields)
        if page.status != 200 or form is None:
            raise StepFailed(f"the provider's page has no form with {sorted(fields)} (HTTP {page.status})")
        home = self.submit(page, form, fields)
        if home.status != 200 or not home.url.startswith(self.home):
            raise StepFailed(f"the login did not end in the portal (HTTP {home.status})")
        return home

    def cookie_names(self) -> set[str]:
        """Return the names of the cookies kept for the portal."""
        return set(self._cookies.get(urlsplit(self.home).hostname or "", {}))

    def _go(self, method: str, url: str, form: dict[str, str] | None, *, referer: str = "", as_json: bool = False) -> Answer:
        for _ in range(MOST_REDIRECTIONS):
            answer = self._once(method, url, form, referer=referer, as_json=as_json)
            if answer.status not in {301, 302, 303, 307}:
                return answer
            referer, url = url, urljoin(url, answer.headers["location"])
            if answer.status != 307:
                method, form = "GET", None
        raise StepFailed("too many redirections")

    def _once(self, method: str, url: str, form: dict[str, str] | None, *, referer: str, as_json: bool) -> Answer:
        host = urlsplit(url).hostname or ""
        headers = {"Accept": "application/json" if as_json else "text/html,*/*;q=0.8", "User-Agent": "demo"}
        kept = self._cookies.setdefault(host, {})
        if kept:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        if method == "POST":
            parts = urlsplit(referer)
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"{parts.scheme}://{parts.netloc}"}
        body = urlencode(form) if form is not None else None
        answer = self._pool.request(method, url, headers=headers, body=body, redirect=False)
        for line in answer.headers.getlist("set-cookie"):
            self._keep(kept, line)
        lower = {name.lower(): value for name, value in answer.headers.items()}
        html = lower.get("content-type", "").startswith("text/html")
        page = read(answer.data.decode("utf-8", "replace")) if html else PageContent()
        return Answer(answer.status, url, lower, answer.data, page)

    def _keep(self, kept: dict[str, str], line: str) -> None:
        cookie: SimpleCookie = SimpleCookie(line)
        for name, morsel in cookie.items():
            if name.startswith("__Host-") and (not morsel["secure"] or morsel["path"] != "/" or morsel["domain"]):
                continue  # a browser drops it
            if morsel["max-age"] in {"0", 0} or not morsel.value:
                kept.pop(name, None)
            else:
                kept[name] = morsel.value
