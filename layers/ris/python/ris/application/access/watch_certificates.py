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
    """The group's legal entities, and its sites."""

    def legal_entities(self) -> Sequence[str]:
        """Return the FINESS EJ of each."""

    def sites(self) -> Sequence[str]:
        """Return each site."""


@dataclass(frozen=True)
class KnownCertificates:
    """What a watch found, as it is kept for the group's IT.

    Args:
        watched_at: Aware UTC.
        certificates: All of them, the first to end first.
        missing: Secrets of legal entities that hold no certificate.
    """

    watched_at: datetime
    certificates: tuple[HeldCertificate, ...] = ()
    missing: tuple[str, ...] = ()


class CertificateRegister(Protocol):
    """What the last watch found, in the `messages` table: who looks at it needs no right to any secret."""

    def keep(self, known: KnownCertificates) -> None:
        """Write it over what the watch before found."""

    def latest(self) -> KnownCertificates | None:
        """Return it, read consistently, or None before the first watch."""


@dataclass(frozen=True)
class CertificateServices:
    """The ports of watching.

    Args:
        shared: Secrets of the tenant that hold other people's authorities (the providers').
    """

    vault: CertificateVault
    entities: LegalEntities
    register: CertificateRegister
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class CertificateWatch:
    """Everything that was found, the shortest first, and the secrets that hold no certificate."""

    certificates: tuple[WatchedCertificate, ...]
    missing: tuple[str, ...]


def watch_certificates(s: CertificateServices, now: datetime) -> CertificateWatch:
    """Return what is left of every certificate, and keep what was found for the group's IT.

    Args:
        now: Aware UTC instant.
    """
    known = known_certificates(s, now)
    s.register.keep(known)
    return CertificateWatch(tuple(watched(each, now) for each in known.certificates), known.missing)


def known_certificates(s: CertificateServices, now: datetime) -> KnownCertificates:
    """Return every certificate the tenant holds, the first to end first; nothing is written.

    Args:
        now: Aware UTC instant.
    """
    own = [f"{entity}/{kind}" for entity in s.entities.legal_entities() for kind in KINDS]
    mailboxes = [f"mailbox/{site}" for site in s.entities.sites()]
    held = {name: s.vault.certificates(name) for name in (*own, *mailboxes, *s.shared)}
    every = sorted((each for certificates in held.values() for each in certificates), key=lambda each: (each.not_after, each.name))
    return KnownCertificates(now, tuple(every), tuple(name for name in own if not held[name]))
