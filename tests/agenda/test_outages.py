"""A machine out of service: nothing is lost, nothing is booked on it, and each exam gets a place of its own."""

from datetime import UTC, datetime, timedelta

import pytest

from ris.application.agenda.move_exam import move_exam
from ris.application.agenda.outages import Outage, declare_outage, displaced, end_outage, outages_of
from ris.domain.agenda.interval import Interval
from ris.domain.errors import InvalidInput, Refused
from tests.support.agenda import DAY, NOW, World, a_patient

MORNING = datetime(2026, 10, 6, 6, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    world = World()
    for number in range(2, 6):
        world.patients.save(a_patient(number))
    return world


def out(world: World, hours: float = 4, modality: str = "ct1", outage: str = "out-1", begins: datetime = MORNING) -> Outage:
    return declare_outage(world.s, "nord", modality, outage, Interval(begins, begins + timedelta(hours=hours)), "Tube", NOW)


def test_what_is_booked_stays_until_somebody_moves_it_and_nothing_more_is_booked(world: World) -> None:
    exam = world.booked(start="09:00")

    out(world)

    assert exam == world.exam(exam.accession_number)
    with pytest.raises(Refused, match="machine_out_of_service"):
        world.held(patient_id="p-2", start="11:00")
    assert "held" == world.held(patient_id="p-2", start="12:00").state.value


def test_the_same_click_twice_is_one_outage_and_its_end_gives_the_machine_back(world: World) -> None:
    out(world)
    before = world.s.agenda.days("nord", ["ct1"], DAY)["ct1"]
    out(world)

    assert before == world.s.agenda.days("nord", ["ct1"], DAY)["ct1"]
    assert ["out-1"] == [one.outage_id for one in outages_of(world.s, "nord", "ct1", NOW)]
    end_outage(world.s, "nord", "ct1", "out-1", NOW)
    assert [] == outages_of(world.s, "nord", "ct1", NOW)
    assert "held" == world.held(start="09:00").state.value


def test_an_outage_over_days_is_one_and_closes_each(world: World) -> None:
    found = out(world, hours=60)

    (listed,) = outages_of(world.s, "nord", "ct1", NOW)
    assert (found.begins, found.ends) == (listed.begins, listed.ends)
    for day in (DAY, "2026-10-07", "2026-10-08"):
        assert world.s.agenda.days("nord", ["ct1"], day)["ct1"].outages


@pytest.mark.parametrize(
    ("begins", "hours", "code"), [(NOW - timedelta(hours=3), 2, "outage_over"), (MORNING, 24 * 63, "outage_too_long")]
)
def test_an_outage_that_cannot_be_is_refused(world: World, begins: datetime, hours: float, code: str) -> None:
    with pytest.raises(Refused, match=code):
        out(world, hours=hours, begins=begins)
    assert {} == world.rows.days


def test_a_machine_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(InvalidInput, match="unknown_machine"):
        out(world, modality="ct7")


def test_each_exam_is_offered_the_same_time_elsewhere_else_the_next_and_no_place_twice(world: World) -> None:
    exams = [
        world.booked(room="mixte", exam_code="ZCQM008", patient_id=f"p-{number}", start=start)
        for number, start in ((1, "09:00"), (2, "09:15"), (3, "09:30"))
    ]
    found = out(world, modality=exams[0].appointment.modality)

    rows = displaced(world.s, "nord", found, [], NOW)

    assert [one.accession_number for one in exams] == [row.exam.accession_number for row in rows]
    assert ["09:00", "09:15", "09:30"] == [row.to.start for row in rows if row.to]
    assert {"us2"} == {row.to.modality for row in rows if row.to}
    for row in rows:
        assert row.to is not None
        move_exam(world.s, row.exam.accession_number, row.to, "acc", NOW, call_patient=True)
    assert [] == displaced(world.s, "nord", found, [], NOW)
    assert 3 == len(world.s.exams.to_call("nord", limit=9))


def test_a_lone_machine_sends_its_exams_behind_the_outage_or_to_another_site(world: World) -> None:
    exam = world.booked(start="09:00")
    found = out(world)

    (here,) = displaced(world.s, "nord", found, [], NOW)
    out(world, hours=24 * 50, outage="out-2")
    (there,) = displaced(world.s, "nord", found, ["nuit"], NOW)

    assert here.to is not None
    assert ("nord", "ct1", DAY, "12:00") == (here.to.site, here.to.modality, here.to.day, here.to.start)
    assert there.to is not None
    assert ("nuit", "garde", "ct9", "09:00") == (there.to.site, there.to.room, there.to.modality, there.to.start)
    moved = move_exam(world.s, exam.accession_number, there.to, "acc", NOW, call_patient=True)
    assert [moved.accession_number] == [one.accession_number for one in world.s.exams.to_call("nuit", limit=9)]


def test_what_is_not_touched_is_not_shown(world: World) -> None:
    world.booked(start="14:00")
    world.booked(patient_id="p-2", exam_code="NZQN001", room="irm", start="09:00")

    assert [] == displaced(world.s, "nord", out(world), [], NOW)


def test_two_exams_that_must_wait_for_the_same_machine_are_not_offered_the_same_time(world: World) -> None:
    for number, start in ((1, "09:00"), (2, "09:30"), (3, "10:00")):
        world.booked(patient_id=f"p-{number}", start=start)

    rows = displaced(world.s, "nord", out(world), [], NOW)

    assert ["12:00", "12:30", "13:00"] == [row.to.start for row in rows if row.to]
