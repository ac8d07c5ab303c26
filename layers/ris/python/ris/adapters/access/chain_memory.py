"""Memory twins of the audit chain's ports."""

from __future__ import annotations

import hashlib
import hmac

from ris.application.conflicts import Conflict
from ris.domain.access.chain import Seal


class MemorySealStore:
    """Port `SealStore`; `seals` by site and day."""

    def __init__(self) -> None:
        self.seals: dict[tuple[str, str], list[Seal]] = {}

    def append(self, seal: Seal) -> None:
        """Write a seal; raise Conflict when its day has one of that number."""
        of_day = self.seals.setdefault((seal.site, seal.day), [])
        if any(kept.number == seal.number for kept in of_day):
            raise Conflict
        of_day.append(seal)
        of_day.sort(key=lambda kept: kept.number)

    def of_day(self, site: str, day: str) -> list[Seal]:
        """Return the seals of a day in the order of their numbers."""
        return list(self.seals.get((site, day), []))


class MemoryAnchorVault:
    """Port `AnchorVault`."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], set[int]] = {}

    def keep(self, seal: Seal) -> None:
        """Keep the anchor of a seal."""
        self._kept.setdefault((seal.site, seal.day), set()).add(seal.number)

    def count(self, site: str, day: str) -> int:
        """Return the highest number kept; 0 for none."""
        return max(self._kept.get((site, day), {0}))


class MemoryAnchorKey:
    """Port `AnchorKey`, with a secret instead of a key pair."""

    def __init__(self, secret: bytes = b"the sealer's") -> None:
        self._secret = secret

    def sign(self, anchor: bytes) -> bytes:
        """Return the signature of an anchor."""
        return hmac.digest(self._secret, anchor, hashlib.sha256)

    def verifies(self, anchor: bytes, signature: bytes) -> bool:
        """Tell whether the signature is this key's."""
        return hmac.compare_digest(self.sign(anchor), signature)
