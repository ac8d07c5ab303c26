"""The chain over the audit records of a site and day: each seal binds the records since the one before, and is signed.

A record is appended by whoever acts and is never changed. A seal, made by one function alone some minutes later, lists the digest of
each record it binds, in the order of their keys, and a running hash that begins with the hash of the seal before:

    genesis = H(site, day)
    seal 1: h1 = H(H(genesis, r1), r2)      seal 2: h2 = H(h1, r3)      …      closing seal: hn = H(…), the day is over

each with a signature over (site, day, number, count, h). A changed record differs from its digest, a removed one is missing, two
exchanged ones are both changed, an added one is in no seal. A changed seal breaks the hash or the signature, a removed one leaves a
gap in the numbers; seals removed at the end are missed by the copy of each signed anchor that lies where nothing can be deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from ris.domain.access.audit import AuditRecord

SETTLING = timedelta(minutes=5)
"""A record this old has surely been written: its instant is taken when its request begins, and no request lasts so long."""

LATE = timedelta(hours=1)
"""A record that comes up to so much later (a clock that is wrong, an outage) is bound by the next seal of its day."""


@dataclass(frozen=True)
class Bound:
    """One record in a seal: its key within the day (`{instant}#{audit_id}`) and the SHA-256 of its content, in hexadecimal."""

    key: str
    digest: str


@dataclass(frozen=True)
class Seal:
    """What one run of the sealer bound.

    Args:
        day: UTC day of the records, `YYYY-MM-DD`.
        number: From 1, without a gap, within the site and day.
        previous: `hash` of the seal before, that of site and day for the first.
        hash: Running hash over `previous` and every bound record.
        closing: The day is over: no record is bound to it any more.
        signature: Of `anchor_of(seal)`, by the key that only the sealer may use.
    """

    site: str
    day: str
    number: int
    previous: str
    bound: tuple[Bound, ...]
    hash: str
    sealed_at: datetime
    closing: bool = False
    signature: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class ChainFault:
    """Something that is not as it was sealed.

    Args:
        code: `record_changed record_missing record_unsealed seal_changed seal_missing seal_not_signed seals_cut_off`.
        place: Our own key of the record, or the number of the seal.
    """

    code: str
    day: str
    place: str


def key_of(record: AuditRecord) -> str:
    """Return the key of a record within its site and day; keys sort by time."""
    return f"{instant_key(record.instant)}#{record.audit_id}"


def instant_key(instant: datetime) -> str:
    """Return an instant as the beginning of a key."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def digest_of(record: AuditRecord) -> str:
    """Return the SHA-256 of everything a record says, independent of how a store lays it out; a patient it does not name is not said."""
    values = vars(record) | {"instant": instant_key(record.instant)}
    if not record.patient_id:
        del values["patient_id"]
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def genesis(site: str, day: str) -> str:
    """Return what the first seal of a site and day begins with."""
    return hashlib.sha256(f"{site}\n{day}".encode()).hexdigest()


def is_over(day: str, now: datetime) -> bool:
    """Tell whether nothing comes to a UTC day any more."""
    return now >= datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1) + LATE


def next_seal(
    site: str, day: str, before: Seal | None, records: Iterable[AuditRecord], now: datetime, *, closing: bool = False
) -> Seal:
    """Return the seal that binds these records, not signed yet.

    Args:
        before: The latest seal of the day, None when there is none.
        records: Not bound before, of this site and day, in any order.
        now: Aware UTC instant.
    """
    bound = tuple(Bound(key_of(record), digest_of(record)) for record in sorted(records, key=key_of))
    previous = before.hash if before else genesis(site, day)
    number = before.number + 1 if before else 1
    return Seal(site, day, number, previous, bound, _running(previous, bound), now, closing)


def anchor_of(seal: Seal) -> bytes:
    """Return the text that is signed: small, whatever the seal binds (KMS signs at most 4,096 bytes)."""
    values = {
        "closing": seal.closing,
        "count": len(seal.bound),
        "day": seal.day,
        "hash": seal.hash,
        "number": seal.number,
        "previous": seal.previous,
        "sealed_at": instant_key(seal.sealed_at),
        "site": seal.site,
    }
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def signed(seal: Seal, signature: bytes) -> Seal:
    """Return the seal with its signature."""
    return replace(seal, signature=signature)


def faults_of_seals(site: str, day: str, seals: Sequence[Seal], is_signed: Iterable[bool], anchors: int) -> list[ChainFault]:
    """Return what is wrong in the seals of a day.

    Args:
        seals: As stored, in the order of their numbers.
        is_signed: For each seal, whether its signature is the sealer's.
        anchors: How many seals of the day the vault has seen.
    """
    faults = []
    number, previous = 0, genesis(site, day)
    for seal, good in zip(seals, is_signed, strict=True):
        if seal.number != number + 1:
            faults.append(ChainFault("seal_missing", day, str(number + 1)))
        elif (seal.site, seal.day, seal.previous) != (site, day, previous) or seal.hash != _running(seal.previous, seal.bound):
            faults.append(ChainFault("seal_changed", day, str(seal.number)))
        if not good:
            faults.append(ChainFault("seal_not_signed", day, str(seal.number)))
        number, previous = seal.number, seal.hash
    if anchors > number:
        faults.append(ChainFault("seals_cut_off", day, str(number + 1)))
    return faults


def faults_of_records(day: str, records: Iterable[AuditRecord], seals: Sequence[Seal], now: datetime) -> list[ChainFault]:
    """Return how the records of a day differ from what its seals bound.

    Args:
        records: As stored now.
        seals: Those of the day.
        now: A record older than `LATE` before this instant must be in a seal, and any record once the day was closed.
    """
    bound = {each.key: each.digest for seal in seals for each in seal.bound}
    there = {key_of(record): record for record in records}
    closed = any(seal.closing for seal in seals)
    faults = [ChainFault("record_missing", day, key) for key in sorted(bound.keys() - there.keys())]
    for key, record in there.items():
        if key not in bound:
            if closed or record.instant < now - LATE:
                faults.append(ChainFault("record_unsealed", day, key))
        elif bound[key] != digest_of(record):
            faults.append(ChainFault("record_changed", day, key))
    return faults


def _running(previous: str, bound: Iterable[Bound]) -> str:
    for each in bound:
        previous = hashlib.sha256(f"{previous}\n{each.key}\n{each.digest}".encode()).hexdigest()
    return previous
