"""Submit one version to the DMP: the row first, then the stored bytes, then what became of them.

    row: attempt n, perhaps there ── ITI-41 ── row: delivered, rejected, or surely not taken
       │ killed here, or no believable answer: the row is pending and unknown, and the DMP is asked (reconcile_with_dmp)
       └ a row that is already unknown is never submitted: it is asked about first

The documents are those stored when the report was signed; VIHF and envelope alone are made here, so that a resend is the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.check_dmp import LONGEST_WORDS
from ris.application.dispatch.delete_from_dmp import ready_to_delete, there
from ris.application.dispatch.dmp_facts import REMOTE, DmpFacts, facts_of, moved, own_structure, replaced_document, row_of
from ris.application.dispatch.dmp_port import NationalRecord, SignedVersion
from ris.application.dispatch.services import DmpServices
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.dispatch.dmp import found, leaves, lost, not_taken, refused, waits
from ris.domain.dispatch.dmp_codes import Reaction, reaction_of, safe_code
from ris.domain.errors import (
    InvalidInput,
    NotAllowed,
    OutcomeUnknown,
    Refused,
    RemoteRejected,
    RemoteUnavailable,
    RisError,
)
from ris.domain.report.frozen import FrozenReport


def send_to_dmp(s: DmpServices, accession: str, version: int, now: datetime) -> Delivery:
    """Submit a version, unless its row is settled or held.

    Args:
        s: The ports.
        accession: Of the exam.
        version: Of the report.
        now: Aware UTC instant.

    Returns:
        The row.

    Raises:
        InvalidInput: `unknown_delivery` and its like.
        Refused: Before anything is sent: `identity_not_qualified`, `patient_opposed`, `structure_not_certificates`,
            `another_structures_document`, `replaced_document_absent`, `stored_document_changed`, `dmp_not_configured`.
        RemoteRejected: The DMP's own code; written on the row with its words, which stay there.
        RemoteUnavailable: Surely not taken; also `predecessor_pending`, `version_not_signed`.
        OutcomeUnknown: Perhaps taken: ask.
    """
    row = row_of(s.deliveries, accession, version)
    if row.state is not DeliveryState.PENDING:
        return row
    if row.unknown:
        raise OutcomeUnknown("dmp_outcome_unknown")
    facts = facts_of(s, row)
    if row.operation == DELETE:
        return _deleted(s, row, facts, now)
    signed = _leaving(s, row, facts)
    if not s.breaker.allow(REMOTE, now):
        return moved(s, row, lambda current: waits(current, now, reason="dmp_breaker_open"))
    record = s.dmp.record(facts.legal_entity)
    replaced = _replaced_entry(s, row, facts, record, now)
    row, ours = decide(lambda: _taken(s, row, now))
    return _submitted(s, row, lambda: record.submit(signed, replaced_entry_uuid=replaced, now=now)) if ours else row


def _deleted(s: DmpServices, row: Delivery, facts: DmpFacts, now: datetime) -> Delivery:
    """Take back what is in the DMP; what is not there any more is deleted."""
    own_structure(s, facts)
    if not ready_to_delete(s, row, facts, now):
        return row_of(s.deliveries, row.owner, row.report_version)
    if not s.breaker.allow(REMOTE, now):
        return moved(s, row, lambda current: waits(current, now, reason="dmp_breaker_open"))
    record, report = s.dmp.record(facts.legal_entity), there(s, row)
    entry = _entry(s, record, report, row.predecessor, now)
    if not entry:
        return moved(s, row, lambda current: found(current, s.clock()))
    row, ours = decide(lambda: _taken(s, row, now))
    asked = row.planned_at or now
    return _submitted(s, row, lambda: record.delete(report, entry, requested_at=asked, now=now)) if ours else row


def _leaving(s: DmpServices, row: Delivery, facts: DmpFacts) -> SignedVersion:
    """Return the documents, after every rule of ours let them leave."""
    if facts.opposed:
        raise Refused("patient_opposed", field="ZFA-9")
    if facts.identity is None:
        raise Refused("identity_not_qualified")
    own_structure(s, facts)
    signed = s.versions.signed(row.owner, row.report_version)
    if signed is None:
        raise RemoteUnavailable("version_not_signed")
    return signed


def _replaced_entry(s: DmpServices, row: Delivery, facts: DmpFacts, record: NationalRecord, now: datetime) -> str:
    """Return the entryUUID of what this version replaces in the DMP; empty for a first submission."""
    document, pending = replaced_document(s, row, facts)
    if pending:
        raise RemoteUnavailable("predecessor_pending")
    if not document:
        return ""
    entry = _entry(s, record, facts.report, document, now)
    if not entry:
        raise Refused("replaced_document_absent")
    return entry


def _entry(s: DmpServices, record: NationalRecord, report: FrozenReport, document: str, now: datetime) -> str:
    """Return the entryUUID of a document of ours, or an empty string."""
    try:
        return record.entry_uuid(report, document, now=now)
    except (RemoteRejected, RemoteUnavailable) as failed:
        _tell_breaker(s, failed)
        raise type(failed)(safe_code(failed.code)) from None


def _taken(s: DmpServices, read: Delivery, now: datetime) -> tuple[Delivery, bool]:
    """Write the attempt before it is made; False when another execution settled the row meanwhile."""
    row = row_of(s.deliveries, read.owner, read.report_version)
    if row.state is not DeliveryState.PENDING:
        return row, False
    if row.unknown:
        raise OutcomeUnknown("dmp_outcome_unknown")
    return s.deliveries.save(leaves(row, now, s.rules)), True


def _submitted(s: DmpServices, row: Delivery, act: Callable[[], None]) -> Delivery:
    """Make the attempt and write what became of it."""
    try:
        act()
    except RisError as failed:
        _tell_breaker(s, failed)
        outward = type(failed)(safe_code(failed.code))  # the DMP's words stay on the row: they may name the patient
        _written(s, row, failed, s.clock())
        raise outward from None
    s.breaker.success(REMOTE, s.clock())
    try:
        return moved(s, row, lambda current: found(current, s.clock()))
    except RemoteUnavailable:
        raise OutcomeUnknown("outcome_not_written") from None


def _written(s: DmpServices, row: Delivery, failed: RisError, now: datetime) -> None:
    """Write a failed attempt on the row; where that fails too, the error itself tells the workflow."""
    try:
        moved(s, row, lambda current: _after(current, row.attempts, failed, s, now))
    except RemoteUnavailable:
        return


def _after(current: Delivery, attempt: int, failed: RisError, s: DmpServices, now: datetime) -> Delivery:
    """Return the row after a failed attempt, unless a later one is under way."""
    if current.attempts != attempt or not current.unknown:
        return current
    code = safe_code(failed.code)
    if isinstance(failed, RemoteRejected):
        if current.operation == DELETE and current.attempts > 1 and reaction_of(code) is Reaction.CONTENT:
            return replace(found(current, now), remote_code=code)  # sent again: what was deleted the first time is refused now
        return refused(current, now, reason=code, remote_code=code, remote_words=failed.detail[:LONGEST_WORDS])
    if isinstance(failed, RemoteUnavailable | InvalidInput | Refused | NotAllowed):
        return not_taken(current, now, reason=code)
    return lost(current, now, s.rules, reason=code)


def _tell_breaker(s: DmpServices, failed: RisError) -> None:
    """Tell the breaker whether the DMP answers; a refusal that every call will meet stops the others."""
    code = failed.code
    answered = isinstance(failed, RemoteRejected) or code.startswith("XDS")
    silent = isinstance(failed, RemoteUnavailable | OutcomeUnknown) and not code.startswith("XDS")
    if silent or (answered and reaction_of(code) is Reaction.CONFIGURATION):
        s.breaker.failure(REMOTE, s.clock(), safe_code(code))
    elif answered:
        s.breaker.success(REMOTE, s.clock())
