"""One suite for facts, summaries and lists: what the memory twins promise, DynamoDB keeps."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.cloud.client import Cloud
from ris.adapters.dynamodb import Table, write
from ris.adapters.usage.dynamodb import DynamoUsageFacts, DynamoUsageSummaries, fact_write
from ris.adapters.usage.memory import MemoryUsageFacts, MemoryUsageSummaries
from ris.application.conflicts import Conflict
from ris.application.usage.ports import MonthSummary, UsageFacts, UsageSummaries
from ris.domain.usage.facts import FAILED, UsageFact
from ris.domain.usage.figures import Axis
from ris.domain.usage.tally import Entry
from tests.support.cloud import deployed_cloud
from tests.support.usage import fact, noon

cloud = deployed_cloud()
BOTH = pytest.mark.parametrize("kind", ["memory", "dynamodb"])
NUMBERS = itertools.count(1)
NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
AXIS, OTHER = Axis("630999100", "89990001234"), Axis("2A0999100", "")


@pytest.fixture
def site() -> str:
    """A site nobody else has: the table is the session's."""
    return f"site-{os.getpid()}-{next(NUMBERS)}"


@pytest.fixture
def usage(request: pytest.FixtureRequest) -> Table:
    running: Cloud = request.getfixturevalue("cloud")
    return Table(running.client("dynamodb"), running.outputs["UsageTable"])


def kept(kind: str, facts: list[UsageFact], request: pytest.FixtureRequest) -> UsageFacts:
    if kind == "memory":
        return MemoryUsageFacts(facts)
    table: Table = request.getfixturevalue("usage")
    for one in facts:
        write(table.client, [fact_write(table, one)])
    return DynamoUsageFacts(table)


@pytest.fixture
def summaries(kind: str, request: pytest.FixtureRequest) -> UsageSummaries:
    return MemoryUsageSummaries() if kind == "memory" else DynamoUsageSummaries(request.getfixturevalue("usage"))


@BOTH
def test_facts_are_read_by_month_by_day_and_by_file_oldest_first(kind: str, site: str, request: pytest.FixtureRequest) -> None:
    one, other = f"A.{site}", f"B.{site}"
    facts = [
        fact(one, noon(2026, 3, 9), kind="validated", plan=("dmp:pending:", "mss_patient:held:identity"), marks=("withheld",)),
        fact(one, noon(2026, 3, 10), channel="mss_patient", recipient="PATIENT", kind=FAILED, code="5.1.1"),
        fact(other, noon(2026, 3, 9), qualified=False),
        fact(one, noon(2026, 4, 1), report_version=2, value=-1, corrects="x", operation="replace"),
    ]
    facts = [replace(each, site=site) for each in facts]
    theirs = kept(kind, [facts[2], facts[1], facts[3], facts[0]], request)

    assert theirs.of_month(site, "2026-03") == [*sorted([facts[0], facts[2]], key=lambda each: each.fact_id), facts[1]]
    assert theirs.of_day(site, "2026-03-10") == [facts[1]]
    assert theirs.of_day(site, "2026-03-1") == []
    assert theirs.of_file(one) == [facts[0], facts[1], facts[3]]
    assert (theirs.of_month("elsewhere", "2026-03"), theirs.of_file("nobody")) == ([], [])


@BOTH
def test_a_month_and_the_lists_behind_its_days_are_kept_as_they_were(kind: str, site: str, summaries: UsageSummaries) -> None:
    days = {
        "2026-03-09": {
            AXIS: Counter({"dmp.qualified": 2, "failed_dmp": -1, "validated.qualified": 0}),
            OTHER: Counter({"paper": 1}),
        },
        "2026-03-31": {AXIS: Counter({"files_all.unqualified": 12_345})},
    }
    entries = [
        Entry("2026-03-09", "A2", AXIS, (("dmp.qualified", 1), ("failed_dmp", -1))),
        Entry("2026-03-09", "A1", AXIS, (("dmp.qualified", 1),)),
    ]
    assert (summaries.latest(site), summaries.entries(site, "2026-03-09")) == (None, [])

    written = summaries.save(MonthSummary(site, "2026-03", NOW, days), {"2026-03-09": entries, "2026-03-31": []})
    later = summaries.save(MonthSummary(site, "2026-10", NOW, {}), {})
    earlier = summaries.save(MonthSummary(site, "2025-12", NOW, {}), {})

    assert written == MonthSummary(site, "2026-03", NOW, days, version=1)
    assert summaries.months([(site, "2026-03"), (site, "2026-04"), (site, "2025-12")]) == {
        (site, "2026-03"): written, (site, "2025-12"): earlier,
    }  # fmt: skip
    assert "validated.qualified" in summaries.months([(site, "2026-03")])[(site, "2026-03")].days["2026-03-09"][AXIS]
    assert summaries.latest(site) == later
    assert summaries.entries(site, "2026-03-09") == sorted(entries)
    assert summaries.entries(site, "2026-03-31") == []


@BOTH
def test_two_who_count_at_once_do_not_write_over_each_other(kind: str, site: str, summaries: UsageSummaries) -> None:
    entry = Entry("2026-03-09", "A1", AXIS, (("dmp.qualified", 1),))
    first = summaries.save(MonthSummary(site, "2026-03", NOW), {})
    second = summaries.save(replace(first, counted_until=NOW + timedelta(hours=1)), {})

    for stale in (MonthSummary(site, "2026-03", NOW), first):
        with pytest.raises(Conflict):
            summaries.save(stale, {"2026-03-09": [entry]})

    assert summaries.latest(site) == second
    assert summaries.entries(site, "2026-03-09") == []


def test_two_years_of_three_sites_are_one_request_of_one_item_each(site: str, usage: Table) -> None:
    asked: list[int] = []

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(usage.client, name)

        def batch_get_item(self, RequestItems: dict) -> dict:  # type: ignore[type-arg]
            asked.append(sum(len(each["Keys"]) for each in RequestItems.values()))
            return usage.client.batch_get_item(RequestItems=RequestItems)

    months = [f"{year}-{month:02d}" for year in (2025, 2026) for month in range(1, 13)]
    places = [(f"{site}-{number}", month) for number in range(3) for month in months]
    busy = {f"{AXIS.rpps[:9]}{number:02d}": Counter({f"figure{n}": 7 + n for n in range(20)}) for number in range(30)}
    for place in places[:2]:
        days = {
            f"{place[1]}-{day:02d}": {Axis(AXIS.finess, rpps): figures for rpps, figures in busy.items()} for day in range(1, 29)
        }
        DynamoUsageSummaries(usage).save(MonthSummary(*place, NOW, days), {})
    for place in places[2:]:
        DynamoUsageSummaries(usage).save(MonthSummary(*place, NOW), {})

    found = DynamoUsageSummaries(Table(Counting(), usage.name)).months(places)

    assert len(found) == 72
    assert asked == [72]
    raw = usage.client.get_item(TableName=usage.name, Key={"pk": {"S": f"SUMMARY#{places[0][0]}"}, "sk": {"S": months[0]}})["Item"]
    assert len(raw["days"]["B"]) < 40_000, "a month of thirty signatories stays far below what an item holds"
