import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ris.adapters.agenda.memory import MemoryAgendaStore
from ris.application.agenda.book_appointment import book_appointment
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.ports import Booking
from ris.application.conflicts import Conflict
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.request import RequestState
from ris.domain.errors import InvalidInput, Refused
from tests.support.agenda import DAY, NOW, World, a_booking, a_patient, a_request


@pytest.fixture
def world() -> World:
    return World()


def test_a_booking_holds_the_room_and_its_machine_and_starts_the_machine(world: World) -> None:
    exam = world.held()

    assert ExamState.HELD is exam.state
    assert ("scanner", "ct1") == exam.appointment.resources
    assert [exam.accession_number] == world.slots("scanner") == world.slots("ct1")
    assert datetime(2026, 10, 6, 7, 0, tzinfo=UTC) == exam.appointment.start, "nine o'clock in Paris"
    assert timedelta(minutes=30) == exam.appointment.end - exam.appointment.start
    assert {f"booking-{exam.accession_number}": (exam.accession_number, exam.hold_token)} == world.workflows.started


def test_a_booking_answers_its_request_once(world: World) -> None:
    world.s.exams.save_request(a_request())

    exam = world.held(request_id="r-1")

    request = world.s.exams.get_request("r-1")
    assert request is not None
    assert (RequestState.BOOKED, exam.accession_number) == (request.state, request.accession_number)
    with pytest.raises(Refused, match="request_not_bookable"):
        world.held(request_id="r-1", start="11:00", exam_code="ZZQK024")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"site": "nowhere"}, "unknown_site", "site"),
        ({"room": "garde"}, "unknown_room", "room"),  # of another site
        ({"exam_code": "NOPE"}, "unknown_exam", "exam"),
        ({"patient_id": "p-99"}, "unknown_patient", "patient"),
        ({"patient_id": "p-2"}, "unknown_patient", "patient"),  # known elsewhere only
        ({"request_id": "r-99"}, "unknown_request", "request"),
        ({"request_id": "r-2"}, "unknown_request", "request"),  # of another patient
        ({"request_id": "r-3"}, "unknown_request", "request"),  # of another site
        ({"day": "2026-02-30"}, "no_such_day", "day"),
        ({"start": "25:00"}, "no_such_time", "start"),
    ],
)
def test_what_is_not_there_is_named_by_its_field(world: World, changes: dict[str, str], code: str, field: str) -> None:
    world.patients.save(replace(a_patient(2), sites=frozenset({"sud"})))
    world.s.exams.save_request(a_request(2, patient_id="p-2"))
    world.s.exams.save_request(a_request(3, site="nuit"))

    with pytest.raises(InvalidInput) as refusal:
        world.held(**changes)

    assert (code, field) == (refusal.value.code, refusal.value.field)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"day": "2026-10-05", "start": "07:59"}, "in_the_past"),
        ({"start": "07:59"}, "outside_opening_hours"),
        ({"start": "18:31"}, "outside_opening_hours"),  # would end at 19:01
        ({"day": "2026-10-10"}, "outside_opening_hours"),  # a Saturday
        ({"room": "irm"}, "wrong_modality"),
        ({"start": "09:20", "exam_code": "ZZQK024"}, "slot_taken"),
        ({"start": "11:00"}, "duplicate_exam"),
        ({"patient_id": "p-2", "start": "11:00"}, "no_ipp_at_site"),
    ],
)
def test_each_rule_refuses_by_its_name_and_leaves_nothing_behind(world: World, changes: dict[str, str], rule: str) -> None:
    world.patients.save(replace(a_patient(2), identifiers=()))
    first = world.held(start="09:00")

    with pytest.raises(Refused) as refusal:
        world.held(**changes)

    assert rule == refusal.value.code
    assert [first.accession_number] == world.slots("scanner") == world.slots("ct1")
    assert [first.accession_number] == list(world.rows.exams)
    assert 1 == len(world.workflows.started)


@pytest.mark.parametrize("start", ["08:00", "18:30"])
def test_the_edges_of_the_opening_hours_are_inside(world: World, start: str) -> None:
    assert ExamState.HELD is world.held(start=start).state


def test_now_is_not_the_past(world: World) -> None:
    assert ExamState.HELD is world.held(day="2026-10-05", start="08:00").state


def test_the_second_machine_of_a_room_is_not_taken_for_the_first(world: World) -> None:
    """The room itself is one resource: two machines in it do not make two places."""
    world.patients.save(a_patient(2))
    first = world.held(room="mixte", exam_code="ZCQM008", start="09:00")

    with pytest.raises(Refused, match="slot_taken"):
        world.held(room="mixte", exam_code="ZCQM008", start="09:00", patient_id="p-2")
    second = world.held(room="mixte", exam_code="ZCQM008", start="09:15", patient_id="p-2")

    assert ["us1", "us1"] == [first.appointment.modality, second.appointment.modality]


def test_a_machine_that_serves_two_rooms_is_in_one_at_a_time(world: World) -> None:
    world.held(room="scanner", start="09:00")

    with pytest.raises(Refused, match="slot_taken"):
        world.held(room="mixte", exam_code="ZZQK024", start="09:10")


def test_a_booking_whose_machine_did_not_start_stands(world: World) -> None:
    world.workflows.unavailable = True

    exam = world.held()

    assert ExamState.HELD is world.exam(exam.accession_number).state
    assert {} == world.workflows.started


