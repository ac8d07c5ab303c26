"""The message header, read from bytes: all that the gateway looks at in a message.

Structure below MSH is read in the cloud. What is decided here is only whether the message can be read at all: one MSH, its
delimiters, its type and control id, and a character set that the bytes fit.

Source: HL7 v2.5 §2.14.9 (MSH), §2.5 (delimiters); hard cases 1, 3, 4, 7.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from gateways.edge.hl7 import charsets

MAX_CONTROL_ID = 199
_NAMES = frozenset((b"MSH", b"FHS", b"BHS", b"BTS", b"FTS"))
_MANY = 4096
_BLANKS = re.compile(rb"\n+")
_NEXT_LINE = re.compile(rb"\n+[A-Z][A-Z0-9]{2}[^A-Za-z0-9\s]")
_LAST_FIELD = 18
_ABSENT = (b"",) * (_LAST_FIELD + 1)
_NEVER_DELIMITER = re.compile(rb"[A-Za-z0-9\s\x00-\x1f\x7f-\xff]")


@dataclass(frozen=True)
class Fault:
    """Why a message cannot be read.

    Args:
        segment: Segment at fault, e.g. `MSH`; `field` its number, 0 for the segment as a whole.
        code: HL7 table 0357.
        words: ASCII text for ERR-8, nothing of the message in it.
    """

    segment: str
    field: int
    code: int
    words: str
    occurrence: int = 1


class Header(NamedTuple):
    """MSH, still in the sender's bytes.

    Args:
        fields: `fields[n]` is MSH-n; MSH-1 and MSH-2 are the delimiters.
    """

    fields: tuple[bytes, ...]

    def field(self, number: int) -> bytes:
        """Return MSH-`number`, empty when absent."""
        return self.fields[number] if number < len(self.fields) else b""

    def component(self, number: int, part: int) -> bytes:
        """Return component `part` (from 1) of MSH-`number`, trimmed."""
        parts = self.field(number).split(self.component_separator, part)
        return parts[part - 1].strip() if part <= len(parts) else b""

    def padded(self) -> tuple[bytes, ...]:
        """Return the fields up to MSH-18 at least, those that are absent as empty ones."""
        return self.fields if len(self.fields) > _LAST_FIELD else self.fields + _ABSENT[len(self.fields) :]

    @property
    def separator(self) -> bytes:
        """MSH-1, the field separator."""
        return self.fields[1]

    @property
    def component_separator(self) -> bytes:
        """First character of MSH-2."""
        return self.fields[2][:1]

    @property
    def source(self) -> tuple[str, str]:
        """MSH-3.1 and MSH-4.1: who sends, as the settings name it."""
        return self.component(3, 1).decode("latin-1"), self.component(4, 1).decode("latin-1")


@dataclass(frozen=True)
class Source:
    """A sender the site knows, with the character set it means when MSH-18 is empty."""

    sending_application: str
    sending_facility: str
    charset: str


class Reading(NamedTuple):
    """What could be read of one frame.

    Args:
        header: None when there is no usable MSH.
        fault: None when the message is acceptable.
        default_charset: The set that holds for an empty MSH-18 of this source.
    """

    header: Header | None
    fault: Fault | None
    default_charset: str = charsets.DEFAULT_CHARSET


def read(frame: bytes, sources: Sequence[Source] = (), default_charset: str = charsets.DEFAULT_CHARSET) -> Reading:
    """Read the header of one frame and say whether the message can be read.

    Args:
        frame: The bytes between VT and FS; CR ends a segment, LF only in a frame without any CR.
        sources: The senders known, for the character set of an empty MSH-18.
        default_charset: The set of every other sender.
    """
    segments = _segments(frame)
    header, fault = _read_header(frame, segments)
    if header is not None:
        default_charset = _charset_of(header, sources, default_charset)
    fault = _batch_fault([name for name, _ in segments]) or fault
    if fault is None and header is not None:
        fault = _content_fault(header) or _charset_fault(frame, header, default_charset)
    return Reading(header, fault, default_charset)


def read_head(head: bytes) -> Header | None:
    """Read what the beginning of an unfinished frame tells of its header; a field cut in the middle is left out."""
    header, _ = _read_header(head, _segments(head))
    if header is None or b"\r" in head.lstrip(b"\r\n") or b"\n" in head.lstrip(b"\r\n"):
        return header
    return Header(header.fields[:-1]) if len(header.fields) > 3 else None


def _segments(frame: bytes) -> list[tuple[bytes, int]]:
    """Return the header and batch segments: name and where it begins, in time of the frame's length and memory of what is found.

    Ordinary frames are walked from end mark to end mark; one of very many segments is searched for the names instead.
    """
    mark = b"\r" if b"\r" in frame else b"\n"
    return _walk(frame, mark) if frame.count(mark) <= _MANY else _search(frame, mark)


def _walk(frame: bytes, mark: bytes) -> list[tuple[bytes, int]]:
    found, start = [], 0
    while True:
        if mark == b"\r" and (blank := _BLANKS.match(frame, start)):
            start = blank.end()
        name = frame[start : start + 3]
        if name in _NAMES:
            found.append((name, start))
        start = frame.find(mark, start) + 1
        if not start:
            return found


def _search(frame: bytes, mark: bytes) -> list[tuple[bytes, int]]:
    found = []
    for name in _NAMES:
        start = frame.find(name)
        while start >= 0:
            if _begins_segment(frame, start, mark):
                found.append((name, start))
            start = frame.find(name, start + 1)
    return sorted(found, key=lambda one: one[1])


def _begins_segment(frame: bytes, start: int, mark: bytes) -> bool:
    """Return whether a segment begins here: after its end mark, and after CR also behind line feeds (CRLF, blank lines)."""
    before = start - 1
    if mark == b"\n":
        return before < 0 or frame[before] == 0x0A
    while before >= 0 and frame[before] == 0x0A:
        before -= 1
    return before < 0 or frame[before] == 0x0D


def _read_header(frame: bytes, segments: list[tuple[bytes, int]]) -> tuple[Header | None, Fault | None]:
    absent = Fault("MSH", 0, 100, "segment MSH absent en tete de message")
    for name, start in segments:
        if name == b"MSH":
            first = start == 0 or not frame[:start].strip(b"\r\n")
            return _split_header(frame, start) if first or _is_batch(frame) else (None, absent)
    return None, absent


def _is_batch(frame: bytes) -> bool:
    return frame.lstrip(b"\r\n")[:3] in (b"FHS", b"BHS")


def _split_header(frame: bytes, start: int) -> tuple[Header | None, Fault | None]:
    stop = frame.find(b"\r" if b"\r" in frame else b"\n", start)
    segment = frame[start : len(frame) if stop < 0 else stop]
    mixed = _NEXT_LINE.search(segment)
    if mixed:  # another segment behind LF, in a frame with a CR somewhere: what follows is none of the header's fields
        header, fault = _split_header(segment[: mixed.start()], 0)
        return header, fault or Fault("MSH", 0, 100, "segments finis par LF dans une trame qui contient CR, rien n'a ete pris")
    separator = segment[3:4]
    if not separator or _NEVER_DELIMITER.match(separator):
        return None, Fault("MSH", 1, 101, "separateur de champs MSH-1 absent ou impossible")
    parts = segment.split(separator)
    encoding = parts[1] if len(parts) > 1 else b""
    if not 4 <= len(encoding) <= 5 or not _are_delimiters(separator + encoding):
        return None, Fault("MSH", 2, 102 if encoding else 101, "delimiteurs MSH-2 absents ou impossibles")
    return Header((b"MSH", separator, *parts[1:])), None


@lru_cache(maxsize=64)
def _are_delimiters(marks: bytes) -> bool:
    return len(set(marks)) == len(marks) and not _NEVER_DELIMITER.search(marks)


def _batch_fault(names: list[bytes]) -> Fault | None:
    if names and names[0] in (b"FHS", b"BHS"):
        return Fault(names[0].decode(), 0, 100, "lot de messages refuse, un message par trame")
    if names.count(b"MSH") > 1:
        return Fault("MSH", 0, 100, "plusieurs messages dans une trame, rien n'a ete pris", occurrence=2)
    if len(names) > 1:
        return Fault(names[1].decode(), 0, 100, "segment de lot dans un message, rien n'a ete pris")
    return None


def _content_fault(header: Header) -> Fault | None:
    kind = header.component(9, 1)
    if not kind or kind == b'""':
        return Fault("MSH", 9, 101, "type de message MSH-9 absent")
    if kind.upper() in (b"ACK", b"MCF"):
        return Fault("MSH", 9, 200, "un acquittement n'est pas attendu sur ce port")
    control_id = header.field(10)
    if not control_id.strip() or control_id.strip() == b'""':
        return Fault("MSH", 10, 101, "identifiant de message MSH-10 absent")
    if len(control_id) > MAX_CONTROL_ID:
        return Fault("MSH", 10, 102, "identifiant de message MSH-10 trop long")
    return None


def _charset_of(header: Header, sources: Sequence[Source], default: str) -> str:
    if not sources:
        return default
    application, facility = header.source
    for source in sources:
        if source.sending_application == application and source.sending_facility in ("", facility):
            return source.charset
    return default


def _charset_fault(frame: bytes, header: Header, default: str) -> Fault | None:
    repetition = header.fields[2][1:2]
    declared = header.field(18).split(repetition)[0].strip().decode("latin-1")
    name = charsets.canonical(declared or default)
    if name is None:
        return Fault("MSH", 18, 103, "jeu de caracteres MSH-18 inconnu")
    if not charsets.fits(frame, name):
        return Fault("MSH", 18, 102, "des octets n'appartiennent pas au jeu de caracteres de MSH-18")
    return None
