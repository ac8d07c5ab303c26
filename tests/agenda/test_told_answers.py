"""What a patient answered on contraindications, as the modality reads it on its worklist (PS3.4 Table K.6-1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydicom.dataset import Dataset

from gateways.edge.dicom.items import read_items
from gateways.edge.dicom.matching import compile_query
from ris.adapters.agenda.memory import memory_services
from ris.adapters.agenda.worklist_json import dataset_of
from ris.adapters.reference.memory import MemoryReferenceBook
from ris.application.agenda.arrivals import check_in
from ris.application.agenda.publish_worklist import entry_of
from ris.domain.agenda.contraindications import TOLD_IN, Override, Question, told
from ris.domain.agenda.exam import Exam
from tests.support.agenda import GROUP, World
from tests.support.dicom import answered
from tests.support.worklist import query

THAT_DAY = datetime(2026, 10, 6, 6, 50, tzinfo=UTC)
QUESTIONS = (
    Question("grossesse", "Êtes-vous enceinte, ou pourriez-vous l’être ?", told_in="PregnancyStatus"),
    Question("iode", "Une réaction à l’iode ?", told_in="Allergies", told_as="Produit de contraste iodé"),
    Question("latex", "Une allergie au latex ?", told_in="Allergies", told_as="Latex\\gants"),
    Question("rein", "Avez-vous une insuffisance rénale ?"),
    Question("fauteuil", "Avez-vous besoin d’un fauteuil ?", blocks=False, told_in="SpecialNeeds", told_as="Fauteuil"),
    Question("long", "Portez-vous " + "un implant, " * 30 + "?", blocks=False),
)
DECIDED = Override("Dr LUC EXEMPLE", "Bénéfice supérieur au risque", "acc")
NOTHING = dict.fromkeys(TOLD_IN)


@pytest.fixture
def world() -> World:
    world = World()
    catalogue = tuple(replace(each, questions=QUESTIONS) if each.exam_code == "ZBQK002" else each for each in GROUP.catalogue)
    world.s = memory_services(
        reference=MemoryReferenceBook(replace(GROUP, catalogue=catalogue)), patients=world.patients,
        deliveries=world.deliveries, workflows=world.workflows, feed=world.feed, rows=world.rows,
    )  # fmt: skip
    return world


def read(dataset: dict[str, Any]) -> dict[str, Any]:
    """Ask the gateway's worklist for these keys, as a station that reads Latin-1 does."""
    asked = query({}, **{keyword: None if keyword == "PregnancyStatus" else "" for keyword in TOLD_IN})
    answer = answered(compile_query(asked, implicit=True), read_items(Dataset.from_json(dataset))[0])
    values = {keyword: answer[keyword].value for keyword in TOLD_IN}
    return {
        keyword: (list(value) if value and not isinstance(value, str | int) else value) or None for keyword, value in values.items()
    }


def shown(world: World, exam: Exam) -> dict[str, Any]:
    return read(dataset_of(entry_of(world.s, exam, exam.steps[0])))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, {}),
        (dict.fromkeys(("grossesse", "iode", "latex", "rein", "fauteuil"), "no"), {"PregnancyStatus": 1}),
        ({"grossesse": "unknown", "iode": "unknown"}, {"PregnancyStatus": 4}),
        ({"grossesse": "yes"}, {"PregnancyStatus": 2}),
        ({"iode": "yes"}, {"Allergies": "Produit de contraste iodé"}),
        ({"iode": "yes", "latex": "yes"}, {"Allergies": ["Produit de contraste iodé", "Latex gants"]}),
        ({"rein": "yes", "fauteuil": "yes"}, {"MedicalAlerts": "Avez-vous une insuffisance rénale ? oui", "SpecialNeeds": "Fauteuil"}),
        ({"asked before the catalogue changed": "yes"}, {}),
    ],
)  # fmt: skip
def test_a_modality_reads_what_was_answered(world: World, answers: dict[str, str], expected: dict[str, Any]) -> None:
    exam = replace(world.booked(), answers=answers)

    assert NOTHING | expected == shown(world, exam)


def test_an_answer_of_a_long_question_is_never_cut_off(world: World) -> None:
    alert = shown(world, replace(world.booked(), answers={"long": "yes"}))["MedicalAlerts"]

    assert (alert.endswith(" oui"), len(alert) <= 64) == (True, True)


def test_an_exam_that_was_decided_on_all_the_same_says_why_it_was(world: World) -> None:
    exam = replace(world.booked(), answers={"iode": "yes"}, override=DECIDED)

    assert shown(world, exam)["Allergies"] == "Produit de contraste iodé"


def test_of_several_questions_on_pregnancy_the_gravest_answer_is_told() -> None:
    both = tuple(Question(code, code, told_in="PregnancyStatus") for code in ("a", "b"))

    assert [told(both, {"a": "no", "b": answer}).pregnancy for answer in ("yes", "unknown", "no")] == ["yes", "unknown", "no"]


def test_what_is_answered_on_arrival_reaches_the_modality_at_once(world: World) -> None:
    known = {one.code: "no" for one in QUESTIONS if one.code != "iode"}
    exam = world.booked(answers=known)
    published = len(world.feed.published)

    check_in(world.s, exam.accession_number, {"iode": "yes"}, DECIDED, THAT_DAY)
    (last,) = world.feed.published[published:]
    check_in(world.s, exam.accession_number, {"iode": "yes"}, DECIDED, THAT_DAY)

    assert read(last.dataset)["Allergies"] == "Produit de contraste iodé"
    assert len(world.feed.published) == published + 1  # nothing new, nothing told
    assert world.exam(exam.accession_number).publish_due_at is None


def test_an_answer_that_the_feed_did_not_take_is_published_by_the_sweep(world: World) -> None:
    exam = world.booked(answers={one.code: "no" for one in QUESTIONS if one.code != "iode"})
    world.feed.unavailable = True

    arrived = check_in(world.s, exam.accession_number, {"iode": "yes"}, DECIDED, THAT_DAY)

    assert arrived.arrived_at == THAT_DAY
    assert world.exam(exam.accession_number).publish_due_at == THAT_DAY + world.s.settings.restart_after
