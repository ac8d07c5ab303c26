"""What may become of a row of a mail: every event, in whatever order and however often it comes.

| the row is | leaves | operator took it | surely not taken | answer lost | sure no | DSN delivered | DSN failed, KO | read, integrated |
|---|---|---|---|---|---|---|---|---|
| pending | unknown | – | later | – | rejected | delivered | rejected | delivered |
| pending: unknown | again, after hours | accepted | later | unknown | rejected | delivered | rejected | delivered |
| pending: accepted | – | – | – | – | – | delivered | rejected | delivered |
| delivered | – | – | – | – | – | – | rejected, unless read | delivered |
| rejected | – | – | – | – | – | – | – | delivered |
| delegated | – | – | – | – | – | delivered | rejected | delivered |
| held, withdrawn | – | – | – | – | – | – | – | – |
| withdrawn while unknown | – | – | – | – | – | delivered | – | delivered |

Receipts come in any order and end the same: *integrated* over *failed* over *delivered*. A mail whose end is unknown goes again only when
hours passed without a receipt, under the same Message-ID.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ris.domain.dispatch.channels import DMP, MAIL, PATIENT, PLATFORM
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.transitions import HANDED_OVER, next_due, settled

_MESSAGE_IDS = bytes.fromhex("6f6f7a523b0b5c0d9b1e2f60c7c0a9d1")
SENDING, ACCEPTED, NO_RECEIPT = "sending", "accepted_by_operator", "no_receipt"
TO_PRINT, IDENTITY, ANNOUNCEMENT, WITHHELD = "to_print", "identity", "announcement", "withheld"
REFUSAL, MASKED, SUPERSEDED = "refusal", "masked", "superseded"
TOO_BIG = "too_big"


@dataclass(frozen=True)
class MailRules:
    """Settings: how long is waited, and how much a mail may weigh.

    Args:
        workflow: What a workflow needs; a row that still waits then has lost its workflow.
        unknown_for: From a lost answer, without any receipt, until the same Message-ID goes again.
        receipt_within: From the operator's acceptance until the row says that no receipt came, and from one look at it to the next.
        receipt_until: From the acceptance until nobody looks for the receipt any more.
        largest_professional: Octets of a mail to a professional, as transferred; each operator has its own limit.
        largest_patient: Octets of a mail to a patient.
        patient_domain: Behind the INS in a patient's address.
        patient_may_answer: Whether a patient's mail may be answered, where the mailbox names somebody who reads answers.
    """

    workflow: timedelta = timedelta(minutes=5)
    unknown_for: timedelta = timedelta(hours=6)
    receipt_within: timedelta = timedelta(days=3)
    receipt_until: timedelta = timedelta(days=30)
    largest_professional: int = 10 * 1024 * 1024
    largest_patient: int = 25 * 1024 * 1024
    patient_domain: str = "patient.mssante.fr"
    patient_may_answer: bool = True


def row_name(owner: str, channel: str, recipient: str, report_version: int) -> str:
    """Return the name of a row: what its Message-ID is made of, and nothing of a patient."""
    return f"{owner}/{channel}/{recipient}/v{report_version}"


def mail_number(owner: str, channel: str, recipient: str, report_version: int) -> str:
    """Return the 32 characters that Message-ID and ENVID of a row are made of: a UUID of version 5 (RFC 9562 §5.5)."""
    name = row_name(owner, channel, recipient, report_version)
    digest = bytearray(hashlib.sha1(_MESSAGE_IDS + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return digest.hex()


def planned_mail(
    owner: str,
    site: str,
    channel: str,
    recipient: str,
    report_version: int,
    document_id: str,
    now: datetime,
) -> Delivery:
    """Return the new row of one recipient of a version."""
    return Delivery(
        owner=owner,
        site=site,
        channel=channel,
        recipient=recipient,
        message_id=mail_number(owner, channel, recipient, report_version),
        state=DeliveryState.PENDING,
        due_at=now + MailRules().workflow,
        planned_at=now,
        changed_at=now,
        report_version=report_version,
        document_id=document_id,
        executions=1,
    )


def is_patient(row: Delivery) -> bool:
    """Say whether the patient is the recipient."""
    return row.recipient == PATIENT


def waits_for_paper(row: Delivery) -> bool:
    """Say whether a person prints it and sends it on paper: nobody has an electronic address for its recipient."""
    return row.state is DeliveryState.HELD and row.reason == TO_PRINT


def surely_not_left(row: Delivery) -> bool:
    """Say of a row of any channel whether nothing of it ever reached its recipient, and never will if it is withdrawn now."""
    if row.state is DeliveryState.HELD:
        return True
    if row.state is not DeliveryState.PENDING or row.unknown or row.accepted_at is not None:
        return False
    return row.channel == DMP or row.reason != HANDED_OVER


def may_leave(row: Delivery, now: datetime, rules: MailRules) -> bool:
    """Say whether the row's mail may be given to the operator now: never while it may be there already."""
    if row.state is not DeliveryState.PENDING or row.accepted_at is not None:
        return False
    return not row.unknown or now >= (row.changed_at or now) + rules.unknown_for


