"""One event, one transition, one message: through the use cases, over memory twins."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.conflicts import Conflict
from ris.application.identity.apply_identity_event import QueryOutcome, apply_identity_event
from ris.application.identity.record_identity_event import ask_insi, record_identity_event
from ris.application.identity.records import EventState
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.errors import InvalidInput, OutcomeUnknown, Refused, RemoteUnavailable
from ris.domain.identity.events import (
    AttributeSet,
    ComplementaryTraitEdited,
    DocumentRecorded,
    InformationRecorded,
    ProofWithdrawn,
    StrictTraitEdited,
)
from ris.domain.identity.patient import TraitsChange
from tests.support.agenda import World
from tests.support.identity import NOW, ZOE, ZOE_INS, Desk, segment_of, triggers, zoe


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.patients.save(zoe())
    return desk


def edit(desk: Desk, **change: str) -> StrictTraitEdited:
    return StrictTraitEdited(at=desk.now, by="cell", site="nord", change=TraitsChange(**change))


@pytest.mark.segur("INS.22", "INS.23", "INS.24", "INS.25", "INS.26")
def test_document_first_and_insi_first_leave_the_same_row_and_their_own_history() -> None:
    rows, histories = [], []
    for document_first in (True, False):
        desk = Desk()
        desk.patients.save(zoe())
        for step in (desk.document, desk.ask) if document_first else (desk.ask, desk.document):
            step()
        rows.append(desk.patient())
        histories.append([(line.before.value, line.after.value) for line in desk.patients.history("p-1", limit=9)][::-1])

    assert rows[0] == rows[1]
    assert [[("PROV", "VALI"), ("VALI", "QUAL")], [("PROV", "RECUP"), ("RECUP", "QUAL")]] == histories


@pytest.mark.segur("INS.37", "INS.55")
def test_the_pacs_learns_the_ins_once_the_identity_is_qualified_and_not_before(desk: Desk) -> None:
    desk.ask()
    desk.document()

    retrieved, qualified = desk.sent()
    assert ["A31", "A31"] == triggers(desk.sent())
    assert ZOE_INS.matricule not in retrieved
    assert "275126322074974^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS" in segment_of(qualified, "PID")[3].split("~")
    assert ("PROV", "VALI") == (segment_of(retrieved, "PID")[32], segment_of(qualified, "PID")[32])


@pytest.mark.segur("INS.32", "INS.33", "INS.34", "INS.35", "INS.36")
def test_a_strict_trait_edited_on_a_qualified_identity_deletes_the_ins_at_the_pacs(desk: Desk) -> None:
    desk.qualify()

    desk.say(edit(desk, birth_family="ADRUNE"), may_correct=True)

    assert "VALI" == desk.patient().status.value
    message = desk.sent()[-1]
    assert "A47" == triggers([message])[0]
    assert '""^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS' in segment_of(message, "PID")[3]
    assert "275126322074974^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS" == segment_of(message, "MRG")[1]
    assert "VALI" == segment_of(message, "PID")[32]
    assert ZOE_INS.matricule not in "".join(segment_of(message, "PID"))


@pytest.mark.segur("INS.32", "INS.33", "INS.34", "INS.35", "INS.36")
def test_on_a_retrieved_identity_and_for_a_used_name_it_is_an_a31(desk: Desk) -> None:
    desk.ask()
    desk.say(edit(desk, birth_family="ADRUNE"), may_correct=True)
    desk.say(ComplementaryTraitEdited(at=desk.now, by="acc", site="nord", change=TraitsChange(used_family="DURAND")))

    assert ["A31", "A31", "A31"] == triggers(desk.sent())
    assert not [message for message in desk.sent() if ZOE_INS.matricule in message]
    assert "DURAND" in segment_of(desk.sent()[-1], "PID")[5]


def test_a_proof_that_no_longer_holds_deletes_the_ins_with_pid_32_prov(desk: Desk) -> None:
    desk.qualify()

    desk.say(ProofWithdrawn(at=desk.now, by="cell", site="nord"))

    assert ("A47", "PROV") == (triggers(desk.sent())[-1], segment_of(desk.sent()[-1], "PID")[32])
    assert ("RECUP", ZOE_INS) == (desk.patient().status.value, desk.patient().ins)


@pytest.mark.segur("INS.29", "INS.30", "INS.31")
def test_strict_traits_are_locked_to_everybody_but_a_super_user(desk: Desk) -> None:
    desk.say(edit(desk, birth_family="ADRUN-B"))
    desk.say(edit(desk, birth_family="ADRUN"))
    desk.ask()

    with pytest.raises(Refused, match="strict_traits_locked"):
        record_identity_event(desk.record, "p-1", edit(desk, birth_family="ADRUNE"), event_id="no")

    assert desk.patients.event("p-1", "no") is None


def test_an_event_is_recorded_once_applied_once_and_its_rows_planned_once(desk: Desk) -> None:
    document = DocumentRecorded(at=NOW, by="acc", site="nord", code="CN")
    for _ in range(2):
        record_identity_event(desk.record, "p-1", document, event_id="click")
    first = apply_identity_event(desk.applying, "p-1", "click", NOW)

    second = apply_identity_event(desk.applying, "p-1", "click", NOW + timedelta(minutes=1))

    assert 1 == len(desk.workflows.started)
    assert (first.patient, first.deliveries) == (second.patient, second.deliveries)
    assert 1 == len(desk.patients.history("p-1", limit=9))


def test_a_start_that_failed_loses_nothing(desk: Desk) -> None:
    desk.workflows.down = True

    record_identity_event(desk.record, "p-1", DocumentRecorded(at=NOW, by="acc", site="nord", code="CN"), event_id="click")

    (left,) = desk.patients.unfinished("nord", now=NOW + timedelta(minutes=3), limit=9)
    assert ("p-1", "click") == (left.patient_id, left.event_id)


def test_what_a_rule_refuses_when_it_is_applied_is_settled_with_its_code(desk: Desk) -> None:
    record_identity_event(desk.record, "p-1", DocumentRecorded(at=NOW, by="acc", site="nord", code="CN"), event_id="document")
    desk.workflows.started.clear()
    desk.say(AttributeSet(at=NOW, by="cell", site="nord", attribute="fictive"))

    refused = apply_identity_event(desk.applying, "p-1", "document", NOW)

    assert (EventState.REFUSED, "identity_blocked", ()) == (refused.event.state, refused.event.code, refused.deliveries)
    assert "PROV" == refused.patient.status.value


def test_two_events_at_once_are_both_applied(desk: Desk) -> None:
    """The second write meets the first: it reads again and decides again."""
    patients, raced = desk.patients, []
    save = patients.save

    def slow(patient, transition=None):
        if not raced:
            raced.append(1)
            save(replace(patients.get("p-1"), consents={"ZFA-9": "INO"}))
            raise Conflict("raced")
        return save(patient, transition)

    patients.save = slow  # type: ignore[method-assign]
    done = desk.document()

    assert ("VALI", "INO") == (done.patient.status.value, done.patient.consents["ZFA-9"])


def test_the_information_of_an_episode_is_also_on_its_exam(desk: Desk) -> None:
    world = World()
    exam = world.booked()
    desk.applying = replace(desk.applying, exams=world.s.exams)

    desk.say(InformationRecorded(at=NOW, by="acc", site="nord", feeding="IO", accession=exam.accession_number))

    assert "IO" == world.exam(exam.accession_number).information
    assert "IO" == desk.patient().consents["ZFA-9"]


@pytest.mark.parametrize(
    ("outcome", "due", "code"),
    [
        (QueryOutcome(error="RemoteUnavailable", code="insi_503"), True, "insi_503"),
        (QueryOutcome(error="Lambda.Unknown"), True, "insi_unavailable"),
        (QueryOutcome(error="RemoteRejected", code="desir_550"), False, "desir_550"),
        (QueryOutcome(error="InvalidInput", code="character_not_allowed"), False, "character_not_allowed"),
        (None, True, "insi_not_asked"),
    ],
)
def test_a_question_without_an_answer_is_recorded_on_the_row(
    desk: Desk, outcome: QueryOutcome | None, due: bool, code: str
) -> None:
    ask_insi(desk.record, "p-1", site="nord", by="acc", event_id="q", now=NOW)

    done = apply_identity_event(desk.applying, "p-1", "q", NOW, outcome)

    assert ("PROV", code, due) == (
        done.patient.status.value, done.patient.insi and done.patient.insi.reason, done.patient.due_at is not None
    )  # fmt: skip
    assert EventState.APPLIED is done.event.state


def test_what_is_not_there_is_named(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="unknown_event"):
        apply_identity_event(desk.applying, "p-1", "never", NOW)
    with pytest.raises(InvalidInput, match="unknown_patient"):
        ask_insi(desk.record, "p-9", site="nord", by="acc", event_id="q", now=NOW)


@pytest.mark.parametrize(
    ("failure", "unknown"), [(RemoteUnavailable("cloud_unavailable"), False), (OutcomeUnknown("perhaps"), True)]
)
def test_a_message_that_did_not_leave_goes_again_with_the_same_bytes(failure: Exception, unknown: bool) -> None:
    from ris.adapters.dispatch.memory import MemoryHl7Gate
    from ris.application.dispatch.send_hl7 import send_again

    desk = Desk(gate=MemoryHl7Gate(failure))
    desk.patients.save(zoe())
    desk.document()
    (row,) = desk.deliveries.due("nord", now=NOW + timedelta(hours=1), limit=9)
    assert (DeliveryState.PENDING, unknown) == (row.state, row.unknown)

    for minutes in (60, 600):
        send_again(desk.sending, row, NOW + timedelta(minutes=minutes))

    first, again = desk.gate.sent
    assert (first.message_id, first.frame, "p-1") == (again.message_id, again.frame, first.owner)


def test_an_a31_that_a_later_change_made_pointless_is_withdrawn_and_the_deletion_leaves_first() -> None:
    from ris.adapters.dispatch.memory import MemoryHl7Gate
    from ris.application.dispatch.send_hl7 import send_again

    down = [RemoteUnavailable("cloud_unavailable") for _ in range(2)]
    desk = Desk()
    desk.patients.save(zoe())
    desk.qualify()
    desk.sending = replace(desk.sending, identity=replace(desk.sending.identity, gate=MemoryHl7Gate(*down)))  # type: ignore[type-var]
    assert desk.sending.identity is not None
    desk.say(edit(desk, birth_family="ADRUNE"), may_correct=True)
    desk.say(edit(desk, birth_family="ADRUN"), may_correct=True)
    desk.later(hours=1)

    for row in sorted(desk.deliveries.due("nord", now=desk.now, limit=9), key=lambda row: row.owner, reverse=True):
        send_again(desk.sending, row, desk.now)

    messages = [each.frame.decode() for each in desk.sending.identity.gate.sent]  # type: ignore[attr-defined]
    assert ["A47", "A31"] == triggers(messages)
    assert not [row for row in desk.deliveries.due("nord", now=desk.now, limit=9) if row.reason == "cloud_unavailable"]


def test_a_qualified_message_that_waits_is_withdrawn_once_the_identity_is_no_longer_qualified() -> None:
    from ris.adapters.dispatch.memory import MemoryHl7Gate
    from ris.application.dispatch.send_hl7 import send_again

    desk = Desk(gate=MemoryHl7Gate(*[RemoteUnavailable("cloud_unavailable") for _ in range(3)]))
    desk.patients.save(zoe())
    desk.qualify()
    desk.say(AttributeSet(at=desk.now, by="cell", site="nord", attribute="douteuse"))
    desk.later(hours=1)

    for row in desk.deliveries.due("nord", now=desk.now, limit=9):
        send_again(desk.sending, row, desk.now)

    assert ["A47"] == triggers(desk.sent())
    reasons = {row.owner: row.reason for number in (1, 2, 3) for row in desk.deliveries.of_owner(f"p-1.nord.{number}")}
    assert {"p-1.nord.1": "superseded", "p-1.nord.2": "superseded", "p-1.nord.3": "handed_over"} == reasons


def test_only_sites_with_a_pacs_and_an_ipp_are_told(desk: Desk) -> None:
    desk.patients.save(replace(desk.patient(), sites=frozenset({"nord", "nuit", "gone"})))

    done = desk.document()

    assert ["nord", "nuit"] == [row.site for row in done.deliveries]


def test_the_same_answer_from_another_first_name_is_the_one_that_counts(desk: Desk) -> None:
    catarina = replace(
        ZOE, birth_family="TCHITCHI", birth_given="OLA", birth_given_all="OLA CATARINA BELLA", birth_date="1936-06-21"
    )
    desk.insi.people, desk.insi.answers_to = [catarina], {"TCHITCHI": "CATARINA"}
    known = desk.patient()
    traits = replace(
        known.traits, birth_family="TCHITCHI", birth_given="OLA", birth_given_all="OLA CATARINA BELLA", birth_date=None
    )
    from datetime import date

    desk.patients.save(replace(known, traits=replace(traits, birth_date=date(1936, 6, 21))))

    done = desk.ask()

    assert ["OLA", "CATARINA"] == [call.query.birth_given for call in desk.insi.calls]
    assert "RECUP" == done.patient.status.value
    assert ["00", "01"] == [answer.code for answer in desk.patients.answers("p-1", limit=9)]
