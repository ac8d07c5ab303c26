"""What sealing and verifying the audit chain need from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ris.application.access.ports import AuditTrail
from ris.domain.access.chain import Seal


class SealStore(Protocol):
    """Seals beside the records, in the `audit` table; written once, never changed."""

    def append(self, seal: Seal) -> None:
        """Write a seal; raise Conflict when its day has one of that number."""

    def of_day(self, site: str, day: str) -> list[Seal]:
        """Return the seals of a day in the order of their numbers, read consistently."""


class AnchorVault(Protocol):
    """Copies of the signed anchors where nothing can be deleted or replaced."""

    def keep(self, seal: Seal) -> None:
        """Keep the anchor of a seal; the same one again changes nothing."""

    def count(self, site: str, day: str) -> int:
        """Return the highest number of a seal of that day whose anchor is kept; 0 for none."""


class AnchorKey(Protocol):
    """The key that signs anchors."""

    def sign(self, anchor: bytes) -> bytes:
        """Return the signature of an anchor of at most 4,096 bytes."""

    def verifies(self, anchor: bytes, signature: bytes) -> bool:
        """Tell whether the signature is this key's."""


@dataclass(frozen=True)
class ChainServices:
    """The ports of the chain."""

    trail: AuditTrail
    seals: SealStore
    vault: AnchorVault
    key: AnchorKey
