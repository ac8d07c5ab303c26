"""Ask whether a version may leave for the DMP: the row first, then what we know ourselves, then the DMP (TD0.2).

Nothing is asked for a row that is settled or unknown, for a patient who opposed, or for an identity that is not qualified. What the answer
means is written on the row here; only a question that could not be asked is raised, since asking again harms nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris.application.dispatch.delete_from_dmp import called_back, deleted_later
from ris.application.dispatch.dmp_facts import REMOTE, DmpFacts, facts_of, moved, own_structure, row_of
from ris.application.dispatch.dmp_port import RecordState
from ris.application.dispatch.services import DmpServices
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.dispatch.dmp import (
    identity_missing,
    no_record,
    opposed_to,
    record_closed,
    record_open,
    refused,
    undecided,
    waits,
)
from ris.domain.dispatch.dmp_codes import Reaction, reaction_of, safe_code
from ris.domain.errors import Refused, RemoteRejected, RemoteUnavailable
from ris.domain.identity.ins import QualifiedIdentity

LONGEST_WORDS = 500


@dataclass(frozen=True)
class DmpStep:
    """What comes next.

    Args:
        next: `send`, `reconcile`, or `nothing`: the row says why.
    """

    row: Delivery
    next: str


def check_dmp(s: DmpServices, accession: str, version: int, now: datetime) -> DmpStep:
    """Decide what becomes of the row of a version.

    Args:
        s: The ports.
        accession: Of the exam.
        version: Of the report.
        now: Aware UTC instant.

    Raises:
        InvalidInput: `unknown_delivery`, `unknown_exam`, `unknown_version`, `unknown_patient`.
        RemoteUnavailable: The DMP could not be asked, or gave no believable answer.
    """
    row = row_of(s.deliveries, accession, version)
    if row.state is DeliveryState.PENDING and row.unknown:
        return DmpStep(row, "reconcile")
    if not undecided(row):
        return DmpStep(row, "nothing")
    if row.operation == DELETE:
        return DmpStep(row, "send")  # whether the record is open does not matter: what is there is taken back
    if deleted_later(s, row):
        return _step(moved(s, row, lambda current: called_back(current, now)))
    facts = facts_of(s, row)
    if facts.opposed:
        return _step(moved(s, row, lambda current: opposed_to(current, now)))
    identity = facts.identity
    if identity is None:
        return _step(moved(s, row, lambda current: identity_missing(current, now)))
    if not s.breaker.allow(REMOTE, now):
        return _postponed(s, row, now)
    return _asked(s, row, facts, identity, now)


def _asked(s: DmpServices, row: Delivery, facts: DmpFacts, identity: QualifiedIdentity, now: datetime) -> DmpStep:
    """Ask the DMP, and write what its answer means."""
    try:
        own_structure(s, facts)
        record = s.dmp.record(facts.legal_entity)
    except Refused as no:
        code = no.code
        return _step(moved(s, row, lambda current: _refused(current, s, now, code)))
    try:
        said = record.existence(facts.report, identity.ins, now=now)
    except RemoteRejected as no:
        theirs, words = safe_code(no.code), no.detail[:LONGEST_WORDS]
        _note(s, theirs)
        return _step(moved(s, row, lambda current: _refused(current, s, now, theirs, theirs, words)))
    except RemoteUnavailable as failed:
        s.breaker.failure(REMOTE, s.clock(), failed.code)
        raise RemoteUnavailable(failed.code) from None
    s.breaker.success(REMOTE, s.clock())
    return _step(moved(s, row, lambda current: _after(current, said, s, now)))


def _after(row: Delivery, said: RecordState, s: DmpServices, now: datetime) -> Delivery:
    match said.state:
        case "open":
            return record_open(row, now, s.rules)
        case "none":
            return no_record(row, now, s.rules)
        case _:
            return record_closed(row, now, since=said.since[:40], why=said.reason[:LONGEST_WORDS])


def _refused(row: Delivery, s: DmpServices, now: datetime, code: str, theirs: str = "", words: str = "") -> Delivery:
    """Return the row refused; a held one passes through pending, which it would be if the question had been allowed."""
    if not undecided(row):
        return row
    return refused(record_open(row, now, s.rules), now, reason=code, remote_code=theirs, remote_words=words)


def _note(s: DmpServices, code: str) -> None:
    """Tell the breaker that the DMP answered; a refusal that every call will meet stops the others."""
    if reaction_of(code) is Reaction.CONFIGURATION:
        s.breaker.failure(REMOTE, s.clock(), code)
    else:
        s.breaker.success(REMOTE, s.clock())


def _postponed(s: DmpServices, row: Delivery, now: datetime) -> DmpStep:
    return DmpStep(moved(s, row, lambda current: waits(current, now, reason="dmp_breaker_open")), "nothing")


def _step(row: Delivery) -> DmpStep:
    """Return what comes next from what the row now is: somebody else may have been faster."""
    if row.state is not DeliveryState.PENDING:
        return DmpStep(row, "nothing")
    return DmpStep(row, "reconcile" if row.unknown else "send")
