r"""HL7 v2 ER7: a lossless reader and a writer. Sans-IO: bytes in, a message out; no network, no meaning of any segment.

Two rules:

1. Nothing is lost. `read(data).encode() == data` for every frame that can be read: blank lines, trailing delimiters, Z segments and
   escape sequences stay where they are. Values are decoded only when somebody asks for them.
2. Whoever sent it may be wrong. The only thing raised is `InvalidInput`, naming segment and field as HL7 does (`PID-7`).

How a frame becomes segments: CR ends a segment and nothing else does, so an LF inside a field is text. Two exceptions that lose
nothing: LF right behind a CR belongs to that end (CRLF), and a frame without any CR has LF as its ends. Lines of blanks only are
kept for `encode` and are no segments.

Characters: MSH-18 (table 0211) decides, the source's default when it is empty. 8859/1 is read as the web reads it: bytes 80-9F are
those of Windows-1252, since nobody sends C1 controls and many send `’` and `œ`; the five unassigned bytes keep their C1 code, so
the map stays one to one.

Source: HL7 v2.5 §2.5 (message construction), §2.7 (escape sequences), §2.15.9.18 (MSH-18), table 0211.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ris.domain.errors import InvalidInput
from ris.domain.identity.patient import ERASED, Change

NULL = '""'
_BOM = b"\xef\xbb\xbf"
_LATIN1 = {byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0xA0)}
_LATIN1 = {byte: char if char != "\ufffd" else chr(byte) for byte, char in _LATIN1.items()}
_LATIN1_BACK = {ord(char): byte for byte, char in _LATIN1.items() if ord(char) != byte}

_CODECS = {
    "": "",
    "ASCII": "ascii",
    "8859/1": "latin-1",
    "ISO8859/1": "latin-1",
    "ISO-8859-1": "latin-1",
    "8859/15": "iso8859-15",
    "ISO-8859-15": "iso8859-15",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "UTF-8": "utf-8",
}


class Delimiters(NamedTuple):
    """MSH-1 and MSH-2: the five characters that cut a message; an empty one does not exist in it."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"

    @classmethod
    def of(cls, header: str) -> Delimiters:
        """Read them from the first segment.

        Raises:
            InvalidInput: MSH-1 or MSH-2 is missing, or one character has two meanings.
        """
        field = header[3:4]
        encoding = header[4:].partition(field)[0] if field else ""
        if not field or field.isalnum() or ord(field) < 0x20 or not encoding:
            raise InvalidInput("delimiters_missing", field="MSH-1" if not encoding or not field else "MSH-2")
        four = [encoding[i : i + 1] for i in range(4)]
        used = [field, *(each for each in four if each)]
        if len(set(used)) < len(used) or any(each.isalnum() or each.isspace() for each in used):
            raise InvalidInput("delimiters_ambiguous", field="MSH-2")
        return cls(field, *four)


DELIMITERS = Delimiters()


class Line(NamedTuple):
    """One line as it stood: what preceded its text, the text, and what ended it."""

    lead: str
    text: str
    end: str


@dataclass(frozen=True)
class Value:
    r"""A field, repetition, component or subcomponent, still as written.

    Args:
        raw: Its characters, escapes not decoded.
        delimiters: Of its message.
        codec: Of its message; what `\Xhh\` means depends on it.
    """

    raw: str
    delimiters: Delimiters
    codec: str = "utf-8"

    def __bool__(self) -> bool:
        return self.raw != ""

    @property
    def is_null(self) -> bool:
        """Say whether it is `""`: the sender asks for the value to be erased (HL7 2.5 §2.5.3)."""
        return self.raw.strip() == NULL

    def repetitions(self) -> list[Value]:
        """Return the repetitions of a field, at least one."""
        return self._cut(self.delimiters.repetition)

    def component(self, number: int) -> Value:
        """Return one component, counted from 1; an absent one is empty. A repeated field gives that of its first repetition."""
        return _nth(self.repetitions()[0]._cut(self.delimiters.component), number, self)

    def subcomponent(self, number: int) -> Value:
        """Return one subcomponent of a component, counted from 1; an absent one is empty."""
        return _nth(self.component(1)._cut(self.delimiters.subcomponent), number, self)

    def _cut(self, delimiter: str) -> list[Value]:
        if not delimiter or delimiter not in self.raw:
            return [self]
        return [Value(raw, self.delimiters, self.codec) for raw in self.raw.split(delimiter)]

    def text(self) -> str:
        """Return the characters meant, escapes decoded; `""` is none, so it never becomes text."""
        return "" if self.is_null else unescape(self.raw, self.delimiters, self.codec)

    def word(self) -> str:
        """Return the text without blanks around it: for names, codes and identifiers; two quotes stay no text however written."""
        word = self.text().strip()
        return "" if word == NULL else word

    def change(self) -> Change:
        """Return what it asks of a stored value: nothing when empty, ERASED for `""`, else the word."""
        if self.is_null:
            return ERASED
        return self.word() or None


