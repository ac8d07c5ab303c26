"""What an archive promises to keep, on the exam it is about: in whatever order it, the modality and its notification speak."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from ris.adapters.agenda.mpps_json import commitment_of, first_images_of, message_of
from ris.application.agenda.apply_mpps import apply_mpps
from ris.application.agenda.images_arrived import images_arrived
from ris.application.agenda.images_committed import SERIES_MAXIMUM, Commitment, images_committed, images_known
from ris.contracts.queues import DicomInbound
from ris.domain.agenda.exam import Exam
from tests.support.agenda import NOW, World

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world() -> World:
    return World()


def images(*uids: str) -> dict[str, object]:
    return {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in uids]}


def told(operation: str, **dataset: dict[str, object]) -> DicomInbound:
    tags = {tag.removeprefix("t"): value for tag, value in dataset.items()}
    return DicomInbound(
        site="nord", spool_id="g-1", received_at=NOW, calling_ae_title="PACS", operation=operation,  # type: ignore[arg-type]
        sop_instance_uid="1.2.9", dataset=tags,
    )  # fmt: skip


def performed(world: World, exam: Exam) -> None:
    """The modality says it is done with two series."""
    step = {"00400009": {"vr": "SH", "Value": [exam.steps[0].sps_id]}}
    steps, status = {"vr": "SQ", "Value": [step]}, {"vr": "CS", "Value": ["COMPLETED"]}
    series = {"vr": "SQ", "Value": [{"00081140": images("1.2.12", "1.2.11")}, {"00400220": images("1.2.21")}, {}]}
    apply_mpps(world.s, message_of(told("mpps_create", t00400270=steps)), NOW)
    apply_mpps(world.s, message_of(told("mpps_set", t00400252=status, t00400340=series)), NOW)


def notified(world: World, exam: Exam) -> None:
    envelope = told("instances_available", t00081115={"vr": "SQ", "Value": [{"00081199": images("1.2.11", "1.2.12")}]})
    images_arrived(world.s, "nord", exam.study_instance_uid, NOW, first_images_of(envelope))


def promised(world: World, _exam: Exam) -> None:
    images_committed(world.s, "nord", commitment_of(told("storage_committed", t00081199=images("1.2.12", "1.2.11", "1.2.21"))))


ORDERS = [*itertools.permutations((performed, promised)), *itertools.permutations((notified, promised))]


@pytest.mark.parametrize("times", [1, 2])  # a queue may deliver a message again
@pytest.mark.parametrize("order", ORDERS, ids=lambda acts: "-".join(act.__name__ for act in acts))
def test_a_promise_is_noted_whoever_speaks_first(
    world: World, order: tuple[Callable[[World, Exam], None], ...], times: int
) -> None:
    exam = world.booked()

    for act in order * times:
        act(world, exam)

    noted = world.exam(exam.accession_number)
    assert (noted.committed_at, noted.uncommitted) == (NOW, {})


def test_what_the_archive_does_not_keep_is_counted_until_it_does(world: World) -> None:
    exam = world.booked()
    images_known(world.s, exam, ("1.2.11", "1.2.21"))
    refused = commitment_of(told("storage_committed", t00081199=images("1.2.12"), t00081198=images("1.2.11", "1.2.13")))

    images_committed(world.s, "nord", refused)
    images_committed(world.s, "nord", Commitment("1.2.21", 0, LATER))  # another series, of which nothing fails
    seen = world.exam(exam.accession_number)
    images_committed(world.s, "nord", Commitment("1.2.11", 0, LATER))

    assert (seen.uncommitted, seen.committed_at) == ({"1.2.11": 2}, LATER)
    assert world.exam(exam.accession_number).uncommitted == {}


def test_a_promise_of_images_nobody_told_of_or_of_another_site_is_on_no_exam(world: World) -> None:
    exam = world.booked()
    images_known(world.s, exam, ("1.2.11",))

    assert images_committed(world.s, "nord", Commitment("1.2.404", 0, NOW)) is None
    assert images_committed(world.s, "est", Commitment("1.2.11", 0, NOW)) is None
    assert images_committed(world.s, "nord", commitment_of(told("storage_committed"))) is None
    assert world.exam(exam.accession_number).committed_at is None


def test_a_study_of_a_thousand_series_marks_no_more_than_its_first(world: World) -> None:
    images_known(world.s, world.booked(), [f"1.2.{number}" for number in range(1000)])

    assert len(world.rows.images) == SERIES_MAXIMUM
