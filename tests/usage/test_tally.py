"""Figures are what a brute recount says, to the unit: for every period, site, signatory and status, whatever came in whatever order."""

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris.domain.usage.facts import FAILED
from ris.domain.usage.figures import Axis, summed
from ris.domain.usage.period import Period
from ris.domain.usage.tally import entries_of, figures_of, known_whole
from tests.support.usage import REQUESTERS, SIGNATORIES, fact, noon, recounted, years

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
ALL = Period("2024-12-01", "2030-12-31")
A = "26000000001"


def counted(facts, period=ALL, site="nord"):
    """Everything the tally says of a period, in the recount's words."""
    days = figures_of(entries_of(facts, period.days, site))
    total = Counter()
    for axes in days.values():
        for axis, figures in axes.items():
            total.update({(name, axis.finess, axis.rpps): number for name, number in figures.items()})
    return Counter({key: number for key, number in total.items() if number})


def totals(facts, period=ALL):
    found = Counter()
    for (name, _, _), number in counted(facts, period).items():
        found[name] += number
    return +found


@pytest.mark.segur("TBB.01")
@pytest.mark.segur("TBB.03")
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32), begins=st.integers(0, 400), lasts=st.integers(0, 400))
def test_any_period_is_what_a_brute_recount_says(seed, begins, lasts):
    facts = years(seed, 12, FIRST, 6)
    day = FIRST.date() + timedelta(days=begins)
    period = Period(day.isoformat(), (day + timedelta(days=lasts)).isoformat())

    for site in ("nord", "sud"):
        assert counted(facts, period, site) == recounted(facts, site, period.first, period.last)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32))
def test_the_order_in_which_facts_are_read_does_not_matter(seed):
    facts = years(seed, 8, FIRST, 6)
    shuffled = list(facts)
    random.Random(seed).shuffle(shuffled)

    assert entries_of(facts, ALL.days, "nord") == entries_of(shuffled, ALL.days, "nord")


def test_days_add_up_to_the_period():
    facts = years(7, 40, FIRST, 12)
    period = Period("2025-03-10", "2025-07-20")
    single = Counter()
    for day in period.days:
        single.update(counted(facts, Period(day, day)))

    assert Counter({key: n for key, n in single.items() if n}) == counted(facts, period)


def test_versions_retries_and_second_recipients_count_once():
    one, two = REQUESTERS
    facts = [
        fact(A, noon(2026, 1, 5), kind="validated"),
        fact(A, noon(2026, 1, 5), channel="mss_professional", recipient=one),
        fact(A, noon(2026, 1, 6), channel="mss_professional", recipient=two),
        fact(A, noon(2026, 2, 5), kind="validated", report_version=2),
        fact(A, noon(2026, 2, 5), channel="mss_professional", recipient=one, report_version=2),
    ]

    assert totals(facts) == {"validated.qualified": 1, "professional.qualified": 1}
    assert totals(facts, Period("2026-02-01", "2026-02-28")) == {}


@pytest.mark.parametrize(
    ("waited", "expected"),
    [
        (timedelta(minutes=60), {"dmp_1h": 1, "dmp_24h": 1}),
        (timedelta(minutes=60, microseconds=1), {"dmp_24h": 1}),
        (timedelta(hours=24), {"dmp_24h": 1}),
        (timedelta(hours=24, microseconds=1), {}),
    ],
)
def test_how_soon_a_report_was_in_the_dmp_is_measured_from_the_version_that_arrived(waited, expected):
    second = noon(2026, 1, 9)
    facts = [
        fact(A, noon(2026, 1, 5), kind="validated", qualified=False),
        fact(A, second, kind="validated", report_version=2),
        fact(A, second + waited, report_version=2),
        fact(A, second + timedelta(days=3), kind="validated", report_version=3),
        fact(A, second + timedelta(days=9), report_version=3),  # later versions change nothing
    ]

    assert expected == {name: number for name, number in totals(facts).items() if name.startswith("dmp_")}


def test_a_dmp_that_took_a_report_nobody_saw_validated_says_nothing_of_how_soon():
    assert {"dmp.qualified": 1} == totals([fact(A, noon(2026, 1, 5))])


def test_a_file_has_all_three_from_the_day_of_the_last_one_and_no_more_when_one_bounced():
    mail = {"channel": "mss_patient", "recipient": "PATIENT"}
    facts = [
        fact(A, noon(2026, 1, 5), kind="validated"),
        fact(A, noon(2026, 1, 5)),
        fact(A, noon(2026, 1, 5), channel="mss_professional", recipient=REQUESTERS[0]),
        fact(A, noon(2026, 2, 1), **mail),
        fact(A, noon(2026, 3, 1), value=-1, **mail),
        fact(A, noon(2026, 3, 1), kind=FAILED, **mail),
    ]

    assert totals(facts, Period("2026-01-01", "2026-01-31"))["files_all.qualified"] == 0
    assert totals(facts, Period("2026-02-01", "2026-02-28"))["files_all.qualified"] == 1
    assert counted(facts, Period("2026-03-01", "2026-03-31")) == {
        ("files_all.qualified", "630999100", SIGNATORIES[0]): -1,
        ("patient.qualified", "630999100", SIGNATORIES[0]): -1,
        ("failed_patient", "630999100", SIGNATORIES[0]): 1,
    }


