"""What was done, as immutable facts dated by the site's civil day; a later fact corrects one, and nothing is ever edited.

| kind | +1 when | -1 when |
|---|---|---|
| `taken` | a row is delivered, or a mail accepted by the operator | it no longer is (the mail bounced) |
| `failed` | a row of the DMP or of a mail is rejected | its recipient got that version after all |
| `validated` | a version is signed | never |

The sum of a row's facts of one kind is 1 or 0, whatever came in whatever order. What they add up to is said in `tally`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ris.domain.dispatch.channels import DMP, MAIL, TO_PRINT
from ris.domain.dispatch.delivery import CREATE, Delivery, DeliveryState, Origin

TAKEN, FAILED, VALIDATED = "taken", "failed", "validated"
"""Kinds of facts."""
_MAY_FAIL = frozenset({DMP, *MAIL})


@dataclass(frozen=True)
class UsageFact:
    """One fact.

    Args:
        fact_id: Deterministic: the row, and its version that this fact was written with.
        day: Civil date at the site, `YYYY-MM-DD`; `at` is the instant.
        channel: As on the row; `to_print` for what a person printed, whatever the row's own; empty for a validation.
        value: 1, or -1 for a correction; `corrects` is the fact it takes back.
        recipient: Who, as on the row: `DMP`, `PATIENT`, an RPPS, `HIS`.
        accession_number: With `report_version`: versions and second recipients of one exam are told apart, and counted once.
        author: RPPS; `legal_entity` FINESS EJ, `finess_geo` that of the site.
        qualified: Whether the version carries a qualified identity.
        kind: `taken`, `failed` or `validated`.
        operation: What the row does there: `create`, `replace` or `delete`.
        code: Of a failure: the other side's own, or our reason.
        plan: Of a validation: `channel:state:reason` of each row as it was planned.
        marks: Of a validation: names of the marks it was made with.
    """

    fact_id: str
    site: str
    day: str
    at: datetime
    channel: str
    recipient: str
    value: int
    corrects: str
    accession_number: str
    report_version: int
    document_id: str
    author: str
    legal_entity: str
    finess_geo: str
    qualified: bool
    who_sends: str
    kind: str = TAKEN
    operation: str = CREATE
    code: str = ""
    plan: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()

    @property
    def month(self) -> str:
        """Return `YYYY-MM`."""
        return self.day[:7]


def counts(row: Delivery | None) -> bool:
    """Say whether a row counts: a report that was taken."""
    if row is None or not row.report_version:
        return False
    return row.state is DeliveryState.DELIVERED or (row.state is DeliveryState.PENDING and row.accepted_at is not None)


def fails(row: Delivery) -> bool:
    """Say whether a row stands as a failure: a report that the DMP or the mail refused for good (TBB.03)."""
    return bool(row.report_version) and row.state is DeliveryState.REJECTED and row.channel in _MAY_FAIL


def counted(row: Delivery) -> tuple[Delivery, tuple[UsageFact, ...]]:
    """Return a row as it is to be written, with the facts that it makes true: none when its figures stay as they were.

    A failure stands while the row is tried again, until its recipient got it.

    Args:
        row: As it shall be, under the version read; `fact` and `failure` still say what stands for it now, `changed_at` dates the facts.
    """
    facts = []
    if counts(row) != bool(row.fact) and row.changed_at is not None:
        taken = _fact(row, row.changed_at, TAKEN, corrects=row.fact)
        facts.append(taken)
        row = replace(row, fact=taken.fact_id if taken.value > 0 else "")
    turns = counts(row) if row.failure else fails(row)
    if turns and row.changed_at is not None:
        failed = _fact(row, row.changed_at, FAILED, corrects=row.failure)
        facts.append(failed)
        row = replace(row, failure=failed.fact_id if failed.value > 0 else "")
    return row, tuple(facts)


def validation(
    accession_number: str,
    site: str,
    version: int,
    document_id: str,
    origin: Origin,
    now: datetime,
    *,
    plan: tuple[str, ...],
    marks: tuple[str, ...],
    row_version: int = 0,
) -> UsageFact:
    """Return the fact that a version became valid: signed, at this instant, by a write over this `row_version` of its row."""
    return UsageFact(
        fact_id=_fact_id(VALIDATED, accession_number, document_id, str(version), str(row_version)),
        site=site,
        day=_day(now, origin),
        at=now,
        channel="",
        recipient="",
        value=1,
        corrects="",
        accession_number=accession_number,
        report_version=version,
        document_id=document_id,
        author=origin.author,
        legal_entity=origin.legal_entity,
        finess_geo=origin.finess_geo,
        qualified=origin.qualified,
        who_sends="",
        kind=VALIDATED,
        plan=plan,
        marks=marks,
    )


def _fact(row: Delivery, now: datetime, kind: str, *, corrects: str) -> UsageFact:
    names = (row.owner, row.channel, row.recipient, str(row.report_version), str(row.version + 1))
    origin = row.origin or Origin()
    return UsageFact(
        fact_id=_fact_id(*names) if kind == TAKEN else _fact_id(kind, *names),
        site=row.site,
        day=_day(now, origin),
        at=now,
        channel=TO_PRINT if row.settled_by and kind == TAKEN else row.channel,
        recipient=row.recipient,
        value=-1 if corrects else 1,
        corrects=corrects,
        accession_number=row.owner,
        report_version=row.report_version,
        document_id=row.document_id,
        author=origin.author,
        legal_entity=origin.legal_entity,
        finess_geo=origin.finess_geo,
        qualified=origin.qualified,
        who_sends=row.who_sends,
        kind=kind,
        operation=row.operation,
        code=(row.remote_code or row.reason) if kind == FAILED and not corrects else "",
    )


def _fact_id(*names: str) -> str:
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()[:32]


def _day(now: datetime, origin: Origin) -> str:
    return now.astimezone(ZoneInfo(origin.time_zone)).date().isoformat()
