from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from ris.domain.agenda.interval import Interval
from ris.domain.agenda.resource_day import ResourceDay, Slot, SlotState
from ris.domain.errors import Refused

ZERO = datetime(2026, 10, 6, 8, tzinfo=UTC)
NOW = ZERO - timedelta(hours=1)
EMPTY = ResourceDay("nord", "ct1", "2026-10-06")


def a_slot(accession: str, start: int, end: int, *, expires: datetime = NOW + timedelta(minutes=10)) -> Slot:
    interval = Interval(ZERO + timedelta(minutes=start), ZERO + timedelta(minutes=end))
    return Slot(interval, accession, SlotState.HELD, f"token-{accession}", expires)


@pytest.mark.parametrize(
    ("start", "end", "taken"),
    [
        (0, 30, False),  # touches its beginning
        (60, 90, False),  # touches its end
        (30, 60, True),  # the same
        (35, 45, True),  # inside
        (20, 70, True),  # around
        (0, 31, True),
        (59, 90, True),
    ],
)
def test_touching_is_allowed_and_overlapping_is_not(start: int, end: int, *, taken: bool) -> None:
    day = EMPTY.hold(a_slot("first", 30, 60), now=NOW)

    if taken:
        with pytest.raises(Refused, match="slot_taken"):
            day.hold(a_slot("second", start, end), now=NOW)
    else:
        assert 2 == len(day.hold(a_slot("second", start, end), now=NOW).slots)


def test_a_hold_that_expired_gives_way_and_can_no_longer_be_confirmed() -> None:
    later = NOW + timedelta(minutes=10)
    day = EMPTY.hold(a_slot("first", 0, 30), now=NOW)

    taken_over = day.hold(a_slot("second", 0, 30, expires=later + timedelta(minutes=10)), now=later)

    assert ["second"] == [slot.accession_number for slot in taken_over.slots]
    for state in (day, taken_over):
        with pytest.raises(Refused, match="hold_expired"):
            state.confirm("first", "token-first", now=later)


def test_only_the_holder_confirms() -> None:
    day = EMPTY.hold(a_slot("first", 0, 30), now=NOW)

    with pytest.raises(Refused, match="wrong_token"):
        day.confirm("first", "token-second", now=NOW)


def test_a_booking_never_expires() -> None:
    day = EMPTY.hold(a_slot("first", 0, 30), now=NOW).confirm("first", "token-first", now=NOW)

    with pytest.raises(Refused, match="slot_taken"):
        day.hold(a_slot("second", 0, 30), now=NOW + timedelta(days=300))


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30)), max_size=12))
def test_releasing_everything_in_any_order_leaves_an_empty_day(wishes: list[tuple[int, int]]) -> None:
    day, held = EMPTY, []
    for number, (start, length) in enumerate(wishes):
        try:
            day = day.hold(a_slot(str(number), start, start + length), now=NOW)
        except Refused:
            continue
        held.append(str(number))

    for accession in reversed(held):
        day = day.release(accession)

    assert () == day.slots


class OneDay(RuleBasedStateMachine):
    """Whatever people do in whatever order, no minute has two standing owners, and no booking is ever lost."""

    accessions = Bundle("accessions")

    def __init__(self) -> None:
        super().__init__()
        self.day = EMPTY
        self.now = NOW
        self.booked: set[str] = set()
        self.count = 0

    @rule(target=accessions, start=st.integers(0, 60), length=st.integers(1, 30))
    def hold(self, start: int, length: int) -> str:
        self.count += 1
        accession = str(self.count)
        slot = a_slot(accession, start, start + length, expires=self.now + timedelta(minutes=5))
        try:
            self.day = self.day.hold(slot, now=self.now)
        except Refused:
            assert self.day.blocked_by(slot.interval, now=self.now) is not None
        return accession

    @rule(accession=accessions)
    def confirm(self, accession: str) -> None:
        slot = self.day.slot_of(accession)
        expected = slot is not None and slot.stands(self.now)
        try:
            self.day = self.day.confirm(accession, f"token-{accession}", now=self.now)
            assert expected
            self.booked.add(accession)
        except Refused:
            assert not expected

    @rule(accession=accessions)
    def release(self, accession: str) -> None:
        self.day = self.day.release(accession)
        self.booked.discard(accession)

    @rule(minutes=st.integers(1, 6))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def no_minute_has_two_owners(self) -> None:
        standing = [slot for slot in self.day.slots if slot.stands(self.now)]
        assert not any(one.interval.overlaps(other.interval) for one in standing for other in standing if one is not other)

    @invariant()
    def no_booking_is_lost(self) -> None:
        assert self.booked == {slot.accession_number for slot in self.day.slots if slot.state is SlotState.BOOKED}


TestOneDay = OneDay.TestCase
