"""How a view says its address and its authorisation, in one decorator, so that a test can walk them and miss none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ris.portal.answers import Answer

View = Callable[..., "Answer"]


class Scope(Enum):
    """Where the site of a route comes from, and who checks it.

    PUBLIC: nobody is asked who they are. SESSION: any account that is logged in. ANY_SITE: the action is allowed on at least one site.
    SITE: the `{site}` of the path, checked before the view. OBJECT: the site of what the view reads; the view calls
    `Call.admit(site)`, and an answer of a view that did not is thrown away.
    """

    PUBLIC = "public"
    SESSION = "session"
    ANY_SITE = "any site"
    SITE = "site"
    OBJECT = "object"


@dataclass(frozen=True)
class Rule:
    """What one route declares of itself.

    Args:
        action: Name in the policy table; empty only for PUBLIC and SESSION.
        audited: The route touches patients: each call writes one audit record.
        body: Model of the form or JSON body of a POST.
        answer: Model of the JSON answer, where the route has one.
        max_body: Bytes a body may have, where the usual number is not enough.
        keeps: Address of the page that gives the form back when its session ended while it was typed; empty where nothing is typed.
        passive: A page asks it by itself: that keeps no unattended session open.
    """

    scope: Scope
    action: str = ""
    audited: bool = False
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    max_body: int = 256 * 1024
    keeps: str = ""
    passive: bool = False

    def __post_init__(self) -> None:
        """Refuse a route that names no action though somebody must be allowed to call it."""
        if (self.scope in (Scope.PUBLIC, Scope.SESSION)) == bool(self.action):
            raise ValueError(f"scope {self.scope.value} and action {self.action!r} do not fit")


@dataclass(frozen=True)
class Route:
    """One method of one address."""

    path: str
    method: str
    view: View
    rule: Rule


class Routes:
    """The views of one context.

    Args:
        name: The context: agenda, identity, access …
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[Route] = []

    def get(self, path: str, scope: Scope, action: str = "", **declared: Any) -> Callable[[View], View]:
        """Declare a page that changes nothing."""
        return self._declare("GET", path, Rule(scope, action, **declared))

    def post(self, path: str, scope: Scope, action: str = "", **declared: Any) -> Callable[[View], View]:
        """Declare a change; the gate asks for the CSRF token before the view."""
        return self._declare("POST", path, Rule(scope, action, **declared))

    def _declare(self, method: str, path: str, rule: Rule) -> Callable[[View], View]:
        def register(view: View) -> View:
            self.entries.append(Route(path, method, view, rule))
            return view

        return register


_PARAMETER = re.compile(r"\{(\w+)\}")
_ID = r"(?P<{}>[A-Za-z0-9_.-]+)"


class PathTable:
    """Matches an already decoded path against route patterns; a literal pattern wins over one with parameters."""

    def __init__(self, patterns: list[str]) -> None:
        ordered = sorted(patterns, key=lambda pattern: (pattern.count("{"), pattern))
        self._entries = [(pattern, self._compiled(pattern)) for pattern in ordered]

    @staticmethod
    def _compiled(pattern: str) -> re.Pattern[str]:
        pieces = _PARAMETER.split(pattern)
        literal = [re.escape(piece) if rank % 2 == 0 else _ID.format(piece) for rank, piece in enumerate(pieces)]
        return re.compile("".join(literal), re.ASCII)

    def match(self, path: str) -> tuple[str, dict[str, str]] | None:
        """Return the pattern and its parameters, or None."""
        for pattern, compiled in self._entries:
            found = compiled.fullmatch(path)
            if found:
                return pattern, found.groupdict()
        return None