def _nth(values: Sequence[Value], number: int, whole: Value) -> Value:
    return values[number - 1] if 0 < number <= len(values) else Value("", whole.delimiters, whole.codec)


@dataclass(frozen=True)
class Segment:
    """One segment: its name and its fields."""

    text: str
    delimiters: Delimiters
    codec: str

    @cached_property
    def _fields(self) -> list[str]:
        return self.text.split(self.delimiters.field)

    @property
    def name(self) -> str:
        """Return its three characters, `PID`."""
        return self._fields[0].strip()

    def field(self, number: int) -> Value:
        """Return one field, counted as HL7 does (MSH-1 is the delimiter itself); an absent one is empty."""
        if self.name == "MSH" and number == 1:
            return Value(self.delimiters.field, self.delimiters, self.codec)
        index = number - 1 if self.name == "MSH" else number
        raw = self._fields[index] if 0 < index < len(self._fields) else ""
        return Value(raw, self.delimiters, self.codec)


@dataclass(frozen=True)
class Message:
    """One message, as it stood.

    Args:
        lines: Every line, blank ones too; joined they are the frame.
        bom: Byte order mark in front, if any.
        charset: Name of table 0211 it was read with.
    """

    lines: tuple[Line, ...]
    delimiters: Delimiters
    codec: str
    charset: str
    bom: bytes = b""

    @cached_property
    def segments(self) -> list[Segment]:
        """Return the segments in their order; blank lines are none."""
        return [Segment(line.text, self.delimiters, self.codec) for line in self.lines if line.text.strip()]

    @property
    def header(self) -> Segment:
        """Return MSH."""
        return self.segments[0]

    def all(self, name: str) -> list[Segment]:
        """Return every segment of that name."""
        return [segment for segment in self.segments if segment.name == name]

    def first(self, name: str) -> Segment | None:
        """Return the first segment of that name, or None."""
        return next((segment for segment in self.segments if segment.name == name), None)

    def encode(self) -> bytes:
        """Return the frame, byte for byte what was read."""
        return self.bom + _encoded("".join(lead + text + end for lead, text, end in self.lines), self.codec)


def read(frame: bytes, default_charset: str = "") -> Message:
    """Read one frame.

    Args:
        frame: The bytes between VT and FS CR.
        default_charset: The source's set for an empty MSH-18; empty means ASCII.

    Raises:
        InvalidInput: `no_msh`, `several_messages`, `delimiters_missing`, `delimiters_ambiguous`, `unknown_charset`,
            `characters_not_of_charset`; the field names the place.
    """
    bom = _BOM if frame.startswith(_BOM) else b""
    body = frame[len(bom) :]
    charset, codec = _charset_of(body, default_charset)
    try:
        text = _decoded(body, codec)
    except UnicodeDecodeError:
        raise InvalidInput("characters_not_of_charset", field="MSH-18") from None
    lines = tuple(_lines(text))
    segments = [line.text for line in lines if line.text.strip()]
    if not segments or not segments[0].startswith("MSH"):
        raise InvalidInput("no_msh", field="MSH")
    delimiters = Delimiters.of(segments[0])
    if any(each.startswith("MSH" + delimiters.field) for each in segments[1:]):
        raise InvalidInput("several_messages", field="MSH")
    return Message(lines, delimiters, codec, charset, bom)


def _charset_of(body: bytes, default_charset: str) -> tuple[str, str]:
    # Every set taken here has ASCII in it, so the header can be looked at before its characters are known.
    first = next((line for line in body.split(b"\r" if b"\r" in body else b"\n") if line.strip()), b"")
    header = first.decode("latin-1").lstrip()
    delimiter, repetition = header[3:4] or "|", header[5:6]
    fields = header.split(delimiter)
    declared = fields[17] if len(fields) > 17 else ""
    if repetition.strip() and repetition != delimiter:
        declared = declared.split(repetition)[0]
    name = declared.strip() if declared.strip() not in ("", NULL) else default_charset.strip() or "ASCII"
    codec = _CODECS.get(name.upper(), "")
    if not codec:
        raise InvalidInput("unknown_charset", field="MSH-18")
    return name, codec


