"""INSi and the DMP of the demo: our simulators with what the input knows, or somebody else's; and what the product is told of them."""

from __future__ import annotations

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
SOON = {"breaker_pause_s": 1, "breaker_longest_pause_s": 2}
"""Pauses of an outage are real ones, while the embedded cloud shortens the waits of machines and schedules: both are short here."""


@dataclass(frozen=True)
class Input:
    """Files of the journeys that tell our simulators what they know.

    Args:
        identities: CSV files of INSi; the vendors' test identities when there is none.
        records: CSV files of the DMP; who is in none has an open record.
    """

    identities: tuple[Path, ...] = ()
    records: tuple[Path, ...] = ()


def insi_simulator(out: Path, tls: Mapping[str, str], given: Input) -> dict[str, Any]:
    """Return the settings of our INSi."""
    known = {"identities": [str(file) for file in given.identities]} if given.identities else {}
    return {"evidence": str(out / "insi"), "tls": dict(tls), "idams": [IDAM], **known}


def dmp_simulator(out: Path, tls: Mapping[str, str], given: Input) -> dict[str, Any]:
    """Return the settings of our DMP."""
    folders = {"evidence": str(out / "dmp"), "cda": str(out / "cda"), "pdf": str(out / "pdf")}
    records = {"records": [str(file) for file in given.records]} if given.records else {}
    return {**folders, "tls": dict(tls), **records, "options": {"unknown_record": "open"}}


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
    software = {"lps_name": "RIS demo", "lps_version": "1", "lps_homologation": "RIS-DEMO-1", "lps_oid": "1.2.250.1.99999.100"}
    times = {"connect_timeout_s": 2.0, "read_timeout_s": 10.0, "settle_s": 1.0}
    return json.dumps({**software, **times, **SOON})
