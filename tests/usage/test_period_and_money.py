"""Presets of TBB.01, and what figures are worth: every threshold and amount comes from a row, and conditions come first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris.application.usage.count_usage import recount
from ris.application.usage.worth import standings
from ris.domain.errors import InvalidInput
from ris.domain.usage.money import Indicator, Milestone, standing
from ris.domain.usage.period import PRESETS, Period, free, month_of, preset
from tests.support.usage import SIGNATORIES, fact, noon
from tests.usage.test_count_usage import LATER, House

DAY = date(2026, 2, 14)
RULE = Indicator(
    "f", "Forfait", "DMP", "practitioner", "dmp", "2026-01-01", "2026-12-31", "Texte",
    denominator="validated", threshold="20", points="40", euros_per_point="7.00", requires=("segur",),
)  # fmt: skip
MET = Milestone("segur", "Forfait", "Logiciel", "Texte", done="2026-01-02")


@pytest.mark.segur("TBB.01")
def test_the_presets_are_whole_months_and_years() -> None:
    assert preset("month", DAY) == Period("2026-02-01", "2026-02-28")
    assert preset("month", date(2024, 2, 1)) == Period("2024-02-01", "2024-02-29")
    assert preset("year", DAY) == Period("2026-01-01", "2026-12-31")
    assert preset("previous_year", DAY) == Period("2025-01-01", "2025-12-31")
    assert month_of("2026-12") == Period("2026-12-01", "2026-12-31")


@settings(deadline=None)
@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.sampled_from(PRESETS))
def test_a_period_is_its_days_and_they_are_its_months(today: date, name: str) -> None:
    period = preset(name, today)

    assert (period.days[0], period.days[-1]) == (period.first, period.last)
    assert [day for month in period.months for day in month_of(month).days] == list(period.days)
    assert period.holds(today.isoformat()) or name == "previous_year"


@pytest.mark.parametrize(
    ("first", "last", "code", "field"),
    [
        ("2026-02-30", "2026-03-01", "no_such_day", "from"),
        ("2026-01-01", "", "no_such_day", "to"),
        ("20260101", "2026-03-01", "no_such_day", "from"),
        ("2026-W01-1", "2026-03-01", "no_such_day", "from"),
        ("9999-12-01", "9999-12-31", "no_such_day", "from"),
        ("0001-01-01", "0001-01-31", "no_such_day", "from"),
        ("2026-03-02", "2026-03-01", "period_reversed", "to"),
        ("2020-01-01", "2025-01-01", "period_too_long", "to"),
    ],
)
def test_a_range_that_is_none_names_its_field_and_the_rule(first: str, last: str, code: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        free(first, last)

    assert (refused.value.code, refused.value.field) == (code, field)
    assert free("2020-01-01", "2024-12-31").months[-1] == "2024-12"


@pytest.mark.parametrize(
    ("taken", "validated", "reached", "earned"), [(20, 100, True, "280.00"), (199, 1000, False, "0"), (0, 0, False, "0")]
)
def test_a_threshold_is_compared_exactly_and_pays_points(taken: int, validated: int, reached: bool, earned: str) -> None:
    found = standing(RULE, "r", Counter({"dmp.qualified": taken, "validated.unqualified": validated}), [MET])

    assert (found.reached, found.earned, found.euros) == (reached, Decimal(earned), Decimal("280.00"))


def test_nothing_is_paid_while_a_condition_is_not_met_and_nothing_is_said_where_no_text_does() -> None:
    figures = Counter({"dmp.qualified": 9, "validated.qualified": 9})

    refused = standing(RULE, "r", figures, [replace(MET, done="")])
    assert (refused.reached, refused.missing, refused.earned) == (True, ("segur",), 0)
    unknown = standing(replace(RULE, threshold=""), "r", figures, [MET])
    assert (unknown.reached, unknown.earned) == (None, None)
    flat = standing(replace(RULE, denominator="", threshold="9", points="", euros="1250.50"), "r", figures, [MET])
    assert (flat.reached, flat.share, flat.earned) == (True, None, Decimal("1250.50"))
    no_money = standing(replace(RULE, points=""), "r", figures, [MET])
    assert (no_money.reached, no_money.euros) == (True, None)


def test_a_deadline_is_met_open_or_late() -> None:
    due = replace(MET, done="", due="2026-05-13")

    assert [due.state("2026-05-13"), due.state("2026-05-14"), replace(due, done="2027-01-01").state("2026-05-14")] == [
        "open", "late", "done",
    ]  # fmt: skip
    assert replace(due, due="").state("2099-01-01") == "open"


def test_each_indicator_is_measured_over_its_own_window_for_whom_its_text_says() -> None:
    house = House([fact(f"2600000000{n}", noon(2026, 3, n), kind="validated", author=SIGNATORIES[n % 2]) for n in range(1, 6)])
    house.facts += [fact("26000000001", noon(2026, 3, 9), author=SIGNATORIES[1]), fact("26000000009", noon(2025, 12, 31))]
    recount(house.s, "nord", Period("2025-12-01", "2026-12-31"), LATER)
    rows = [
        RULE,
        replace(RULE, code="site", scope="site"),
        replace(RULE, code="entity", scope="legal_entity", denominator="", threshold="1"),
        replace(RULE, code="group", scope="group", first="2025-01-01"),
        replace(RULE, code="gone", first="2024-01-01", last="2025-12-31"),
    ]

    class Book:
        def __getattr__(self, name: str) -> object:
            return getattr(house.s.reference, name)

        def indicators(self) -> list[Indicator]:
            return rows

        def milestones(self) -> list[Milestone]:
            return [MET]

    found = {
        i.code: {(s.who, s.numerator, s.denominator) for s in theirs}
        for i, theirs in standings(replace(house.s, reference=Book()), ("nord", "sud"), 2026)
    }

    assert found == {
        "f": {(SIGNATORIES[0], 0, 2), (SIGNATORIES[1], 1, 3)},
        "site": {("630999100", 1, 5), ("630999118", 0, 0)},
        "entity": {("630999001", 1, None)},
        "group": {("", 2, 5)},
    }
