"""An act that no exam was found for: linked, put aside, undone; each decision is kept, and the exam follows it."""

from dataclasses import replace

import pytest

from ris.application.agenda.ports import MppsRecord
from ris.application.agenda.settle_mpps import link_mpps, put_mpps_aside, undo_settlement
from ris.domain.agenda.exam import ExamState
from ris.domain.errors import InvalidInput, Refused
from tests.agenda.test_apply_mpps import THEN, create, final, of, reference, take, waiting
from tests.support.agenda import NOW, World

UID = "1.2.9"


@pytest.fixture
def world() -> World:
    world = World()
    take(world, create(UID, reference(study="1.2.3.4.5")))
    return world


def record(world: World) -> MppsRecord:
    found = world.s.exams.get_mpps(UID)
    assert found is not None
    return found


def test_a_link_moves_the_exam_takes_the_act_off_the_list_and_says_who(world: World) -> None:
    exam = world.booked()
    take(world, final(UID))

    link_mpps(world.s, UID, exam.accession_number, "manip", THEN)

    done = world.exam(exam.accession_number)
    assert (ExamState.COMPLETED, [UID]) == (done.state, [one.sop_instance_uid for one in done.performed])
    assert {} == world.feed.shown()
    assert [] == waiting(world)
    (settlement,) = record(world).settlements
    assert (exam.accession_number, "manip", THEN) == (settlement.accession_number, settlement.by, settlement.at)


def test_what_the_modality_says_afterwards_follows_the_link(world: World) -> None:
    exam = world.booked()
    link_mpps(world.s, UID, exam.accession_number, "manip", THEN)
    assert ExamState.IN_PROGRESS is world.exam(exam.accession_number).state

    take(world, final(UID))

    assert ExamState.COMPLETED is world.exam(exam.accession_number).state
    assert [] == waiting(world)


def test_a_link_undone_leaves_the_exam_as_if_it_had_never_been(world: World) -> None:
    exam = world.booked()
    take(world, final(UID))
    link_mpps(world.s, UID, exam.accession_number, "manip", THEN)

    undo_settlement(world.s, UID, "chef", THEN)

    assert (ExamState.BOOKED, ()) == (world.exam(exam.accession_number).state, world.exam(exam.accession_number).performed)
    assert "scheduled" == world.feed.shown()[exam.steps[0].sps_id].state
    assert [(UID, "unscheduled")] == waiting(world)
    (settlement,) = record(world).settlements
    assert ("chef", THEN) == (settlement.undone_by, settlement.undone_at)


def test_the_wrong_worklist_entry_goes_to_the_right_exam(world: World) -> None:
    wrong, right = world.booked(), world.booked(exam_code="ZZQK024", start="10:00")
    take(world, create("1.2.1", of(wrong)))
    take(world, final("1.2.1"))

    link_mpps(world.s, "1.2.1", right.accession_number, "manip", THEN)

    assert ExamState.BOOKED is world.exam(wrong.accession_number).state
    assert ExamState.COMPLETED is world.exam(right.accession_number).state


def test_a_link_sent_twice_is_one_and_another_one_is_refused(world: World) -> None:
    exam, other = world.booked(), world.booked(exam_code="ZZQK024", start="10:00")
    first = link_mpps(world.s, UID, exam.accession_number, "manip", THEN)

    assert first == link_mpps(world.s, UID, exam.accession_number, "manip", THEN)
    with pytest.raises(Refused, match="mpps_settled"):
        link_mpps(world.s, UID, other.accession_number, "manip", THEN)
    assert ExamState.BOOKED is world.exam(other.accession_number).state


def test_what_is_put_aside_is_off_the_list_with_its_reason_and_comes_back_when_undone(world: World) -> None:
    put_mpps_aside(world.s, UID, "Fantôme de contrôle", "manip", THEN)

    assert [] == waiting(world)
    take(world, final(UID))
    assert [] == waiting(world)
    undo_settlement(world.s, UID, "chef", THEN)
    assert [(UID, "unscheduled")] == waiting(world)
    assert ["Fantôme de contrôle"] == [one.reason for one in record(world).settlements]


@pytest.mark.parametrize("state", [ExamState.HELD, ExamState.CANCELLED, ExamState.EXPIRED])
def test_an_exam_that_is_not_booked_takes_no_act(world: World, state: ExamState) -> None:
    exam = world.booked()
    world.rows.exams[exam.accession_number] = replace(exam, state=state)

    with pytest.raises(Refused, match="exam_not_booked"):
        link_mpps(world.s, UID, exam.accession_number, "manip", THEN)
    assert () == record(world).settlements


def test_an_exam_of_another_site_and_one_that_is_absent_do_not_exist(world: World) -> None:
    foreign = world.booked(site="nuit", room="garde")

    for accession in (foreign.accession_number, "999"):
        with pytest.raises(InvalidInput, match="unknown_exam"):
            link_mpps(world.s, UID, accession, "manip", THEN)
    with pytest.raises(InvalidInput, match="unknown_mpps"):
        link_mpps(world.s, "1.2.404", "999", "manip", THEN)


def test_a_link_under_a_report_that_was_begun_is_not_undone(world: World) -> None:
    exam = world.booked()
    link_mpps(world.s, UID, exam.accession_number, "manip", THEN)
    world.rows.exams[exam.accession_number] = replace(world.exam(exam.accession_number), reported=True)

    with pytest.raises(Refused, match="report_begun"):
        undo_settlement(world.s, UID, "chef", THEN)
    assert record(world).settled is not None


def test_undoing_nothing_changes_nothing(world: World) -> None:
    before = record(world)

    assert before == undo_settlement(world.s, UID, "chef", NOW)
