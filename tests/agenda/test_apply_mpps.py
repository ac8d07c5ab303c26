import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris.adapters.agenda.mpps_json import message_of
from ris.application.agenda.apply_mpps import apply_mpps
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.ports import MppsRecord
from ris.contracts.queues import DicomInbound
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.errors import Refused
from tests.support.agenda import NOW, World, a_patient

THEN = NOW + timedelta(hours=3)


def value(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)}


def reference(sps_id: str = "", accession: str = "", study: str = "") -> dict[str, Any]:
    return {"00400009": value("SH", sps_id), "00080050": value("SH", accession), "0020000D": value("UI", study)}


def of(exam: Exam) -> dict[str, Any]:
    return reference(exam.steps[0].sps_id, exam.accession_number, exam.study_instance_uid)


def create(uid: str, *references: dict[str, Any], site: str = "nord", **more: Any) -> DicomInbound:
    dataset = {
        "00400252": value("CS", "IN PROGRESS"),
        "00400241": value("AE", "CT1"),
        "00400244": value("DA", "20261006"),
        "00400245": value("TM", "0905"),
        "00400270": value("SQ", *references),
        **more,
    }
    return inbound("mpps_create", uid, dataset, site)


def final(uid: str, status: str = "COMPLETED", reason: str = "", **more: Any) -> DicomInbound:
    dataset = {"00400252": value("CS", status), "00400250": value("DA", "20261006"), "00400251": value("TM", "092000.5")}
    if reason:
        dataset["00400281"] = value("SQ", {"00080100": value("SH", reason), "00080102": value("SH", "DCM")})
    return inbound("mpps_set", uid, {**dataset, **more}, "nord")


def inbound(operation: str, uid: str, dataset: dict[str, Any], site: str) -> DicomInbound:
    return DicomInbound(
        site=site,
        spool_id="g-1",
        received_at=NOW,
        calling_ae_title="CT1",
        operation=operation,  # type: ignore[arg-type]
        sop_instance_uid=uid,
        dataset=dataset,
    )


@pytest.fixture
def world() -> World:
    return World()


def take(world: World, envelope: DicomInbound) -> MppsRecord:
    return apply_mpps(world.s, message_of(envelope), THEN)


def waiting(world: World, site: str = "nord") -> list[tuple[str, str]]:
    return [(one.performed.sop_instance_uid, one.reason) for one in world.s.exams.mpps_to_reconcile(site, limit=10)]


def test_an_exam_is_in_progress_then_completed_and_leaves_the_worklist(world: World) -> None:
    exam = world.booked()
    step = exam.steps[0].sps_id

    take(world, create("1.2.1", of(exam)))
    during = world.exam(exam.accession_number)
    assert (ExamState.IN_PROGRESS, THEN) == (during.state, during.changed_at)
    assert "in_progress" == world.feed.shown()[step].state
    assert value("CS", "STARTED") == world.feed.shown()[step].dataset["00400100"]["Value"][0]["00400020"]

    series = value("SQ", {"00081140": value("SQ", {}, {}, {})}, {"00400220": value("SQ", {})})
    take(world, final("1.2.1", **{"00400340": series}))
    done = world.exam(exam.accession_number)
    assert ExamState.COMPLETED is done.state
    assert {} == world.feed.shown()
    (performed,) = done.performed
    assert ("20261006090500", "20261006092000") == (performed.started_at, performed.ended_at)
    assert (2, 4) == (performed.series_count, performed.image_count)
    assert [] == waiting(world)


@pytest.mark.parametrize(
    "named",
    [
        lambda exam: reference(sps_id=exam.steps[0].sps_id),
        lambda exam: reference(sps_id=f" {exam.steps[0].sps_id} \0"),
        lambda exam: reference(sps_id="SCANNER-7", accession=exam.accession_number),
        lambda exam: reference(study=exam.study_instance_uid),
        lambda exam: {"0020000D": value("UI", f"{exam.study_instance_uid}\0")},
    ],
)
def test_an_exam_is_found_by_step_else_accession_else_study(world: World, named: Any) -> None:
    exam = world.booked()

    take(world, create("1.2.1", named(exam)))

    assert ExamState.IN_PROGRESS is world.exam(exam.accession_number).state


