"""Reading a mailbox: receipts find their row as the rules say, once, and what nobody can place waits for a person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ris.application.dispatch.mail_port import Receipt
from ris.application.dispatch.reconcile_mail import reconcile_mailboxes
from ris.domain.dispatch.channels import MSS_PATIENT, MSS_PROFESSIONAL
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.errors import Refused, RemoteUnavailable
from ris.domain.usage.facts import TAKEN
from tests.support.dmp import Killed
from tests.support.letters import ADDRESS, MAILBOX, REQUESTER, Letters


@pytest.fixture
def world() -> Letters:
    made = Letters()
    made.validate()
    made.dispatch()
    return made


def number(world: Letters, channel: str = MSS_PROFESSIONAL) -> str:
    return world.of(channel).message_id


def dashed(hexes: str) -> str:
    return f"{hexes[:8]}-{hexes[8:12]}-{hexes[12:16]}-{hexes[16:20]}-{hexes[20:]}@nord.mssante.example"


@pytest.mark.segur("MSS.14", "MSS.18")
@pytest.mark.parametrize(
    ("said", "state", "reason"),
    [
        ({"kind": "delivered", "envelope_id": "{n}", "recipient": ADDRESS[REQUESTER]}, DeliveryState.DELIVERED, ""),
        ({"kind": "delivered", "message_id": "{m}", "recipient": ADDRESS[REQUESTER]}, DeliveryState.DELIVERED, ""),
        ({"kind": "failed", "envelope_id": "{n}", "recipient": ADDRESS[REQUESTER], "code": "5.1.1"}, DeliveryState.REJECTED, "recipient_unknown"),
        ({"kind": "failed", "envelope_id": "{n}", "code": "5.2.1"}, DeliveryState.REJECTED, "mailbox_closed"),
        ({"kind": "failed", "envelope_id": "{n}", "code": "5.3.4"}, DeliveryState.REJECTED, "refused_too_big"),
        ({"kind": "failed", "envelope_id": "{n}", "code": "5.0.0", "words": "550 5.7.1 not authorised"}, DeliveryState.REJECTED, "bounced"),
        ({"kind": "delayed", "envelope_id": "{n}", "code": "4.4.1"}, DeliveryState.PENDING, "accepted_by_operator"),
        ({"kind": "relayed", "envelope_id": "{n}"}, DeliveryState.PENDING, "accepted_by_operator"),
        ({"kind": "processed", "message_id": "{m}"}, DeliveryState.DELIVERED, ""),
        ({"kind": "read", "message_id": "{m}"}, DeliveryState.DELIVERED, ""),
        ({"kind": "deleted", "message_id": "{m}"}, DeliveryState.PENDING, "accepted_by_operator"),
        ({"kind": "error", "message_id": "{m}", "code": "902"}, DeliveryState.REJECTED, "integration_902"),
        ({"kind": "ko", "message_id": "{m}", "code": "904"}, DeliveryState.REJECTED, "integration_904"),
        ({"kind": "ko", "document_id": "2.25.201", "sender": ADDRESS[REQUESTER], "code": "900"}, DeliveryState.REJECTED, "integration_900"),
    ],
)  # fmt: skip
def test_each_receipt_finds_its_row(world: Letters, said: dict[str, str], state: DeliveryState, reason: str) -> None:
    hexes = number(world)
    world.inbox.add(Receipt(**{name: text.replace("{n}", hexes).replace("{m}", dashed(hexes)) for name, text in said.items()}))

    done = world.read_mailbox()

    row = world.of(MSS_PROFESSIONAL)
    assert (row.state, row.reason, done.applied, done.kept) == (state, reason, 1, 0)
    assert (row.read_at is not None) == (said["kind"] in ("processed", "read"))
    assert world.of(MSS_PATIENT).state is DeliveryState.PENDING, "nobody else's row moved"


@pytest.mark.parametrize(
    ("receipt", "reason"),
    [
        (Receipt("other"), "mail_not_understood"),
        (Receipt("failed", envelope_id="0" * 32), "receipt_of_nothing_sent"),
        (Receipt("failed", envelope_id="x' OR 1=1"), "receipt_of_nothing_sent"),
        (Receipt("failed"), "receipt_of_nothing_sent"),
        (Receipt("ko", document_id="2.25.201", sender="somebody@else.mssante.example", code="902"), "receipt_of_nothing_sent"),
        (Receipt("ko", document_id="2.25.999", sender=ADDRESS[REQUESTER], code="902"), "receipt_of_nothing_sent"),
    ],
)
def test_what_nobody_can_place_is_kept_for_a_person_and_moves_nothing(world: Letters, receipt: Receipt, reason: str) -> None:
    before = (world.of(MSS_PROFESSIONAL), world.of(MSS_PATIENT))
    world.inbox.add(receipt)

    assert world.read_mailbox().kept == 1

    assert world.incidents() == [reason]
    assert (world.of(MSS_PROFESSIONAL), world.of(MSS_PATIENT)) == before


def test_a_dsn_for_another_recipient_moves_nothing(world: Letters) -> None:
    world.inbox.add(Receipt("failed", envelope_id=number(world), recipient="other@medecin.mssante.example"))
    world.inbox.add(Receipt("failed", envelope_id=number(world, MSS_PATIENT), recipient=ADDRESS[REQUESTER]))

    world.read_mailbox()

    assert world.incidents() == ["receipt_of_another_recipient"] * 2


def test_a_receipt_of_another_sites_mail_moves_nothing(world: Letters) -> None:
    world.operator.mailboxes["sud"] = "sud@sud.mssante.example"
    world.deliveries.save(replace(world.of(MSS_PROFESSIONAL), site="sud"))
    world.inbox.add(Receipt("failed", envelope_id=number(world), recipient=ADDRESS[REQUESTER]))

    world.read_mailbox()

    assert world.incidents() == ["receipt_of_nothing_sent"]
    assert world.of(MSS_PROFESSIONAL).state is DeliveryState.PENDING


def test_a_mailbox_that_two_sites_write_from_is_read_once_and_moves_the_rows_of_both(world: Letters) -> None:
    world.operator.mailboxes["sud"] = MAILBOX.address.upper()
    world.operator.mailboxes["ouest"] = Refused("mailbox_not_configured")
    world.deliveries.save(replace(world.of(MSS_PATIENT), site="sud"))
    world.inbox.add(Receipt("delivered", envelope_id=number(world), recipient=ADDRESS[REQUESTER]))
    world.inbox.add(Receipt("processed", message_id=dashed(number(world, MSS_PATIENT))))

    runs = list(reconcile_mailboxes(world.mailboxes, ("ouest", "nord", "sud"), world.now))
    again = list(reconcile_mailboxes(world.mailboxes, ("sud", "nord"), world.now))

    assert [(run.site, run.done.read, run.done.applied, run.done.kept, run.code) for run in runs] == [("nord", 2, 2, 0, "")]
    assert [(run.site, run.done.read) for run in again] == [("sud", 0)], "one place for the mailbox, whoever opens it"
    assert (world.of(MSS_PROFESSIONAL).state, world.of(MSS_PATIENT).state) == (DeliveryState.DELIVERED, DeliveryState.DELIVERED)
    assert world.incidents() == []


def test_a_shared_mailbox_is_tried_with_each_sites_certificate_and_two_mailboxes_are_two(world: Letters) -> None:
    world.operator.mailboxes["est"] = "est@est.mssante.example"
    world.inbox.closed_to = frozenset({"nord"})
    world.inbox.add(Receipt("delivered", envelope_id=number(world), recipient=ADDRESS[REQUESTER]))

    runs = list(reconcile_mailboxes(world.mailboxes, ("nord", "sud", "est"), world.now))

    assert [(run.site, run.code) for run in runs] == [("nord", "mss_login_refused"), ("sud", ""), ("est", "")]
    assert world.inbox.opened == ["nord", "sud", "est"]
    assert world.of(MSS_PROFESSIONAL).state is DeliveryState.DELIVERED


def test_a_receipt_waits_while_nobody_can_tell_whose_mailbox_it_is_about(world: Letters) -> None:
    world.deliveries.save(replace(world.of(MSS_PROFESSIONAL), site="sud"))
    world.operator.mailboxes["sud"] = RemoteUnavailable("cloud_unavailable")
    world.inbox.add(Receipt("delivered", envelope_id=number(world), recipient=ADDRESS[REQUESTER]))

    with pytest.raises(RemoteUnavailable):
        world.read_mailbox()
    del world.operator.mailboxes["sud"]
    world.read_mailbox()

    assert world.of(MSS_PROFESSIONAL).state is DeliveryState.DELIVERED
    assert world.incidents() == []


def test_one_mail_may_speak_of_several_recipients(world: Letters) -> None:
    world.inbox.add(
        Receipt("delivered", envelope_id=number(world), recipient=ADDRESS[REQUESTER]),
        Receipt("failed", envelope_id=number(world, MSS_PATIENT), recipient="275126322074974@patient.mssante.fr", code="5.1.1"),
    )

    world.read_mailbox()

    assert (world.of(MSS_PROFESSIONAL).state, world.of(MSS_PATIENT).state) == (DeliveryState.DELIVERED, DeliveryState.REJECTED)


def test_a_mail_is_read_once_and_a_new_numbering_moves_nothing_twice(world: Letters) -> None:
    world.inbox.add(Receipt("other"))
    world.inbox.add(Receipt("delivered", envelope_id=number(world), recipient=ADDRESS[REQUESTER]))
    assert world.read_mailbox().read == 2
    assert world.read_mailbox().read == 0, "a search always returns the last one"
    before, incidents = world.of(MSS_PROFESSIONAL), world.incidents()

    world.inbox.uid_validity = 8
    assert world.read_mailbox().read == 2

    assert world.of(MSS_PROFESSIONAL) == before
    assert incidents == ["mail_not_understood"]
    assert set(world.incidents()) == {"mail_not_understood"}


def test_a_run_that_breaks_in_the_middle_is_gone_on_with(world: Letters) -> None:
    world.inbox.add(Receipt("other"))
    uid = world.inbox.add(Receipt("delivered", envelope_id=number(world), recipient=ADDRESS[REQUESTER]))
    world.inbox.unavailable_at = uid
    with pytest.raises(RemoteUnavailable):
        world.read_mailbox()

    assert world.read_mailbox().read == 1
    assert world.of(MSS_PROFESSIONAL).state is DeliveryState.DELIVERED


@pytest.mark.parametrize("word", ["killed", "died"])
def test_a_function_killed_on_a_receipt_reads_it_again(world: Letters, word: str) -> None:
    world.inbox.add(Receipt("delivered", envelope_id=number(world), recipient=ADDRESS[REQUESTER]))
    world.deliveries.script = [word]
    with pytest.raises(Killed):
        world.read_mailbox()

    world.read_mailbox()

    assert world.of(MSS_PROFESSIONAL).state is DeliveryState.DELIVERED


def test_a_long_mail_is_read_to_its_end_only_if_what_tells_the_row_may_stand_there(world: Letters) -> None:
    world.inbox.first = 40
    world.inbox.add(Receipt("ko", document_id="2.25.201", sender=ADDRESS[REQUESTER], code="902"))

    world.read_mailbox()

    assert world.inbox.fetched == [(1, False), (1, True)]
    assert world.of(MSS_PROFESSIONAL).reason == "integration_902"


def test_a_full_mailbox_is_read_in_portions(world: Letters) -> None:
    world.mailboxes = replace(world.mailboxes, most=3)
    for _ in range(5):
        world.inbox.add(Receipt("other"))

    first, second = world.read_mailbox(), world.read_mailbox()

    assert (first.read, first.left, second.read, second.left) == (3, 2, 2, 0)


def test_the_bounce_of_a_mail_that_counted_corrects_the_figure_at_its_own_date(world: Letters) -> None:
    world.inbox.add(Receipt("failed", envelope_id=number(world), recipient=ADDRESS[REQUESTER], code="5.1.1"))
    counted = [fact for fact in world.deliveries.facts if fact.channel == MSS_PROFESSIONAL]
    world.now = world.now.replace(month=12, day=1)

    world.read_mailbox()

    first, second = [fact for fact in world.deliveries.facts if (fact.channel, fact.kind) == (MSS_PROFESSIONAL, TAKEN)]
    assert [first] == counted
    assert (first.value, first.month, second.value, second.month, second.corrects) == (1, "2026-11", -1, "2026-12", first.fact_id)


def test_a_receipt_of_a_mail_that_never_left_moves_nothing(world: Letters) -> None:
    world.deliveries.save(replace(world.of(MSS_PROFESSIONAL), attempts=0, accepted_at=None, reason=""))
    world.inbox.add(Receipt("processed", message_id=dashed(number(world))))

    world.read_mailbox()

    assert world.of(MSS_PROFESSIONAL).state is DeliveryState.PENDING
    assert world.incidents() == ["receipt_of_nothing_sent"]


def test_a_site_without_a_mailbox_writes_from_none(world: Letters) -> None:
    world.operator.mailboxes["sud"] = Refused("mailbox_not_configured")
    world.deliveries.save(replace(world.of(MSS_PROFESSIONAL), site="sud"))
    world.inbox.add(Receipt("processed", message_id=dashed(number(world))))

    world.read_mailbox()

    assert world.of(MSS_PROFESSIONAL).state is DeliveryState.PENDING
    assert world.incidents() == ["receipt_of_nothing_sent"]
