"""Whoever hears that a patient opposes no more wakes what that kept back: the desk, and a hospital's message; a second time harms nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from ris.adapters.dispatch.memory import MemoryDeliveryStore
from ris.application.dispatch.lifted_opposition import wake_opposed
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.dmp import opposition_lifted, planned_dmp, withdrawn_for_opposition
from ris.domain.identity.events import InformationRecorded
from tests.support.hl7 import Intake, adt
from tests.support.identity import NOW as AT_DESK
from tests.support.identity import Desk, zoe
from tests.support.reports import NOW


def opposed_row(**changes: object) -> Delivery:
    row = planned_dmp("26000000001", "nord", 1, "2.25.1", NOW, qualified=True, opposed=True)
    return replace(row, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": DeliveryState.HELD},
        {"state": DeliveryState.DELIVERED},
        {"reason": "superseded"},
        {"reason": "deleted"},
        {"channel": "mss_patient", "reason": "refusal"},
        {"channel": "mss_patient"},
    ],
)
def test_only_a_row_that_nothing_but_the_opposition_withdrew_is_due_again(changes: dict[str, object]) -> None:
    assert withdrawn_for_opposition(opposed_row())
    assert opposition_lifted(opposed_row(), NOW) == opposed_row(due_at=NOW)
    other = opposed_row(**changes)
    assert not withdrawn_for_opposition(other)
    assert opposition_lifted(other, NOW) == other


class Lifted:
    """The port `Reissues`, as far as this asks it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, datetime]] = []

    def lifted(self, patient_id: str, now: datetime) -> int:
        self.asked.append((patient_id, now))
        return 1

    def wake(self, patient_id: str, now: datetime) -> int:
        return 0


@pytest.mark.parametrize(("feeding", "asked"), [("INO", 1), ("NA", 1), ("IO", 0)])
def test_the_desk_tells_the_reports_that_the_patient_opposes_no_more(feeding: str, asked: int) -> None:
    desk, reports = Desk(), Lifted()
    desk.patients.save(zoe())
    desk.applying = replace(desk.applying, reissues=reports)

    desk.say(InformationRecorded(at=AT_DESK, by="acc", site="nord", feeding=feeding, accession=""))

    assert [patient for patient, _ in reports.asked] == ["p-1"] * asked


@pytest.mark.parametrize(
    ("said", "asked"), [("ZFA|ACTIF|||||||INO", 1), ('ZFA|ACTIF|||||||""', 1), ("ZFA|ACTIF|||||||IO", 0), ("ZFA|ACTIF", 0)]
)
def test_a_hospitals_message_wakes_them_and_its_repetition_too(said: str, asked: int) -> None:
    intake, told = Intake(), []
    said = said.replace("|||||||", "||||||||")
    intake.s = replace(intake.s, opposition_over=lambda patient, _now: told.append(patient.consents.get("ZFA-9")))
    intake.take(adt("ZFA|ACTIF||||||||IO"))

    intake.take(adt(said, event="A08", control_id="NEXT"))

    assert len(told) == asked
    assert "IO" not in told, "it is woken with the patient as they are then"


def test_a_stores_conflict_is_decided_again() -> None:
    intake, deliveries = Intake(), MemoryDeliveryStore()
    intake.take(adt("ZFA|ACTIF||||||||INO"))
    exam = intake.world.booked()
    patient = intake.world.patients.get(exam.patient_id)
    deliveries.save(opposed_row(owner=exam.accession_number))
    assert patient is not None

    assert wake_opposed(deliveries, intake.world.s.exams, patient, NOW) == 1
    assert wake_opposed(deliveries, intake.world.s.exams, patient, NOW) == 0

    row = deliveries.get(exam.accession_number, "dmp", "DMP", 1)
    assert row is not None
    assert (row.state, row.due_at) == (DeliveryState.WITHDRAWN, NOW)