def test_one_mpps_moves_every_step_it_references(world: World) -> None:
    exams = [world.booked(), world.booked(exam_code="ZZQK024", start="10:00")]

    take(world, create("1.2.1", *(of(exam) for exam in exams)))
    record = take(world, final("1.2.1"))

    assert [ExamState.COMPLETED] * 2 == [world.exam(exam.accession_number).state for exam in exams]
    assert tuple(exam.accession_number for exam in exams) == record.accession_numbers


def test_a_step_that_is_not_ours_does_not_stop_the_one_that_is(world: World) -> None:
    exam = world.booked()

    take(world, create("1.2.1", reference(sps_id="269999999999-1"), of(exam)))

    assert ExamState.IN_PROGRESS is world.exam(exam.accession_number).state
    assert [("1.2.1", "unknown_step")] == waiting(world)


@pytest.mark.parametrize("references", [(), (reference(study="1.2.3.4.5"),), ({},)])
def test_an_unscheduled_one_is_kept_on_the_list_of_its_site(world: World, references: tuple[dict[str, Any], ...]) -> None:
    take(world, create("1.2.9", *references))

    assert [("1.2.9", "unscheduled")] == waiting(world)
    assert [] == waiting(world, "nuit")


def test_a_gateway_moves_no_exam_of_another_site(world: World) -> None:
    exam = world.booked()

    take(world, create("1.2.1", of(exam), site="nuit"))

    assert ExamState.BOOKED is world.exam(exam.accession_number).state
    assert [("1.2.1", "unknown_step")] == waiting(world, "nuit")


def test_the_wrong_worklist_entry_puts_the_step_back_and_raises_an_item(world: World) -> None:
    exam = world.booked()
    take(world, create("1.2.1", of(exam)))
    take(world, final("1.2.1", "DISCONTINUED", "110514"))

    assert ExamState.BOOKED is world.exam(exam.accession_number).state
    assert "scheduled" == world.feed.shown()[exam.steps[0].sps_id].state
    assert [("1.2.1", "wrong_worklist_entry")] == waiting(world)

    take(world, create("1.2.2", of(exam)))
    take(world, final("1.2.2"))
    assert ExamState.COMPLETED is world.exam(exam.accession_number).state


def test_one_that_was_discontinued_for_another_reason_ends_and_may_be_booked_again(world: World) -> None:
    exam = world.booked()
    take(world, create("1.2.1", of(exam)))
    take(world, final("1.2.1", "DISCONTINUED", "110513"))

    assert ExamState.DISCONTINUED is world.exam(exam.accession_number).state
    assert {} == world.feed.shown()
    assert [] == waiting(world)
    assert ExamState.HELD is world.held(start="15:00").state


def test_a_cancelled_exam_is_not_brought_back_to_life(world: World) -> None:
    exam = world.booked()
    cancel_exam(world.s, exam.accession_number, "patient", "acc", NOW)

    take(world, create("1.2.1", of(exam)))

    assert ExamState.CANCELLED is world.exam(exam.accession_number).state
    assert {} == world.feed.shown()
    assert [("1.2.1", "exam_not_booked")] == waiting(world)


def test_what_has_begun_is_not_cancelled(world: World) -> None:
    exam = world.booked()
    take(world, create("1.2.1", of(exam)))

    with pytest.raises(Refused, match="exam_started"):
        cancel_exam(world.s, exam.accession_number, "patient", "acc", NOW)


def test_a_set_that_came_first_waits_for_its_create(world: World) -> None:
    exam = world.booked()

    take(world, final("1.2.1"))
    assert [("1.2.1", "created_later")] == waiting(world)
    take(world, create("1.2.1", of(exam)))

    assert ExamState.COMPLETED is world.exam(exam.accession_number).state
    assert [] == waiting(world)


