"""What the last watch of certificates found: memory twin and the `messages` table.

| item | pk | sk |
|---|---|---|
| ends of all certificates | `CERTIFICATES` | `WATCH` |

One item, some sixty bytes a certificate: names and ends are no secrets, and who reads them needs no right to any.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ris.adapters.dynamodb import Table, instant_of, instant_text, write
from ris.application.access.watch_certificates import KnownCertificates
from ris.domain.access.certificates import HeldCertificate


class MemoryCertificateRegister:
    """Port `CertificateRegister`."""

    def __init__(self) -> None:
        self._kept: KnownCertificates | None = None

    def keep(self, known: KnownCertificates) -> None:
        """Write it over what the watch before found."""
        self._kept = known

    def latest(self) -> KnownCertificates | None:
        """Return it, or None."""
        return self._kept


class DynamoCertificateRegister:
    """Implements `CertificateRegister`.

    Args:
        table: The `messages` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def keep(self, known: KnownCertificates) -> None:
        """Write it over what the watch before found."""
        item = {
            "pk": "CERTIFICATES",
            "sk": "WATCH",
            "watched_at": instant_text(known.watched_at),
            "certificates": [{"name": one.name, "not_after": instant_text(one.not_after)} for one in known.certificates],
            "missing": list(known.missing),
        }
        write(self._table.client, [self._table.putting(item)])

    def latest(self) -> KnownCertificates | None:
        """Return it, read consistently, or None."""
        item = self._table.get("CERTIFICATES", "WATCH")
        if item is None:
            return None
        held = tuple(HeldCertificate(one["name"], _instant(one["not_after"])) for one in item["certificates"])
        return KnownCertificates(_instant(item["watched_at"]), held, tuple(item["missing"]))


def _instant(text: str) -> datetime:
    return instant_of(text) or datetime.min.replace(tzinfo=UTC)