def _lines(text: str) -> Iterator[Line]:
    end = "\r" if "\r" in text else "\n"
    pieces = text.split(end)
    for number, piece in enumerate(pieces):
        body = piece.lstrip("\n") if number or not piece.strip() else piece.lstrip("\n ")
        last = number == len(pieces) - 1
        yield Line(piece[: len(piece) - len(body)], body, "" if last else end)


def _decoded(data: bytes, codec: str) -> str:
    text = data.decode(codec)
    return text.translate(_LATIN1) if codec == "latin-1" else text


def _encoded(text: str, codec: str) -> bytes:
    return (text.translate(_LATIN1_BACK) if codec == "latin-1" else text).encode(codec)


# ---------------------------------------------------------------- escape sequences

_FORMATTING = r"\.br|\.sp\+?\d*|\.fi|\.nf|\.in[+-]?\d*|\.ti[+-]?\d*|\.sk\+?\d*|\.ce"
_SEQUENCE = rf"(?P<letter>[FSTREPHN])|X(?P<hex>(?:[0-9A-Fa-f]{{2}})+)|(?P<layout>{_FORMATTING})"
_patterns: dict[str, re.Pattern[str]] = {}


def _pattern(escape: str) -> re.Pattern[str]:
    mark = re.escape(escape)
    return _patterns.setdefault(escape, re.compile(f"{mark}(?:{_SEQUENCE}){mark}"))


def unescape(raw: str, delimiters: Delimiters = DELIMITERS, codec: str = "utf-8") -> str:
    r"""Decode `\F\ \S\ \T\ \R\ \E\ \Xhh\` and the layout commands of FT; what is none of them stays as it is.

    Layout becomes line ends and blanks, highlighting (`\H\ \N\`) vanishes, character set switches (`\C..\ \M..\`) stay as written.

    Source: HL7 v2.5 §2.7.
    """
    if not delimiters.escape or delimiters.escape not in raw:
        return raw
    letters = {
        "F": delimiters.field,
        "S": delimiters.component,
        "T": delimiters.subcomponent,
        "R": delimiters.repetition,
        "E": delimiters.escape,
        "P": "#",
        "H": "",
        "N": "",
    }

    def meant(found: re.Match[str]) -> str:
        if found["letter"]:
            return letters[found["letter"]]
        if found["layout"]:
            return _layout(found["layout"])
        try:
            return _decoded(bytes.fromhex(found["hex"]), codec)
        except UnicodeDecodeError:
            return found.group()

    return _pattern(delimiters.escape).sub(meant, raw)


def _layout(command: str) -> str:
    if command.startswith(".sk"):
        return " " * min(int(re.sub(r"\D", "", command) or "1"), 100)
    if command.startswith(".sp"):
        return "\n" * min(int(re.sub(r"\D", "", command) or "1"), 100)
    return "\n" if command in (".br", ".ce") else ""


_ESCAPED = {"|": r"\F\ "[:-1], "^": r"\S\ "[:-1], "&": r"\T\ "[:-1], "~": r"\R\ "[:-1], "\\": r"\E\ "[:-1]}
_UNSAFE = re.compile(r"[|^&~\\\x00-\x1f\x7f]")


def escape(text: str) -> str:
    r"""Return a text as it may stand in a field: delimiters and control characters (CR, LF, VT, FS among them) are escaped.

    A text that happens to be `""` is escaped as well: it is not HL7's null.
    """
    if text == NULL:
        return r"\X22\\X22\ "[:-1]
    return _UNSAFE.sub(lambda found: _ESCAPED.get(found.group()) or f"\\X{ord(found.group()):02X}\\", text)


def components(*texts: str) -> str:
    """Return a field of these components, each escaped, empty ones at the end left out."""
    return DELIMITERS.component.join(escape(text) for text in texts).rstrip(DELIMITERS.component)


def segment(name: str, fields: dict[int, str]) -> str:
    """Return one segment from its fields by number, already escaped; `MSH` counts its delimiter as field 1.

    Args:
        name: `PID`.
        fields: Number to encoded field.
    """
    first = 2 if name == "MSH" else 1
    highest = max(fields, default=0)
    return "|".join([name, *(fields.get(number, "") for number in range(first, highest + 1))])


def hd(authority: str) -> str:
    """Return an assigning authority as HD: an OID, or a local name."""
    return f"&{escape(authority)}&ISO" if authority.replace(".", "").isdigit() else escape(authority)


def frame(segments: Sequence[str]) -> bytes:
    """Return the bytes of a message in UTF-8: each segment ends in CR."""
    return "".join(each + "\r" for each in segments).encode()
