"""The first free slots: what a room and one of its machines leave free together, over days and halves of days."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.application.agenda.find_openings import first_openings, next_place, openings_on
from ris.application.agenda.outages import declare_outage
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.openings import free_starts
from ris.domain.agenda.resource_day import ResourceDay, Slot, SlotState
from ris.domain.errors import InvalidInput
from tests.support.agenda import DAY, NOW, World, a_booking, a_patient

OPEN = Interval(datetime(2026, 10, 6, 6, tzinfo=UTC), datetime(2026, 10, 6, 10, tzinfo=UTC))


@pytest.fixture
def world() -> World:
    return World()


def starts(world: World, room: str, exam: str = "ZBQK002", day: str = DAY) -> tuple[str, ...]:
    kind = world.s.reference.catalogue_exam(exam)
    assert kind is not None
    return next(one.starts for one in openings_on(world.s, "nord", day, kind, NOW) if one.room.room == room)


def test_a_machine_that_is_taken_in_another_room_closes_this_one(world: World) -> None:
    world.booked(room="mixte", start="09:00")

    assert "09:00" not in starts(world, "scanner")
    assert {"08:30", "09:30"} <= set(starts(world, "scanner"))


def test_one_of_two_machines_free_is_enough_and_the_room_must_be_free_too(world: World) -> None:
    world.booked(room="mixte", exam_code="ZCQM008", start="09:00")

    assert "09:00" not in starts(world, "mixte", "ZCQM008")
    assert "09:15" in starts(world, "mixte", "ZCQM008")


def test_today_begins_at_the_next_five_minutes_and_every_quarter_after(world: World) -> None:
    kind = world.s.reference.catalogue_exam("ZBQK002")
    assert kind is not None

    found = openings_on(world.s, "nord", "2026-10-05", kind, NOW + timedelta(minutes=61))

    assert ("09:05", "09:15", "09:30") == found[0].starts[:3]


def test_the_first_days_from_the_preferred_one_skip_closed_days_and_full_ones(world: World) -> None:
    found = first_openings(world.s, "nord", "NZQN001", "2026-10-09", NOW, most=2)

    assert ["2026-10-09", "2026-10-12"] == [one.day for one in found]
    assert "08:00" == found[0].starts[0]


def test_a_part_of_the_day_is_before_noon_or_from_noon_on(world: World) -> None:
    morning = first_openings(world.s, "nord", "NZQN001", DAY, NOW, part="am")[0].starts
    afternoon = first_openings(world.s, "nord", "NZQN001", DAY, NOW, part="pm")[0].starts

    assert ("08:00", "11:45") == (morning[0], morning[-1])
    assert "12:00" == afternoon[0]
    with pytest.raises(InvalidInput, match="part_unknown"):
        first_openings(world.s, "nord", "NZQN001", DAY, NOW, part="night")


def test_every_start_that_is_offered_can_be_booked(world: World) -> None:
    world.booked(room="scanner", start="09:10")
    found = [(one.room.room, start) for one in first_openings(world.s, "nord", "ZZQK024", DAY, NOW, most=1) for start in one.starts]

    for number, (room, start) in enumerate(found, start=2):
        fresh = World()
        fresh.booked(room="scanner", start="09:10")
        fresh.patients.save(a_patient(number))
        from ris.application.agenda.book_appointment import book_appointment

        book_appointment(fresh.s, a_booking(patient_id=f"p-{number}", exam_code="ZZQK024", room=room, start=start), NOW)


def test_a_machine_out_of_service_offers_nothing_and_cannot_be_booked(world: World) -> None:
    from ris.domain.errors import Refused

    whole = Interval(datetime(2026, 10, 5, 22, tzinfo=UTC), datetime(2026, 10, 6, 22, tzinfo=UTC))
    declare_outage(world.s, "nord", "ct1", "out-1", whole, "Tube", NOW)

    assert () == starts(world, "scanner")
    with pytest.raises(Refused, match="machine_out_of_service"):
        world.held()


def test_the_next_place_is_today_or_there_is_none(world: World) -> None:
    place = next_place(world.s, "nord", "ZBQK002", NOW)
    late = next_place(world.s, "nord", "ZBQK002", NOW + timedelta(hours=10, minutes=45))

    assert place is not None
    assert ("scanner", "2026-10-05", "08:00") == (place.room, place.day, place.start)
    assert late is None


@given(
    st.lists(st.tuples(st.integers(0, 235), st.integers(5, 60)), max_size=8),
    st.lists(st.tuples(st.integers(0, 235), st.integers(5, 60)), max_size=8),
    st.integers(5, 90),
    st.integers(-60, 260),
)
def test_a_free_start_overlaps_nothing_is_inside_and_not_past(
    room: list[tuple[int, int]], machine: list[tuple[int, int]], length: int, now: int
) -> None:
    days = [ResourceDay("nord", name, DAY, tuple(map(taken, slots))) for name, slots in (("room", room), ("m", machine))]
    at, wanted = OPEN.start + timedelta(minutes=now), timedelta(minutes=length)

    found = free_starts(OPEN, days[0], [days[1]], wanted, now=at)

    for start in found:
        exam = Interval(start, start + wanted)
        assert OPEN.contains(exam)
        assert start >= at
        assert all(day.blocked_by(exam, now=at) is None for day in days)
    assert sorted(set(found)) == found


def taken(slot: tuple[int, int]) -> Slot:
    start = OPEN.start + timedelta(minutes=slot[0])
    return Slot(Interval(start, start + timedelta(minutes=slot[1])), "x", SlotState.BOOKED, "t")
