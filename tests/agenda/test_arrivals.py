"""The waiting room, the questions before an exam, and who does not come."""

from datetime import UTC, datetime, timedelta

import pytest

from ris.adapters.agenda.memory import memory_services
from ris.adapters.reference.memory import MemoryReferenceBook
from ris.application.agenda.arrivals import call_in, check_in, undo_check_in
from ris.application.agenda.book_appointment import book_appointment
from ris.application.agenda.cancel_exam import NO_SHOW, cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.domain.agenda.contraindications import Override, Question
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.request import RequestState
from ris.domain.errors import InvalidInput, Refused
from tests.support.agenda import GROUP, NOW, World, a_booking, a_request

THAT_DAY = datetime(2026, 10, 6, 6, 50, tzinfo=UTC)
"""Ten minutes before the appointment."""
QUESTIONS = (Question("pregnancy", "Êtes-vous enceinte ?"), Question("allergy", "Une allergie ?", blocks=False))
DECIDED = Override("Dr LUC EXEMPLE", "Bénéfice supérieur au risque", "acc")


@pytest.fixture
def world() -> World:
    from dataclasses import replace

    world = World()
    catalogue = tuple(replace(each, questions=QUESTIONS) if each.exam_code == "ZBQK002" else each for each in GROUP.catalogue)
    world.s = memory_services(
        reference=MemoryReferenceBook(replace(GROUP, catalogue=catalogue)),
        patients=world.patients,
        deliveries=world.deliveries,
        workflows=world.workflows,
        feed=world.feed,
        rows=world.rows,
    )
    return world


def came(world: World, exam: Exam, override: Override | None = None, now: datetime = THAT_DAY, **answers: str) -> Exam:
    return check_in(world.s, exam.accession_number, answers, override, now)


def test_an_answer_may_wait_at_booking_and_not_at_the_arrival(world: World) -> None:
    exam = world.booked(answers={"allergy": "yes"})

    with pytest.raises(Refused, match="questions_unanswered") as raised:
        came(world, exam)
    arrived = came(world, exam, pregnancy="no")

    assert "answer-pregnancy" == raised.value.field
    assert ({"allergy": "yes", "pregnancy": "no"}, THAT_DAY) == (arrived.answers, arrived.arrived_at)
    assert arrived.waits_in_the_room


def test_not_known_is_no_answer_of_somebody_who_is_there(world: World) -> None:
    exam = world.booked(answers={"allergy": "no", "pregnancy": "unknown"})

    with pytest.raises(Refused, match="questions_unanswered"):
        came(world, exam)


def test_a_contraindication_refuses_a_booking_unless_a_named_physician_decides(world: World) -> None:
    with pytest.raises(Refused, match="contraindication"):
        world.held(answers={"pregnancy": "yes"})
    assert {} == world.rows.exams

    exam = book_appointment(world.s, a_booking(answers={"pregnancy": "yes"}, override=DECIDED), NOW)

    assert DECIDED == exam.override


def test_a_contraindication_refuses_an_arrival_and_the_decision_of_the_booking_stands(world: World) -> None:
    exam = world.booked()
    with pytest.raises(Refused, match="contraindication"):
        came(world, exam, pregnancy="yes", allergy="no")
    assert None is world.exam(exam.accession_number).arrived_at

    came(world, exam, DECIDED, pregnancy="yes", allergy="no")
    undo_check_in(world.s, exam.accession_number)

    assert DECIDED == came(world, exam).override


def test_a_yes_that_does_not_block_is_only_told(world: World) -> None:
    exam = world.held(answers={"allergy": "yes"})

    assert (ExamState.HELD, {"allergy": "yes"}) == (exam.state, exam.answers)


@pytest.mark.parametrize("answer", ["maybe", "YES", "<b>"])
def test_an_answer_of_another_form_is_refused_by_name(world: World, answer: str) -> None:
    with pytest.raises(InvalidInput, match="answer_malformed") as raised:
        world.held(answers={"pregnancy": answer})

    assert "answer-pregnancy" == raised.value.field


def test_an_answer_to_a_question_nobody_asked_is_dropped(world: World) -> None:
    assert {} == world.held(answers={"pacemaker": "yes"}).answers


def test_the_second_arrival_changes_nothing_and_the_call_keeps_its_first_instant(world: World) -> None:
    exam = world.booked(exam_code="ZZQK024")
    first = came(world, exam)

    again = came(world, exam, now=THAT_DAY + timedelta(minutes=3))
    called = call_in(world.s, exam.accession_number, THAT_DAY + timedelta(minutes=4))
    call_in(world.s, exam.accession_number, THAT_DAY + timedelta(minutes=9))

    assert first == again
    assert THAT_DAY + timedelta(minutes=4) == world.exam(exam.accession_number).called_at
    assert not called.waits_in_the_room


def test_nobody_arrives_on_another_day_or_before_they_are_booked(world: World) -> None:
    exam = world.booked(exam_code="ZZQK024")

    with pytest.raises(Refused, match="not_the_day"):
        came(world, exam, now=NOW)
    held = world.held(exam_code="ZZQK024", day="2026-10-07")
    with pytest.raises(Refused, match="exam_not_booked"):
        came(world, held)
    with pytest.raises(Refused, match="not_arrived"):
        call_in(world.s, exam.accession_number, THAT_DAY)
    with pytest.raises(InvalidInput, match="unknown_exam"):
        check_in(world.s, "absent", {}, None, NOW)


def test_who_does_not_come_frees_the_slot_and_the_request_waits_again(world: World) -> None:
    world.s.exams.save_request(a_request())
    exam = world.booked(request_id="r-1")
    with pytest.raises(Refused, match="too_early_for_no_show"):
        cancel_exam(world.s, exam.accession_number, NO_SHOW, "acc", THAT_DAY)

    gone = cancel_exam(world.s, exam.accession_number, NO_SHOW, "acc", THAT_DAY + timedelta(minutes=30))

    request = world.s.exams.get_request("r-1")
    assert request is not None
    assert (ExamState.CANCELLED, NO_SHOW, RequestState.TO_BOOK) == (gone.state, gone.cancel_reason, request.state)
    assert [] == world.slots("ct1")


def test_who_arrived_is_not_absent(world: World) -> None:
    exam = world.booked(exam_code="ZZQK024")
    came(world, exam)

    with pytest.raises(Refused, match="patient_arrived"):
        cancel_exam(world.s, exam.accession_number, NO_SHOW, "acc", THAT_DAY + timedelta(hours=1))


def test_a_walk_in_has_arrived_and_answered(world: World) -> None:
    with pytest.raises(Refused, match="questions_unanswered"):
        world.held(arrived=True)

    exam = world.held(arrived=True, answers={"pregnancy": "no", "allergy": "no"})
    confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)

    assert world.exam(exam.accession_number).waits_in_the_room


@pytest.mark.parametrize(("days", "refused"), [(549, False), (551, True), (365 * 30, True)])
def test_a_booking_beyond_the_horizon_is_refused(world: World, days: int, refused: bool) -> None:
    day = (NOW + timedelta(days=days)).date().isoformat()
    command = {"site": "nuit", "room": "garde", "day": day, "start": "09:00", "exam_code": "ZZQK024"}
    if not refused:
        assert ExamState.HELD is world.held(**command).state
        return
    with pytest.raises(Refused, match="too_far"):
        world.held(**command)
