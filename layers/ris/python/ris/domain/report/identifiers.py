"""The identifiers of a report: the same exam and version always give the same ones, so that a restart makes the same documents."""

from __future__ import annotations

from ris.domain.agenda.numbers import derived_uuid

_ROOT = "2.25"


def report_id(accession_number: str) -> str:
    """Return our own name of an exam's report: one per Accession Number, safe in a URL."""
    return f"R{accession_number}"


def set_id(authority: str, accession_number: str) -> str:
    """Return the OID of the set of all versions of a report.

    Args:
        authority: OID of whoever gave the Accession Number, which tells this deployment from every other one.
        accession_number: Of the exam.
    """
    return f"{_ROOT}.{derived_uuid(authority, f'report-set|{accession_number}')}"


def document_id(authority: str, accession_number: str, *, version: int, making: int = 1) -> str:
    """Return the OID of one version's document: at most 44 characters, without extension.

    Args:
        authority: As for `set_id`.
        accession_number: Of the exam.
        version: 1, 2, 3 …
        making: Counts how often this version was begun: one that was refused on its way never left, and is no document.
    """
    return f"{_ROOT}.{derived_uuid(authority, f'report|{accession_number}|{version}|{making}')}"
