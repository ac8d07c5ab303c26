"""Deterministic identifiers of a submission: the same version of a report always has the same ones."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from ris.domain.report.frozen import Professional, Structure


def derived_oid(*parts: str) -> str:
    """Return an OID under 2.25 made from a hash of the parts: at most 44 characters."""
    digest = hashlib.sha256("|".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def xcn(person: Professional) -> str:
    """Return a professional as XCN: PS_IdNat, name, authority, IDNPS."""
    return f"8{person.rpps}^{hl7_text(person.family)}^{hl7_text(person.given)}^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"


def xon(structure: Structure) -> str:
    """Return a structure as XON: name, authority, IDNST, Struct_IdNat."""
    return f"{hl7_text(structure.name)}^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^{structure.struct_idnat}"


def dtm(instant: datetime) -> str:
    """Return an instant as XDS DTM: UTC, seconds."""
    return instant.astimezone(UTC).strftime("%Y%m%d%H%M%S")


def hl7_text(text: str) -> str:
    """Return text without the delimiters of HL7 v2 components, which have no escape in XDS metadata."""
    return "".join(" " if character in "^&|~\\" else character for character in text)
