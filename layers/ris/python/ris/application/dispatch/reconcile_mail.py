"""Read mailboxes, each once however many sites write from it: receipts move their rows, what nobody can place is kept for a person, and nothing in the mailbox is changed.

place (UIDVALIDITY, last UID) ── each mail after it, ascending: receipts applied, the rest an incident ── place, one further
   │ killed here: the mails since the last written place are read again, and each finds itself done
   └ another numbering (UIDVALIDITY): everything is read again, which moves nothing twice
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from ris.application.agenda.messages import LedgerEntry, MessageLedger, MessageState
from ris.application.conflicts import Conflict
from ris.application.dispatch.apply_receipt import apply_receipt, row_of_receipt
from ris.application.dispatch.mail_port import (
    Arrived,
    Mailboxes,
    MailboxPlace,
    MailboxPlaces,
    MailOperator,
    OpenMailbox,
    Receipt,
    ReceiptReader,
)
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.dispatch.mail import MailRules
from ris.domain.errors import Refused, RisError

KEPT_BYTES = 200_000
"""Of a mail nobody can place, its beginning is kept on the operator's list; the mail itself stays in the mailbox."""


@dataclass(frozen=True)
class MailboxServices:
    """Everything outside the reading of a mailbox.

    Args:
        most: Mails of one run; the next one comes in minutes and goes on.
    """

    deliveries: DeliveryStore
    ledger: MessageLedger
    operator: MailOperator
    mailboxes: Mailboxes
    reader: ReceiptReader
    places: MailboxPlaces
    rules: MailRules = field(default_factory=MailRules)
    most: int = 200


@dataclass(frozen=True)
class MailboxRead:
    """What one run did.

    Args:
        read: Mails read.
        applied: Receipts that found their row.
        kept: Mails kept for a person.
        left: Mails that wait for the next run.
    """

    read: int = 0
    applied: int = 0
    kept: int = 0
    left: int = 0


@dataclass(frozen=True)
class MailboxRun:
    """One mailbox of a run: the site whose certificate opened it, and what was done or the code of why nothing was."""

    site: str
    done: MailboxRead = MailboxRead()
    code: str = ""


def reconcile_mailboxes(s: MailboxServices, sites: Sequence[str], now: datetime) -> Iterator[MailboxRun]:
    """Read the mailboxes of some sites, each one once; one that fails never stops the others.

    A mailbox that one of its sites cannot open is tried with the next one's certificate. A site without a mailbox sends no mail.

    Args:
        s: The ports.
        sites: Whose mailboxes.
        now: Aware UTC instant.
    """
    read: set[str] = set()
    for site in sites:
        try:
            address = s.operator.mailbox(site).address.lower()
            if address in read:
                continue
            yield MailboxRun(site, reconcile_mail(s, site, now))
            read.add(address)
        except Refused:
            continue
        except RisError as failed:
            yield MailboxRun(site, code=failed.code)


def reconcile_mail(s: MailboxServices, site: str, now: datetime) -> MailboxRead:
    """Read what came to the mailbox of a site since the last run, for every site that writes from it.

    Args:
        s: The ports.
        site: Whose mailbox.
        now: Aware UTC instant.

    Raises:
        Refused: `mailbox_not_configured`.
        RemoteUnavailable: Not now.
        RemoteRejected: The operator does not let us in.
    """
    address = s.operator.mailbox(site).address.lower()
    mailbox = s.mailboxes.open(site)
    try:
        return _read(s, site, s.places.get(address), mailbox, now)
    finally:
        mailbox.close()


def _read(s: MailboxServices, site: str, place: MailboxPlace, mailbox: OpenMailbox, now: datetime) -> MailboxRead:
    if place.uid_validity != mailbox.uid_validity:
        place = replace(place, uid_validity=mailbox.uid_validity, last_uid=0)
    # A search from n on always returns the last mail too (RFC 3501 §6.4.8), so what was read is left out here.
    waiting = sorted(uid for uid in mailbox.uids_after(place.last_uid) if uid > place.last_uid)
    done = MailboxRead(left=max(len(waiting) - s.most, 0))
    for uid in waiting[: s.most]:
        applied, kept = _one(s, site, place, mailbox, uid, now)
        done = replace(done, read=done.read + 1, applied=done.applied + applied, kept=done.kept + kept)
        place = _further(s, replace(place, last_uid=uid))
    return done


def _further(s: MailboxServices, place: MailboxPlace) -> MailboxPlace:
    try:
        return s.places.save(place)
    except Conflict:
        # Another run reads the same mailbox: whoever is further stands, and what both read moves nothing twice.
        stored = s.places.get(place.address)
        return replace(place, version=stored.version)


def _one(s: MailboxServices, site: str, place: MailboxPlace, mailbox: OpenMailbox, uid: int, now: datetime) -> tuple[int, int]:
    mail = mailbox.fetch(uid)
    if mail is None:
        return 0, 0
    receipts = s.reader.read(mail.content)
    if not mail.whole and any(_needs_the_end(receipt) for receipt in receipts):
        mail = mailbox.fetch(uid, whole=True) or mail
        receipts = s.reader.read(mail.content)
    applied, reasons = 0, []
    for receipt in receipts:
        row, reason = row_of_receipt(s.deliveries, receipt, partial(_writes_from, s, place.address), s.rules)
        if row is None:
            reasons.append(reason)
            continue
        apply_receipt(s.deliveries, row, receipt, now)
        applied += 1
    if reasons:
        _keep(s, site, f"{place.address}|{place.uid_validity}|{uid}", mail, reasons[0], now)
    return applied, int(bool(reasons))


def _writes_from(s: MailboxServices, address: str, site: str) -> bool:
    """Say whether a site's mailbox is this one; where nobody can tell now, the mail is read again at the next run."""
    try:
        return s.operator.mailbox(site).address.lower() == address
    except Refused:
        return False


def _needs_the_end(receipt: Receipt) -> bool:
    """Say whether what tells the row may stand behind what was read: a returned archive comes last."""
    return receipt.kind in ("ko", "other") and not (receipt.message_id or receipt.document_id)


def _keep(s: MailboxServices, site: str, name: str, mail: Arrived, reason: str, now: datetime) -> None:
    kept = mail.content[:KEPT_BYTES]
    entry = LedgerEntry(
        entry_id=hashlib.sha256(f"mail|{name}".encode()).hexdigest(),
        site=site,
        sha256=hashlib.sha256(mail.content).hexdigest(),
        state=MessageState.INCIDENT,
        received_at=now,
        frame=kept,
        sending_application="MSSANTE",
        control_id=f"UID {mail.uid}",
        message_type="MAIL",
        kind="mail",
        reason=reason,
        place="mailbox",
        changed_at=now,
    )
    if s.ledger.get(site, entry.entry_id) is None:
        try:
            s.ledger.save(entry)
        except Conflict:
            return  # another run kept it
