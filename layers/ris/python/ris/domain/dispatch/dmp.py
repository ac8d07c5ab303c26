"""What may become of a row of the DMP: every event, in whatever order and however often it comes.

| the row is | record open | no record | record closed | opposed | not qualified | leaves | sure answer: no | not taken | found | absent |
|---|---|---|---|---|---|---|---|---|---|---|
| pending | goes on | held: no DMP | rejected | withdrawn | held: identity | pending: unknown | rejected | later | delivered | – |
| pending: unknown | – | – | – | – | – | – | rejected | later | delivered | pending |
| held: no DMP | pending | held: no DMP | rejected | withdrawn | held: identity | – | – | – | delivered | – |
| held: identity | pending | held: no DMP | rejected | withdrawn | held: identity | – | – | – | delivered | – |
| rejected, withdrawn | – | – | – | – | – | – | – | – | delivered | – |
| delivered, delegated | – | – | – | – | – | – | – | – | – | – |

An unknown row is asked about before anything else is decided on it; a rejected one goes again only when a person says so. What the DMP
has is a fact: *found* wins over what another execution concluded meanwhile, and nothing undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.transitions import next_due, settled

CHANNEL = "dmp"
RECIPIENT = "DMP"
SENDING = "sending"
"""Reason of a row from just before a submission until its end is known: its function may still be at it, or dead."""

NO_DMP = "no_dmp"
IDENTITY = "identity"
OPPOSITION = "opposition"
CLOSED = "dmp_closed"
WITHHELD = "withheld"
"""Held by a person, and until a person lets it go: no fact decides on it."""


@dataclass(frozen=True)
class DmpRules:
    """Settings: how long is waited.

    Args:
        settle: From a lost answer to the first question, so that the registry has what the repository took.
        sending_for: From the start of a submission whose function said nothing more: longer than a function lives, so that it is at it no more.
        workflow: What a workflow needs; a row that still waits then has lost its workflow.
        no_dmp_again: From one TD0.2 without a record to the next; `no_dmp_until` is how long after planning it is asked at all.
    """

    settle: timedelta = timedelta(seconds=5)
    sending_for: timedelta = timedelta(seconds=90)
    workflow: timedelta = timedelta(minutes=5)
    no_dmp_again: timedelta = timedelta(days=1)
    no_dmp_until: timedelta = timedelta(days=90)


def planned_dmp(
    owner: str, site: str, report_version: int, document_id: str, now: datetime, *, qualified: bool, opposed: bool = False
) -> Delivery:
    """Return the new row of one version of a report, as its plan is frozen at validation.

    Args:
        qualified: The frozen content carries a qualified identity; without one the row is held.
        opposed: The patient was informed for this episode and opposed (ZFA-9 `IO`): nothing will leave.
    """
    row = Delivery(
        owner=owner,
        site=site,
        channel=CHANNEL,
        recipient=RECIPIENT,
        message_id="",
        state=DeliveryState.PENDING,
        due_at=now + DmpRules().workflow,
        planned_at=now,
        changed_at=now,
        report_version=report_version,
        document_id=document_id,
        executions=1,
    )
    if opposed:
        return opposed_to(row, now)
    return row if qualified else identity_missing(row, now)


def undecided(row: Delivery) -> bool:
    """Say whether what the facts say now decides on the row: surely not in the DMP, and not settled."""
    if row.state is DeliveryState.HELD:
        return row.reason != WITHHELD
    return row.state is DeliveryState.PENDING and not row.unknown


def record_open(row: Delivery, now: datetime, rules: DmpRules) -> Delivery:
    """Return the row once TD0.2 said that there is a record to feed: a held one is pending again."""
    if row.state is not DeliveryState.HELD:
        return row
    return replace(row, state=DeliveryState.PENDING, reason="", due_at=now + rules.workflow, changed_at=now)


def no_record(row: Delivery, now: datetime, rules: DmpRules) -> Delivery:
    """Return the row when the patient has no DMP: held, and asked again the next day, for some weeks."""
    if not undecided(row):
        return row
    again = now + rules.no_dmp_again
    last = (row.planned_at or now) + rules.no_dmp_until
    return replace(row, state=DeliveryState.HELD, reason=NO_DMP, due_at=again if again <= last else None, changed_at=now)


def record_closed(row: Delivery, now: datetime, *, since: str, why: str) -> Delivery:
    """Return the row when the patient's DMP is closed: rejected with the date and the reason the DMP gave, if any."""
    if not undecided(row):
        return row
    words = " ".join(part for part in (since, why) if part)
    return settled(row, DeliveryState.REJECTED, now, reason=CLOSED, remote_code="DMPClosed", remote_words=words)


def opposed_to(row: Delivery, now: datetime) -> Delivery:
    """Return the row when the patient opposed the feeding of the DMP for this episode."""
    if not undecided(row):
        return row
    return settled(row, DeliveryState.WITHDRAWN, now, reason=OPPOSITION)


def withdrawn_for_opposition(row: Delivery) -> bool:
    """Say whether nothing but the patient's opposition keeps a row of a report from the DMP."""
    return row.channel == CHANNEL and row.state is DeliveryState.WITHDRAWN and row.reason == OPPOSITION


