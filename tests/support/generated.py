"""Documents of docs/ that a module of the tests writes."""

from __future__ import annotations

import sys
from pathlib import Path


def write_or_compare(path: Path, text: str, summary: str) -> None:
    """Write the document and say what it holds; with `--check` end with status 0 when it is so already, else 1."""
    if "--check" in sys.argv[1:]:
        sys.exit(0 if path.is_file() and path.read_text("utf-8") == text else 1)
    path.write_text(text, "utf-8")
    print(f"{path.name}: {summary}")
