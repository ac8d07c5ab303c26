"""The mailboxes an operator knows, and what becomes of a mail to an address.

Files are CSV with `;`. Domains: `domain kind`, kind `own` (ours), `trusted` (another operator of the white list) or `patient`. Mailboxes:
`address kind label state limit_mb answers password issuer common_name unit`, where kind is `applicative`, `professional` or `patient`;
state `open` or `closed`; limit empty for the domain's; answers the name of a plan (`mss_plans`); the last four are for an applicative
mailbox: its password and what the certificate of its software must say (empty: anything of the chain).

Source: Referentiel socle MSSante #2; operators' white list of domains; Mon espace sante: 25 MB, bounces with their reasons.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.local.services.mss_trust import Client

MEGABYTE = 1_000_000
PATIENT_LIMIT = 25 * MEGABYTE
MATRICULE = re.compile(r"\d{6}[0-9AB]\d{8}\Z", re.IGNORECASE)
LOCAL_PART = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}\Z")
KINDS = frozenset({"applicative", "professional", "patient"})
DOMAINS = frozenset({"own", "trusted", "patient"})


@dataclass(frozen=True)
class Mailbox:
    """One line of the file; `limit` is in bytes, 0 for the domain's."""

    address: str
    kind: str
    label: str = ""
    state: str = "open"
    limit: int = 0
    answers: str = ""
    password: str = ""
    issuer: str = ""
    common_name: str = ""
    unit: str = ""

    def accepts(self, client: Client | None) -> bool:
        """Tell whether a software with that certificate may open this mailbox."""
        if self.kind != "applicative" or client is None:
            return False
        asked = ((self.issuer, client.issuer, "CN"), (self.common_name, client.subject, "CN"), (self.unit, client.subject, "OU"))
        return all(not wanted or said.get(part, "") == wanted for wanted, said, part in asked)


@dataclass(frozen=True)
class Fate:
    """What becomes of a mail to an address.

    Args:
        kind: `refused` (at RCPT), `bounced` (taken, then returned) or `delivered`.
        status: Enhanced code, e.g. `5.1.1`; `words` what the other end says.
    """

    kind: str
    status: str = ""
    words: str = ""


DELIVERED = Fate("delivered", "2.0.0", "250 2.0.0 Ok")


class Mailboxes:
    """What one operator knows.

    Args:
        files: CSV files of mailboxes; `domains` those of domains.
        professional_limit: Bytes a professional's mail may have, where its line says nothing.
        unknown_patient: `open` (any well-formed matricule has a mailbox) or `bounced`.
    """

    def __init__(
        self,
        files: Iterable[Path | str],
        domains: Iterable[Path | str],
        *,
        professional_limit: int = 10 * MEGABYTE,
        unknown_patient: str = "open",
    ) -> None:
        self._boxes = {box.address: box for file in files for box in _boxes(file)}
        self._domains = {name: kind for file in domains for name, kind in _domains(file)}
        self._limit, self._unknown_patient = professional_limit, unknown_patient

    @property
    def trusted(self) -> frozenset[str]:
        """Return the domains of the trust space where professionals are."""
        return frozenset(name for name, kind in self._domains.items() if kind != "patient")

    def every(self) -> list[Mailbox]:
        """Return every mailbox that is known."""
        return list(self._boxes.values())

    def find(self, address: str) -> Mailbox | None:
        """Return a mailbox by its address, whatever its case."""
        return self._boxes.get(address.lower())

    def put(self, box: Mailbox) -> None:
        """Add a mailbox or change it."""
        self._boxes[box.address] = box

    def domain(self, address: str) -> str:
        """Return the kind of an address's domain; empty when it is not authorised."""
        return self._domains.get(address.rpartition("@")[2].lower(), "")

    def at_rcpt(self, address: str) -> Fate:
        """Return what RCPT says: only what this operator knows without asking another is refused here."""
        domain = self.domain(address)
        if not domain:
            return Fate("refused", "5.7.1", "550 5.7.1 Domain is not in the MSSante trust space")
        if not LOCAL_PART.match(address.rpartition("@")[0]):
            return Fate("refused", "5.1.3", "553 5.1.3 Bad recipient address syntax")
        if domain == "own" and self.find(address) is None:
            return Fate("refused", "5.1.1", "550 5.1.1 User unknown")
        return DELIVERED

    def at_delivery(self, address: str, size: int) -> Fate:
        """Return what becomes of a mail that was taken.

        Args:
            size: Bytes of the mail.
        """
        box, patient = self.find(address), self.domain(address) == "patient"
        if patient and box is None and not MATRICULE.match(address.rpartition("@")[0]):
            return Fate("bounced", "5.1.3", "550 5.1.3 Adresse invalide")
        if box is None and not (patient and self._unknown_patient == "open"):
            return Fate("bounced", "5.1.1", "550 5.1.1 Patient inconnu" if patient else "550 5.1.1 User unknown")
        if box is not None and box.state == "closed":
            return Fate("bounced", "5.2.1", "550 5.2.1 Boite aux lettres fermee")
        limit = (box.limit if box else 0) or (PATIENT_LIMIT if patient else self._limit)
        if size > limit:
            return Fate("bounced", "5.3.4", f"552 5.3.4 Message size exceeds limit of {limit // MEGABYTE} MB")
        return DELIVERED


def _boxes(file: Path | str) -> Iterable[Mailbox]:
    with open(file, encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            said = {name: (value or "").strip() for name, value in row.items()}
            if said["kind"] not in KINDS:
                raise ValueError(f"a mailbox is one of {sorted(KINDS)}")
            limit = int(float(said.pop("limit_mb", "") or 0) * MEGABYTE)
            yield Mailbox(**{**said, "address": said["address"].lower(), "state": said.get("state") or "open"}, limit=limit)


def _domains(file: Path | str) -> Iterable[tuple[str, str]]:
    with open(file, encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            if row["kind"] not in DOMAINS:
                raise ValueError(f"a domain is one of {sorted(DOMAINS)}")
            yield row["domain"].strip().lower(), row["kind"].strip()