def opposition_lifted(row: Delivery, now: datetime) -> Delivery:
    """Return a row that an opposition withdrew which is over: withdrawn still, and due, for the sweep to decide on the facts."""
    return replace(row, due_at=now) if withdrawn_for_opposition(row) and row.due_at is None else row


def identity_missing(row: Delivery, now: datetime) -> Delivery:
    """Return the row while the identity is not qualified: held until an identity event makes it due."""
    if not undecided(row) or (row.state, row.reason) == (DeliveryState.HELD, IDENTITY):
        return row
    return replace(row, state=DeliveryState.HELD, reason=IDENTITY, due_at=None, changed_at=now)


def leaves(row: Delivery, now: datetime, rules: DmpRules) -> Delivery:
    """Return the row just before a submission: one attempt more, and perhaps in the DMP until we know better.

    Raises:
        ValueError: It is not one that may leave.
    """
    if row.state is not DeliveryState.PENDING or row.unknown:
        raise ValueError("only a pending row that is surely not in the DMP may leave")
    again = replace(row, attempts=row.attempts + 1, unknown=True, reason=SENDING, remote_code="", remote_words="", changed_at=now)
    return replace(again, due_at=now + max(rules.workflow, rules.sending_for))


def lost(row: Delivery, now: datetime, rules: DmpRules, *, reason: str, remote_code: str = "") -> Delivery:
    """Return the row when the answer of its submission never came, or cannot be believed."""
    if row.state is not DeliveryState.PENDING or not row.unknown:
        return row
    return replace(row, reason=reason, remote_code=remote_code, due_at=now + max(rules.workflow, rules.settle), changed_at=now)


def may_be_asked(row: Delivery, rules: DmpRules) -> datetime:
    """Return from when the DMP's answer on an unknown row can be believed."""
    since = row.changed_at or row.planned_at
    if since is None:
        raise ValueError("a row has an instant of its last change")
    return since + (rules.sending_for if row.reason == SENDING else rules.settle)


def found(row: Delivery, now: datetime) -> Delivery:
    """Return the row once the document is known to be in the DMP: by the answer of its submission, or by asking.

    That is a fact, so it wins over what another execution concluded meanwhile; only *other bytes under our id* is no find of ours.
    """
    if row.state in (DeliveryState.DELIVERED, DeliveryState.DELEGATED) or row.remote_code == "XDSNonIdenticalHash":
        return row
    return settled(row, DeliveryState.DELIVERED, now)


def absent(row: Delivery, now: datetime) -> Delivery:
    """Return the row once the DMP said that it has no such document: the same stored bytes may go again."""
    if row.state is not DeliveryState.PENDING or not row.unknown:
        return row
    return replace(row, unknown=False, reason="absent", due_at=_again(row, now), changed_at=now)


def not_taken(row: Delivery, now: datetime, *, reason: str, remote_code: str = "") -> Delivery:
    """Return the row when the submission surely did not arrive, or was answered *busy*: it goes again when it is due."""
    if row.state is not DeliveryState.PENDING:
        return row
    return replace(row, unknown=False, reason=reason, remote_code=remote_code, due_at=_again(row, now), changed_at=now)


def waits(row: Delivery, now: datetime, *, reason: str, remote_code: str = "") -> Delivery:
    """Return the row when nothing could be learned: as unknown or not as it was, and looked at again later.

    A held row stays held: only the instant of the next question moves.
    """
    if row.state is DeliveryState.PENDING:
        return replace(row, reason=reason, remote_code=remote_code, due_at=_again(row, now), changed_at=now)
    if row.state is DeliveryState.HELD and row.due_at is not None:
        return replace(row, due_at=_again(row, now), changed_at=now)
    return row


def refused(row: Delivery, now: datetime, *, reason: str, remote_code: str = "", remote_words: str = "") -> Delivery:
    """Return the row after a sure no, of the DMP or of a rule of ours: a person acts."""
    if row.state is not DeliveryState.PENDING:
        return row
    return settled(row, DeliveryState.REJECTED, now, reason=reason, remote_code=remote_code, remote_words=remote_words)


def started_again(row: Delivery, now: datetime, rules: DmpRules) -> Delivery:
    """Return a due row as the sweep takes it: one workflow more, and time for it before the next one looks."""
    return replace(row, executions=row.executions + 1, due_at=now + rules.workflow)


def reopened(row: Delivery, now: datetime, rules: DmpRules) -> Delivery:
    """Return a rejected row that a person sends again, after they mended what was wrong; any other as it is."""
    if row.state is not DeliveryState.REJECTED:
        return row
    return replace(row, state=DeliveryState.PENDING, unknown=False, reason="reopened", due_at=now + rules.workflow, changed_at=now)


def waits_out(row: Delivery, until: datetime) -> Delivery:
    """Return a due row while the DMP is known to be down: looked at again when a call may go through, without any workflow."""
    return replace(row, due_at=until)


def _again(row: Delivery, now: datetime) -> datetime:
    """Return when a row is looked at again: 1, 2, 5, 15 minutes after its workflows, then every hour.

    Workflows are counted, not attempts: one of them tries several times in its two minutes.
    """
    return next_due(replace(row, attempts=row.executions), now)
