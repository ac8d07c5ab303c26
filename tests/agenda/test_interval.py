import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.domain.agenda.interval import Interval, gaps

ZERO = datetime(2026, 10, 6, tzinfo=UTC)


def minutes(start: int, end: int) -> Interval:
    return Interval(ZERO + timedelta(minutes=start), ZERO + timedelta(minutes=end))


def covered(interval: Interval) -> set[int]:
    """The minutes an interval holds, counted one by one: an oracle that knows no comparison of edges."""
    first = int((interval.start - ZERO).total_seconds() // 60)
    last = int((interval.end - ZERO).total_seconds() // 60)
    return set(range(first, last))


intervals = st.tuples(st.integers(0, 60), st.integers(1, 30)).map(lambda pair: minutes(pair[0], pair[0] + pair[1]))


@given(intervals, intervals)
def test_intervals_overlap_when_they_share_a_minute(one: Interval, other: Interval) -> None:
    assert one.overlaps(other) is bool(covered(one) & covered(other))
    assert one.overlaps(other) is other.overlaps(one)


@given(intervals, intervals)
def test_an_interval_contains_another_when_it_has_all_its_minutes(one: Interval, other: Interval) -> None:
    assert one.contains(other) is (covered(other) <= covered(one))


@given(intervals, st.lists(intervals, max_size=6))
def test_gaps_are_the_minutes_nobody_takes(whole: Interval, taken: list[Interval]) -> None:
    free = gaps(whole, taken)

    expected = covered(whole).difference(*(covered(one) for one in taken))
    assert expected == {minute for one in free for minute in covered(one)}
    assert all(one.end < other.start for one, other in itertools.pairwise(free)), "neighbours are one gap"


@pytest.mark.parametrize(("start", "end"), [(ZERO, ZERO), (ZERO + timedelta(minutes=1), ZERO), (ZERO.replace(tzinfo=None), ZERO)])
def test_an_interval_is_never_empty_nor_without_offset(start: datetime, end: datetime) -> None:
    with pytest.raises(ValueError, match="aware"):
        Interval(start, end)
