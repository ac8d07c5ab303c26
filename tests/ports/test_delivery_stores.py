"""One suite for delivery rows: what the memory twin promises, DynamoDB keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore, DynamoStrangeAnswers
from ris.adapters.dispatch.memory import MemoryDeliveryStore, MemoryStrangeAnswers
from ris.adapters.dynamodb import Table
from ris.application.conflicts import Conflict
from ris.application.dispatch.dmp_port import StrangeAnswer, StrangeAnswers
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.dmp import DmpRules, found, leaves, no_record, planned_dmp, refused
from ris.domain.dispatch.mail import TO_PRINT, printed
from ris.domain.dispatch.stuck import stuck_key
from ris.domain.dispatch.transitions import planned
from tests.support.cloud import deployed_cloud

cloud = deployed_cloud()
NOW = datetime(2026, 11, 26, 9, 0, 0, 5, tzinfo=UTC)
RULES = DmpRules()


@dataclass
class Rows:
    """A store, and a site and an exam nobody else uses."""

    store: DeliveryStore
    strange: StrangeAnswers
    run: str

    def version(self, number: int) -> Delivery:
        return planned_dmp(self.run, self.run, number, f"2.25.{number}", NOW, qualified=True)

    def order(self) -> Delivery:
        return planned(self.run, self.run, "hl7_pacs_order", "PACS", NOW)


@pytest.fixture(params=["memory", "dynamodb"])
def rows(request: pytest.FixtureRequest) -> Rows:
    run = uuid4().hex[:8]
    if request.param == "memory":
        return Rows(MemoryDeliveryStore(), MemoryStrangeAnswers(), run)
    running = request.getfixturevalue("cloud")
    names = running.function_env("SendToDmpFunction")
    table = Table(running.client("dynamodb"), names["TABLE_EXAMS"])
    return Rows(DynamoDeliveryStore(table, Table(table.client, names["TABLE_USAGE"])), DynamoStrangeAnswers(table), run)


def test_what_was_written_is_read_back_whole(rows: Rows) -> None:
    row = replace(leaves(rows.version(1), NOW, RULES), remote_code="XDSRepositoryBusy", remote_words="« occupé »", executions=7)

    written = rows.store.save(row)

    assert written == replace(row, version=1) == rows.store.get(rows.run, "dmp", "DMP", 1)


def test_each_version_has_its_own_row_beside_the_order_s(rows: Rows) -> None:
    saved = [rows.store.save(one) for one in (rows.order(), rows.version(1), rows.version(2))]

    assert sorted(saved, key=lambda row: row.report_version) == sorted(
        rows.store.of_owner(rows.run), key=lambda row: row.report_version
    )
    assert rows.store.get(rows.run, "dmp", "DMP") is None
    assert rows.store.get(rows.run, "dmp", "DMP", 3) is None
    assert rows.store.get(rows.run, "hl7_pacs_order", "PACS") == saved[0]


def test_a_message_id_finds_its_row_and_an_absent_one_finds_none(rows: Rows) -> None:
    order = rows.store.save(rows.order())
    rows.store.save(rows.version(1))

    assert rows.store.find_by_message_id(order.message_id) == order
    assert rows.store.find_by_message_id("") is None


def test_an_older_version_never_stands(rows: Rows) -> None:
    first = rows.store.save(rows.version(1))
    second = rows.store.save(leaves(first, NOW, RULES))

    for late in (first, rows.version(1)):
        with pytest.raises(Conflict):
            rows.store.save(found(late, NOW))
    assert rows.store.get(rows.run, "dmp", "DMP", 1) == second


def test_what_is_due_is_listed_and_what_is_settled_is_not(rows: Rows) -> None:
    waiting = rows.store.save(no_record(rows.version(1), NOW, RULES))
    rows.store.save(found(rows.version(2), NOW))
    rows.store.save(planned_dmp(rows.run, rows.run, 3, "2.25.3", NOW, qualified=False))

    assert rows.store.due(rows.run, now=NOW + timedelta(hours=23), limit=9) == []
    assert rows.store.due(rows.run, now=NOW + timedelta(hours=25), limit=9) == [waiting]


def test_answers_that_cannot_be_believed_are_kept_as_they_came_beside_the_rows(rows: Rows) -> None:
    first = StrangeAnswer(rows.run, 1, "patients", NOW, 200, "text/plain", "not XML", b"\x00\xff maintenance")
    later = replace(first, operation="repository", asked_at=NOW + timedelta(seconds=1), status=504, content=b"")
    for one in (later, first, replace(first, report_version=2)):
        rows.strange.keep(one)

    assert rows.strange.of_version(rows.run, 1) == [first, later]
    assert rows.store.of_owner(rows.run) == []


def test_stuck_rows_are_listed_by_channel_the_longest_stuck_first_page_by_page(rows: Rows) -> None:
    def refused_row(number: int, **said: object) -> Delivery:
        at = NOW + timedelta(minutes=number)
        return rows.store.save(replace(refused(rows.version(number), at, reason="dmp_fault"), **said))  # type: ignore[arg-type]

    saved = [refused_row(number) for number in (3, 1, 2)]
    rows.store.save(rows.version(9))
    rows.store.save(replace(rows.order(), attempts=2, reason="no_answer"))

    first = rows.store.stuck(rows.run, "dmp", limit=2)
    assert [saved[1], saved[2]] == first
    assert [saved[0]] == rows.store.stuck(rows.run, "dmp", limit=2, after=stuck_key(first[-1]))
    assert ["PACS"] == [row.recipient for row in rows.store.stuck(rows.run, "hl7_pacs_order", limit=9)]
    assert [] == rows.store.stuck("elsewhere", "dmp", limit=9)

    noted = rows.store.save(replace(saved[1], noted_at=NOW + timedelta(hours=1)))
    assert noted.noted_at == NOW + timedelta(hours=1) == rows.store.get(rows.run, "dmp", "DMP", 1).noted_at  # type: ignore[union-attr]
    rows.store.save(found(saved[2], NOW))
    assert [saved[0]] == rows.store.stuck(rows.run, "dmp", limit=9)


def test_the_newest_answers_that_cannot_be_believed_of_the_whole_group_come_first(rows: Rows) -> None:
    late = NOW + timedelta(days=20_000)  # later than what other tests of the session keep
    answers = [StrangeAnswer(rows.run, 1, "patients", late + timedelta(seconds=n), 200, "", "not XML", b"x") for n in range(3)]
    for one in answers:
        rows.strange.keep(one)

    assert answers[:0:-1] == rows.strange.newest(limit=2)
    assert answers[0] == rows.strange.get(rows.run, 1, late, "patients")
    assert rows.strange.get(rows.run, 2, late, "patients") is None


def test_paper_is_on_its_list_until_it_went_and_then_on_the_other(rows: Rows) -> None:
    waits = [
        replace(
            rows.version(number), channel="to_print", recipient=f"8999000123{number}", state=DeliveryState.HELD, reason=TO_PRINT
        )
        for number in range(1, 4)
    ]
    saved = [
        rows.store.save(replace(row, due_at=None, changed_at=NOW + timedelta(minutes=number))) for number, row in enumerate(waits)
    ]
    rows.store.save(replace(rows.version(9), state=DeliveryState.HELD, reason="identity", due_at=None))

    assert saved == rows.store.to_print(rows.run, limit=9)
    assert saved[:2] == rows.store.to_print(rows.run, limit=2)
    done = [
        rows.store.save(printed(row, NOW + timedelta(hours=number), by=f"person{number}"))
        for number, row in enumerate(saved[:2], 1)
    ]

    assert saved[2:] == rows.store.to_print(rows.run, limit=9)
    assert done[::-1] == rows.store.printed(rows.run, limit=9)
    assert ["person2"] == [row.settled_by for row in rows.store.printed(rows.run, limit=1)]


def test_rows_are_read_in_one_batch_by_their_place(rows: Rows) -> None:
    first, second = (rows.store.save(rows.version(number)) for number in (1, 2))
    order = rows.store.save(rows.order())
    places = [(row.owner, row.channel, row.recipient, row.report_version) for row in (first, second, order)]

    found = rows.store.get_many([*places, (rows.run, "dmp", "DMP", 3)])

    assert dict(zip(places, (first, second, order), strict=True)) == found
    assert {} == rows.store.get_many([])
