"""What a version changes for those who were to get the one before: what is called back, what replaces, what is not told twice.

| the recipient's row before | correction | announcement done, identity qualified | deletion |
|---|---|---|---|
| surely has not left | withdrawn; the new row is a first | the same | withdrawn: it never leaves |
| left, or perhaps | the new row replaces it | replaces it; a professional is not told twice | a row that deletes it |
| refused for good, or none | the new row is a first | the same | nothing |

In the DMP a version that did not leave waits for its turn where an earlier one stands there: each names the one before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ris.domain.dispatch.channels import DMP, HL7_REPORT, MAIL, MSS_PROFESSIONAL, TO_PRINT
from ris.domain.dispatch.delivery import DELETE, REPLACE, Delivery, DeliveryState
from ris.domain.dispatch.mail import REFUSAL, SUPERSEDED, mail_number, surely_not_left
from ris.domain.dispatch.mail import TO_PRINT as NOT_PRINTED
from ris.domain.dispatch.transitions import message_id_of
from ris.domain.report.marks import Reason

SAME_CONTENT = "same_content"
"""Withdrawn: this recipient read these very words in an earlier version."""
DELETED = "deleted"
"""Withdrawn: the report was deleted before it left."""
_WORKFLOW = timedelta(minutes=5)
_PAPER_OR_MAIL = frozenset({MSS_PROFESSIONAL, TO_PRINT})
_GONE = frozenset({DeliveryState.WITHDRAWN, DeliveryState.REJECTED})


@dataclass(frozen=True)
class Succession:
    """Rows as they shall be: those of the new version, and the earlier ones that changed."""

    rows: tuple[Delivery, ...]
    earlier: tuple[Delivery, ...] = ()


def standing(rows: Iterable[Delivery], channel: str, recipient: str) -> Delivery | None:
    """Return the row by which a recipient has a version of the report, or perhaps has it; None when nothing stands there.

    Args:
        rows: Of every version of one report.
        channel: Of the recipient; paper stands for a professional's mail, and the other way round.
        recipient: As on the rows.
    """
    same = _PAPER_OR_MAIL if channel in _PAPER_OR_MAIL else frozenset({channel})
    theirs = [row for row in rows if row.channel in same and row.recipient == recipient and row.report_version]
    for row in sorted(theirs, key=lambda one: one.report_version, reverse=True):
        if row.state in _GONE or surely_not_left(row):
            continue
        return None if row.operation == DELETE else row
    return None


def succeed(reason: Reason, planned: Sequence[Delivery], earlier: Sequence[Delivery], now: datetime) -> Succession:
    """Return the rows of a version with a content, once it is signed, and what becomes of the earlier ones.

    Args:
        reason: Why the version is made.
        planned: Its rows, planned as if it were the first.
        earlier: The rows of every earlier version, as they are now.
        now: Aware UTC instant.
    """
    rows = tuple(_succeeding(reason, row, earlier, now) for row in planned)
    return Succession(rows, tuple(_called_back(earlier, SUPERSEDED, now, deletes=False)))


def delete(earlier: Sequence[Delivery], site: str, version: int, now: datetime) -> Succession:
    """Return the rows that take a report back from whoever has it, or perhaps has it, and the earlier rows that never leave.

    Args:
        earlier: The rows of every version, as they are now.
        site: Of the exam.
        version: Number of the deletion.
        now: Aware UTC instant.
    """
    places = dict.fromkeys((row.channel, row.recipient) for row in earlier if row.report_version)
    found = (standing(earlier, channel, recipient) for channel, recipient in places)
    theirs = {(row.channel, row.recipient): row for row in found if row is not None}
    rows = tuple(_deleting(row, site, version, now) for row in theirs.values())
    return Succession(rows, tuple(_called_back(earlier, DELETED, now, deletes=True)))


def _succeeding(reason: Reason, row: Delivery, earlier: Sequence[Delivery], now: datetime) -> Delivery:
    before = standing(earlier, row.channel, row.recipient)
    if before is None:
        return row
    if reason.repeats and row.channel in _PAPER_OR_MAIL and surely_not_left(row):
        return _withdrawn(row, SAME_CONTENT, now)
    return replace(row, operation=REPLACE, predecessor=before.document_id, predecessor_version=before.report_version)


def _called_back(earlier: Sequence[Delivery], why: str, now: datetime, *, deletes: bool) -> Iterable[Delivery]:
    for row in earlier:
        if not row.report_version or row.operation == DELETE or not surely_not_left(row):
            continue
        if not deletes and row.channel == DMP and standing(_before(earlier, row), DMP, row.recipient) is not None:
            continue
        yield _withdrawn(row, why, now)


def _before(rows: Sequence[Delivery], row: Delivery) -> list[Delivery]:
    return [one for one in rows if one.report_version < row.report_version]


def _withdrawn(row: Delivery, why: str, now: datetime) -> Delivery:
    return replace(row, state=DeliveryState.WITHDRAWN, reason=why, unknown=False, due_at=None, changed_at=now)


def _deleting(before: Delivery, site: str, version: int, now: datetime) -> Delivery:
    """Return the row that deletes at one recipient what that one got; paper can only be called back on paper."""
    paper = before.channel == TO_PRINT
    delegated = before.state is DeliveryState.DELEGATED or (before.channel != HL7_REPORT and before.who_sends == "platform")
    pending = DeliveryState.HELD if paper else DeliveryState.DELEGATED if delegated else DeliveryState.PENDING
    return replace(
        before,
        message_id=_message_id(before, site, version),
        state=pending,
        reason=NOT_PRINTED if paper else "",
        unknown=False,
        due_at=now + _WORKFLOW if pending is DeliveryState.PENDING else None,
        planned_at=now,
        changed_at=now,
        remote_code="",
        remote_words="",
        attempts=0,
        version=0,
        report_version=version,
        executions=1,
        operation=DELETE,
        predecessor=before.document_id,
        predecessor_version=before.report_version,
        accepted_at=None,
        read_at=None,
        settled_by="",
        address="",
        fact="",
        failure="",
    )


def _message_id(row: Delivery, site: str, version: int) -> str:
    if row.channel in MAIL:
        return mail_number(row.owner, row.channel, row.recipient, version)
    return message_id_of(site, row.owner, row.channel, row.recipient, version) if row.channel == HL7_REPORT else ""


def refused(rows: Sequence[Delivery], now: datetime, *, refusals: frozenset[str]) -> tuple[Delivery, ...]:
    """Return the rows of mails that have not left and that the patient does not want any more."""
    theirs = [row for row in rows if row.channel in MAIL and row.recipient in refusals and surely_not_left(row)]
    return tuple(_withdrawn(row, REFUSAL, now) for row in theirs)
