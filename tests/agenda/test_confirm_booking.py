from datetime import timedelta

import pytest

from ris.application.agenda.book_appointment import book_appointment
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.sweep_due import expire_hold
from ris.domain.agenda.exam import ExamState
from ris.domain.agenda.resource_day import SlotState
from ris.domain.errors import InvalidInput, Refused
from tests.support.agenda import DAY, NOW, World, a_booking, a_patient

AFTER_THE_HOLD = NOW + timedelta(minutes=15)


@pytest.fixture
def world() -> World:
    return World()


def test_confirming_makes_exam_and_slots_booked_in_one(world: World) -> None:
    exam = world.held()

    confirmed = confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)

    assert ExamState.BOOKED is confirmed.state is world.exam(exam.accession_number).state
    for resource, day in world.s.agenda.days("nord", ["scanner", "ct1"], DAY).items():
        assert [(SlotState.BOOKED, None)] == [(slot.state, slot.expires_at) for slot in day.slots], resource


def test_confirming_twice_changes_nothing(world: World) -> None:
    exam = world.held()
    first = confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)

    second = confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW + timedelta(days=1))

    assert first == second == world.exam(exam.accession_number)


def test_a_confirmation_needs_the_holders_token(world: World) -> None:
    exam = world.held()

    with pytest.raises(Refused, match="wrong_token"):
        confirm_booking(world.s, exam.accession_number, "guessed", NOW)
    with pytest.raises(InvalidInput, match="unknown_exam"):
        confirm_booking(world.s, "269999999999", exam.hold_token, NOW)
    confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)
    with pytest.raises(Refused, match="wrong_token"):
        confirm_booking(world.s, exam.accession_number, "guessed", NOW)


def test_a_hold_is_confirmed_until_the_instant_it_expires(world: World) -> None:
    world.patients.save(a_patient(2))
    exam, other = world.held(), world.held(start="10:00", patient_id="p-2")

    confirm_booking(world.s, other.accession_number, other.hold_token, AFTER_THE_HOLD - timedelta(microseconds=1))
    with pytest.raises(Refused, match="hold_expired"):
        confirm_booking(world.s, exam.accession_number, exam.hold_token, AFTER_THE_HOLD)


def test_a_hold_whose_slot_somebody_took_is_not_confirmed(world: World) -> None:
    world.patients.save(a_patient(2))
    exam = world.held()
    taken = book_appointment(world.s, a_booking(patient_id="p-2"), AFTER_THE_HOLD)

    with pytest.raises(Refused, match="hold_expired"):
        confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)
    assert [taken.accession_number] == world.slots("scanner")
    expire_hold(world.s, exam.accession_number, AFTER_THE_HOLD)
    assert [taken.accession_number] == world.slots("scanner"), "expiring the loser frees nothing of the winner's"


def test_an_expired_exam_is_neither_confirmed_nor_cancelled(world: World) -> None:
    exam = world.held()
    expire_hold(world.s, exam.accession_number, AFTER_THE_HOLD)

    with pytest.raises(Refused, match="hold_expired"):
        confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)
    assert ExamState.EXPIRED is cancel_exam(world.s, exam.accession_number, "patient", "acc", NOW).state