def leaves(row: Delivery, now: datetime, rules: MailRules, *, address: str = "") -> Delivery:
    """Return the row just before its mail is given to the operator: perhaps taken until we know better.

    Raises:
        ValueError: It is not one that may leave.
    """
    if not may_leave(row, now, rules):
        raise ValueError("only a pending mail that is surely not with the operator may leave, or one long unknown")
    again = replace(row, attempts=row.attempts + 1, unknown=True, reason=SENDING, remote_code="", remote_words="", changed_at=now)
    return replace(again, address=address or row.address, due_at=now + rules.unknown_for)


def accepted(row: Delivery, now: datetime, rules: MailRules) -> Delivery:
    """Return the row once the operator took responsibility (250 after the final dot): still pending, a receipt is waited for."""
    if row.state is not DeliveryState.PENDING or row.accepted_at is not None:
        return row
    taken = replace(row, unknown=False, reason=ACCEPTED, remote_code="", remote_words="", accepted_at=now, changed_at=now)
    return replace(taken, due_at=now + rules.receipt_within)


def lost(row: Delivery, now: datetime, rules: MailRules, *, reason: str, remote_code: str = "") -> Delivery:
    """Return the row when the answer to its mail never came: the same Message-ID goes again after hours without a receipt."""
    if row.state is not DeliveryState.PENDING or not row.unknown:
        return row
    return replace(row, reason=reason, remote_code=remote_code, due_at=(row.changed_at or now) + rules.unknown_for)


def not_taken(row: Delivery, now: datetime, *, reason: str, remote_code: str = "", remote_words: str = "") -> Delivery:
    """Return the row when the operator surely did not take the mail: it goes again when it is due."""
    if row.state is not DeliveryState.PENDING or row.accepted_at is not None:
        return row
    later = replace(row, unknown=False, reason=reason, remote_code=remote_code, remote_words=remote_words, changed_at=now)
    return replace(later, due_at=_again(row, now))


def waits(row: Delivery, now: datetime, *, reason: str) -> Delivery:
    """Return the row when nothing could be tried: as unknown as it was, and looked at again later."""
    if row.state is not DeliveryState.PENDING or row.accepted_at is not None:
        return row
    if row.unknown:
        return replace(row, reason=reason)
    return replace(row, reason=reason, due_at=_again(row, now), changed_at=now)


def refused(row: Delivery, now: datetime, *, reason: str, remote_code: str = "", remote_words: str = "") -> Delivery:
    """Return the row after a sure no, of the operator or of a rule of ours: a person acts."""
    if row.state is not DeliveryState.PENDING or row.accepted_at is not None:
        return row
    return settled(row, DeliveryState.REJECTED, now, reason=reason, remote_code=remote_code, remote_words=remote_words)


def held(row: Delivery, now: datetime, *, reason: str) -> Delivery:
    """Return the row while something of ours keeps it: identity, announcement, to print; waits for an event, without a due time."""
    if row.state is not DeliveryState.PENDING or row.unknown or row.accepted_at is not None:
        return row
    return replace(row, state=DeliveryState.HELD, reason=reason, due_at=None, changed_at=now)


def withdrawn(row: Delivery, now: datetime, *, reason: str) -> Delivery:
    """Return the row when its mail must not leave any more; one that perhaps left is not called back."""
    open_ = row.state is DeliveryState.HELD or (row.state is DeliveryState.PENDING and not row.unknown and not row.accepted_at)
    return settled(row, DeliveryState.WITHDRAWN, now, reason=reason) if open_ else row


