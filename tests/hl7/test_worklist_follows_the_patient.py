"""What a hospital corrects about a patient reaches the modality: an exam that waits is published again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ris.domain.errors import RemoteUnavailable
from tests.support.hl7 import Intake, adt, obr, orc, orm

RENAMED = "ADRUN^ZOEE^^^^^L"


@pytest.fixture
def intake() -> Intake:
    return Intake()


def booked(intake: Intake) -> None:
    intake.take(adt())
    intake.take(orm(orc(), obr()))
    request = intake.request()
    assert request is not None
    intake.world.booked(request_id=request.request_id, patient_id=request.patient_id)


def shown_names(intake: Intake) -> list[str]:
    return [str(one.dataset["00100010"]["Value"][0]["Alphabetic"]) for one in intake.world.feed.shown().values()]


def test_a_corrected_name_is_on_the_worklist(intake: Intake) -> None:
    booked(intake)

    intake.take(adt(event="A08", pid_5=RENAMED))

    assert [name.split("^")[1] for name in shown_names(intake)] == ["ZOEE"]


def test_an_announcement_that_changes_nothing_publishes_nothing(intake: Intake) -> None:
    booked(intake)
    before = len(intake.world.feed.published)

    intake.take(adt(event="A08"))

    assert len(intake.world.feed.published) == before


def test_a_feed_that_is_down_leaves_the_change_to_the_sweep(intake: Intake) -> None:
    booked(intake)
    intake.world.feed.unavailable = True

    intake.take(adt(event="A08", pid_5=RENAMED))

    (exam, *_), _ = intake.world.s.exams.of_patient(intake.known().patient_id)
    assert exam.publish_due_at is not None


def test_a_delivery_that_ended_before_publishing_publishes_when_it_comes_again(intake: Intake) -> None:
    booked(intake)
    frame = adt(event="A08", pid_5=RENAMED, control_id="R1")
    ports = intake.s

    def killed(*_: object) -> None:
        raise RemoteUnavailable("killed")

    intake.s = replace(ports, republish=killed)
    with pytest.raises(RemoteUnavailable):
        intake.take(frame)
    intake.s = ports
    intake.take(frame)

    assert [name.split("^")[1] for name in shown_names(intake)] == ["ZOEE"]
