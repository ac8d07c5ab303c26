"""One suite each for the directory, the mailboxes' places and the usage facts: what the memory twins promise, DynamoDB keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ris.adapters.dispatch.directory import DynamoDirectory, MemoryDirectory
from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dispatch.memory import MemoryDeliveryStore
from ris.adapters.dispatch.mss.places import DynamoMailboxPlaces, MemoryMailboxPlaces
from ris.adapters.dynamodb import Table
from ris.adapters.usage.dynamodb import DynamoUsageFacts, fact_write
from ris.adapters.usage.memory import MemoryUsageFacts
from ris.application.conflicts import Conflict
from ris.application.dispatch.import_directory import Load
from ris.application.dispatch.mail_port import DirectoryMailbox, MailboxPlace
from ris.domain.dispatch.channels import MSS_PATIENT, MSS_PROFESSIONAL
from ris.domain.dispatch.delivery import Origin
from ris.domain.dispatch.mail import MailRules, accepted, bounced, leaves, planned_mail
from ris.domain.usage.facts import FAILED, TAKEN
from tests.support.cloud import deployed_cloud
from tests.support.tables import own_table

cloud = deployed_cloud()
RULES = MailRules()
LAST_OF_NOVEMBER = datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC)


@pytest.fixture(params=["memory", "dynamodb"])
def table(request: pytest.FixtureRequest) -> Callable[[], Table] | None:
    if request.param == "memory":
        return None
    running = request.getfixturevalue("cloud")
    return lambda: own_table(running)


def directory(table: Callable[[], Table] | None) -> MemoryDirectory | DynamoDirectory:
    return MemoryDirectory() if table is None else DynamoDirectory(table(), monotonic=iter(range(0, 10_000, 100)).__next__)


A, B, C = (DirectoryMailbox(f"{name}@b.example", "PER", "89990005678", label="É") for name in "abc")
SHARED = DirectoryMailbox("service@b.example", "ORG", structure="990000033", red_listed=True)


def test_a_directory_gives_whole_owners_in_a_fixed_order(table: Callable[[], Table] | None) -> None:
    found = directory(table)
    assert (found.load(), found.of_professional("89990005678"), found.of_structure("990000033")) == (Load(), [], [])

    found.put(1, [B, A, SHARED])
    found.declare(Load(1, "one", 3))

    assert found.of_professional("89990005678") == [A, B]
    assert found.of_structure("990000033") == [SHARED]
    assert found.of_structure("89990005678") == []
    assert found.load() == Load(1, "one", 3)


def test_what_is_not_in_the_load_that_stands_is_absent(table: Callable[[], Table] | None) -> None:
    found = directory(table)
    found.put(1, [A, SHARED])
    found.declare(Load(1, "one", 2))
    found.put(2, [B])
    assert found.of_structure("990000033") == [SHARED], "an import that died has declared nothing"
    found.declare(Load(2, "two", 1))

    assert (found.of_professional("89990005678"), found.of_structure("990000033")) == ([B], [])
    with pytest.raises(Conflict):
        found.declare(Load(2, "other", 9))


def test_a_large_extract_is_written_in_portions(table: Callable[[], Table] | None) -> None:
    found = directory(table)
    many = [DirectoryMailbox(f"p{n}@b.example", "PER", f"{n:011}") for n in range(120)]

    found.put(1, many)
    found.declare(Load(1, "one", 120))

    assert [found.of_professional(f"{n:011}") for n in (0, 24, 25, 119)] == [[many[n]] for n in (0, 24, 25, 119)]


def test_a_place_is_written_over_the_version_read(table: Callable[[], Table] | None) -> None:
    places = MemoryMailboxPlaces() if table is None else DynamoMailboxPlaces(table())
    first = places.get("a@b.example")
    assert first == MailboxPlace("a@b.example")

    written = places.save(replace(first, uid_validity=7, last_uid=12))

    assert places.get("a@b.example") == written
    with pytest.raises(Conflict):
        places.save(replace(first, last_uid=3))
    assert places.save(replace(written, last_uid=13)).last_uid == 13


def stores(
    table: Callable[[], Table] | None,
) -> tuple[MemoryDeliveryStore | DynamoDeliveryStore, MemoryUsageFacts | DynamoUsageFacts]:
    if table is None:
        rows = MemoryDeliveryStore()
        return rows, MemoryUsageFacts(rows.facts)
    usage = table()
    return DynamoDeliveryStore(table(), usage), DynamoUsageFacts(usage)


def test_a_row_that_counts_and_its_fact_are_written_together_and_dated_by_the_sites_day(table: Callable[[], Table] | None) -> None:
    rows, usage = stores(table)
    site = f"s-{uuid4().hex[:8]}"
    origin = Origin("Europe/Paris", "630999001", "630999100", "89990001234", qualified=True)
    row = replace(planned_mail("26000000001", site, MSS_PATIENT, "PATIENT", 1, "2.25.1", LAST_OF_NOVEMBER), origin=origin)
    row = rows.save(row)
    row = rows.save(leaves(row, LAST_OF_NOVEMBER, RULES))
    assert usage.of_month(site, "2026-11") == []

    row = rows.save(accepted(row, LAST_OF_NOVEMBER + timedelta(seconds=1), RULES))

    (fact,) = usage.of_month(site, "2026-12")
    assert (fact.day, fact.value, fact.channel, fact.author, fact.finess_geo, fact.qualified) == (
        "2026-12-01", 1, MSS_PATIENT, "89990001234", "630999100", True,
    )  # fmt: skip
    assert rows.get("26000000001", MSS_PATIENT, "PATIENT", 1) == row
    assert row.fact == fact.fact_id

    row = rows.save(bounced(row, LAST_OF_NOVEMBER + timedelta(days=40), reason="mailbox_closed"))
    correction, failure = sorted(usage.of_month(site, "2027-01"), key=lambda one: one.value)
    assert (correction.kind, correction.value, correction.corrects, row.fact) == (TAKEN, -1, fact.fact_id, "")
    assert (failure.kind, failure.value, failure.code, failure.fact_id) == (FAILED, 1, "mailbox_closed", row.failure)
    assert rows.get("26000000001", MSS_PATIENT, "PATIENT", 1) == row
    assert usage.of_month(site, "2026-12") == [fact]


def test_a_conflict_writes_neither_the_row_nor_a_fact(table: Callable[[], Table] | None) -> None:
    rows, usage = stores(table)
    site = f"s-{uuid4().hex[:8]}"
    row = rows.save(planned_mail("26000000002", site, MSS_PATIENT, "PATIENT", 1, "2.25.1", LAST_OF_NOVEMBER))
    left = rows.save(leaves(row, LAST_OF_NOVEMBER, RULES))

    with pytest.raises(Conflict):
        rows.save(accepted(replace(left, version=left.version - 1), LAST_OF_NOVEMBER, RULES))

    assert usage.of_month(site, "2026-11") == []


def test_a_mail_that_left_is_found_by_its_document_and_its_number(table: Callable[[], Table] | None) -> None:
    rows, _ = stores(table)
    document = f"2.25.{uuid4().int}"
    for recipient in ("89990005678", "89990009999"):
        row = rows.save(planned_mail(uuid4().hex, "nord", MSS_PROFESSIONAL, recipient, 2, document, LAST_OF_NOVEMBER))
        assert rows.find_by_message_id(row.message_id) == row
    assert rows.find_by_document(document) == []

    left = rows.save(leaves(row, LAST_OF_NOVEMBER, RULES, address="a@b.example"))

    assert rows.find_by_document(document) == [left]


def test_a_fact_is_never_written_over(cloud) -> None:
    rows, usage = MemoryDeliveryStore(), own_table(cloud)
    row = rows.save(planned_mail("26000000003", "nord", MSS_PATIENT, "PATIENT", 1, "2.25.1", LAST_OF_NOVEMBER))
    rows.save(accepted(rows.save(leaves(row, LAST_OF_NOVEMBER, RULES)), LAST_OF_NOVEMBER, RULES))
    (fact,) = rows.facts
    usage.client.put_item(**fact_write(usage, fact)["Put"])

    with pytest.raises(usage.client.exceptions.ConditionalCheckFailedException):
        usage.client.put_item(**fact_write(usage, replace(fact, value=99))["Put"])
