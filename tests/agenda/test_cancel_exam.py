from datetime import timedelta

import pytest

from ris.application.agenda.cancel_exam import ORDER_CANCELLED, cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.publish_worklist import publish_worklist
from ris.application.agenda.sweep_due import expire_hold
from ris.domain.agenda.exam import ExamState
from ris.domain.agenda.request import RequestState
from ris.domain.errors import InvalidInput, Refused
from tests.support.agenda import NOW, World, a_request

AFTER_THE_HOLD = NOW + timedelta(minutes=15)


@pytest.fixture
def world() -> World:
    return World()


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


def test_an_exam_nobody_knows_is_named(world: World) -> None:
    with pytest.raises(InvalidInput, match="unknown_exam"):
        cancel_exam(world.s, "269999999999", "patient", "acc", NOW)
    assert expire_hold(world.s, "269999999999", NOW) is None


@pytest.mark.parametrize(("reason", "called"), [("site", True), ("patient", False), (ORDER_CANCELLED, False)])
def test_whom_the_site_lets_down_is_to_be_called(world: World, reason: str, called: bool) -> None:
    exam = world.booked()

    cancel_exam(world.s, exam.accession_number, reason, "acc", NOW)

    assert [exam.accession_number] * called == [one.accession_number for one in world.s.exams.to_call("nord", limit=5)]
