"""Static files: read once, named with a hash of their content, kept by browsers for a year.

htmx comes out of a pinned package when the environment is made (`static/vendor/htmx.min.js`); where it is absent the pages work without.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml; charset=utf-8"}


@dataclass(frozen=True)
class Asset:
    """One file.

    Args:
        version: First 16 hex digits of its SHA-256.
    """

    name: str
    text: str
    content_type: str
    version: str

    @property
    def url(self) -> str:
        """Return the address that may be cached for ever."""
        return f"/static/{self.name}?v={self.version}"


@functools.cache
def assets(folder: Path = FOLDER) -> dict[str, Asset]:
    """Return every static file by its file name; names are unique over the folders."""
    return {path.name: _asset(path) for path in sorted(folder.rglob("*")) if path.suffix in _TYPES}


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(path.name, content.decode(), _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])


def url_of(name: str) -> str:
    """Return the cacheable address of a file, or an empty string when the file is not there."""
    found = assets().get(name)
    return found.url if found else ""