def overtaken(row: Delivery, now: datetime) -> Delivery:
    """Return the row of an older version that must go no more, perhaps though it is there: withdrawn, until a receipt says otherwise."""
    if row.state is DeliveryState.PENDING and row.accepted_at is None:
        return settled(row, DeliveryState.WITHDRAWN, now, reason=SUPERSEDED)
    return withdrawn(row, now, reason=SUPERSEDED)


def arrived(row: Delivery, now: datetime) -> Delivery:
    """Return the row after a DSN *delivered* (or ZAM^Z02 Y): in the recipient's mailbox."""
    if row.state not in (DeliveryState.PENDING, DeliveryState.DELEGATED) and not _left_before(row):
        return row
    return settled(row, DeliveryState.DELIVERED, now)


def integrated(row: Delivery, now: datetime) -> Delivery:
    """Return the row after an MDN that says read or processed (or ZAM^Z03 Y): nothing undoes it."""
    never_left = row.state in (DeliveryState.HELD, DeliveryState.WITHDRAWN) and not _left_before(row)
    if never_left or row.read_at is not None:
        return row
    return replace(settled(row, DeliveryState.DELIVERED, now), read_at=now)


def bounced(row: Delivery, now: datetime, *, reason: str, remote_code: str = "", remote_words: str = "") -> Delivery:
    """Return the row after a DSN *failed*, an MDN *processed/error* or a KO (or a ZAM that says N): a person acts."""
    if row.state not in (DeliveryState.PENDING, DeliveryState.DELEGATED, DeliveryState.DELIVERED) or row.read_at is not None:
        return row
    if row.settled_by:
        return row  # it went on paper meanwhile
    return settled(row, DeliveryState.REJECTED, now, reason=reason, remote_code=remote_code, remote_words=remote_words)


def delayed(row: Delivery, *, remote_code: str = "", remote_words: str = "") -> Delivery:
    """Return the row after a DSN *delayed* or *relayed*: open, with the deadline it had."""
    if row.state is not DeliveryState.PENDING:
        return row
    return replace(row, remote_code=remote_code, remote_words=remote_words)


def without_receipt(row: Delivery, now: datetime, rules: MailRules) -> Delivery:
    """Return an accepted row whose receipt did not come in time: still accepted, overdue, and looked at again for some weeks."""
    if row.state is not DeliveryState.PENDING or row.accepted_at is None or row.due_at is None:
        return row
    again = now + rules.receipt_within
    due = again if again <= row.accepted_at + rules.receipt_until else None
    return replace(row, reason=NO_RECEIPT, due_at=due, changed_at=row.changed_at if row.reason == NO_RECEIPT else now)


def overdue(row: Delivery, now: datetime) -> bool:
    """Say whether a pending row is past its time: nobody took it up, or no receipt came."""
    late = row.due_at is not None and row.due_at < now
    return row.state is DeliveryState.PENDING and (late or row.reason == NO_RECEIPT)


def may_be_printed(row: Delivery) -> bool:
    """Say whether paper settles a row: it waits for that, its mail was refused or came back, or nobody can tell that it arrived."""
    if row.channel not in MAIL:
        return row.state is DeliveryState.HELD and row.reason == TO_PRINT
    waits = row.state is DeliveryState.HELD and row.reason == TO_PRINT
    unsure = row.state is DeliveryState.PENDING and row.reason == NO_RECEIPT
    return waits or unsure or row.state is DeliveryState.REJECTED


def printed(row: Delivery, now: datetime, *, by: str) -> Delivery:
    """Return a row that paper settles, once somebody printed and sent it; the code of a mail that failed stays on it."""
    if not may_be_printed(row):
        return row
    done = settled(row, DeliveryState.DELIVERED, now, remote_code=row.remote_code, remote_words=row.remote_words)
    return replace(done, settled_by=by)


def reopened(row: Delivery, now: datetime, rules: MailRules) -> Delivery:
    """Return a rejected row that a person sends again, after they mended what was wrong; any other as it is."""
    if row.state is not DeliveryState.REJECTED or row.who_sends == PLATFORM:
        return row
    again = replace(
        row, state=DeliveryState.PENDING, unknown=False, reason="reopened", accepted_at=None, address="", changed_at=now
    )
    return replace(again, due_at=now + rules.workflow)


def _left_before(row: Delivery) -> bool:
    return row.state is DeliveryState.WITHDRAWN and row.attempts > 0


def _again(row: Delivery, now: datetime) -> datetime:
    """Return when a row is looked at again: workflows are counted, since one of them tries several times in its two minutes."""
    return next_due(replace(row, attempts=row.executions), now)
