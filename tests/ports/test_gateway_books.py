"""One suite for gateways' words about themselves: what the memory twin promises, DynamoDB keeps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from infra.local.cloud.client import Cloud
from ris.adapters.agenda.gateways import DynamoGatewayBook, MemoryGatewayBook
from ris.adapters.dynamodb import Table
from ris.application.agenda.gateways import Certificate, Gateway, GatewayBook, Station
from tests.support.cloud import deployed_cloud

cloud = deployed_cloud()
NOW = datetime(2026, 10, 5, 6, 0, 0, 7, tzinfo=UTC)


@pytest.fixture
def site() -> str:
    return uuid4().hex[:8]


@pytest.fixture(params=["memory", "dynamodb"])
def book(request: pytest.FixtureRequest) -> GatewayBook:
    if request.param == "memory":
        return MemoryGatewayBook()
    running = request.getfixturevalue("cloud")
    return DynamoGatewayBook(Table(running.client("dynamodb"), running.function_env("PortalFunction")["TABLE_MESSAGES"]))


def a_gateway(site: str, gateway_id: str = "g-1", **changes: object) -> Gateway:
    gateway = Gateway(
        site=site,
        gateway_id=gateway_id,
        version="1.2.3",
        sent_at=NOW,
        started_at=NOW - timedelta(days=3),
        clock_skew_s=-0.125,
        spool_rows=3,
        spool_oldest_s=61.5,
        feed_steps=120,
        feed_age_s=None,
        certificates=(Certificate("tls", NOW + timedelta(days=30)),),
        stations=(Station("CT1", last_find_at=NOW), Station("MR1")),
        wants_feed=True,
        resync_day="2026-10-05",
        every_s=7.5,
        spool_refuses=True,
    )
    return replace(gateway, **changes)  # type: ignore[arg-type]


def test_a_status_is_read_back_whole_and_by_site(book: GatewayBook, site: str) -> None:
    one, two = a_gateway(site), a_gateway(site, "g-2", clock_skew_s=None, feed_age_s=0.0)

    assert [True, True] == [book.keep(two), book.keep(one)]

    assert (one, None) == (book.get(site, "g-1"), book.get(site, "g-9"))
    assert [one, two] == book.of_site(site)
    assert [] == book.of_site("elsewhere-" + site)


def test_an_older_status_and_the_same_again_change_nothing(book: GatewayBook, site: str) -> None:
    book.keep(a_gateway(site))

    older = a_gateway(site, sent_at=NOW - timedelta(microseconds=1), version="0")

    assert [False, False] == [book.keep(older), book.keep(a_gateway(site, version="1"))]
    assert [a_gateway(site)] == book.of_site(site)


def test_how_far_the_worklist_was_sent_is_written_on_that_very_status(book: GatewayBook, site: str) -> None:
    first, second = a_gateway(site), a_gateway(site, sent_at=NOW + timedelta(seconds=1))
    book.keep(first)
    book.resync_until(first, "2026-11-01")
    assert "2026-11-01" == book.of_site(site)[0].resync_day

    book.keep(second)
    book.resync_until(first, "")

    assert [second] == book.of_site(site)


def test_a_row_of_before_beats_were_told_beats_once_a_minute(cloud: Cloud, site: str) -> None:
    client, table = cloud.client("dynamodb"), cloud.function_env("PortalFunction")["TABLE_MESSAGES"]
    book = DynamoGatewayBook(Table(client, table))
    book.keep(a_gateway(site))
    client.update_item(TableName=table, Key={"pk": {"S": f"GATEWAY#{site}"}, "sk": {"S": "g-1"}}, UpdateExpression="REMOVE every_s")

    assert [60.0] == [one.every_s for one in book.of_site(site)]
