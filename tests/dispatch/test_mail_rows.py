"""The rows of mail: every order of events ends in a legal row, and the same events end the same, whatever their order."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.domain.dispatch import mail
from ris.domain.dispatch.channels import MSS_PROFESSIONAL, PLATFORM
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.mail import MailRules, may_leave, planned_mail, surely_not_left
from ris.domain.usage.facts import counted, counts, fails

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
RULES = MailRules()


def a_row() -> Delivery:
    return planned_mail("26000000001", "nord", MSS_PROFESSIONAL, "89990005678", 1, "2.25.1", NOW)


def leave(row: Delivery, now: datetime) -> Delivery:
    return mail.leaves(row, now, RULES, address="a@b.example") if may_leave(row, now, RULES) else row


EVENTS = {
    "leaves": leave,
    "accepted": lambda row, now: mail.accepted(row, now, RULES) if row.unknown else row,
    "lost": lambda row, now: mail.lost(row, now, RULES, reason="mss_answer_lost"),
    "not_taken": lambda row, now: mail.not_taken(row, now, reason="mss_busy") if row.unknown else row,
    "waits": lambda row, now: mail.waits(row, now, reason="mss_breaker_open"),
    "refused": lambda row, now: mail.refused(row, now, reason="recipient_unknown") if row.unknown else row,
    "held": lambda row, now: mail.held(row, now, reason="identity"),
    "withdrawn": lambda row, now: mail.withdrawn(row, now, reason="refusal"),
    "overtaken": lambda row, now: mail.overtaken(row, now),
    "arrived": lambda row, now: mail.arrived(row, now) if row.attempts else row,
    "integrated": lambda row, now: mail.integrated(row, now) if row.attempts else row,
    "bounced": lambda row, now: mail.bounced(row, now, reason="bounced") if row.attempts else row,
    "delayed": lambda row, now: mail.delayed(row, remote_code="4.4.1"),
    "without_receipt": lambda row, now: mail.without_receipt(row, now, RULES),
    "printed": lambda row, now: mail.printed(row, now, by="secretaire"),
    "reopened": lambda row, now: mail.reopened(row, now, RULES),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(EVENTS)), st.integers(0, 30_000)), max_size=25))
def test_any_order_of_events_ends_in_a_legal_row_and_its_figures_add_up(events: list[tuple[str, int]]) -> None:
    row, now, values = a_row(), NOW, Counter()
    for name, seconds in events:
        now += timedelta(seconds=seconds)
        before = row
        after = EVENTS[name](row, now)
        if after == row:
            continue
        row, facts = counted(after)
        values.update({fact.kind: fact.value for fact in facts})
        assert values["taken"] == counts(row) == bool(row.fact)
        assert values["failed"] == bool(row.failure) >= fails(row)
        assert not (row.fact and row.failure)
        row = Delivery(**{**vars(row), "version": row.version + 1})
        if row.state is DeliveryState.PENDING:
            assert row.due_at is not None or (row.accepted_at is not None and row.reason == "no_receipt")
            assert not (row.unknown and row.accepted_at)
        else:
            assert (row.unknown, row.due_at) == (False, None)
        if before.settled_by and name != "reopened":
            assert row.state is DeliveryState.DELIVERED, "what went on paper went"
        if row.state is DeliveryState.HELD:
            assert row.reason
            assert surely_not_left(row)
        if row.attempts > before.attempts:
            assert before.accepted_at is None
            assert not before.unknown or now - before.changed_at >= RULES.unknown_for
        if before.read_at is not None and name != "reopened":
            assert row.state is DeliveryState.DELIVERED


@pytest.mark.parametrize("order", itertools.permutations(["arrived", "bounced", "integrated"]))
@pytest.mark.parametrize("kinds", [("arrived", "bounced"), ("bounced", "integrated"), ("arrived", "bounced", "integrated")])
def test_receipts_end_the_same_in_any_order(order: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    accepted = mail.accepted(leave(a_row(), NOW), NOW, RULES)
    later = NOW + timedelta(hours=1)

    row = reduce(lambda row, name: EVENTS[name](row, later), [name for name in order if name in kinds], accepted)

    strongest = DeliveryState.DELIVERED if "integrated" in kinds else DeliveryState.REJECTED
    assert row.state is strongest


def test_a_number_is_the_uuid_of_version_5_of_the_rows_name() -> None:
    space = uuid.UUID("6f6f7a52-3b0b-5c0d-9b1e-2f60c7c0a9d1")
    name = mail.row_name("26000000001", MSS_PROFESSIONAL, "89990005678", 1)

    assert a_row().message_id == uuid.uuid5(space, name).hex


def test_what_the_platform_sends_is_not_ours_to_send_again() -> None:
    theirs = Delivery(**{**vars(a_row()), "state": DeliveryState.REJECTED, "who_sends": PLATFORM})

    assert mail.reopened(theirs, NOW, RULES) == theirs
    assert not may_leave(Delivery(**{**vars(theirs), "state": DeliveryState.DELEGATED}), NOW, RULES)


def test_only_what_surely_did_not_leave_is_withdrawn() -> None:
    unknown = leave(a_row(), NOW)

    assert mail.withdrawn(unknown, NOW, reason="refusal") == unknown
    assert mail.withdrawn(a_row(), NOW, reason="refusal").state is DeliveryState.WITHDRAWN
    with pytest.raises(ValueError, match="long unknown"):
        mail.leaves(unknown, NOW, RULES)


def accepted_row() -> Delivery:
    return mail.accepted(leave(a_row(), NOW), NOW, RULES)


def test_a_mail_without_a_receipt_is_overdue_from_then_on_and_keeps_its_date() -> None:
    row = accepted_row()
    assert not mail.overdue(row, NOW + RULES.receipt_within)
    assert mail.overdue(row, NOW + RULES.receipt_within + timedelta(seconds=1)), "late before the sweep looked"

    first = mail.without_receipt(row, NOW + timedelta(days=3), RULES)
    second = mail.without_receipt(first, NOW + timedelta(days=6), RULES)
    last = mail.without_receipt(second, NOW + timedelta(days=28), RULES)

    assert (first.due_at, first.changed_at, second.due_at) == (
        NOW + timedelta(days=6), NOW + timedelta(days=3), NOW + timedelta(days=9),
    )  # fmt: skip
    assert (second.changed_at, last.due_at) == (first.changed_at, None)
    assert all(mail.overdue(one, NOW) for one in (first, second, last))
    assert not mail.overdue(mail.arrived(last, NOW), NOW)


@pytest.mark.parametrize(
    ("row", "settled"),
    [
        (mail.held(a_row(), NOW, reason="to_print"), True),
        (mail.held(a_row(), NOW, reason="identity"), False),
        (a_row(), False),
        (leave(a_row(), NOW), False),
        (accepted_row(), False),
        (mail.without_receipt(accepted_row(), NOW, RULES), True),
        (mail.bounced(accepted_row(), NOW, reason="recipient_unknown", remote_code="5.1.1"), True),
        (mail.withdrawn(a_row(), NOW, reason="refusal"), False),
        (replace(a_row(), channel="dmp", recipient="DMP", state=DeliveryState.REJECTED), False),
        (replace(a_row(), channel="hl7_report", recipient="HIS", state=DeliveryState.REJECTED), False),
        (replace(a_row(), channel="to_print", state=DeliveryState.HELD, reason="to_print"), True),
        (replace(a_row(), channel="to_print", state=DeliveryState.HELD, reason="withheld"), False),
        (replace(a_row(), state=DeliveryState.DELEGATED), False),
    ],
)
def test_paper_settles_what_no_mail_will(row: Delivery, settled: bool) -> None:
    after = mail.printed(row, NOW, by="secretaire")

    assert mail.may_be_printed(row) is settled
    assert (after.state is DeliveryState.DELIVERED, after.settled_by) == (settled, "secretaire" if settled else "")
    assert after.remote_code == row.remote_code, "why it went on paper stays to be read"


def test_a_bounce_that_comes_after_the_paper_refuses_nothing() -> None:
    paper = mail.printed(mail.without_receipt(accepted_row(), NOW, RULES), NOW, by="secretaire")

    assert mail.bounced(paper, NOW, reason="recipient_unknown") == paper
