"""The rules of a DMP row, driven by random events in random orders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ris.domain.dispatch import dmp
from ris.domain.dispatch.delivery import Delivery, DeliveryState

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
RULES = dmp.DmpRules()
EVENTS = {
    "open": lambda row, now: dmp.record_open(row, now, RULES),
    "none": lambda row, now: dmp.no_record(row, now, RULES),
    "closed": lambda row, now: dmp.record_closed(row, now, since="20260101", why="FERMETURE_DEMANDE_PATIENT"),
    "opposed": dmp.opposed_to,
    "not qualified": dmp.identity_missing,
    "leaves": lambda row, now: dmp.leaves(row, now, RULES) if dmp.undecided(row) and row.state is DeliveryState.PENDING else row,
    "lost": lambda row, now: dmp.lost(row, now, RULES, reason="dmp_answer_lost"),
    "found": dmp.found,
    "absent": dmp.absent,
    "not taken": lambda row, now: dmp.not_taken(row, now, reason="dmp_503"),
    "waits": lambda row, now: dmp.waits(row, now, reason="dmp_503"),
    "refused": lambda row, now: dmp.refused(row, now, reason="XDSRegistryMetadataError", remote_code="XDSRegistryMetadataError"),
    "other bytes": lambda row, now: dmp.refused(row, now, reason="XDSNonIdenticalHash", remote_code="XDSNonIdenticalHash"),
    "started": lambda row, now: dmp.started_again(row, now, RULES) if row.due_at else row,
}  # fmt: skip
LEGAL = {
    (DeliveryState.PENDING, None), (DeliveryState.DELIVERED, ""), (DeliveryState.REJECTED, None),
    (DeliveryState.HELD, dmp.NO_DMP), (DeliveryState.HELD, dmp.IDENTITY), (DeliveryState.WITHDRAWN, dmp.OPPOSITION),
}  # fmt: skip


def planned(**how: bool) -> Delivery:
    return dmp.planned_dmp("26000000001", "nord", 1, "2.25.201", NOW, **({"qualified": True} | how))


@given(st.booleans(), st.booleans(), st.lists(st.sampled_from(sorted(EVENTS)), max_size=30))
@settings(max_examples=600, deadline=None)
def test_any_order_of_events_ends_in_a_legal_state(qualified: bool, opposed: bool, names: list[str]) -> None:
    row, now = planned(qualified=qualified, opposed=opposed), NOW
    for name in names:
        now += timedelta(seconds=7)
        before, row = row, EVENTS[name](row, now)
        assert (row.state, row.reason) in LEGAL or (row.state, None) in LEGAL
        assert not row.unknown or row.state is DeliveryState.PENDING
        assert (row.due_at is not None) or row.state is not DeliveryState.PENDING, "a pending row is always looked at again"
        assert row.state in (DeliveryState.PENDING, DeliveryState.HELD) or row.due_at is None
        if before.state is DeliveryState.DELIVERED:
            assert row == before, "nothing delivered becomes undelivered"
        if before.state in (DeliveryState.REJECTED, DeliveryState.WITHDRAWN):
            assert row == before or row.state is DeliveryState.DELIVERED, "nothing rejected goes again by itself"
        if before.unknown:
            assert row.unknown or name in ("found", "absent", "not taken", "refused", "other bytes"), (
                "only an answer ends the unknown"
            )
            assert row.attempts == before.attempts, "nothing is sent while the last end is unknown"
        assert (row.owner, row.report_version, row.document_id) == (before.owner, before.report_version, before.document_id)


def test_an_unknown_row_cannot_leave() -> None:
    with pytest.raises(ValueError, match="surely not in the DMP"):
        dmp.leaves(dmp.leaves(planned(), NOW, RULES), NOW, RULES)


def test_no_record_is_asked_again_the_next_day_and_not_for_ever() -> None:
    row, now = planned(), NOW
    days = 0
    while (row := dmp.no_record(row, now, RULES)).due_at is not None:
        assert row.due_at - now == timedelta(days=1)
        now, days = row.due_at, days + 1

    assert days == 90
    assert (row.state, row.reason) == (DeliveryState.HELD, "no_dmp")


def test_a_lost_answer_is_asked_about_after_a_setting_of_seconds() -> None:
    row = dmp.leaves(planned(), NOW, RULES)

    assert dmp.may_be_asked(row, RULES) == NOW + RULES.sending_for
    assert dmp.may_be_asked(dmp.lost(row, NOW, RULES, reason="dmp_answer_lost"), RULES) == NOW + RULES.settle


def test_an_outage_is_met_with_longer_and_longer_pauses() -> None:
    row, pauses = planned(), []
    for _ in range(6):
        for _ in range(3):  # a workflow tries several times
            row = dmp.not_taken(dmp.leaves(row, NOW, RULES), NOW, reason="dmp_503")
        assert row.due_at is not None
        pauses.append((row.due_at - NOW) // timedelta(minutes=1))
        row = dmp.started_again(row, NOW, RULES)

    assert pauses == [1, 2, 5, 15, 60, 60]


def test_what_other_bytes_hold_under_our_id_is_no_find_of_ours() -> None:
    row = EVENTS["other bytes"](dmp.leaves(planned(), NOW, RULES), NOW)

    assert dmp.found(row, NOW) == row


def test_a_person_opens_a_rejected_row_and_nothing_else() -> None:
    rejected = EVENTS["refused"](dmp.leaves(planned(), NOW, RULES), NOW)

    assert dmp.reopened(rejected, NOW, RULES).state is DeliveryState.PENDING
    for name in ("found", "opposed", "not qualified"):
        row = EVENTS[name](planned(), NOW)
        assert dmp.reopened(row, NOW, RULES) == row
