"""Traits that INSi or the desk changed are on the worklist of the patient's exams, however often the event is applied."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from ris.application.agenda.publish_worklist import republish_patient
from ris.application.identity.apply_identity_event import apply_identity_event
from ris.application.identity.record_identity_event import record_identity_event
from ris.domain.errors import RemoteUnavailable
from ris.domain.identity.events import (
    AttributeSet,
    ComplementaryTraitEdited,
    DocumentRecorded,
    InformationRecorded,
    InsiAccepted,
    StrictTraitEdited,
)
from ris.domain.identity.patient import TraitsChange
from tests.support.agenda import World
from tests.support.identity import NOW, ZOE, Desk, zoe


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def desk(world: World) -> Desk:
    """A desk whose patients are those of an agenda, with an exam of one of them on the worklist."""
    known = world.patients.get("p-1")
    assert known is not None
    world.patients.save(replace(zoe(sites=known.sites, identifiers=known.identifiers), version=known.version))
    world.booked()
    desk = Desk(patients=world.patients)
    desk.applying = replace(desk.applying, republish=partial(republish_patient, world.s))
    return desk


def shown(world: World) -> str:
    """Return the name and birth place a modality would be told."""
    (step,) = world.feed.shown().values()
    return str(step.dataset["00100010"]["Value"][0]["Alphabetic"])


def test_a_corrected_name_is_on_the_worklist_at_once(world: World, desk: Desk) -> None:
    assert "ADRUN^ZOE" == shown(world)

    desk.say(StrictTraitEdited(at=NOW, by="acc", site="nord", change=TraitsChange(birth_family="ADRIEN")))

    assert "ADRIEN^ZOE" == shown(world)


def test_traits_of_insi_that_a_person_accepts_are_on_the_worklist(world: World, desk: Desk) -> None:
    desk.insi.people = [replace(ZOE, birth_given_all="ZOE ANNE", birth_given="ZOE")]
    desk.say(StrictTraitEdited(at=NOW, by="acc", site="nord", change=TraitsChange(birth_given_all="ZOE MARIE")))
    desk.ask()
    world.feed.published.clear()

    desk.accept()

    assert world.feed.published
    patient = world.patients.get("p-1")
    assert patient is not None
    assert "ZOE ANNE" == patient.traits.birth_given_all
    assert "ADRUN^ZOE" == shown(world)


def test_an_answer_taken_without_a_person_is_published_and_one_that_waits_is_not(world: World, desk: Desk) -> None:
    world.feed.published.clear()
    desk.insi.people = [replace(ZOE, birth_given_all="ZOE ANNE")]
    desk.say(StrictTraitEdited(at=NOW, by="acc", site="nord", change=TraitsChange(birth_given_all="ZOE MARIE")))
    world.feed.published.clear()
    desk.ask()
    assert [] == world.feed.published

    other, taken = World(), None
    other.patients.save(replace(zoe(sites=frozenset({"nord", "nuit"})), version=1))
    other.booked()
    taken = Desk(patients=other.patients)
    taken.applying = replace(taken.applying, republish=partial(republish_patient, other.s))
    other.feed.published.clear()
    taken.ask()
    assert other.feed.published


@pytest.mark.parametrize(
    "event",
    [
        DocumentRecorded(at=NOW, by="acc", site="nord", code="CN"),
        InformationRecorded(at=NOW, by="acc", site="nord", feeding="INO"),
        AttributeSet(at=NOW, by="acc", site="nord", attribute="homonyme"),
    ],
)
def test_what_changes_no_trait_publishes_nothing(world: World, desk: Desk, event: object) -> None:
    world.feed.published.clear()

    desk.say(event)  # type: ignore[arg-type]

    assert [] == world.feed.published


def test_a_run_that_died_before_the_worklists_is_done_again(world: World, desk: Desk) -> None:
    def dies(patient_id: str, now: datetime) -> object:
        raise RemoteUnavailable("too_busy")

    event = ComplementaryTraitEdited(at=NOW, by="acc", site="nord", change=TraitsChange(used_family="MARTIN"))
    record_identity_event(desk.record, "p-1", event, event_id="e1")
    world.feed.published.clear()
    with pytest.raises(RemoteUnavailable):
        apply_identity_event(replace(desk.applying, republish=dies), "p-1", "e1", NOW)

    apply_identity_event(desk.applying, "p-1", "e1", NOW)

    assert world.feed.published


def test_a_refused_event_publishes_nothing(world: World, desk: Desk) -> None:
    world.feed.published.clear()
    desk.ask()
    count = len(world.feed.published)
    event = InsiAccepted(at=NOW, by="acc", site="nord", asked_at=NOW)

    from ris.domain.errors import Refused

    with pytest.raises(Refused):
        desk.say(event)

    assert count == len(world.feed.published)