def test_the_version_that_was_first_taken_decides_qualified_and_signatory():
    first = {"author": SIGNATORIES[0], "qualified": False}
    second = {"author": SIGNATORIES[1], "qualified": True, "report_version": 2}
    mail = {"channel": "mss_professional", "recipient": REQUESTERS[0]}
    facts = [
        fact(A, noon(2026, 1, 5), kind="validated", **first),
        fact(A, noon(2026, 1, 5), **mail, **first),
        fact(A, noon(2026, 1, 9), kind="validated", **second),
        fact(A, noon(2026, 1, 9), **second),
        fact(A, noon(2026, 1, 9), **mail, **second),
    ]

    assert counted(facts) == {
        ("validated.unqualified", "630999100", SIGNATORIES[0]): 1,
        ("professional.unqualified", "630999100", SIGNATORIES[0]): 1,
        ("dmp.qualified", "630999100", SIGNATORIES[1]): 1,
        **{(name, "630999100", SIGNATORIES[1]): 1 for name in ("dmp_1h", "dmp_24h")},
    }


@pytest.mark.segur("TBB.03")
def test_a_recovered_failure_is_none_and_one_of_an_older_version_neither():
    mail = {"channel": "mss_professional", "recipient": REQUESTERS[0]}
    failed = fact(A, noon(2026, 1, 5), kind=FAILED, **mail)

    assert totals([failed]) == {"failed_professional": 1}
    taken = [fact(A, noon(2026, 1, 6), **mail), fact(A, noon(2026, 1, 6), kind=FAILED, value=-1, **mail)]
    assert totals([failed, *taken]) == {"professional.qualified": 1}
    corrected = fact(A, noon(2026, 1, 7), report_version=2, **mail)
    assert totals([failed, corrected]) == {"professional.qualified": 1}
    printed = fact(A, noon(2026, 1, 7), channel="to_print", recipient=REQUESTERS[0])
    assert totals([failed, printed]) == {"paper": 1}
    again = fact(A, noon(2026, 1, 8), kind=FAILED, report_version=2, **mail)
    assert totals([*taken, again]) == {"professional.qualified": 1, "failed_professional": 1}


def test_a_failure_counts_once_for_each_recipient():
    facts = [fact(A, noon(2026, 1, 5), kind=FAILED, channel="mss_professional", recipient=one) for one in REQUESTERS]

    assert totals(facts) == {"failed_professional": 2}


def test_a_deletion_neither_counts_nor_takes_back():
    facts = [fact(A, noon(2026, 1, 5)), fact(A, noon(2026, 1, 8), report_version=2, operation="delete")]

    assert totals(facts) == {"dmp.qualified": 1}


def test_what_was_planned_is_what_a_rate_is_measured_against():
    plans = {
        ("dmp:pending:", "mss_professional:pending:", "mss_patient:pending:"): {"due_dmp", "due_professional", "due_patient"},
        ("dmp:held:identity", "mss_patient:held:identity", "to_print:held:to_print"): {"due_dmp", "no_identity"},
        ("dmp:withdrawn:opposition", "mss_patient:withdrawn:refusal"): {"opposed", "refused_patient"},
        ("dmp:held:withheld", "mss_professional:withdrawn:refusal", "mss_patient:held:announcement"): {"refused_professional"},
        ("dmp:delegated:", "mss_professional:delegated:", "hl7_report:pending:"): {"due_dmp", "due_professional"},
    }
    for plan, names in plans.items():
        found = totals([fact(A, noon(2026, 1, 5), kind="validated", plan=plan, marks=("withheld",))])
        assert set(found) - {"validated.qualified"} == names | {"mark_withheld"}


def test_another_sites_facts_are_history_only():
    facts = [fact(A, noon(2026, 1, 5), site="sud"), fact(A, noon(2026, 1, 9), report_version=2)]

    assert counted(facts) == {}
    assert known_whole(facts) == frozenset()
    assert known_whole([*facts, fact(A, noon(2026, 1, 1), kind="validated")]) == {A}


def test_a_day_that_changed_something_and_changed_it_back_is_still_one_to_look_at():
    other = replace(fact("26000000002", noon(2026, 1, 5)), value=-1)
    facts = [fact("26000000002", noon(2026, 1, 4)), fact(A, noon(2026, 1, 5)), other]
    days = figures_of(entries_of(facts, ALL.days, "nord"))

    assert days["2026-01-05"] == {Axis("630999100", SIGNATORIES[0]): Counter({"dmp.qualified": 0})}
    assert "dmp.qualified" in days["2026-01-05"][Axis("630999100", SIGNATORIES[0])]
    assert summed(days["2026-01-05"].values()) == Counter()


@pytest.mark.slow
def test_a_hundred_thousand_facts_of_two_years_recount_to_the_unit():
    facts = years(2026, 9_500, FIRST, 24)
    assert len(facts) >= 100_000

    wrong = 0
    for period in (Period("2025-01-01", "2025-12-31"), Period("2026-01-01", "2026-12-31"), Period("2025-11-17", "2026-02-03")):
        for site in ("nord", "sud"):
            mine, theirs = counted(facts, period, site), recounted(facts, site, period.first, period.last)
            wrong += sum(abs(mine[key] - theirs[key]) for key in mine.keys() | theirs.keys())
    print(f"indicator error {wrong} units {len(facts)} facts seed 2026")
    assert wrong == 0
