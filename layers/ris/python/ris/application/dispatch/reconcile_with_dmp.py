"""Ask the DMP whether it has a document of ours whose submission has an unknown end (TD3.1b on our own uniqueId).

Found is delivered; absent lets the same stored bytes go again, later; anything else leaves the row unknown, to be asked again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ris.application.dispatch.check_dmp import LONGEST_WORDS
from ris.application.dispatch.delete_from_dmp import there
from ris.application.dispatch.dmp_facts import REMOTE, facts_of, moved, row_of
from ris.application.dispatch.services import DmpServices
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.dispatch.dmp import absent, found, may_be_asked, waits
from ris.domain.dispatch.dmp_codes import safe_code
from ris.domain.errors import Refused, RemoteRejected, RemoteUnavailable


def reconcile_with_dmp(s: DmpServices, accession: str, version: int, now: datetime) -> Delivery:
    """Learn the end of an unknown submission.

    Args:
        s: The ports.
        accession: Of the exam.
        version: Of the report.
        now: Aware UTC instant.

    Returns:
        The row; as it was when it is not unknown.

    Raises:
        InvalidInput: `unknown_delivery` and its like.
        RemoteUnavailable: `dmp_settling`: too early to believe the answer; else the DMP could not be asked.
    """
    row = row_of(s.deliveries, accession, version)
    if row.state is not DeliveryState.PENDING or not row.unknown:
        return row
    if now < may_be_asked(row, s.rules):
        raise RemoteUnavailable("dmp_settling")
    facts = facts_of(s, row)
    deletes = row.operation == DELETE
    if facts.identity is None and not deletes:
        # The question would carry the INS: it is not asked while the identity may not carry it (design, decision 8).
        return _still_unknown(s, row, "identity_not_qualified", "", now)
    if not s.breaker.allow(REMOTE, now):
        return moved(s, row, lambda current: waits(current, now, reason="dmp_breaker_open"))
    try:
        record = s.dmp.record(facts.legal_entity)
    except Refused as no:
        return _still_unknown(s, row, no.code, "", now)
    try:
        entry = record.entry_uuid(there(s, row) if deletes else facts.report, row.document_id, now=now)
    except RemoteRejected as no:
        # A question that is refused says nothing of the submission: it stays unknown, and shows why nobody could ask.
        s.breaker.success(REMOTE, s.clock())
        return _still_unknown(s, row, safe_code(no.code), no.detail[:LONGEST_WORDS], now)
    except RemoteUnavailable as failed:
        s.breaker.failure(REMOTE, s.clock(), failed.code)
        raise RemoteUnavailable(failed.code) from None
    s.breaker.success(REMOTE, s.clock())
    return moved(s, row, lambda current: _after(current, row.attempts, entry, s.clock()))


def _after(current: Delivery, attempt: int, entry: str, now: datetime) -> Delivery:
    """Return the row after the answer; an absence says nothing of a later attempt. To a deletion, absent is the good answer."""
    if bool(entry) is (current.operation != DELETE):
        return found(current, now)
    return absent(current, now) if current.attempts == attempt else current


def _still_unknown(s: DmpServices, row: Delivery, code: str, words: str, now: datetime) -> Delivery:
    def change(current: Delivery) -> Delivery:
        if current.state is not DeliveryState.PENDING or not current.unknown:
            return current
        return replace(waits(current, now, reason=code, remote_code=code if words else ""), remote_words=words)

    return moved(s, row, change)
