"""Say whether the records of a site are those that were sealed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ris.application.access.chain_ports import ChainServices
from ris.application.access.seal_audit import records_of
from ris.domain.access.chain import ChainFault, anchor_of, faults_of_records, faults_of_seals


@dataclass(frozen=True)
class DayVerdict:
    """One site and UTC day.

    Args:
        records: As stored now; `sealed` counts those of them that a seal binds.
        seals: How many; `sealed_at` is the instant of the latest.
        closed: Nothing comes to this day any more.
        faults: Everything that is not as it was sealed.
    """

    day: str
    records: int
    sealed: int
    seals: int
    sealed_at: datetime | None
    closed: bool
    faults: tuple[ChainFault, ...]

    @property
    def state(self) -> str:
        """`broken`, `empty`, `waiting` (not sealed yet, in part or whole) or `verified`."""
        if self.faults:
            return "broken"
        if not self.records and not self.seals:
            return "empty"
        return "verified" if self.sealed == self.records and self.seals else "waiting"


@dataclass(frozen=True)
class ChainReport:
    """What was looked at, how much of it waits for its seal, and everything that is not as it was sealed."""

    records: int
    waiting: int
    seals: int
    faults: tuple[ChainFault, ...]


def verify_day(s: ChainServices, site: str, day: str, now: datetime) -> DayVerdict:
    """Compare the records of a day with their seals, the seals with each other and with the anchors kept apart.

    Args:
        site: A site, or `-`.
        day: UTC, `YYYY-MM-DD`.
        now: Aware UTC instant.
    """
    records, seals = list(records_of(s, site, day)), s.seals.of_day(site, day)
    good = [s.key.verifies(anchor_of(seal), seal.signature) for seal in seals]
    faults = faults_of_seals(site, day, seals, good, s.vault.count(site, day)) + faults_of_records(day, records, seals, now)
    return DayVerdict(
        day=day,
        records=len(records),
        sealed=sum(len(seal.bound) for seal in seals),
        seals=len(seals),
        sealed_at=seals[-1].sealed_at if seals else None,
        closed=any(seal.closing for seal in seals),
        faults=tuple(faults),
    )


def verify_audit(s: ChainServices, site: str, days: Iterable[str], now: datetime) -> ChainReport:
    """Verify some days of a site, one after the other."""
    verdicts = [verify_day(s, site, day, now) for day in days]
    return ChainReport(
        records=sum(one.records for one in verdicts),
        waiting=sum(one.records - one.sealed for one in verdicts if one.state == "waiting"),
        seals=sum(one.seals for one in verdicts),
        faults=tuple(fault for one in verdicts for fault in one.faults),
    )
