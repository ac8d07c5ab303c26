"""Just enough ER7 for a simulator that checks what it receives; shares nothing with the product's reader.

Fields are addressed as the standard writes them: `field("PID", 3)` is PID-3; MSH-1 is the separator itself.

Source: HL7 v2.5 §2.5, §2.7; character sets HL7 table 0211.
"""

from __future__ import annotations

from dataclasses import dataclass

CHARSETS = {
    "": "ascii",
    "ASCII": "ascii",
    "8859/1": "iso-8859-1",
    "8859/15": "iso-8859-15",
    "UNICODE UTF-8": "utf-8",
}


class Unreadable(Exception):
    """The message cannot be read.

    Args:
        location: `MSH^1^9`, as ERR-2 names it.
        code: HL7 table 0357.
        why: Sentence without any value of the message.
    """

    def __init__(self, location: str, code: str, why: str) -> None:
        super().__init__(why)
        self.location, self.code, self.why = location, code, why


@dataclass(frozen=True)
class Message:
    """Segments as lists of raw fields; index 0 is the segment's name."""

    segments: list[list[str]]

    def field(self, segment: str, number: int, occurrence: int = 1) -> str:
        """Return a field of the nth segment of that name, or an empty string."""
        found = self.all(segment)
        fields = found[occurrence - 1] if len(found) >= occurrence else []
        return fields[number] if len(fields) > number else ""

    def component(self, segment: str, number: int, component: int, occurrence: int = 1) -> str:
        """Return a component of the first repetition of a field, or an empty string."""
        return part(self.field(segment, number, occurrence).split("~")[0], component)

    def all(self, segment: str) -> list[list[str]]:
        """Return every segment of that name."""
        return [fields for fields in self.segments if fields[0] == segment]


def part(text: str, number: int, separator: str = "^") -> str:
    """Return the nth component of a text, or an empty string."""
    parts = text.split(separator)
    return parts[number - 1] if len(parts) >= number else ""


def read(frame: bytes) -> Message:
    """Read one message.

    Raises:
        Unreadable: No MSH, unusual delimiters, unknown character set, or bytes outside it.
    """
    head = frame.split(b"\r", 1)[0]
    if not head.startswith(b"MSH|^~\\&|"):
        raise Unreadable("MSH^1", "100", "the message does not begin with MSH and the usual delimiters")
    header = head.split(b"|")
    declared = header[17].split(b"~")[0].decode("ascii", "replace") if len(header) > 17 else ""
    if declared not in CHARSETS:
        raise Unreadable("MSH^1^18", "103", "unknown character set")
    try:
        text = frame.decode(CHARSETS[declared])
    except UnicodeDecodeError:
        raise Unreadable("MSH^1^18", "102", "bytes outside the declared character set") from None
    segments = [line.split("|") for line in text.split("\r") if line]
    # MSH-1 is the separator: the fields of MSH count one more than the others'.
    segments[0].insert(1, "|")
    if sum(fields[0] == "MSH" for fields in segments) != 1:
        raise Unreadable("MSH^2", "100", "more than one MSH in a frame")
    return Message(segments)
