"""A reader of the input's own messages, so that every check derives from what was sent; no part of the product."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

CHARSETS = {"": "utf-8", "8859/1": "iso-8859-1", "8859/15": "iso-8859-15", "UNICODE UTF-8": "utf-8", "ASCII": "ascii"}


@dataclass(frozen=True)
class Sent:
    """One message of the input: `value("PID-5.1")`.

    Args:
        ipp_authority: OID of the authority whose number is the patient's IPP; empty when any will do.
    """

    file: Path
    segments: list[list[str]]
    ipp_authority: str = ""

    @property
    def kind(self) -> str:
        """Return `ADT_A04`."""
        return f"{self.value('MSH-9.1')}_{self.value('MSH-9.2')}"

    def repetitions(self, place: str) -> list[list[str]]:
        """Return the repetitions of a field as lists of components; the field is `PID-3`."""
        name, number = place.split("-")
        fields = next((segment for segment in self.segments if segment[0] == name), [])
        text = fields[int(number)] if len(fields) > int(number) else ""
        return [repetition.split("^") for repetition in text.split("~")] if text else []

    def value(self, place: str) -> str:
        """Return a field or component of the first repetition: `MSH-10`, `PID-5.1`; empty when absent or null."""
        field, _, component = place.partition(".")
        repetitions = self.repetitions(field)
        if not repetitions:
            return ""
        parts = repetitions[0]
        if not component:
            return "^".join(parts)
        return parts[int(component) - 1].replace('""', "") if len(parts) >= int(component) else ""

    @property
    def ipp(self) -> str:
        """Return the value of the PID-3 repetition of type PI of the authority, wherever it stands."""
        numbers = [parts for parts in self.repetitions("PID-3") if len(parts) > 4 and parts[4] == "PI"]
        return next((parts[0] for parts in numbers if self.ipp_authority in ("", *parts[3].split("&")[1:2])), "")

    @property
    def birth_name(self) -> tuple[str, str]:
        """Return family and given name of the PID-5 repetition of type L, else of the first."""
        names = self.repetitions("PID-5")
        legal = next((parts for parts in names if len(parts) > 6 and parts[6] == "L"), names[0] if names else ["", ""])
        return legal[0], legal[1] if len(legal) > 1 else ""


def read(file: Path, ipp_authority: str = "") -> Sent:
    """Read a message file as it goes on the wire: segments end with CR, no MLLP framing."""
    content = file.read_bytes()
    header = content.split(b"\r", 1)[0].split(b"|")
    charset = header[17].decode("ascii", "replace") if len(header) > 17 else ""
    lines = content.decode(CHARSETS.get(charset, "utf-8")).split("\r")
    segments = [line.split("|") for line in lines if line]
    segments[0].insert(1, "|")
    return Sent(file, segments, ipp_authority)
