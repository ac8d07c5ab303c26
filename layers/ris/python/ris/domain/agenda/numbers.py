"""The numbers the RIS gives: Accession Number, Study Instance UID, Scheduled Procedure Step ID (design, decision 10)."""

from __future__ import annotations

import hashlib
import re

from ris.domain.errors import InvalidInput

_ACCESSION = re.compile(r"\d{4,14}", re.ASCII)
_ROOT = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+", re.ASCII)


def accession_number(count: int, *, year: int) -> str:
    """Return the Accession Number of the n-th exam of a tenant.

    Args:
        count: From a counter that only grows, 1 to 9,999,999,999.
        year: Of the booking; its last two digits come first, for people.

    Returns:
        Twelve digits: (0008,0050) is SH, 16 characters at most, and `-1` must fit behind it for the step.
    """
    if not 0 < count < 10**10:
        raise ValueError("the counter left its range")
    return f"{year % 100:02d}{count:010d}"


def step_id(accession: str, rank: int) -> str:
    """Return the Scheduled Procedure Step ID (0040,0009), SH 16: the Accession Number and the step's rank from 1."""
    return f"{accession}-{rank}"


def accession_of_step(sps_id: str) -> str:
    """Return the Accession Number a step id of ours begins with, or an empty string when it is none of ours."""
    accession, dash, rank = sps_id.strip().partition("-")
    return accession if dash and rank.isdigit() and _ACCESSION.fullmatch(accession) else ""


def study_instance_uid(accession: str, *, root: str, namespace: str) -> str:
    """Return the Study Instance UID (0020,000D) of an exam, always the same for the same three values.

    Args:
        root: OID under which the RIS gives UIDs, at most 24 characters; `2.25` makes a UID of a UUID.
        namespace: What tells this deployment from every other one: two of them count the same Accession Numbers.

    Returns:
        `{root}.{n}`, at most 64 characters. n is a UUID of version 8 read as one integer, at most 39 digits.

    Raises:
        InvalidInput: `no_such_root`.

    Source: DICOM PS3.5 §9.1 and B.2; RFC 9562 §5.8.
    """
    if len(root) > 24 or not _ROOT.fullmatch(root):
        raise InvalidInput("no_such_root", field="STUDY_UID_ROOT")
    return f"{root}.{derived_uuid(namespace, accession)}"


def accession_authority(*, root: str, namespace: str) -> str:
    """Return the OID of a deployment as the issuer of Accession Numbers, always the same one."""
    return f"{root}.{derived_uuid(namespace, 'accession-number')}"


def derived_uuid(namespace: str, name: str) -> int:
    """Return a UUID of version 8 as an integer, made of SHA-256 over both texts; the same texts give the same one."""
    digest = int.from_bytes(hashlib.sha256(f"{namespace}\n{name}".encode()).digest()[:16])
    digest &= ~(0xF << 76) & ~(0x3 << 62)
    return digest | (0x8 << 76) | (0x2 << 62)
