"""Count the days of every certificate the tenant holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ris.domain.access.certificates import KINDS, HeldCertificate, WatchedCertificate, watched


class CertificateVault(Protocol):
    """The certificates in Secrets Manager."""

    def certificates(self, name: str) -> Sequence[HeldCertificate]:
        """Return the certificates of one secret, those of a renewal under way too; none when nothing was put in yet.

        Args:
            name: `{finess_ej}/{kind}` for a legal entity's, else the secret's own name without the tenant's prefix.
        """


class LegalEntities(Protocol):
    """The group's legal entities."""

    def legal_entities(self) -> Sequence[str]:
        """Return the FINESS EJ of each."""


@dataclass(frozen=True)
class CertificateServices:
    """The ports of watching.

    Args:
        shared: Secrets of the tenant that hold other people's authorities (the providers').
    """

    vault: CertificateVault
    entities: LegalEntities
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class CertificateWatch:
    """Everything that was found, the shortest first, and the secrets that hold no certificate."""

    certificates: tuple[WatchedCertificate, ...]
    missing: tuple[str, ...]


def watch_certificates(s: CertificateServices, now: datetime) -> CertificateWatch:
    """Return what is left of every certificate.

    Args:
        now: Aware UTC instant.
    """
    own = [f"{entity}/{kind}" for entity in s.entities.legal_entities() for kind in KINDS]
    held = {name: s.vault.certificates(name) for name in (*own, *s.shared)}
    found = [watched(each, now) for certificates in held.values() for each in certificates]
    missing = tuple(name for name in own if not held[name])
    return CertificateWatch(tuple(sorted(found, key=lambda each: (each.days_left, each.name))), missing)
