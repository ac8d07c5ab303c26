"""What a view may answer; the gate turns it into HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True)
class Page:
    """A template with its values; with `data`, the same thing as JSON for those who ask for it.

    Args:
        template: Path under `templates/`.
        data: What `Accept: application/json` gets instead.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    data: BaseModel | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Redirect:
    """Go there by GET (303)."""

    location: str
    data: BaseModel | None = None
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Raw:
    """Bytes or text as they are: static files, the OpenAPI document.

    Args:
        body: Text, or bytes of a content type listed in `ris.portal.app.BINARY_TYPES`.
    """

    body: str | bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Page | Redirect | Raw


class NotFound(Exception):
    """Nothing there, or nothing one may know of: the same bytes."""


class Stop(Exception):
    """An answer decided before or instead of the view.

    Args:
        status: HTTP status.
        code: Key of a sentence in `ris.portal.french`.
    """

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
