"""One suite for what moving, arriving, outages and decisions ask of the agenda's stores: what the memory twin promises, DynamoDB keeps."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.agenda.ports import Booking, MppsRecord
from ris.application.conflicts import Conflict
from ris.domain.agenda.contraindications import Override
from ris.domain.agenda.exam import ExamState, Performed
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.mpps import Settlement
from ris.domain.agenda.resource_day import Slot, SlotState
from tests.ports import test_agenda_stores
from tests.ports.test_agenda_stores import DAY, NOW, START, Stores

cloud = test_agenda_stores.cloud
stores = test_agenda_stores.stores
LATER = "2026-10-07"


def test_what_the_desk_knows_is_read_back_whole(stores: Stores) -> None:
    exam = stores.exam(
        arrived_at=NOW,
        called_at=NOW + timedelta(minutes=5),
        images_at=NOW + timedelta(hours=1),
        answers={"pregnancy": "no", "allergy": "unknown"},
        override=Override("Dr LUC EXEMPLE", "Bénéfice", "acc"),
        moves=2,
        to_call_since=NOW,
    )

    written = stores.book(exam)

    assert replace(exam, version=1) == written == stores.exams.get(exam.accession_number)


def moved(stores: Stores, exam, **place):  # type: ignore[no-untyped-def]
    """Write the exam at another place of the same resources, leaving its day."""
    days = stores.agenda.span(stores.run, exam.appointment.resources, [DAY, LATER])
    left = [day.release(exam.accession_number) for (_, on), day in days.items() if on == DAY]
    start = START + timedelta(days=1)
    slot = Slot(Interval(start, start + timedelta(minutes=30)), exam.accession_number, SlotState.BOOKED, "token")
    taken = [day.hold(slot, now=NOW) for (_, on), day in days.items() if on == LATER]
    appointment = replace(exam.appointment, day=LATER, start=start, end=slot.interval.end)
    return Booking((*left, *taken), replace(exam, appointment=appointment, moves=1, **place), before=exam)


def test_a_move_changes_days_exam_and_reservation_in_one_write(stores: Stores) -> None:
    exam = stores.book(stores.exam())

    written = stores.agenda.commit(moved(stores, exam))

    assert written == stores.exams.get(exam.accession_number)
    assert [] == stores.taken("scanner")
    assert [exam.accession_number] == [
        slot.accession_number for slot in stores.agenda.days(stores.run, ["ct1"], LATER)["ct1"].slots
    ]
    assert "" == stores.exams.planned(*exam.reservation)
    assert exam.accession_number == stores.exams.planned(*written.reservation)
    assert written == stores.exams.find_by_study(exam.study_instance_uid)


def test_a_move_onto_the_same_exam_of_that_day_changes_nothing(stores: Stores) -> None:
    exam = stores.book(stores.exam(1))
    place = replace(exam.appointment, day=LATER)
    other = stores.agenda.commit(Booking((), stores.exam(2, appointment=place)))

    with pytest.raises(Conflict):
        stores.agenda.commit(moved(stores, exam))

    assert [exam.accession_number] == stores.taken("scanner")
    assert (exam, other.accession_number) == (stores.exams.get(exam.accession_number), stores.exams.planned(*other.reservation))


def test_a_move_on_the_same_day_keeps_its_reservation(stores: Stores) -> None:
    exam = stores.book(stores.exam())

    written = stores.agenda.commit(Booking((), replace(exam, moves=1), before=exam))

    assert exam.accession_number == stores.exams.planned(*written.reservation)


@pytest.mark.parametrize("day", [DAY, LATER])
def test_an_exam_takes_the_place_of_another_in_one_write(stores: Stores, day: str) -> None:
    here = stores.book(stores.exam(1))
    there = stores.exam(2, appointment=replace(here.appointment, day=day))
    gone = replace(here, state=ExamState.CANCELLED, hold_expires_at=None)

    written = stores.agenda.commit(Booking((), there, replaced=gone))

    assert replace(gone, version=2) == stores.exams.get(here.accession_number)
    assert written == stores.exams.find_by_study(there.study_instance_uid)
    assert written.accession_number == stores.exams.planned(*written.reservation)
    assert day == DAY or "" == stores.exams.planned(*here.reservation)
    with pytest.raises(Conflict):
        stores.agenda.commit(Booking((), stores.exam(3), replaced=replace(gone, version=1)))


def test_days_are_read_in_spans_and_from_one_day_on(stores: Stores) -> None:
    days = ("2026-10-05", "2026-10-06", "2026-10-10", "2027-01-01")
    for day in days:
        interval = Interval(START, START + timedelta(hours=1))
        stores.agenda.save_day(stores.agenda.days(stores.run, ["ct1"], day)["ct1"].close(interval, "out-1", "Tube"))

    span = stores.agenda.span(stores.run, ["ct1", "mr1"], days[:2])
    found = stores.agenda.from_day(stores.run, "ct1", "2026-10-06", limit=9)

    assert {(name, day) for name in ("ct1", "mr1") for day in days[:2]} == set(span)
    assert [1, 0] == [span["ct1", DAY].version, span["mr1", DAY].version]
    assert list(days[1:]) == [day.day for day in found]
    assert ("out-1", "Tube", SlotState.OUT_OF_SERVICE) == (
        found[0].slots[0].token,
        found[0].slots[0].reason,
        found[0].slots[0].state,
    )
    assert list(days[1:3]) == [day.day for day in stores.agenda.from_day(stores.run, "ct1", "2026-10-06", limit=2)]
    assert [] == stores.agenda.from_day(stores.run, "ct1", "2027-01-02", limit=9)


def test_a_day_saved_over_another_version_is_a_conflict(stores: Stores) -> None:
    empty = stores.agenda.days(stores.run, ["ct1"], DAY)["ct1"]
    closed = stores.agenda.save_day(empty.close(Interval(START, START + timedelta(hours=1)), "out-1", "Tube"))

    with pytest.raises(Conflict):
        stores.agenda.save_day(empty)
    assert closed == stores.agenda.days(stores.run, ["ct1"], DAY)["ct1"]
    assert () == stores.agenda.save_day(closed.reopen("out-1")).slots


def test_whom_to_call_is_a_list_of_the_site_once_the_feed_knows(stores: Stores) -> None:
    def exam(number: int, **changes: object):  # type: ignore[no-untyped-def]
        booked = stores.agenda.commit(Booking((), stores.exam(number, exam_code=f"C{number}")))
        changed = {"state": ExamState.BOOKED, "hold_expires_at": None, **changes}
        return stores.exams.save(replace(booked, **changed))

    late, early = exam(1, to_call_since=NOW + timedelta(minutes=1)), exam(2, to_call_since=NOW)
    unpublished = exam(3, to_call_since=NOW, publish_due_at=NOW)
    exam(4)

    assert [early, late] == stores.exams.to_call(stores.run, limit=9)
    assert [early] == stores.exams.to_call(stores.run, limit=1)
    assert [unpublished] == stores.exams.publish_due(stores.run, now=NOW, limit=9)
    stores.exams.save(replace(early, to_call_since=None))
    assert [late] == stores.exams.to_call(stores.run, limit=9)


def test_what_people_decided_of_an_act_is_read_back_whole(stores: Stores) -> None:
    uid = f"1.3.{int(stores.run, 16)}"
    undone = Settlement("260000000001", "manip", NOW, undone_by="chef", undone_at=NOW + timedelta(minutes=1))
    standing = Settlement("", "manip", NOW + timedelta(minutes=2), reason="Fantôme")
    record = MppsRecord(stores.run, Performed(uid, "COMPLETED"), received_at=NOW, settlements=(undone, standing))

    stores.exams.save_mpps(record)

    found = stores.exams.get_mpps(uid)
    assert replace(record, version=1) == found
    assert found is not None
    assert standing == found.settled
