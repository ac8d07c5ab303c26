"""Read the audit trail as somebody asks: of a patient, a person, an action, or a site and period; a page costs what it shows.

One criterion chooses the list that is read: the patient, else the person, else the action, else the days of the period. The other
criteria are applied to what was read, of which a page looks at `MOST_LOOKED_AT` records at most and then says where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ris.application.access.ports import AuditTrail
from ris.domain.access.audit import AuditBy, AuditRecord
from ris.domain.access.chain import instant_key, key_of
from ris.domain.errors import InvalidInput

MOST_LOOKED_AT = 500
MOST_DAYS = 31
"""Of a period that nothing else narrows: each of its days is one query."""


@dataclass(frozen=True)
class AuditQuestion:
    """What is asked of the records of a site.

    Args:
        site: A site, or `-` for records that name none.
        since: Aware; the earliest instant.
        until: Aware; not included.
        patient_id: Empty for all, like those that follow.
        result: `allowed`, `refused` or `not_found`.
    """

    site: str
    since: datetime
    until: datetime
    patient_id: str = ""
    account_id: str = ""
    action: str = ""
    result: str = ""

    def __post_init__(self) -> None:
        """Refuse a period that is none, or that would take a query for each of too many days.

        Raises:
            InvalidInput: `period_reversed`, `days_too_many`.
        """
        if self.until <= self.since:
            raise InvalidInput("period_reversed", field="until")
        if self.by is AuditBy.DAY and self.until - self.since > timedelta(days=MOST_DAYS, hours=2):
            raise InvalidInput("days_too_many", field="since")

    @property
    def by(self) -> AuditBy:
        """The list that is read."""
        chosen = ((self.patient_id, AuditBy.PATIENT), (self.account_id, AuditBy.ACCOUNT), (self.action, AuditBy.ACTION))
        return next((by for value, by in chosen if value), AuditBy.DAY)

    @property
    def is_whole_list(self) -> bool:
        """Whether every record of the list, within the period, is one that was asked for."""
        said = [value for value in (self.patient_id, self.account_id, self.action) if value]
        return len(said) <= 1 and not self.result

    def wants(self, record: AuditRecord) -> bool:
        """Tell whether a record of the list is one that was asked for."""
        return (
            self.account_id in ("", record.account_id)
            and self.action in ("", record.action)
            and self.result in ("", record.result)
            and self.patient_id in ("", record.patient_id)
        )


@dataclass(frozen=True)
class AuditPage:
    """What was found.

    Args:
        records: The newest first.
        after: Key behind which the list goes on; empty at its end.
        looked_at: How many records were read to find these.
    """

    records: tuple[AuditRecord, ...]
    after: str
    looked_at: int


def read_audit(trail: AuditTrail, question: AuditQuestion, *, limit: int, after: str = "") -> AuditPage:
    """Return the next records that answer a question.

    Args:
        limit: At most so many; of a question with several criteria at most `MOST_LOOKED_AT` records are looked at, or `limit` if
            that is more.
        after: Key of the page before.
    """
    found: list[AuditRecord] = []
    looked_at, most, last = 0, max(limit, MOST_LOOKED_AT), ""
    for record in _listed(trail, question, after, limit + 1 if question.is_whole_list else most + 1):
        if len(found) == limit or looked_at == most:
            return AuditPage(tuple(found), last, looked_at)
        looked_at, last = looked_at + 1, key_of(record)
        if question.wants(record):
            found.append(record)
    return AuditPage(tuple(found), "", looked_at)


def _listed(trail: AuditTrail, question: AuditQuestion, after: str, most: int) -> Iterator[AuditRecord]:
    """Go over the list, newest first, `most` records of it at most; the days of a period one after the other."""
    since, until = instant_key(question.since), instant_key(question.until)
    if question.by is not AuditBy.DAY:
        value = question.patient_id or question.account_id or question.action
        yield from trail.newest(question.site, question.by, value, limit=most, since=since, until=until, after=after)
        return
    for day in _days(question, after):
        behind = after if after.startswith(day) else ""
        for record in trail.newest(question.site, AuditBy.DAY, day, limit=most, since=since, until=until, after=behind):
            yield record
            most -= 1
        if not most:
            return


def _days(question: AuditQuestion, after: str) -> Iterator[str]:
    """Go over the UTC days of the period, the latest first, from that of the cursor on."""
    first = question.since.astimezone(UTC).date()
    day = date.fromisoformat(after[:10]) if after else (question.until.astimezone(UTC) - timedelta(microseconds=1)).date()
    while day >= first:
        yield day.isoformat()
        day -= timedelta(days=1)
