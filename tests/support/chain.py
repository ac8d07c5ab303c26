"""The audit chain in memory, with records and a clock of the test's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ris.adapters.access.chain_memory import MemoryAnchorKey, MemoryAnchorVault, MemorySealStore
from ris.adapters.access.memory import MemoryAuditTrail
from ris.application.access.chain_ports import ChainServices
from ris.domain.access.audit import AuditRecord

DAY = "2026-03-02"
MORNING = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def chain() -> ChainServices:
    """Return the ports, all of them in memory."""
    return ChainServices(MemoryAuditTrail(), MemorySealStore(), MemoryAnchorVault(), MemoryAnchorKey())


def record(number: int, *, minutes: float = 0, site: str = "nord", **values: str) -> AuditRecord:
    """Return a record some minutes after the morning began."""
    return AuditRecord(f"id{number:04d}", MORNING + timedelta(minutes=minutes), site, "read_exam", "allowed", **values)
