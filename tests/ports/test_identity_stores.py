"""One suite for what stands in a patient's partition, and for breakers: what the memory twins promise, DynamoDB keeps."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from ris.adapters.breaker import DynamoBreakerStore, MemoryBreakerStore
from ris.adapters.dynamodb import Table
from ris.adapters.identity.dynamodb import DynamoPatientStore
from ris.adapters.identity.memory import MemoryPatientStore
from ris.application.breaker import Breaker, BreakerSettings, BreakerState, BreakerStore, Incident, RemoteBreakers
from ris.application.conflicts import Conflict
from ris.application.identity.ports import IdentityStore
from ris.application.identity.records import UNREADABLE, EventState, KeptAnswer, RecordedEvent, Transition
from ris.domain.errors import RemoteRejected, RemoteUnavailable
from ris.domain.identity.announcing import Announcement, Trigger
from ris.domain.identity.events import (
    AttributeSet,
    DocumentRecorded,
    IdentityEvent,
    InformationRecorded,
    InsiAccepted,
    StrictTraitEdited,
    VitaleApplicationRead,
)
from ris.domain.identity.ins import OID_NIA, Ins, StrictTraits
from ris.domain.identity.insi import InsiFound, InsiQuery, InsiRecord, InsiState, Proof
from ris.domain.identity.patient import ERASED, Identifier, Patient, Traits, TraitsChange
from ris.domain.identity.rniv import StatusChange
from ris.domain.identity.status import IdentityStatus
from tests.support.cloud import deployed_cloud

cloud = deployed_cloud()
NOW = datetime(2026, 10, 5, 6, 0, 0, 1, tzinfo=UTC)
INS = Ins("297022A02077878", "1.2.250.1.213.1.4.10")
FOUND = InsiFound(INS, "D'ALMEIDA", "ZOE", "ZOE MARIE", "F", "1975-12-31", "2A020", (Ins("109076322088835", OID_NIA),))


@dataclass
class Kept:
    """A store, and a name nobody else in the session uses."""

    patients: IdentityStore
    run: str

    def patient(self, **changes: object) -> Patient:
        traits = Traits("ADRUN", "ZOE", birth_date=date(1975, 12, 31), birth_date_text="19751231", sex="F")
        known = Patient(f"P{self.run}", traits, (Identifier(f"IPP-{self.run}", "1.2.3", "PI"),), sites=frozenset({self.run}))
        return replace(known, **changes)  # type: ignore[arg-type]

    def event(self, event: IdentityEvent | None = None, **changes: object) -> RecordedEvent:
        recorded = RecordedEvent(f"P{self.run}", "e-1", self.run, "acc", NOW, event, due_at=NOW)
        return replace(recorded, **changes)  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "dynamodb"])
def kept(request: pytest.FixtureRequest) -> Kept:
    run = uuid4().hex[:8]
    if request.param == "memory":
        return Kept(MemoryPatientStore(), run)
    running = request.getfixturevalue("cloud")
    return Kept(
        DynamoPatientStore(Table(running.client("dynamodb"), running.function_env("PortalFunction")["TABLE_PATIENTS"])), run
    )


def test_a_row_that_identity_qualification_filled_is_read_back_whole(kept: Kept) -> None:
    patient = kept.patient(
        status=IdentityStatus.QUALIFIEE,
        ins=INS,
        strict=StrictTraits("D'ALMEIDA", "ZOE", "ZOE MARIE", date(1975, 12, 31), "F", "2A020"),
        insi=InsiRecord(InsiState.ACCEPTED, NOW, "00", FOUND, "reason", ("sex", "birth_date"), "acc"),
        proof=Proof("CN", NOW, "acc", "20310501", high_trust=True),
        attributes=frozenset({"homonyme"}),
        due_at=NOW,
        due_site=kept.run,
        announced=3,
        deleted=2,
        updated_at=NOW,
    )

    written = kept.patients.save(patient)

    assert written == kept.patients.get(patient.patient_id) == replace(patient, version=1)


def test_a_row_of_before_has_nothing_of_it(kept: Kept) -> None:
    written = kept.patients.save(kept.patient())

    assert (None, None, None, None, frozenset(), None, 0) == (
        written.ins, written.strict, written.insi, written.proof, written.attributes, written.due_at, written.announced
    )  # fmt: skip
    assert written == kept.patients.get(written.patient_id)


@pytest.mark.segur("INS.26")
def test_a_transition_is_written_with_the_row_or_not_at_all(kept: Kept) -> None:
    patient = kept.patients.save(kept.patient())
    assert kept.patients.add_event(kept.event())
    line = StatusChange("DocumentRecorded", IdentityStatus.PROVISOIRE, IdentityStatus.VALIDEE, NOW, "acc", "CN")
    announcement = Announcement(1, Trigger.CHANGE_IDENTIFIERS, NOW, patient, INS, erases_used_name=True, site=kept.run)
    settled = replace(kept.event(version=1), state=EventState.APPLIED, announcement=1, due_at=None)

    kept.patients.save(replace(patient, announced=1), Transition((line,), announcement, settled))

    assert [line] == kept.patients.history(patient.patient_id, limit=9)
    assert announcement == kept.patients.announcement(patient.patient_id, 1)
    assert replace(settled, version=2) == kept.patients.event(patient.patient_id, "e-1")
    again = replace(patient, version=2, announced=2)
    with pytest.raises(Conflict):
        kept.patients.save(again, Transition((line,), replace(announcement, number=2), settled))
    assert (2, None) == (kept.patients.get(patient.patient_id).version, kept.patients.announcement(patient.patient_id, 2))  # type: ignore[union-attr]


def test_the_history_is_newest_first_also_within_one_instant(kept: Kept) -> None:
    patient = kept.patients.save(kept.patient())
    states = [IdentityStatus.PROVISOIRE, IdentityStatus.RECUPEREE, IdentityStatus.QUALIFIEE]
    for hour, (before, after) in enumerate(itertools.pairwise(states)):
        line = StatusChange("X", before, after, NOW + timedelta(hours=hour), "acc")
        patient = kept.patients.save(patient, Transition((line,)))

    assert [IdentityStatus.QUALIFIEE, IdentityStatus.RECUPEREE] == [
        each.after for each in kept.patients.history(patient.patient_id, limit=9)
    ]
    assert 1 == len(kept.patients.history(patient.patient_id, limit=1))


@pytest.mark.parametrize(
    "event",
    [
        None,
        DocumentRecorded(NOW, "acc", "nord", "CN", "20310501"),
        InsiAccepted(NOW, "acc", "nord", NOW - timedelta(minutes=1)),
        InformationRecorded(NOW, "acc", "nord", "IO", "26000001", "IC"),
        AttributeSet(NOW, "acc", "nord", "douteuse"),
        StrictTraitEdited(NOW, "acc", "nord", TraitsChange(birth_family="ADRUNE", birth_given_all=ERASED)),
        VitaleApplicationRead(NOW, "acc", "nord", FOUND),
    ],
    ids=lambda event: type(event).__name__,
)
def test_an_event_is_read_back_as_what_it_was(kept: Kept, event: IdentityEvent | None) -> None:
    recorded = kept.event(event, by_person=False, code="c", attempt=4)

    assert kept.patients.add_event(recorded)
    assert not kept.patients.add_event(replace(recorded, by="somebody else"))

    assert replace(recorded, version=1) == kept.patients.event(recorded.patient_id, "e-1")
    with pytest.raises(Conflict):
        kept.patients.save_event(recorded)


@pytest.mark.segur("INS.40", "INS.41")
def test_an_answer_is_kept_once_and_unaltered(kept: Kept) -> None:
    query = InsiQuery("ADRUN", "ZOE", "F", "1975-12-31", "63220")
    answer = KeptAnswer(
        f"P{kept.run}", "2026-10-05T06:00:00.000001Z#01", "e-1", NOW, "acc", True, query, "00", FOUND, "", bytes(range(256))
    )
    failed = replace(answer, answer_id="2026-10-05T06:00:00.000001Z#02", code="", found=None, error="insi_503", raw=b"")

    for one in (answer, replace(answer, raw=b"changed"), failed):
        kept.patients.keep_answer(one)

    assert answer == kept.patients.answer(answer.patient_id, answer.answer_id)
    assert [failed, answer] == kept.patients.answers(answer.patient_id, limit=9)
    assert None is kept.patients.answer(answer.patient_id, "other")


def test_answers_that_cannot_be_believed_are_listed_for_the_whole_group_newest_first(kept: Kept) -> None:
    late = NOW + timedelta(days=20_000)  # later than what other tests of the session keep
    query = InsiQuery("ADRUN", "ZOE", "F", "1975-12-31", "63220")
    good = KeptAnswer(f"P{kept.run}", "a#01", "e-1", late, "acc", True, query, "00", FOUND, "", b"x")
    strange = [
        replace(good, answer_id=f"s#{n:02d}", asked_at=late + timedelta(seconds=n), code="", found=None, error=UNREADABLE, raw=b"?")
        for n in range(3)
    ]
    for one in (good, replace(good, answer_id="f#01", error="insi_503", code="", found=None), *strange):
        kept.patients.keep_answer(one)

    until(lambda: [one for one in kept.patients.strange_answers(limit=9) if one.patient_id == good.patient_id], 3)
    assert strange[:0:-1] == kept.patients.strange_answers(limit=2)


def until(ask: Callable[[], list[object]], count: int) -> list[object]:
    """An index may be behind its table: ask until it has what the base table has."""
    for _ in range(200):
        if len(ask()) == count:
            break
    return ask()


def test_what_is_due_is_on_the_list_of_its_site_until_it_is_not(kept: Kept) -> None:
    patient = kept.patients.save(kept.patient(due_at=NOW, due_site=kept.run))

    assert [] == kept.patients.insi_due(kept.run, now=NOW - timedelta(seconds=1), limit=9)
    assert [patient] == until(lambda: kept.patients.insi_due(kept.run, now=NOW, limit=9), 1)  # type: ignore[arg-type, return-value]
    kept.patients.save(replace(patient, due_at=None, due_site=""))
    assert [] == until(lambda: kept.patients.insi_due(kept.run, now=NOW, limit=9), 0)  # type: ignore[arg-type, return-value]


def test_events_and_announcements_are_unfinished_until_they_are_settled(kept: Kept) -> None:
    patient = kept.patients.save(kept.patient())
    kept.patients.add_event(kept.event())
    patient = kept.patients.save(patient, Transition((), Announcement(1, Trigger.UPDATE, NOW, patient, site=kept.run)))
    later = NOW + timedelta(hours=1)

    left = until(lambda: kept.patients.unfinished(kept.run, now=later, limit=9), 2)  # type: ignore[arg-type, return-value]
    assert [("e-1", 0), ("", 1)] == [(each.event_id, each.announcement) for each in left]  # type: ignore[attr-defined]
    assert {patient.patient_id} == {each.patient_id for each in left}  # type: ignore[attr-defined]

    kept.patients.announcement_planned(patient.patient_id, 1)
    kept.patients.save_event(replace(kept.event(version=1), state=EventState.REFUSED, due_at=None))
    assert [] == until(lambda: kept.patients.unfinished(kept.run, now=later, limit=9), 0)  # type: ignore[arg-type, return-value]
    assert kept.patients.announcement(patient.patient_id, 1).planned  # type: ignore[union-attr]


# ---------------------------------------------------------------- breakers


@pytest.fixture(params=["memory", "dynamodb"])
def breakers(request: pytest.FixtureRequest) -> BreakerStore:
    if request.param == "memory":
        return MemoryBreakerStore()
    running = request.getfixturevalue("cloud")
    return DynamoBreakerStore(Table(running.client("dynamodb"), running.function_env("PortalFunction")["TABLE_MESSAGES"]))


def test_a_breaker_and_its_incident_are_written_under_the_version_read(breakers: BreakerStore) -> None:
    remote = f"r{uuid4().hex[:8]}"
    assert Breaker(remote) == breakers.get(remote)

    written = breakers.save(
        Breaker(remote, BreakerState.OPEN, 3, NOW, NOW + timedelta(minutes=1), 60, "insi_503"),
        Incident(remote, NOW, None, 3, "insi_503"),
    )

    assert written == breakers.get(remote)
    with pytest.raises(Conflict):
        breakers.save(Breaker(remote))
    assert [Incident(remote, NOW, None, 3, "insi_503")] == breakers.incidents(remote, limit=9)


def test_outages_come_newest_first_and_go_on_before_an_instant(breakers: BreakerStore) -> None:
    remote = f"r{uuid4().hex[:8]}"
    outages = [Incident(remote, NOW + timedelta(minutes=n), NOW + timedelta(minutes=n, seconds=5), 3, "x") for n in range(4)]
    for version, incident in enumerate(outages):
        breakers.save(Breaker(remote, version=version), incident)

    first = breakers.incidents(remote, limit=2)
    assert outages[:1:-1] == first
    assert outages[1::-1] == breakers.incidents(remote, limit=2, before=first[-1].opened_at)
    assert [] == breakers.incidents(remote, limit=2, before=outages[0].opened_at)


def test_an_outage_is_one_incident_and_each_failed_trial_doubles_the_pause(breakers: BreakerStore) -> None:
    remote, calls = f"r{uuid4().hex[:8]}", []
    guard = RemoteBreakers(breakers, BreakerSettings(failures_to_open=3, pause_s=60, longest_pause_s=150, trial_s=30))

    def call(at: datetime, *, fails: bool) -> str:
        def remote_call() -> str:
            calls.append(at)
            if fails:
                raise RemoteUnavailable("down")
            return "well"

        try:
            return guard.guarded(remote, remote_call, at)
        except RemoteUnavailable as error:
            return error.code

    assert ["down"] * 3 + [f"{remote}_breaker_open"] == [call(NOW, fails=True) for _ in range(4)]
    pauses = [60, 120, 150]
    at = NOW
    for pause in pauses:
        assert f"{remote}_breaker_open" == call(at + timedelta(seconds=pause - 1), fails=False)
        at += timedelta(seconds=pause)
        assert "down" == call(at, fails=True)
    at += timedelta(seconds=150)
    assert "well" == call(at, fails=False) == call(at, fails=False)

    assert 3 + len(pauses) + 2 == len(calls)
    assert [Incident(remote, NOW, at, 6, "down")] == breakers.incidents(remote, limit=9)
    assert BreakerState.CLOSED is breakers.get(remote).state


def test_one_trial_at_a_time_and_a_dead_one_is_forgotten(breakers: BreakerStore) -> None:
    remote = f"r{uuid4().hex[:8]}"
    guard = RemoteBreakers(breakers, BreakerSettings(failures_to_open=1, pause_s=60, trial_s=30))
    with pytest.raises(RemoteUnavailable):
        guard.guarded(remote, lambda: (_ for _ in ()).throw(RemoteUnavailable("down")).__next__(), NOW)  # type: ignore[attr-defined]
    later = NOW + timedelta(seconds=60)

    def dies() -> str:
        with pytest.raises(RemoteUnavailable, match="breaker_open"):
            guard.guarded(remote, lambda: "not while another tries", later)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guard.guarded(remote, dies, later)
    with pytest.raises(RemoteUnavailable, match="breaker_open"):
        guard.guarded(remote, lambda: "too early", later + timedelta(seconds=29))
    assert "well" == guard.guarded(remote, lambda: "well", later + timedelta(seconds=30))


def test_a_refusal_shows_that_the_remote_is_there(breakers: BreakerStore) -> None:
    remote = f"r{uuid4().hex[:8]}"
    guard = RemoteBreakers(breakers, BreakerSettings(failures_to_open=2))

    def refuses() -> str:
        raise RemoteRejected("no")

    def fails() -> str:
        raise RemoteUnavailable("down")

    for call in (fails, refuses, fails, refuses):
        with pytest.raises((RemoteRejected, RemoteUnavailable)):
            guard.guarded(remote, call, NOW)

    assert [] == breakers.incidents(remote, limit=9)
