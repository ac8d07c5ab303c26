"""One suite for the delivery rows: what the memory twin promises, DynamoDB keeps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dispatch.memory import MemoryDeliveryStore
from ris.adapters.dynamodb import Table
from ris.application.conflicts import Conflict
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.dispatch.transitions import delivered, planned
from tests.support.cloud import deployed_cloud

cloud = deployed_cloud()
NOW = datetime(2026, 10, 5, 6, 0, 0, 7, tzinfo=UTC)


@pytest.fixture
def run() -> str:
    return uuid4().hex[:8]


@pytest.fixture(params=["memory", "dynamodb"])
def store(request):
    if request.param == "memory":
        return MemoryDeliveryStore()
    running = request.getfixturevalue("cloud")
    return DynamoDeliveryStore(Table(running.client("dynamodb"), running.function_env("PortalFunction")["TABLE_EXAMS"]))


def a_row(run, recipient="PACS", **changes):
    return replace(planned(f"A{run}", run, "hl7_pacs_order", recipient, NOW), **changes)


def test_a_row_comes_back_as_written_by_key_exam_and_message_id(store, run):
    row = a_row(run, remote_words="refusé", remote_code="207", reason="x", unknown=True, attempts=3)
    other = a_row(run, "HIS", planned_at=NOW - timedelta(minutes=1))

    written, before = store.save(row), store.save(other)

    assert written == replace(row, version=1)
    assert store.get(row.owner, row.channel, row.recipient) == written
    assert store.find_by_message_id(row.message_id) == written
    assert store.of_owner(row.owner) == [before, written]
    assert store.get(row.owner, row.channel, "nobody") is None
    assert store.find_by_message_id("nothing") is None
    assert store.of_owner("nothing") == []


def test_a_write_over_another_version_is_a_conflict(store, run):
    read = store.save(a_row(run))
    after = store.save(delivered(read, NOW))

    for stale in (a_row(run), read):
        with pytest.raises(Conflict):
            store.save(stale)

    assert store.get(read.owner, read.channel, read.recipient) == after


def test_what_is_due_comes_oldest_first_until_it_is_settled(store, run):
    late, soon, later = (
        store.save(a_row(run, name, due_at=NOW + timedelta(minutes=minutes))) for name, minutes in (("B", 5), ("A", 1), ("C", 60))
    )

    assert [row.recipient for row in store.due(run, now=NOW + timedelta(minutes=5), limit=9)] == ["A", "B"]
    assert store.due(run, now=NOW + timedelta(minutes=5), limit=1) == [soon]
    assert store.due("another", now=NOW + timedelta(days=1), limit=9) == []
    store.save(delivered(soon, NOW))
    assert store.due(run, now=NOW + timedelta(days=1), limit=9) == [late, later]
    assert store.find_by_message_id(soon.message_id).state is DeliveryState.DELIVERED


def test_every_word_about_an_order_is_found_by_its_own_message_id(store, run):
    first = store.save(a_row(run))
    sent = store.save(replace(first, attempts=1, unknown=True))

    second = store.save(replace(sent, message_id=f"SECOND{run}", operation="replace", revision=1, attempts=0, unknown=False))

    assert second == store.get(second.owner, second.channel, second.recipient)
    assert [second] * 2 == [store.find_by_message_id(each) for each in (first.message_id, second.message_id)]
    assert ("replace", 1, DeliveryState.PENDING) == (second.operation, second.revision, second.state)
