"""Say whether the records of a site are those that were sealed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ris.application.access.chain_ports import ChainServices
from ris.application.access.seal_audit import records_of
from ris.domain.access.chain import ChainFault, anchor_of, faults_of_records, faults_of_seals


@dataclass(frozen=True)
class ChainReport:
    """What was looked at, and everything that is not as it was sealed."""

    records: int
    seals: int
    faults: tuple[ChainFault, ...]


def verify_audit(s: ChainServices, site: str, days: Iterable[str], now: datetime) -> ChainReport:
    """Compare the records of some days with their seals, the seals with each other and with the anchors kept apart.

    Args:
        site: A site, or `-`.
        days: UTC days, `YYYY-MM-DD`.
        now: Aware UTC instant.
    """
    faults: list[ChainFault] = []
    records = seals = 0
    for day in days:
        there, sealed = list(records_of(s, site, day)), s.seals.of_day(site, day)
        good = [s.key.verifies(anchor_of(seal), seal.signature) for seal in sealed]
        faults += faults_of_seals(site, day, sealed, good, s.vault.count(site, day))
        faults += faults_of_records(day, there, sealed, now)
        records, seals = records + len(there), seals + len(sealed)
    return ChainReport(records, seals, tuple(faults))
