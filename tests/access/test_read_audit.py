"""What the auditor asks of the trail: who, on whom, what, when; each answer a page that costs what it shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ris.adapters.access.memory import MemoryAuditTrail
from ris.application.access.read_audit import MOST_LOOKED_AT, AuditQuestion, read_audit
from ris.domain.access.audit import AuditRecord
from ris.domain.access.chain import digest_of, key_of
from ris.domain.errors import InvalidInput

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
PERIOD = {"site": "nord", "since": NOW - timedelta(days=3), "until": NOW + timedelta(days=1)}


class CountingTrail(MemoryAuditTrail):
    """Counts the queries and the records they gave."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = self.given = 0

    def newest(self, *values: Any, **named: Any) -> list[AuditRecord]:
        """See the twin."""
        found = super().newest(*values, **named)
        self.queries, self.given = self.queries + 1, self.given + len(found)
        return found


def a_record(number: int, **said: Any) -> AuditRecord:
    values = {"account_id": "accueil", "patient_id": "p1", "object_id": "A1", **said}
    at = values.pop("instant", NOW - timedelta(minutes=number))
    return AuditRecord(f"id{number:05d}", at, values.pop("site", "nord"), values.pop("action", "read_exam"), "allowed", **values)


def a_trail(*records: AuditRecord) -> CountingTrail:
    trail = CountingTrail()
    for record in records:
        trail.append(record)
    return trail


def test_a_patient_s_records_are_of_that_patient_site_and_period_newest_first() -> None:
    wanted = [a_record(1), a_record(2, account_id="radiologue"), a_record(3, action="cancel_exam")]
    others = [
        a_record(4, patient_id="p2"),
        a_record(5, site="sud"),
        a_record(6, instant=NOW - timedelta(days=9)),
        a_record(7, patient_id=""),
    ]

    page = read_audit(a_trail(*others, *reversed(wanted)), AuditQuestion(**PERIOD, patient_id="p1"), limit=50)

    assert (tuple(wanted), "") == (page.records, page.after)


@pytest.mark.parametrize("asked", [{"patient_id": "p1"}, {"account_id": "accueil"}, {"action": "read_exam"}, {}])
def test_pages_follow_each_other_without_a_gap_or_a_double_and_cost_what_they_show(asked: dict[str, str]) -> None:
    records = [a_record(number) for number in range(230)]  # over two days: 230 minutes before 09:00
    trail = a_trail(*records, *(a_record(1000 + n, instant=NOW - timedelta(days=1, minutes=n)) for n in range(20)))
    question, found, after = AuditQuestion(**PERIOD, **asked), [], "first"

    while after:
        trail.given = 0
        page = read_audit(trail, question, limit=50, after="" if after == "first" else after)
        assert 51 >= trail.given
        found += [record.audit_id for record in page.records]
        after = page.after

    assert [record.audit_id for record in sorted(trail.records, key=key_of, reverse=True)] == found
    assert len(found) == 250


def test_a_second_criterion_is_applied_to_a_bounded_number_of_records_and_the_page_says_where_it_stopped() -> None:
    rare = a_record(MOST_LOOKED_AT + 20, action="reveal_ins")
    trail = a_trail(*(a_record(number) for number in range(MOST_LOOKED_AT + 10)), rare)
    question = AuditQuestion(**PERIOD, patient_id="p1", action="reveal_ins")

    first = read_audit(trail, question, limit=50)
    assert ((), MOST_LOOKED_AT, MOST_LOOKED_AT + 1) == (first.records, first.looked_at, trail.given)
    assert key_of(a_record(MOST_LOOKED_AT - 1)) == first.after

    second = read_audit(trail, question, limit=50, after=first.after)
    assert ((rare,), "") == (second.records, second.after)


def test_refusals_alone_can_be_asked_for() -> None:
    refused = replace(a_record(1), result="refused", code="unknown_object")

    page = read_audit(a_trail(refused, a_record(2)), AuditQuestion(**PERIOD, result="refused"), limit=50)

    assert (refused,) == page.records


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"since": NOW, "until": NOW}, "period_reversed"),
        ({"since": NOW - timedelta(days=40)}, "days_too_many"),
    ],
)
def test_a_period_that_is_none_or_takes_too_many_queries_is_refused(asked: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        AuditQuestion(**{**PERIOD, **asked})

    assert code == refusal.value.code
    if code == "days_too_many":  # one list serves any period
        assert AuditQuestion(**{**PERIOD, **asked, "patient_id": "p1"})


def test_a_record_without_a_patient_has_the_digest_it_had_before_records_named_patients() -> None:
    record = a_record(1, patient_id="")

    assert digest_of(record) == "eb36a9f94cb3085980a827409d5f9be5021a5573a4bee2804a0bc0dc7a401ee6"
    assert digest_of(replace(record, patient_id="p1")) != digest_of(record)
