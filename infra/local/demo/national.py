"""The national services of the demo: our simulators with what the input knows, or somebody else's; and what the product is told of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IDAM = "DA00000001"
"""Fictitious authorisation number of the software, known to our INSi."""
TEST_OID = {"1.2.250.1.213.1.4.8": "1.2.250.1.213.1.4.10"}
"""The vendors' INSi answers the production OID of the NIR; the test DMP wants the test one."""
ASKING = {
    "software": "RIS demo",
    "version": "1",
    "instance": "11111111-1111-4111-8111-111111111111",
    "connect_timeout_s": 2.0,
    "read_timeout_s": 5.0,
}
SOFTWARE = {"lps_name": "RIS demo", "lps_version": "1", "lps_oid": "1.2.250.1.99999.100"}
DATA = Path(__file__).parents[1] / "services" / "data"
MAILBOXES, DIRECTORY = DATA / "mss_mailboxes.csv", DATA / "directory.csv"
EXTRACT = "Extraction_Correspondance_MSSante.zip"
"""The directory's file of mailboxes."""
RATE_SCALE = 40.0
"""By how much sweep and mailbox readings are more frequent here: each two minutes become three seconds."""
SOON = {"breaker_pause_s": 1, "breaker_longest_pause_s": 2}
"""Pauses of an outage are real ones, while the embedded cloud shortens the waits of machines and schedules: both are short here."""


@dataclass(frozen=True)
class Input:
    """Files of the journeys that tell our simulators what they know.

    Args:
        identities: CSV files of INSi; the vendors' test identities when there is none.
        records: CSV files of the DMP; who is in none has an open record.
        mailboxes: CSV files of the mail operator, beside those it always knows.
        directory: CSV files of the national directory, beside the demo's own professionals.
    """

    identities: tuple[Path, ...] = ()
    records: tuple[Path, ...] = ()
    mailboxes: tuple[Path, ...] = ()
    directory: tuple[Path, ...] = ()


def insi_simulator(out: Path, tls: Mapping[str, str], given: Input) -> dict[str, Any]:
    """Return the settings of our INSi."""
    known = {"identities": [str(file) for file in given.identities]} if given.identities else {}
    return {"evidence": str(out / "insi"), "tls": dict(tls), "idams": [IDAM], **known}


def dmp_simulator(out: Path, tls: Mapping[str, str], given: Input) -> dict[str, Any]:
    """Return the settings of our DMP."""
    folders = {"evidence": str(out / "dmp"), "cda": str(out / "cda"), "pdf": str(out / "pdf")}
    records = {"records": [str(file) for file in given.records]} if given.records else {}
    return {**folders, "tls": dict(tls), **records, "options": {"unknown_record": "open"}}


def mss_simulator(out: Path, tls: Mapping[str, str], given: Input) -> dict[str, Any]:
    """Return the settings of our mail operator."""
    return {"evidence": str(out / "mssante"), "tls": dict(tls), "mailboxes": [str(MAILBOXES), *map(str, given.mailboxes)]}


def mailbox_of(finess_ej: str) -> dict[str, str]:
    """Return the line of a legal entity's application mailbox at our operator: whoever holds its certificate opens it."""
    with MAILBOXES.open(encoding="utf-8", newline="") as lines:
        return next(row for row in csv.DictReader(lines, delimiter=";") if row["unit"] == f"1{finess_ej}")


def directory_simulator(tls: Mapping[str, str], given: Input) -> dict[str, Any]:
    """Return the settings of our directory."""
    return {"tls": dict(tls), "keys": ["demo"], "people": [str(DIRECTORY), *map(str, given.directory)]}


def mailboxes_of(given: Input, rpps: str) -> list[str]:
    """Return the addresses that the directory's files have for a professional."""
    found = []
    for file in (DIRECTORY, *given.directory):
        with file.open(encoding="utf-8", newline="") as lines:
            found += [
                row["mailbox"].lower() for row in csv.DictReader(lines, delimiter=";") if row["rpps"] == rpps and row["mailbox"]
            ]
    return found


def insi_settings() -> str:
    """Return `INSI_SETTINGS`: at the first site a person accepts every answer, elsewhere equal traits are accepted at once."""
    rules = {"ask_again_after_s": 2}
    settings = {
        "idam": IDAM,
        **ASKING,
        **SOON,
        "oid_mapping": TEST_OID,
        "rules": rules,
        "sites": {"nord": {**rules, "automatic_acceptance": False}},
    }
    return json.dumps(settings)


def dmp_settings() -> str:
    """Return `DMP_SETTINGS`."""
    software = {**SOFTWARE, "lps_homologation": "RIS-DEMO-1"}
    times = {"connect_timeout_s": 2.0, "read_timeout_s": 10.0, "settle_s": 1.0}
    return json.dumps({**software, **times, **SOON})


def mss_settings() -> str:
    """Return `MSS_SETTINGS`: an answer that was lost is waited for in seconds, not in hours."""
    times = {"timeout_s": 15.0, "workflow_s": 20.0, "unknown_for_s": 15.0}
    return json.dumps({**SOFTWARE, "product": "RIS-DEMO-1", **times, **SOON})
