"""The character sets of MSH-18 that this gateway can check (HL7 table 0211).

Only whether the bytes fit is looked at; they travel on untouched. In the 8859 sets the bytes 0x80 to 0x9F are control characters
that no name holds: a sender that uses them means another set (Windows-1252), so they do not fit.
"""

from __future__ import annotations

import re

DEFAULT_CHARSET = "UNICODE UTF-8"
_CODECS = {
    "ASCII": "ascii",
    "UNICODE UTF-8": "utf-8",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
}
_ALIASES = {
    "UTF-8": "UNICODE UTF-8",
    "UTF8": "UNICODE UTF-8",
    "UNICODE": "UNICODE UTF-8",
    "US-ASCII": "ASCII",
    "ISO-8859-1": "8859/1",
    "ISO8859-1": "8859/1",
    "ISO-8859-15": "8859/15",
    "ISO8859-15": "8859/15",
}
_C1 = re.compile(rb"[\x80-\x9f]")


def canonical(name: str) -> str | None:
    """Return the table's own name of a set, or None for one that is not known here."""
    wanted = name.strip().upper()
    wanted = _ALIASES.get(wanted, wanted)
    return wanted if wanted in _CODECS else None


def fits(frame: bytes, name: str) -> bool:
    """Return whether every byte is a character of the set.

    Args:
        name: A canonical name, see `canonical`.
    """
    if frame.isascii():  # of every set here
        return True
    if name.startswith("8859/") and _C1.search(frame):
        return False
    try:
        frame.decode(_CODECS[name])
    except UnicodeDecodeError:
        return False
    return True
