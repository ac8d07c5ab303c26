"""One effect however often a message comes, incidents beside it, and an operator's list that lets the next ones pass."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.agenda.apply_hl7 import ReceivedMessage, apply_hl7, park
from ris.application.agenda.messages import MessageState
from ris.application.agenda.parked_messages import dismiss_message, parked_page, replay_message
from ris.domain.errors import InvalidInput, Refused, RemoteUnavailable
from tests.support.hl7 import NOW, Intake, adt, message, msh, obr, orc, orm, pid


@pytest.fixture
def intake():
    return Intake()


LATER = NOW + timedelta(hours=1)


def test_the_same_bytes_again_have_no_second_effect(intake):
    frame = adt(control_id="X1")

    first, second = intake.take(frame), intake.take(frame)

    assert (first.repeated, second.repeated) == (False, True)
    assert (first.entry.state, second.entry.state) == (MessageState.APPLIED, MessageState.APPLIED)
    assert intake.known().version == 1


def test_the_same_control_id_with_other_bytes_is_kept_as_an_incident(intake):
    intake.take(adt(control_id="X1", ipp="IPP-7"))
    intake.take(adt(control_id="X1", ipp="IPP-8"))
    intake.take(adt(control_id="X1", ipp="IPP-8"))
    intake.take(adt(control_id="X1", ipp="IPP-9"))
    intake.take(adt(control_id="X1", ipp="IPP-7"))

    assert intake.patient("IPP-7")
    assert intake.patient("IPP-8") is None
    assert intake.listed() == [("control_id_repeated", "MSH-10")] * 2
    assert {b"IPP-8" in entry.frame for entry in intake.ledger.parked("nord", limit=9)} == {True, False}


def test_the_second_body_of_an_incident_can_be_applied_by_a_person(intake):
    intake.take(adt(control_id="X1", ipp="IPP-7"))
    intake.take(adt(control_id="X1", ipp="IPP-8"))
    (incident,) = intake.ledger.parked("nord", limit=9)

    replay_message(intake.s, "nord", incident.entry_id, "acc", LATER)

    assert intake.patient("IPP-8")
    assert intake.listed() == []


def test_the_same_control_id_of_another_sender_or_site_is_another_message(intake):
    intake.take(message(msh(control_id="X1"), pid("IPP-7")))
    intake.take(message(msh(control_id="X1", sender="DPI"), pid("IPP-8")))
    intake.take(message(msh(control_id="X1"), pid("IPP-9")), site="nuit")

    assert all(intake.patient(ipp) for ipp in ("IPP-7", "IPP-8", "IPP-9"))


def test_a_message_that_cannot_be_applied_waits_and_the_next_ones_pass(intake):
    intake.take(adt(ipp="IPP-7", pid_5='""'))
    intake.take(adt(ipp="IPP-7"))

    assert intake.listed() == [("birth_name_missing", "PID-5")]
    assert intake.patient()


@pytest.mark.parametrize(
    ("frame", "code", "place"),
    [
        (b"", "no_msh", "MSH"),
        (b"\xff\xfe nothing", "no_msh", "MSH"),
        (b"MSH|^~\\&|HIS|CH|RIS|CIM|2026||ADT^A28||T|2.5\r", "field_missing", "MSH-10"),
        (b"MSH|^~\\&|HIS|CH|RIS|CIM|2026|||M1|T|2.5\r", "field_missing", "MSH-9"),
        (
            message(msh(charset="UNICODE UTF-8"), pid(pid_5="GWÉN^A^^^^^L"), charset="latin-1"),
            "characters_not_of_charset",
            "MSH-18",
        ),
        (message(msh(), "EVN|"), "segment_missing", "PID"),
        (message(msh(control_id="9" * 200), pid()), "too_long", "MSH-10"),
    ],
)
def test_even_what_a_gateway_should_have_refused_ends_on_the_list_with_its_place(intake, frame, code, place):
    first, second = intake.take(frame or b" "), intake.take(frame or b" ")

    assert intake.listed() == [(code, place)]
    assert (first.repeated, second.repeated) == (False, True)


def test_a_parked_message_can_be_looked_at_replayed_and_dismissed(intake):
    intake.take(orm(orc("CA"), obr(), control_id="X1"))
    (entry,) = intake.ledger.parked("nord", limit=9)

    page = parked_page(intake.s, "nord", entry.entry_id)
    assert page.text.split("\n")[0].startswith("MSH|")
    assert not page.holds_back_later_ones
    assert replay_message(intake.s, "nord", entry.entry_id, "acc", LATER).entry.state is MessageState.PARKED
    assert intake.listed() == [("unknown_placer_number", "ORC(1)-2")]

    intake.take(orm(orc(), obr()))
    replayed = replay_message(intake.s, "nord", entry.entry_id, "acc", LATER).entry

    assert (replayed.state, replayed.settled_by) == (MessageState.APPLIED, "acc")
    assert intake.to_book() == []
    with pytest.raises(Refused, match="not_on_the_list"):
        dismiss_message(intake.s, "nord", entry.entry_id, "acc", LATER)


def test_a_dismissed_message_stays_dismissed_when_its_sender_repeats_it(intake):
    frame = adt(pid_5='""')
    entry = intake.take(frame).entry

    dismissed = dismiss_message(intake.s, "nord", entry.entry_id, "acc", LATER)
    again = intake.take(frame)

    assert (dismissed.state, dismissed.settled_by) == (MessageState.DISMISSED, "acc")
    assert (again.repeated, again.entry.state) == (True, MessageState.DISMISSED)
    assert intake.listed() == []
    assert parked_page(intake.s, "nord", entry.entry_id).entry == dismissed


def test_a_message_of_another_site_is_not_there(intake):
    entry = intake.take(adt(pid_5='""')).entry

    assert parked_page(intake.s, "nuit", entry.entry_id) is None
    for act in (replay_message, dismiss_message):
        with pytest.raises(InvalidInput, match="unknown_message"):
            act(intake.s, "nuit", entry.entry_id, "acc", LATER)


def test_a_replay_never_puts_older_traits_over_newer_ones_but_takes_its_orders(intake):
    early = orm(orc("XO"), obr(reason="Fièvre"), pid_5="ANCIEN^ZOE^^^^^L")
    intake.take(early)
    intake.take(orm(orc(), obr(), pid_5="NOUVEAU^ZOE^^^^^L"), now=LATER)
    (entry,) = intake.ledger.parked("nord", limit=9)

    replay_message(intake.s, "nord", entry.entry_id, "acc", LATER)

    assert intake.known().traits.birth_family == "NOUVEAU"
    assert intake.request().reason == "Fièvre"


def test_a_large_message_is_read_from_its_bucket_and_kept_by_its_key(intake):
    frame = adt(control_id="X1")
    intake.frames.bodies["inbound/1"] = frame

    applied = apply_hl7(intake.s, ReceivedMessage("nord", NOW, "8859/1", s3_key="inbound/1"), NOW)

    assert (applied.entry.frame, applied.entry.s3_key) == (b"", "inbound/1")
    assert intake.patient()
    assert apply_hl7(intake.s, ReceivedMessage("nord", NOW, "8859/1", frame=frame), NOW).repeated


def test_a_bucket_that_does_not_answer_is_an_outage_not_a_parked_message(intake):
    with pytest.raises(RemoteUnavailable):
        apply_hl7(intake.s, ReceivedMessage("nord", NOW, "8859/1", s3_key="inbound/none"), NOW)

    assert intake.listed() == []


def test_an_envelope_of_no_site_of_ours_is_refused(intake):
    with pytest.raises(InvalidInput, match="unknown_site"):
        intake.take(adt(), site="ailleurs")


def test_what_breaks_our_own_code_is_parked_too(intake):
    received = ReceivedMessage("nord", NOW, "8859/1", frame=adt(control_id="X1"))

    park(intake.s, received, "unexpected_error", NOW)
    again = park(intake.s, received, "unexpected_error", NOW)

    assert intake.listed() == [("unexpected_error", "MSH")]
    assert again.repeated


class Killed(BaseException):
    """The process ends here."""


def _die_at(intake: Intake, step: int) -> Intake:
    """Let every store count its writes together and die before the given one."""
    left = [step]

    def counted(save):
        def saving(row):
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return save(row)

        return saving

    for store in (intake.ledger, intake.patients, intake.s.requests):
        for name in ("save", "save_request"):
            if hasattr(store, name):
                setattr(store, name, counted(getattr(store, name)))
    return intake


@pytest.mark.parametrize("step", range(1, 7))
def test_killed_before_any_write_the_repetition_ends_where_one_run_ends(step):
    frame = orm(orc(placer="OPN-1"), obr("OPN-1"), orc(placer="OPN-2"), obr("OPN-2"), control_id="X1")
    whole = Intake()
    whole.take(frame)
    intake = _die_at(Intake(), step)

    died = False
    try:
        intake.take(frame)
    except Killed:
        died = True
    intake.take(frame)

    assert died == (step <= 5)
    assert replace(intake.known(), patient_id="") == replace(whole.known(), patient_id="")
    assert sorted(intake.to_book()) == sorted(whole.to_book()) == ["OPN-1", "OPN-2"]
    assert {intake.request(one).version for one in ("OPN-1", "OPN-2")} == {1}
    assert intake.take(frame).entry.state is MessageState.APPLIED


@pytest.mark.parametrize("step", range(1, 5))
def test_killed_inside_a_cancellation_the_repetition_finishes_it(step):
    intake = Intake()
    intake.take(orm(orc(), obr()))
    request = intake.request()
    exam = intake.world.booked(request_id=request.request_id, patient_id=request.patient_id)
    _die_at(intake, step)
    frame = orm(orc("CA"), control_id="X2")

    for _ in range(3):
        try:
            intake.take(frame)
        except Killed:
            continue

    assert intake.request().state.value == "cancelled"
    assert intake.world.exam(exam.accession_number).state.value == "cancelled"
    assert intake.listed() == []


def test_the_frame_is_kept_byte_for_byte(intake):
    frame = message(msh(charset="8859/1"), pid(pid_5="GWÉN^ZOÉ^^^^^L"), charset="latin-1")

    entry = intake.take(frame).entry

    assert base64.b64encode(entry.frame) == base64.b64encode(frame)
    assert intake.known().traits.birth_given == "ZOÉ"
