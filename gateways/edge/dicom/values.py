"""Values in the form in which they are compared, and the comparisons (PS3.4 C.2.2.2).

Everything here is text in, text or bool out; data sets and the wire are elsewhere.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta

Test = Callable[[tuple[str, ...]], bool]
_LIGATURES = str.maketrans(
    {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "’": "'", "ʼ": "'"}
)
_DATE = re.compile(r"\d{8}\Z")
_OLD_DATE = re.compile(r"(\d{4})\.(\d{2})\.(\d{2})\Z")
_TIME = re.compile(r"(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?\Z")


class BadValue(Exception):
    """A key's value is none of its VR."""


def trim(value: str) -> str:
    """Drop the padding that has no meaning: spaces and NUL, on both sides."""
    return value.strip(" \0\t\r\n")


def fold_name(value: str) -> str:
    """Return a person name for comparison: no accents, no letter case, no trailing carets, U+2019 as an apostrophe."""
    groups = [_fold(group) for group in trim(value).split("=")]
    return "=".join(groups).rstrip("=")


def _fold(group: str) -> str:
    plain = unicodedata.normalize("NFKD", group.translate(_LIGATURES))
    plain = "".join(character for character in plain if not unicodedata.combining(character)).casefold()
    return "^".join(part.strip() for part in plain.split("^")).rstrip("^")


BEGINNING = 3


def beginning(group: str) -> str:
    """Return what a folded component group begins with, the carets it could have had included."""
    return (group + "^" * BEGINNING)[:BEGINNING]


def date(value: str) -> str:
    """Return a DA as YYYYMMDD; the old form with points is read.

    Raises:
        BadValue: It is no date.
    """
    value = trim(value)
    old = _OLD_DATE.match(value)
    value = "".join(old.groups()) if old else value
    if not _DATE.match(value) or not "01" <= value[4:6] <= "12" or not "01" <= value[6:8] <= "31":
        raise BadValue("DA")
    return value


def time(value: str) -> str:
    """Return a TM as HHMMSSFFFFFF: a short one stands for its beginning (PS3.5 6.2); the old form with colons is read.

    Raises:
        BadValue: It is no time.
    """
    match = _TIME.match(trim(value))
    if match is None:
        raise BadValue("TM")
    hours, minutes, seconds, fraction = match.groups()
    if hours > "23" or (minutes or "00") > "59" or (seconds or "00") > "60":
        raise BadValue("TM")
    return hours + (minutes or "00") + (seconds or "00") + (fraction or "").ljust(6, "0")


def period(value: str, read: Callable[[str], str]) -> tuple[str, str]:
    """Return the first and last value of a range key; an open side is the empty text.

    Args:
        value: `a`, `a-b`, `a-` or `-b`.
        read: `date` or `time`.

    Raises:
        BadValue: A side is none of its VR, or both are empty.
    """
    value = trim(value)
    if "-" not in value:
        return read(value), read(value)
    first, _, last = (side.strip() for side in value.partition("-"))
    if not first and not last:
        raise BadValue("range")
    return read(first) if first else "", read(last) if last else ""


def days(first: str, last: str, most: int) -> list[str]:
    """Return every day of a period, both ends included; nothing when there are more than `most` or an end is no day of the calendar."""
    try:
        one, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    except ValueError:
        return []
    count = (end - one).days + 1
    return [(one + timedelta(days=number)).strftime("%Y%m%d") for number in range(count)] if 0 < count <= most else []


def within(first: str, last: str) -> Test:
    """Return the test of a period; an item without value is in none."""
    if first == last and first:
        return lambda values: first in values

    def test(values: tuple[str, ...]) -> bool:
        return any(value and (not first or first <= value) and (not last or value <= last) for value in values)

    return test


def universal(value: str) -> bool:
    """Return whether a key value matches everything: empty, or stars only."""
    return not trim(value).strip("*")


def text(keys: list[str]) -> Test:
    """Return the test of text keys: any of the keys matches any of the values; `*` and `?` are wild cards."""
    patterns = [trim(key) for key in keys]
    if not any(set("*?") & set(pattern) for pattern in patterns):
        wanted = frozenset(patterns)
        return lambda values: not wanted.isdisjoint(values)
    return lambda values: any(wildcard(pattern, value) for pattern in patterns for value in values)


def names(keys: list[str]) -> Test:
    """Return the test of person name keys.

    A key with one component group is looked for in every group of the value; with several, each is looked for in its own. A value
    counts with and without the carets it could have had, so that `DUPONT^MARIE^*` finds `DUPONT^MARIE`.
    """
    wanted = [fold_name(key).split("=") for key in keys]

    def one(patterns: list[str], value: str) -> bool:
        groups = value.split("=")
        if len(patterns) == 1:
            return any(_name_fits(patterns[0], group) for group in groups)
        groups += [""] * (len(patterns) - len(groups))
        return all(_name_fits(pattern, group) for pattern, group in zip(patterns, groups, strict=False))

    return lambda values: any(one(patterns, value) for patterns in wanted for value in values)


def _name_fits(pattern: str, group: str) -> bool:
    padded = group + "^" * (4 - group.count("^"))
    return not pattern or wildcard(pattern, group) or wildcard(pattern, padded)


def wildcard(pattern: str, value: str) -> bool:
    """Compare with `*` (any run) and `?` (any one character), in time of at most both lengths multiplied.

    Only the last star is ever gone back to: what an earlier one could still take, the last one can take too.
    """
    at = in_value = 0
    star, resume = -1, 0
    while in_value < len(value):
        if at < len(pattern) and pattern[at] == "*":
            star, resume = at, in_value
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", value[in_value]):
            at, in_value = at + 1, in_value + 1
        elif star >= 0:
            resume += 1
            at, in_value = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")
