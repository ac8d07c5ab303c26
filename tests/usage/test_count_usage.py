"""Summaries are made of facts alone: counting is exact, goes on where it stopped, mends what is wrong, and twice is once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from ris.adapters.reference.memory import MemoryReferenceBook
from ris.adapters.usage.memory import MemoryUsageFacts, MemoryUsageSummaries
from ris.application.conflicts import Conflict
from ris.application.usage.count_usage import LATE, Counted, count_usage, recount
from ris.application.usage.ports import MonthSummary, UsageServices
from ris.domain.errors import InvalidInput
from ris.domain.usage.facts import UsageFact
from ris.domain.usage.period import Period
from tests.support.usage import fact, noon, recounted, reference, years

A = "26000000001"
LATER = noon(2027, 6, 1)
FIRST = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class House:
    """A usage table in memory."""

    facts: list[UsageFact] = field(default_factory=list)
    summaries: MemoryUsageSummaries = field(default_factory=MemoryUsageSummaries)

    @property
    def s(self) -> UsageServices:
        return UsageServices(MemoryUsageFacts(self.facts), self.summaries, MemoryReferenceBook(reference()))

    def figures(self, period: Period, site: str = "nord") -> Counter[tuple[str, str, str]]:
        total: Counter[tuple[str, str, str]] = Counter()
        for summary in self.summaries.months([(site, month) for month in period.months]).values():
            for day, axes in summary.days.items():
                if period.holds(day):
                    for axis, figures in axes.items():
                        total.update({(name, axis.finess, axis.rpps): number for name, number in figures.items()})
        return Counter({key: number for key, number in total.items() if number})

    def listed(self, period: Period, site: str = "nord") -> Counter[tuple[str, str, str]]:
        total: Counter[tuple[str, str, str]] = Counter()
        for day in period.days:
            for entry in self.summaries.entries(site, day):
                assert entry.day == day
                total.update({(name, entry.axis.finess, entry.axis.rpps): number for name, number in entry.figures})
        return Counter({key: number for key, number in total.items() if number})


def test_runs_of_every_hour_come_to_what_a_brute_recount_says() -> None:
    later = sorted(years(11, 60, datetime(2026, 1, 20, tzinfo=UTC), 2), key=lambda one: one.at)
    house, now = House(), datetime(2026, 1, 20, 12, tzinfo=UTC)
    while now < datetime(2026, 4, 2, tzinfo=UTC):
        now += timedelta(hours=7)
        house.facts[:] = [one for one in later if one.at <= now]
        count_usage(house.s, "nord", now)

    for period in (Period("2026-01-01", "2026-03-31"), Period("2026-02-11", "2026-02-28"), Period("2026-03-03", "2026-03-03")):
        assert house.figures(period) == house.listed(period) == recounted(house.facts, "nord", period.first, period.last)
    whole = Period("2026-01-01", "2026-04-02")
    assert recount(house.s, "nord", whole, LATER, dry_run=True).changed == ()


def test_a_day_is_the_sites_and_a_year_is_cut_at_its_midnight() -> None:
    eve = datetime(2026, 12, 31, 22, 59, tzinfo=UTC)  # 23:59 in Paris
    house = House([fact(A, eve), fact("26000000002", eve + timedelta(minutes=2))])

    assert count_usage(house.s, "nord", eve + timedelta(hours=1)).days == tuple(f"2027-01-{1:02d}" for _ in range(1))
    assert recount(house.s, "nord", Period("2026-12-31", "2026-12-31"), LATER).changed == ("2026-12-31",)

    assert sum(house.figures(Period("2026-01-01", "2026-12-31")).values()) == 1
    assert sum(house.figures(Period("2027-01-01", "2027-12-31")).values()) == 1


def test_a_first_run_takes_the_month_and_the_next_what_came_since() -> None:
    house = House([fact(A, noon(2026, 3, 2))])

    assert count_usage(house.s, "nord", noon(2026, 3, 5)).days[0] == "2026-03-01"
    assert count_usage(house.s, "nord", noon(2026, 3, 5) + timedelta(minutes=15)) == Counted("nord", ("2026-03-05",), ())
    house.facts.append(fact("26000000002", noon(2026, 3, 20)))
    after_an_outage = count_usage(house.s, "nord", noon(2026, 4, 2))

    assert (after_an_outage.days[0], after_an_outage.days[-1], len(after_an_outage.days)) == ("2026-03-05", "2026-04-02", 29)
    assert after_an_outage.changed == ("2026-03-20",)


def test_a_fact_written_some_minutes_late_is_counted_though_its_day_is_over() -> None:
    house = House()
    midnight = datetime(2026, 3, 9, 23, 0, tzinfo=UTC)
    count_usage(house.s, "nord", midnight + timedelta(minutes=1))
    house.facts.append(fact(A, midnight - timedelta(minutes=1)))

    assert count_usage(house.s, "nord", midnight + LATE).changed == ("2026-03-09",)


def test_a_file_of_an_earlier_month_is_looked_up_and_counts_no_second_time() -> None:
    early = [fact(A, noon(2026, 1, 5), kind="validated"), fact(A, noon(2026, 1, 5))]
    late = [fact(A, noon(2026, 3, 5), kind="validated", report_version=2), fact(A, noon(2026, 3, 5), report_version=2)]
    house = House([*early, *late])

    count_usage(house.s, "nord", noon(2026, 3, 6))

    assert house.figures(Period("2026-03-01", "2026-03-31")) == Counter()


def test_counting_again_mends_a_summary_that_is_wrong_and_says_where() -> None:
    house = House(years(5, 30, FIRST, 3))
    whole = Period("2025-01-01", "2025-06-30")
    recount(house.s, "nord", whole, LATER)
    right = house.figures(whole)
    spoilt = house.summaries.months([("nord", "2025-02")])[("nord", "2025-02")]
    day = next(iter(spoilt.days))
    ghost = "2025-02-30"
    house.summaries.save(replace(spoilt, days={**spoilt.days, day: {}}), {day: []})

    assert recount(house.s, "nord", whole, LATER, dry_run=True).changed == (day,)
    assert house.figures(whole) != right
    assert recount(house.s, "nord", whole, LATER).changed == (day,)
    assert recount(house.s, "nord", whole, LATER).changed == ()
    assert house.figures(whole) == house.listed(whole) == right
    assert ghost not in house.summaries.months([("nord", "2025-02")])[("nord", "2025-02")].days


def test_a_recount_of_old_days_does_not_make_the_schedule_skip_newer_ones() -> None:
    house = House([fact(A, noon(2026, 3, 10))])
    count_usage(house.s, "nord", noon(2026, 3, 2))
    recount(house.s, "nord", Period("2026-03-01", "2026-03-01"), LATER)

    assert count_usage(house.s, "nord", noon(2026, 3, 12)).changed == ("2026-03-10",)
    fresh = House([fact(A, noon(2026, 3, 10))])
    recount(fresh.s, "nord", Period("2026-03-12", "2026-03-12"), LATER)
    assert count_usage(fresh.s, "nord", noon(2026, 3, 12)).changed == ("2026-03-10",)


def test_who_loses_a_race_counts_again_on_what_stands_then() -> None:
    house = House([fact(A, noon(2026, 3, 5))])

    class Racing(MemoryUsageSummaries):
        raced = False

        def save(self, summary: MonthSummary, entries: object) -> MonthSummary:
            if not self.raced:
                self.raced = True
                house.facts.append(fact("26000000002", noon(2026, 3, 5)))
                super().save(replace(summary, days={}), {})
                raise Conflict("raced")
            return super().save(summary, entries)  # type: ignore[arg-type]

    house.summaries = Racing()
    count_usage(house.s, "nord", noon(2026, 3, 5) + timedelta(hours=1))

    assert sum(house.figures(Period("2026-03-01", "2026-03-31")).values()) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda s: count_usage(s, "nowhere", noon(2026, 3, 5)),
        lambda s: recount(s, "nowhere", Period("2026-03-01", "2026-03-01"), LATER),
    ],
)
def test_an_unknown_site_is_refused(call) -> None:
    with pytest.raises(InvalidInput, match="unknown_site"):
        call(House().s)


def test_the_function_counts_every_site_and_says_how_many_days_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.count_usage import handler as module

    house = House([fact(A, datetime.now(UTC)), fact("26000000002", datetime.now(UTC), site="sud")])
    monkeypatch.setattr(module, "usage_services", lambda: house.s)

    assert module.handler({}, None)["changed"] == 2
    assert module.handler({"sites": ["nord"]}, None)["changed"] == 0
