"""Sending the mail of one recipient: where it goes, what keeps it, and what each answer of the operator makes of its row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.dispatch.mail_port import DirectoryMailbox, Receipt
from ris.application.dispatch.printed import mark_printed
from ris.application.dispatch.record_outcome import OutcomeServices, record_outcome
from ris.application.dispatch.restart_dispatch import restart_dispatch
from ris.application.dispatch.send_mail import send_mail
from ris.domain.dispatch.channels import MSS_PATIENT, MSS_PROFESSIONAL
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.dispatch.mail import MailRules, overdue
from ris.domain.errors import InvalidInput, OutcomeUnknown, Refused, RemoteRejected, RemoteUnavailable
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.marks import Marks
from tests.support.dmp import ACCESSION
from tests.support.letters import ADDRESS, COPY, MAILBOX, REQUESTER, Letters


@pytest.fixture
def world() -> Letters:
    made = Letters()
    made.validate()
    return made


def sent(world: Letters, channel: str = MSS_PROFESSIONAL, recipient: str = REQUESTER) -> Delivery:
    return send_mail(world.mail, ACCESSION, channel, recipient, 1, world.now)


@pytest.mark.segur("MSS.19", "MSS.22", "MSS.23")
def test_validation_alone_mails_the_requester_and_the_patient(world: Letters) -> None:
    world.dispatch()

    assert sorted((mail.sender, mail.recipient) for mail in world.operator.taken) == [
        (MAILBOX.address, "275126322074974@patient.mssante.fr"),
        (MAILBOX.address, ADDRESS[REQUESTER]),
    ]
    for channel in (MSS_PROFESSIONAL, MSS_PATIENT):
        row = world.of(channel)
        assert (row.state, row.accepted_at is not None, row.reason) == (DeliveryState.PENDING, True, "accepted_by_operator")


def test_one_mail_one_number_and_a_patients_address_is_kept_nowhere(world: Letters) -> None:
    world.dispatch()

    first, second = world.operator.taken
    assert {first.envelope_id, second.envelope_id} == {world.of(MSS_PROFESSIONAL).message_id, world.of(MSS_PATIENT).message_id}
    assert world.of(MSS_PROFESSIONAL).address == ADDRESS[REQUESTER]
    assert world.of(MSS_PATIENT).address == ""


def test_an_accepted_mail_is_never_given_again(world: Letters) -> None:
    world.dispatch()
    world.dispatch()
    world.settle_all()

    assert len(world.operator.taken) == 2
    row = world.of(MSS_PATIENT)
    assert (row.state, row.reason, row.due_at is not None) == (DeliveryState.PENDING, "no_receipt", True)
    assert row.accepted_at is not None
    assert overdue(row, world.now), "shown as past its time, until somebody acts or a receipt comes"
    since = row.changed_at
    world.settle_all(days=60)
    assert (world.of(MSS_PATIENT).due_at, world.of(MSS_PATIENT).changed_at) == (None, since), "and looked at for thirty days"
    assert overdue(world.of(MSS_PATIENT), world.now)
    assert len(world.operator.taken) == 2


@pytest.mark.parametrize("word", ["lost", "died", "killed"])
def test_an_unknown_end_goes_again_only_after_hours_under_the_same_number(world: Letters, word: str) -> None:
    world.operator.script = [word]
    list(world.execution(1, (MSS_PROFESSIONAL, REQUESTER)))
    begun, given = world.now, len(world.mails_to())
    row = world.of(MSS_PROFESSIONAL)
    assert (row.state, row.unknown) == (DeliveryState.PENDING, True)

    world.now = begun + timedelta(hours=5, minutes=50)
    world.sweep_all()
    assert sent(world).unknown
    assert len(world.mails_to()) == given

    world.now = begun + timedelta(hours=6, minutes=10)
    world.sweep_all()
    assert len({mail.envelope_id for mail in world.mails_to()}) == 1
    assert len(world.mails_to()) == given + 1
    assert world.of(MSS_PROFESSIONAL).accepted_at is not None


def test_a_receipt_within_those_hours_spares_the_second_sending(world: Letters) -> None:
    world.operator.script = ["lost"]
    list(world.execution(1, (MSS_PROFESSIONAL, REQUESTER)))
    world.inbox.add(Receipt("delivered", envelope_id=world.of(MSS_PROFESSIONAL).message_id, recipient=ADDRESS[REQUESTER]))

    world.read_mailbox()
    world.settle_all()

    assert world.of(MSS_PROFESSIONAL).state is DeliveryState.DELIVERED
    assert len(world.mails_to()) == 1


def test_a_busy_operator_is_tried_again_and_its_words_stay_on_the_row(world: Letters) -> None:
    world.operator.script = ["busy"]

    with pytest.raises(RemoteUnavailable, match="mss_busy"):
        sent(world)

    row = world.of(MSS_PROFESSIONAL)
    assert (row.unknown, row.reason, row.remote_code, row.remote_words) == (False, "mss_busy", "451", "4.3.2 try later")
    assert sent(world).accepted_at is not None


def test_a_sure_no_is_rejected_and_never_goes_by_itself(world: Letters) -> None:
    world.operator.script = ["recipient_unknown"]

    with pytest.raises(RemoteRejected) as refused:
        sent(world)

    assert "ADRUN" not in str(refused.value.args) + refused.value.detail
    row = world.of(MSS_PROFESSIONAL)
    assert (row.state, row.reason, row.remote_code) == (DeliveryState.REJECTED, "recipient_unknown", "550")
    world.settle_all()
    assert world.of(MSS_PROFESSIONAL) == row
    assert world.mails_to() == []


def test_a_person_sends_again_after_the_address_was_mended(world: Letters) -> None:
    world.operator.script = ["recipient_unknown"]
    list(world.execution(1, (MSS_PROFESSIONAL, REQUESTER)))
    world.directory.put(1, [DirectoryMailbox("nouvelle@medecin.mssante.example", "PER", REQUESTER)])

    restart_dispatch(world.restarts, world.of(MSS_PROFESSIONAL), world.now, by_person=True)
    assert world.starts.names[-1] == f"dispatch-{ACCESSION}-1-2-mss_professional-{REQUESTER}"
    list(world.execution(1, (MSS_PROFESSIONAL, REQUESTER)))

    assert world.operator.taken[-1].recipient == "nouvelle@medecin.mssante.example"


def test_a_mail_too_big_is_refused_before_anything_is_sent(world: Letters) -> None:
    world.writer.size = world.rules.largest_professional + 1

    assert (sent(world).state, sent(world).reason) == (DeliveryState.REJECTED, "too_big")
    assert sent(world, MSS_PATIENT, "PATIENT").accepted_at is not None, "a patient's mailbox takes 25 MB"
    assert world.of(MSS_PROFESSIONAL).attempts == 0


@pytest.mark.segur("MSS.12", "MSS.21", "MSS.25")
@pytest.mark.parametrize(
    ("channel", "recipient", "change", "state", "reason"),
    [
        (MSS_PATIENT, "PATIENT", {"status": IdentityStatus.RECUPEREE}, DeliveryState.HELD, "identity"),
        (MSS_PATIENT, "PATIENT", {"refusals": frozenset({"PATIENT"})}, DeliveryState.WITHDRAWN, "refusal"),
        (MSS_PROFESSIONAL, REQUESTER, {"refusals": frozenset({REQUESTER})}, DeliveryState.WITHDRAWN, "refusal"),
        (MSS_PROFESSIONAL, REQUESTER, {"status": IdentityStatus.RECUPEREE}, DeliveryState.PENDING, "accepted_by_operator"),
        (MSS_PROFESSIONAL, REQUESTER, {"refusals": frozenset({COPY})}, DeliveryState.PENDING, "accepted_by_operator"),
    ],
)
def test_what_is_true_when_it_is_sent_decides_whatever_was_planned(
    world: Letters, channel: str, recipient: str, change: dict[str, object], state: DeliveryState, reason: str
) -> None:
    world.patients.patient = replace(world.patients.patient, **change)  # type: ignore[arg-type]

    row = sent(world, channel, recipient)

    assert (row.state, row.reason) == (state, reason)
    assert len(world.operator.taken) == (state is DeliveryState.PENDING)


def test_a_masked_report_is_mailed_to_no_professional_even_if_its_row_waits() -> None:
    world = Letters()
    world.validate()
    world.made[1] = (Marks(masked_to_professionals=True), world.made[1][1])

    assert (sent(world).state, sent(world).reason) == (DeliveryState.WITHDRAWN, "masked")


def test_an_announcement_that_is_pending_holds_the_patients_mail() -> None:
    world = Letters()
    world.validate(marks=Marks(announcement_pending=True))

    world.dispatch()

    assert (world.of(MSS_PATIENT).state, world.of(MSS_PATIENT).reason) == (DeliveryState.HELD, "announcement")
    assert [mail.recipient for mail in world.operator.taken] == [ADDRESS[REQUESTER]]


def test_without_an_address_a_person_prints_and_says_so() -> None:
    world = Letters()
    world.validate(professionals=("89990000000",))
    world.dispatch()
    row = world.of(MSS_PROFESSIONAL)
    assert (row.state, row.reason, row.due_at) == (DeliveryState.HELD, "to_print", None)

    done = mark_printed(world.deliveries, ACCESSION, row.channel, row.recipient, 1, "secretaire", world.now)
    again = mark_printed(world.deliveries, ACCESSION, row.channel, row.recipient, 1, "autre", world.now + timedelta(hours=1))

    assert done == again
    assert (done.state, done.settled_by, done.changed_at) == (DeliveryState.DELIVERED, "secretaire", world.now)
    with pytest.raises(Refused, match="not_to_print"):
        mark_printed(world.deliveries, ACCESSION, MSS_PATIENT, "PATIENT", 1, "secretaire", world.now)


def test_the_mailbox_of_the_structure_serves_whoever_has_none(world: Letters) -> None:
    world.directory.put(1, [DirectoryMailbox("cabinet@structure.mssante.example", "ORG", structure="990000033")])
    world.directory.put(1, [])
    world.directory._loads.pop(COPY)
    world.deliveries.save(replace(world.of(MSS_PROFESSIONAL), recipient=COPY, version=0, message_id="0" * 32))

    sent(world, recipient=COPY)

    assert world.operator.taken[-1].recipient == "cabinet@structure.mssante.example"


def test_a_later_version_overtakes_what_did_not_leave(world: Letters) -> None:
    world.operator.script = ["lost"]
    list(world.execution(1, (MSS_PROFESSIONAL, REQUESTER)))
    world.validate(2)
    world.now += timedelta(hours=7)

    row = sent(world)

    assert (row.state, row.reason) == (DeliveryState.WITHDRAWN, "superseded")
    assert len(world.operator.taken) == 1
    world.inbox.add(Receipt("delivered", envelope_id=row.message_id, recipient=ADDRESS[REQUESTER]))
    world.read_mailbox()
    assert world.of(MSS_PROFESSIONAL).state is DeliveryState.DELIVERED, "what is there is a fact"


def test_a_replacement_and_a_deletion_speak_of_the_mail_before(world: Letters) -> None:
    world.dispatch()
    world.validate(2)
    first = world.of(MSS_PROFESSIONAL)
    later = world.of(MSS_PROFESSIONAL, version=2)
    world.deliveries.save(replace(later, operation="replace", predecessor="2.25.201", predecessor_version=1))
    world.validate(3)
    gone = world.of(MSS_PROFESSIONAL, version=3)
    world.deliveries.save(replace(gone, operation="delete", predecessor="2.25.202", predecessor_version=2))

    send_mail(world.mail, ACCESSION, MSS_PROFESSIONAL, REQUESTER, 3, world.now)

    letter = world.writer.letters[-1]
    assert (letter.kind, letter.in_reply_to, letter.number) == ("delete", later.message_id, gone.message_id)
    assert len({first.message_id, later.message_id, gone.message_id}) == 3


def test_while_the_operator_is_down_nobody_is_called_and_nothing_is_lost(world: Letters) -> None:
    world.operator.script = ["unavailable"] * 40
    world.dispatch()
    calls = 40 - len(world.operator.script)
    assert calls < 14, "the breaker opened"

    world.operator.script = []
    world.settle_all()

    assert {mail.recipient for mail in world.operator.taken} == {ADDRESS[REQUESTER], "275126322074974@patient.mssante.fr"}


def test_only_mail_is_mailed_and_only_what_is_planned(world: Letters) -> None:
    with pytest.raises(InvalidInput, match="unknown_channel"):
        send_mail(world.mail, ACCESSION, "dmp", "DMP", 1, world.now)
    with pytest.raises(InvalidInput, match="unknown_delivery"):
        send_mail(world.mail, ACCESSION, MSS_PROFESSIONAL, "nobody", 1, world.now)
    world.versions.signed_too = False
    with pytest.raises(RemoteUnavailable, match="version_not_signed"):
        sent(world)


def test_an_end_that_could_not_be_written_is_unknown(world: Letters) -> None:
    world.deliveries.script = ["ok", *["unavailable"] * 3]

    with pytest.raises(OutcomeUnknown, match="outcome_not_written"):
        sent(world)

    assert world.of(MSS_PROFESSIONAL).unknown


@pytest.mark.parametrize(
    ("reply_to", "allowed", "final"),
    [("secretariat@nord.mssante.example", True, False), ("", True, True), ("secretariat@nord.mssante.example", False, True)],
)
def test_a_patients_mail_is_final_where_nobody_reads_an_answer_and_a_professionals_never(
    reply_to: str, allowed: bool, final: bool
) -> None:
    world = Letters(rules=MailRules(patient_may_answer=allowed))
    world.operator.reply_to = reply_to
    world.validate()

    world.dispatch()

    assert {letter.recipient.endswith("@patient.mssante.fr"): letter.final for letter in world.writer.letters} == {
        False: False,
        True: final,
    }


def test_a_deletion_reaches_whoever_has_the_report_though_it_is_masked_now() -> None:
    world = Letters()
    world.validate()
    world.made[1] = (Marks(masked_to_professionals=True), world.made[1][1])
    world.deliveries.save(replace(world.of(MSS_PROFESSIONAL), operation=DELETE, predecessor_version=1))

    assert sent(world).accepted_at is not None


def test_of_two_executions_that_read_the_same_row_one_sends(world: Letters) -> None:
    write, begun = world.writer.write, []

    def slow(*given: object, **named: object) -> bytes:
        if not begun:
            begun.append(1)
            world.operator.script = ["busy"]
            with pytest.raises(RemoteUnavailable):
                sent(world)
        return write(*given, **named)  # type: ignore[arg-type]

    world.writer.write = slow  # type: ignore[method-assign]

    row = sent(world)

    assert (row.attempts, row.reason, world.operator.taken) == (1, "mss_busy", []), "the other one said later: it is later"


@pytest.mark.parametrize("error", ["InvalidInput", "Refused", "NotAllowed"])
def test_a_rule_that_stops_a_task_refuses_no_mail_that_perhaps_left(world: Letters, error: str) -> None:
    world.operator.script = ["lost"]
    with pytest.raises(OutcomeUnknown):
        sent(world)
    services = OutcomeServices(world.deliveries, world.exams, world.rules)

    row = record_outcome(services, ACCESSION, MSS_PROFESSIONAL, REQUESTER, error, "address_malformed", world.now, report_version=1)

    assert (row.state, row.unknown) == (DeliveryState.PENDING, True)
