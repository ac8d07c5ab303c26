"""Apply what a peer answered to a message of ours, in whatever order and however often answers come."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ris.application.agenda.messages import LedgerEntry, MessageLedger, MessageState
from ris.application.conflicts import Conflict, decide
from ris.application.dispatch.ports import Answer, DeliveryStore
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.transitions import delivered, postponed, rejected
from ris.domain.errors import InvalidInput

LONGEST_WORDS = 500


@dataclass(frozen=True)
class Acknowledgement:
    """What a gateway reports.

    Args:
        destination: Peer, as in the gateway's settings.
        message_id: MSH-10 of what was sent.
        outcome: `AA`, `AE`, `AR`, or `none` when no answer came.
        unknown: With `none`: the peer may have got the message.
        frame: The answer's bytes, if any.
    """

    site: str
    received_at: datetime
    destination: str
    message_id: str
    outcome: str
    unknown: bool
    frame: bytes
    spool_id: str = ""


class AnswerReader(Protocol):
    """Reads the bytes of an acknowledgement."""

    def answer(self, frame: bytes) -> Answer:
        """Return MSA and ERR; raise InvalidInput when it is no acknowledgement."""


@dataclass(frozen=True)
class AcknowledgementServices:
    """Everything outside this use case."""

    deliveries: DeliveryStore
    ledger: MessageLedger
    reader: AnswerReader


def apply_acknowledgement(s: AcknowledgementServices, said: Acknowledgement, now: datetime) -> Delivery | None:
    """Move the row whose message was answered.

    Returns:
        The row as it now is, or None when the answer belongs to nothing we sent to that peer: it is kept on the operator's list.

    Raises:
        RemoteUnavailable: An outage; deliver it again.
    """
    answer, fault = _read(s, said)
    if fault:
        _keep_as_incident(s, said, fault, now)
        return None

    def attempt() -> Delivery | None:
        row = s.deliveries.find_by_message_id(said.message_id)
        if row is None or (row.site, row.recipient) != (said.site, said.destination):
            return None
        if row.message_id != said.message_id:
            # The answer to an earlier word about the same exam: the row says a later one by now.
            return row
        after = _after(row, said, answer, now)
        return row if after == row else s.deliveries.save(after)

    row = decide(attempt)
    if row is None:
        _keep_as_incident(s, said, "acknowledgement_of_nothing_sent", now)
    return row


def _read(s: AcknowledgementServices, said: Acknowledgement) -> tuple[Answer, str]:
    """Return the answer, and what is wrong with it (empty when nothing is)."""
    answer = Answer(code=said.outcome, message_id=said.message_id)
    if not said.frame:
        return answer, ""
    try:
        answer = s.reader.answer(said.frame)
    except InvalidInput:
        # The gateway could read MSA-1 and MSA-2, which is all that counts; the rest is only words.
        return answer, ""
    return answer, "" if answer.message_id == said.message_id else "acknowledgement_of_another_message"


def _after(row: Delivery, said: Acknowledgement, answer: Answer, now: datetime) -> Delivery:
    words = answer.words[:LONGEST_WORDS]
    if said.outcome == "AA":
        return delivered(row, now)
    if said.outcome == "AE":
        return rejected(row, now, reason="refused_by_peer", remote_code=answer.error or "AE", remote_words=words)
    if said.outcome == "AR":
        code = answer.error or "AR"
        return postponed(row, now, reason="postponed_by_peer", unknown=False, remote_code=code, remote_words=words)
    return postponed(row, now, reason="no_answer" if said.unknown else "peer_unreachable", unknown=said.unknown)


def _keep_as_incident(s: AcknowledgementServices, said: Acknowledgement, reason: str, now: datetime) -> None:
    digest = hashlib.sha256(said.frame).hexdigest()
    name = "|".join(("acknowledgement", said.destination, said.message_id, said.outcome, digest))
    entry = LedgerEntry(
        entry_id=hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest(),
        site=said.site,
        sha256=digest,
        state=MessageState.INCIDENT,
        received_at=said.received_at,
        frame=said.frame,
        sending_application=said.destination,
        control_id=said.message_id[:199],
        message_type="ACK",
        spool_id=said.spool_id,
        kind="acknowledgement",
        reason=reason,
        place="MSA-2",
        changed_at=now,
    )
    if s.ledger.get(said.site, entry.entry_id) is None:
        try:
            s.ledger.save(replace(entry))
        except Conflict:
            return  # another delivery of the same answer kept it
