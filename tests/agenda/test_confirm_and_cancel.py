from datetime import timedelta

import pytest

from ris.application.agenda.book_appointment import book_appointment
from ris.application.agenda.cancel_exam import ORDER_CANCELLED, cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.publish_worklist import publish_worklist
from ris.application.agenda.sweep_due import expire_hold
from ris.domain.agenda.exam import ExamState
from ris.domain.agenda.request import RequestState
from ris.domain.agenda.resource_day import SlotState
from ris.domain.errors import InvalidInput, Refused
from tests.support.agenda import DAY, NOW, World, a_booking, a_patient, a_request

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


@pytest.mark.parametrize(("reason", "after"), [(ORDER_CANCELLED, RequestState.CANCELLED), ("patient", RequestState.TO_BOOK)])
def test_cancelling_frees_everything_and_the_request_follows_the_reason(world: World, reason: str, after: RequestState) -> None:
    world.s.exams.save_request(a_request())
    exam = world.booked(request_id="r-1")
    assert [f"{exam.accession_number}-1"] == list(world.feed.shown())

    cancelled = cancel_exam(world.s, exam.accession_number, reason, "acc", NOW)

    assert (ExamState.CANCELLED, reason, "acc") == (cancelled.state, cancelled.cancel_reason, cancelled.cancelled_by)
    assert [] == world.slots("scanner") == world.slots("ct1")
    assert {} == world.feed.shown()
    request = world.s.exams.get_request("r-1")
    assert request is not None
    assert after is request.state
    assert [request.request_id] * (after is RequestState.TO_BOOK) == [
        one.request_id for one in world.s.exams.requests_to_book("nord", limit=5)
    ]


def test_a_second_cancellation_has_no_effect(world: World) -> None:
    exam = world.booked()
    cancel_exam(world.s, exam.accession_number, "patient", "acc", NOW)
    before, published = world.exam(exam.accession_number), len(world.feed.published)

    cancel_exam(world.s, exam.accession_number, ORDER_CANCELLED, "his", NOW + timedelta(hours=1))

    assert before == world.exam(exam.accession_number)
    assert published == len(world.feed.published)


def test_what_was_booked_again_is_not_freed_by_the_old_cancellation(world: World) -> None:
    world.s.exams.save_request(a_request())
    first = world.booked(request_id="r-1")
    cancel_exam(world.s, first.accession_number, "site", "acc", NOW)
    second = world.booked(request_id="r-1")

    cancel_exam(world.s, first.accession_number, "site", "acc", NOW)

    assert [second.accession_number] == world.slots("scanner")
    request = world.s.exams.get_request("r-1")
    assert request is not None
    assert second.accession_number == request.accession_number


def test_a_cancelled_hold_is_not_confirmed_nor_published(world: World) -> None:
    exam = world.held()
    cancel_exam(world.s, exam.accession_number, "patient", "acc", NOW)

    with pytest.raises(Refused, match="cancelled"):
        confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)
    publish_worklist(world.s, exam.accession_number, NOW)
    assert {} == world.feed.shown()


def test_an_expired_exam_is_neither_confirmed_nor_cancelled(world: World) -> None:
    exam = world.held()
    expire_hold(world.s, exam.accession_number, AFTER_THE_HOLD)

    with pytest.raises(Refused, match="hold_expired"):
        confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)
    assert ExamState.EXPIRED is cancel_exam(world.s, exam.accession_number, "patient", "acc", NOW).state


def test_an_exam_nobody_knows_is_named(world: World) -> None:
    with pytest.raises(InvalidInput, match="unknown_exam"):
        cancel_exam(world.s, "269999999999", "patient", "acc", NOW)
    assert expire_hold(world.s, "269999999999", NOW) is None