def test_a_cancelled_exam_may_be_booked_again_the_same_day(world: World) -> None:
    first = world.booked()
    cancel_exam(world.s, first.accession_number, "patient", "acc", NOW)

    second = world.held()

    assert first.accession_number != second.accession_number
    assert [second.accession_number] == world.slots("scanner")


# One day of one site: start, length by exam code, room, and whether it is booked. The machine `ct1` stands in two rooms.
ONE_DAY = """\
start;exam;room;patient;booked;note
09:00;ZBQK002;scanner;1;yes;09:00 to 09:30
09:30;ZBQK002;scanner;2;yes;touches the end of the first
08:30;ZBQK002;scanner;3;yes;touches its beginning
09:00;ZBQK002;scanner;4;no;the same
09:05;ZZQK024;scanner;5;no;inside the first
08:55;ZBQK002;scanner;6;no;over its beginning
09:29;ZZQK024;scanner;7;no;over its last minute
09:10;ZZQK024;mixte;8;no;another room, the same machine
10:00;ZZQK024;mixte;9;yes;another room, the machine is free
10:05;ZZQK024;scanner;10;no;the machine is in the other room
10:00;ZCQM008;mixte;11;no;the room is taken, its other machine free
10:20;ZCQM008;mixte;12;yes;the room is free again
10:20;ZZQK024;scanner;13;yes;the machine is free again
09:00;NZQN001;irm;14;yes;nothing shared with anybody
"""


def test_a_day_of_neighbours_and_overlaps_never_keeps_half_a_booking(world: World) -> None:
    rows = list(csv.DictReader(io.StringIO(ONE_DAY), delimiter=";"))
    for number in range(2, len(rows) + 1):
        world.patients.save(a_patient(number))
    booked: dict[str, list[str]] = {}

    for row in rows:
        command = a_booking(start=row["start"], exam_code=row["exam"], room=row["room"], patient_id=f"p-{row['patient']}")
        if row["booked"] == "no":
            with pytest.raises(Refused, match="slot_taken"):
                book_appointment(world.s, command, NOW)
            continue
        exam = book_appointment(world.s, command, NOW)
        for resource in exam.appointment.resources:
            booked.setdefault(resource, []).append(exam.accession_number)

    for resource in ("scanner", "mixte", "irm", "ct1", "mr1", "us1", "us2"):
        assert sorted(booked.get(resource, [])) == sorted(world.slots(resource)), resource
    assert sorted({one for taken in booked.values() for one in taken}) == sorted(world.rows.exams)


def test_a_night_that_has_an_hour_twice_is_booked_twice(world: World) -> None:
    """25 October 2026: 02:30 is two instants an hour apart; the question comes back until it is answered."""
    night = {"site": "nuit", "room": "garde", "day": "2026-10-25", "start": "02:30"}
    world.patients.save(a_patient(2))

    with pytest.raises(InvalidInput, match="doubled_time"):
        world.held(**night)
    first = world.held(**night, fold=0)
    second = world.held(**night, fold=1, patient_id="p-2")

    assert timedelta(hours=1) == second.appointment.start - first.appointment.start
    assert [first.accession_number, second.accession_number] == world.slots("garde", "2026-10-25", "nuit")


def test_a_night_without_its_third_hour_refuses_it(world: World) -> None:
    with pytest.raises(InvalidInput, match="no_such_time"):
        world.held(site="nuit", room="garde", day="2027-03-28", start="02:30")


def test_an_exam_over_the_jump_ends_an_hour_later_on_the_wall(world: World) -> None:
    exam = world.held(site="nuit", room="garde", day="2027-03-28", start="01:45")

    assert datetime(2027, 3, 28, 0, 45, tzinfo=UTC) == exam.appointment.start
    assert datetime(2027, 3, 28, 1, 15, tzinfo=UTC) == exam.appointment.end, "03:15 in Paris"


def test_an_exam_never_crosses_midnight(world: World) -> None:
    with pytest.raises(Refused, match="outside_opening_hours"):
        world.held(site="nuit", room="garde", start="23:45")

    assert ExamState.HELD is world.held(site="nuit", room="garde", start="23:30").state


class Interrupted(MemoryAgendaStore):
    """An agenda where somebody else is faster once."""

    first = True

    def commit(self, booking: Booking) -> Exam:
        if self.first:
            self.first = False
            raise Conflict("version")
        return super().commit(booking)


def test_a_booking_that_had_to_try_again_leaves_no_hole_in_the_numbers(world: World) -> None:
    first = world.held()
    again = a_booking(start="10:00", exam_code="ZZQK024")
    second = book_appointment(replace(world.s, agenda=Interrupted(world.rows)), again, NOW)

    assert int(first.accession_number) + 1 == int(second.accession_number)


def test_every_exam_gets_numbers_of_its_own(world: World) -> None:
    world.patients.save(a_patient(2))
    one, other = world.held(), world.held(start="10:00", patient_id="p-2")

    assert "260000000001" == one.accession_number
    assert one.study_instance_uid != other.study_instance_uid
    assert one == replace(world.exam(one.accession_number))
    assert world.s.exams.find_by_study(other.study_instance_uid) == world.exam(other.accession_number)
    assert DAY == one.appointment.day