def story(world: World, first: Exam, second: Exam) -> list[DicomInbound]:
    """Two exams; one MPPS for both, one begun by mistake on the second, and one more for the first."""
    return [
        create("1.2.1", of(first), of(second)),
        final("1.2.1"),
        create("1.2.2", of(second)),
        final("1.2.2", "DISCONTINUED", "110514"),
        create("1.2.3", of(first)),
        final("1.2.3", "DISCONTINUED", "110513"),
        create("1.2.4"),
    ]


def told(*order: int) -> tuple[Any, ...]:
    """Return all that is known in the end when the story's messages come in this order."""
    world = World()
    first, second = world.booked(), world.booked(exam_code="ZZQK024", start="10:00")
    messages = story(world, first, second)
    for index in order:
        take(world, messages[index])
    exams = [world.exam(exam.accession_number) for exam in (first, second)]
    # Versions count the writes, and instants of a state its way: they may differ.
    facts = [(exam.state, exam.performed, exam.publish_due_at) for exam in exams]
    records = {uid: replace(one, version=0) for uid, one in world.rows.mpps.items()}
    return facts, records, sorted(world.feed.shown())


IN_ORDER = told(0, 1, 2, 3, 4, 5, 6)


@settings(max_examples=150, deadline=None)
@given(st.permutations([0, 1, 2, 3, 4, 5, 6]), st.lists(st.integers(0, 6), max_size=7))
def test_order_and_repetition_never_change_what_is_known_in_the_end(order: list[int], again: list[int]) -> None:
    assert IN_ORDER == told(*order, *again)


def test_every_order_of_one_exams_messages_ends_the_same() -> None:
    ends = set()
    for order in itertools.permutations(range(4)):
        world = World()
        exam = world.booked()
        messages = [create("1.2.1", of(exam)), final("1.2.1", "DISCONTINUED", "110514"), create("1.2.2", of(exam)), final("1.2.2")]
        for index in order:
            take(world, messages[index])
        end = world.exam(exam.accession_number)
        ends.add((end.state, end.performed))

    assert 1 == len(ends)
    assert ExamState.COMPLETED is ends.pop()[0]


@pytest.mark.parametrize(
    "dataset",
    [
        {},
        {"00400252": None},
        {"00400252": {"vr": "CS", "Value": [3]}, "00400270": {"vr": "SQ", "Value": "no"}},
        {"00400270": {"vr": "SQ", "Value": [None, 3, {"00400009": []}]}, "00400340": {"vr": "SQ", "Value": [None]}},
        {"00400281": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH"}}]}, "00400252": value("CS", "DONE")},
    ],
)
def test_a_data_set_of_another_form_waits_for_a_person(world: World, dataset: dict[str, Any]) -> None:
    take(world, inbound("mpps_create", "1.2.1", dataset, "nord"))

    assert [("1.2.1", "unscheduled")] == waiting(world)


def test_a_study_of_thousands_of_images_leaves_a_small_row(world: World) -> None:
    images = value("SQ", *({"00081150": value("UI", "1.2"), "00081155": value("UI", f"1.2.{n}")} for n in range(5_000)))
    record = take(world, create("1.2.1", **{"00400340": value("SQ", {"0020000E": value("UI", "1.9"), "00081140": images})}))

    assert 5_000 == record.performed.image_count
    assert value("SQ", {"0020000E": value("UI", "1.9")}) == record.datasets["mpps_create"]["00400340"]


def test_a_publication_that_failed_is_left_to_the_sweep(world: World) -> None:
    exam = world.booked()
    world.feed.unavailable = True

    take(world, create("1.2.1", of(exam)))

    assert ExamState.IN_PROGRESS is world.exam(exam.accession_number).state
    assert [exam.accession_number] == [
        one.accession_number for one in world.s.exams.publish_due("nord", now=THEN + timedelta(minutes=3), limit=5)
    ]


def test_exams_of_other_patients_stay_as_they_are(world: World) -> None:
    world.patients.save(a_patient(2))
    exam, other = world.booked(), world.booked(start="10:00", patient_id="p-2")

    take(world, create("1.2.1", of(exam)))

    assert ExamState.BOOKED is world.exam(other.accession_number).state
