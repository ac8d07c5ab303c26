"""Moving an exam: one write, everybody told, and the rules of booking again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.agenda.move_exam import MOVED, move_exam
from ris.application.agenda.placing import Place
from ris.application.agenda.publish_worklist import publish_worklist
from ris.domain.agenda.exam import ExamState
from ris.domain.errors import InvalidInput, Refused
from tests.support.agenda import DAY, NOW, World, a_patient, a_request

LATER = "2026-10-07"


@pytest.fixture
def world() -> World:
    return World()


def to(room: str = "scanner", day: str = DAY, start: str = "15:00", site: str = "nord", **more: object) -> Place:
    return Place(site, room, day, start, **more)  # type: ignore[arg-type]


def test_a_move_leaves_its_place_takes_another_and_republishes(world: World) -> None:
    exam = world.booked()

    moved = move_exam(world.s, exam.accession_number, to("mixte", LATER), "acc", NOW)

    assert (ExamState.BOOKED, LATER, "mixte", "ct1", 1) == (
        moved.state,
        moved.appointment.day,
        moved.appointment.room,
        moved.appointment.modality,
        moved.moves,
    )
    assert [] == world.slots("scanner") == world.slots("ct1")
    assert [exam.accession_number] == world.slots("mixte", LATER) == world.slots("ct1", LATER)
    (shown,) = world.feed.shown().values()
    assert "20261007" == shown.dataset["00400100"]["Value"][0]["00400002"]["Value"][0]
    assert "" == world.s.exams.planned("p-1", DAY, exam.exam_code)
    assert exam.accession_number == world.s.exams.planned("p-1", LATER, exam.exam_code)
    assert f"booking-{exam.accession_number}-moved-1" in world.workflows.started
    assert (exam.accession_number, exam.study_instance_uid) == (moved.accession_number, moved.study_instance_uid)


def test_a_move_may_overlap_its_own_old_place(world: World) -> None:
    exam = world.booked(start="09:00")

    moved = move_exam(world.s, exam.accession_number, to(start="09:15"), "acc", NOW)

    assert timedelta(minutes=15) == moved.appointment.start - exam.appointment.start
    assert [exam.accession_number] == world.slots("scanner") == world.slots("ct1")


def test_the_same_move_sent_twice_is_one(world: World) -> None:
    exam = world.booked()
    first = move_exam(world.s, exam.accession_number, to(), "acc", NOW)
    published, started = len(world.feed.published), dict(world.workflows.started)

    second = move_exam(world.s, exam.accession_number, to(), "acc", NOW)

    assert first == second
    assert (published, started) == (len(world.feed.published), world.workflows.started)


def test_two_receptionists_on_one_slot_have_one_winner_and_the_other_keeps_the_old_place(world: World) -> None:
    world.patients.save(a_patient(2))
    one, two = world.booked(start="09:00"), world.booked(patient_id="p-2", start="10:00")

    move_exam(world.s, one.accession_number, to(), "a", NOW)
    with pytest.raises(Refused, match="slot_taken"):
        move_exam(world.s, two.accession_number, to(), "b", NOW)

    assert two == world.exam(two.accession_number)
    assert [two.accession_number, one.accession_number] == world.slots("ct1")


@pytest.mark.parametrize(
    ("place", "error", "code"),
    [
        (to(start="07:59"), Refused, "outside_opening_hours"),
        (to(day="2026-10-03"), Refused, "in_the_past"),
        (to(day="2036-10-07"), Refused, "too_far"),
        (to("irm"), Refused, "wrong_modality"),
        (to("nowhere"), InvalidInput, "unknown_room"),
        (to(day="2026-02-30"), InvalidInput, "no_such_day"),
        (to("garde", "2027-03-28", "02:30", "nuit"), InvalidInput, "no_such_time"),
        (to("garde", "2026-10-25", "02:30", "nuit"), InvalidInput, "doubled_time"),
    ],
)
def test_the_rules_of_booking_hold_and_nothing_is_moved(world: World, place: Place, error: type[Exception], code: str) -> None:
    exam = world.booked()

    with pytest.raises(error, match=code):
        move_exam(world.s, exam.accession_number, place, "acc", NOW)

    assert exam == world.exam(exam.accession_number)
    assert [exam.accession_number] == world.slots("ct1")


@pytest.mark.parametrize(
    ("state", "code"),
    [(ExamState.IN_PROGRESS, "exam_started"), (ExamState.COMPLETED, "exam_started"), (ExamState.CANCELLED, "exam_not_booked")],
)
def test_only_what_is_booked_and_not_begun_moves(world: World, state: ExamState, code: str) -> None:
    exam = world.booked()
    world.rows.exams[exam.accession_number] = replace(exam, state=state)

    with pytest.raises(Refused, match=code):
        move_exam(world.s, exam.accession_number, to(), "acc", NOW)


def test_a_move_to_a_day_with_the_same_exam_is_a_double(world: World) -> None:
    exam, other = world.booked(), world.booked(day=LATER)

    with pytest.raises(Refused, match="duplicate_exam"):
        move_exam(world.s, exam.accession_number, to(day=LATER), "acc", NOW)

    assert other.accession_number == world.s.exams.planned("p-1", LATER, exam.exam_code)


def test_at_another_site_another_exam_takes_its_place_and_its_request(world: World) -> None:
    world.s.exams.save_request(a_request())
    exam = world.booked(request_id="r-1")

    there = move_exam(world.s, exam.accession_number, to("garde", DAY, "03:00", "nuit"), "acc", NOW, call_patient=True)

    here, request = world.exam(exam.accession_number), world.s.exams.get_request("r-1")
    assert request is not None
    assert (ExamState.CANCELLED, MOVED, ExamState.BOOKED) == (here.state, here.cancel_reason, there.state)
    assert (there.accession_number, "nord") == (request.accession_number, request.site)
    assert exam.study_instance_uid != there.study_instance_uid
    assert [] == world.slots("ct1")
    assert [there.accession_number] == world.slots("ct9", site="nuit") == world.slots("garde", site="nuit")
    assert there.accession_number == world.s.exams.planned("p-1", DAY, exam.exam_code)
    assert {f"booking-{there.accession_number}-booked", f"booking-{exam.accession_number}-cancelled"} <= set(
        world.workflows.started
    )
    assert [there.steps[0].sps_id] == list(world.feed.shown())
    assert there.to_call_since == NOW


def test_a_publication_that_fails_leaves_the_mark_for_the_sweep(world: World) -> None:
    exam = world.booked()
    world.feed.unavailable = world.workflows.unavailable = True

    moved = move_exam(world.s, exam.accession_number, to(), "acc", NOW)

    assert moved.publish_due_at is not None
    world.feed.unavailable = False
    assert [exam.accession_number] == [
        one.accession_number for one in world.s.exams.publish_due("nord", now=NOW + timedelta(hours=1), limit=9)
    ]
    assert publish_worklist(world.s, exam.accession_number, NOW).publish_due_at is None


def test_who_has_arrived_stays_arrived_the_same_day_and_not_another(world: World) -> None:
    exam = world.booked()
    world.rows.exams[exam.accession_number] = replace(exam, arrived_at=NOW, called_at=NOW)

    assert NOW == move_exam(world.s, exam.accession_number, to(start="16:00"), "acc", NOW).arrived_at
    assert None is move_exam(world.s, exam.accession_number, to(day=LATER), "acc", NOW).arrived_at


def test_whom_nobody_asked_is_on_the_list_of_calls_until_told(world: World) -> None:
    from ris.application.agenda.arrivals import patient_told

    exam = world.booked()
    move_exam(world.s, exam.accession_number, to(), "acc", NOW, call_patient=True)

    assert [exam.accession_number] == [one.accession_number for one in world.s.exams.to_call("nord", limit=5)]
    patient_told(world.s, exam.accession_number)
    assert [] == world.s.exams.to_call("nord", limit=5)
