from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.domain.agenda.interval import Interval
from ris.domain.agenda.site_calendar import day_of, instant_of, opening_of, wall_time, whole_day
from ris.domain.errors import InvalidInput

PARIS = "Europe/Paris"
AUTUMN, SPRING = "2026-10-25", "2027-03-28"


@pytest.mark.parametrize(
    ("day", "wall", "fold", "expected"),
    [
        ("2026-07-01", "09:00", None, datetime(2026, 7, 1, 7, 0, tzinfo=UTC)),
        ("2026-12-01", "09:00", None, datetime(2026, 12, 1, 8, 0, tzinfo=UTC)),
        (AUTUMN, "01:59", None, datetime(2026, 10, 24, 23, 59, tzinfo=UTC)),
        (AUTUMN, "02:00", 0, datetime(2026, 10, 25, 0, 0, tzinfo=UTC)),
        (AUTUMN, "02:00", 1, datetime(2026, 10, 25, 1, 0, tzinfo=UTC)),
        (AUTUMN, "02:30", 1, datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        (AUTUMN, "03:00", None, datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
        (SPRING, "01:59", None, datetime(2027, 3, 28, 0, 59, tzinfo=UTC)),
        (SPRING, "03:00", None, datetime(2027, 3, 28, 1, 0, tzinfo=UTC)),
        ("2026-07-01", "09:00", 1, datetime(2026, 7, 1, 7, 0, tzinfo=UTC)),  # a fold that means nothing
    ],
)
def test_a_wall_time_is_one_instant(day: str, wall: str, fold: int | None, expected: datetime) -> None:
    assert expected == instant_of(day, wall, PARIS, fold=fold)


@pytest.mark.parametrize("wall", ["02:00", "02:30", "02:59"])
@pytest.mark.parametrize("fold", [None, 0, 1])
def test_an_hour_the_clock_jumps_over_is_refused(wall: str, fold: int | None) -> None:
    with pytest.raises(InvalidInput, match="no_such_time"):
        instant_of(SPRING, wall, PARIS, fold=fold)


@pytest.mark.parametrize("wall", ["02:00", "02:30", "02:59"])
@pytest.mark.parametrize("fold", [None, 2, -1])
def test_an_hour_the_clock_shows_twice_is_asked_back(wall: str, fold: int | None) -> None:
    with pytest.raises(InvalidInput, match="doubled_time"):
        instant_of(AUTUMN, wall, PARIS, fold=fold)


@pytest.mark.parametrize("wall", ["24:00", "9:00", "09:60", "", "09:00:00", "0９:00", "-1:00", "ab:cd"])
def test_a_time_of_another_form_is_refused(wall: str) -> None:
    with pytest.raises(InvalidInput, match="no_such_time"):
        instant_of("2026-07-01", wall, PARIS)


@pytest.mark.parametrize(
    "day", ["2026-02-29", "2026-13-01", "20260701", "2026-7-1", "", "2026-07-01T00:00", "２026-07-01", "0001-01-01", "9999-12-31"]
)
def test_a_day_no_calendar_has_is_refused(day: str) -> None:
    with pytest.raises(InvalidInput, match="no_such_day"):
        instant_of(day, "09:00", PARIS)


@pytest.mark.parametrize(("day", "hours"), [(AUTUMN, 25), (SPRING, 23), ("2026-07-01", 24)])
def test_a_civil_day_has_its_own_length(day: str, hours: int) -> None:
    whole = whole_day(day, PARIS)

    assert timedelta(hours=hours) == whole.end - whole.start


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(lambda local: local.replace(second=0, microsecond=0, tzinfo=UTC))
)
def test_every_instant_comes_back_from_the_time_its_clock_shows(instant: datetime) -> None:
    day, wall = day_of(instant, PARIS), wall_time(instant, PARIS)

    readings = {instant_of(day, wall, PARIS, fold=fold) for fold in (0, 1)}

    assert instant in readings
    assert len(readings) <= 2


def test_opening_hours_are_wall_times_of_that_day() -> None:
    opening = {"sun": ("00:00", "24:00"), "mon": ("08:00", "19:00")}

    assert whole_day(AUTUMN, PARIS) == opening_of(AUTUMN, opening, PARIS)
    assert Interval(datetime(2026, 10, 26, 7, tzinfo=UTC), datetime(2026, 10, 26, 18, tzinfo=UTC)) == opening_of(
        "2026-10-26", opening, PARIS
    )
    assert opening_of("2026-10-27", opening, PARIS) is None
