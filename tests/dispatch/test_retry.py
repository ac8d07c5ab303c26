"""Sending again by hand: one row or many, told beforehand, and never where an effect could be doubled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ris.adapters.dispatch.memory import MemoryDeliveryStore
from ris.application.dispatch.retry import Selection, retry_many, retry_row
from ris.application.dispatch.services import RestartServices
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.errors import Refused, RemoteUnavailable

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
PENDING, REJECTED, HELD = DeliveryState.PENDING, DeliveryState.REJECTED, DeliveryState.HELD


class Starts:
    """Executions as they were asked for."""

    def __init__(self) -> None:
        self.names: list[tuple[str, int, int, tuple[tuple[str, str], ...]]] = []
        self.unavailable = False

    def start_dispatch(self, accession_number: str, version: int, attempt: int, rows: tuple[tuple[str, str], ...]) -> None:
        if self.unavailable:
            raise RemoteUnavailable("workflows_unavailable")
        self.names.append((accession_number, version, attempt, rows))


class NoOutage:
    """Every remote answers, as far as is known."""

    def until(self, remote: str, now: datetime) -> None:
        return None


class World:
    """Rows, and what was started for them."""

    def __init__(self) -> None:
        self.rows, self.starts = MemoryDeliveryStore(), Starts()
        self.s = RestartServices(self.rows, self.starts, NoOutage())

    def row(self, state: DeliveryState, **said: Any) -> Delivery:
        row = Delivery("A1", "nord", "dmp", "DMP", "", state, changed_at=NOW - timedelta(hours=1), report_version=1, executions=1)
        return self.rows.save(replace(row, **said))

    def retry(self, row: Delivery, *, dry_run: bool = False) -> Delivery:
        return retry_row(self.s, row.owner, row.channel, row.recipient, row.report_version, NOW, dry_run=dry_run).row


GOES = {
    "rejected by the DMP": (REJECTED, {}),
    "rejected mail": (REJECTED, {"channel": "mss_professional", "recipient": "89990005678", "reason": "bounced"}),
    "rejected HL7": (REJECTED, {"channel": "hl7_report", "recipient": "HIS"}),
    "perhaps in the DMP": (PENDING, {"unknown": True, "due_at": NOW + timedelta(minutes=5), "reason": "dmp_answer_lost"}),
    "waits for its turn": (PENDING, {"due_at": NOW + timedelta(minutes=55), "attempts": 3}),
    "no record yet": (HELD, {"reason": "no_dmp", "due_at": NOW + timedelta(hours=20)}),
    "a mail long unknown": (
        PENDING,
        {
            "channel": "mss_patient", "recipient": "PATIENT", "unknown": True, "due_at": NOW,
            "changed_at": NOW - timedelta(hours=7),
        },
    ),
    "HL7 perhaps sent": (PENDING, {"channel": "hl7_report", "recipient": "HIS", "unknown": True, "due_at": NOW}),
}  # fmt: skip
STAYS = {
    "delivered": (DeliveryState.DELIVERED, {}, "already_delivered"),
    "given to a platform": (DeliveryState.DELEGATED, {"who_sends": "platform"}, "row_delegated"),
    "refused to a platform": (REJECTED, {"who_sends": "platform"}, "row_delegated"),
    "withdrawn": (DeliveryState.WITHDRAWN, {"reason": "refusal"}, "row_withdrawn"),
    "held for an announcement": (HELD, {"channel": "mss_patient", "reason": "announcement"}, "held_announcement"),
    "withheld": (HELD, {"reason": "withheld"}, "held_withheld"),
    "to be printed": (HELD, {"channel": "to_print", "reason": "to_print"}, "held_to_print"),
    "with the operator": (PENDING, {"channel": "mss_patient", "accepted_at": NOW, "due_at": NOW}, "accepted_by_operator"),
    "a mail perhaps with the operator": (
        PENDING, {"channel": "mss_patient", "unknown": True, "due_at": NOW + timedelta(hours=5)}, "mail_outcome_unknown",
    ),
    "with the gateway": (
        PENDING, {"channel": "hl7_report", "reason": "handed_over", "due_at": NOW + timedelta(minutes=9)}, "answer_awaited",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOES)
def test_what_can_go_again_goes_now_and_alone(name: str) -> None:
    world, (state, said) = World(), GOES[name]
    row = world.row(state, **said)

    world.retry(row, dry_run=True)
    assert ([], row) == (world.starts.names, world.rows.get(row.owner, row.channel, row.recipient, 1))
    after = world.retry(row)

    assert [("A1", 1, 2, ((row.channel, row.recipient),))] == world.starts.names
    assert after.state in (PENDING, HELD)
    assert after.unknown is row.unknown


@pytest.mark.parametrize("name", STAYS)
def test_what_could_arrive_twice_or_must_not_leave_stays(name: str) -> None:
    world, (state, said, code) = World(), STAYS[name]
    row = world.row(state, **said)

    for dry_run in (True, False):
        with pytest.raises(Refused) as refused:
            world.retry(row, dry_run=dry_run)
        assert code == refused.value.code
    assert ([], row) == (world.starts.names, world.rows.get(row.owner, row.channel, row.recipient, 1))


def test_an_older_version_goes_no_more_once_there_is_a_later_one() -> None:
    world = World()
    older = world.row(REJECTED)
    world.row(PENDING, report_version=2, due_at=NOW)

    with pytest.raises(Refused) as refused:
        world.retry(older)

    assert "superseded" == refused.value.code


def test_a_rejected_order_is_due_now_for_the_sweep() -> None:
    world = World()
    order = world.row(REJECTED, channel="hl7_pacs_order", recipient="PACS", report_version=0, message_id="M" * 20)

    after = world.retry(order)

    assert (PENDING, NOW, []) == (after.state, after.due_at, world.starts.names)


def test_many_rows_go_and_one_that_stays_stops_nobody() -> None:
    world = World()
    for number in range(3):
        world.row(REJECTED, owner=f"A{number}")
    world.row(PENDING, owner="B", channel="mss_patient", accepted_at=NOW, due_at=NOW + timedelta(days=2))
    world.row(REJECTED, owner="C", changed_at=NOW - timedelta(hours=3))
    world.row(REJECTED, owner="D", site="sud")
    world.row(DeliveryState.DELIVERED, owner="E")
    wanted = Selection(("nord",), NOW - timedelta(hours=2))

    told = retry_many(world.s, wanted, NOW, dry_run=True)
    assert [] == world.starts.names
    done = retry_many(world.s, wanted, NOW)

    assert [(one.row.owner, one.refusal) for one in told] == [(one.row.owner, one.refusal) for one in done]
    assert [("A0", ""), ("A1", ""), ("A2", ""), ("B", "accepted_by_operator")] == [(one.row.owner, one.refusal) for one in done]
    assert ["A0", "A1", "A2"] == [name for name, *_ in world.starts.names]
    again = retry_many(world.s, replace(wanted, channel="mss_patient"), NOW)
    assert ["B"] == [one.row.owner for one in again]


def test_a_start_that_fails_is_said_and_the_row_stays_due() -> None:
    world = World()
    world.starts.unavailable = True
    world.row(REJECTED)

    (done,) = retry_many(world.s, Selection(("nord",), NOW - timedelta(hours=2)), NOW)

    assert ("workflows_unavailable", PENDING) == (done.refusal, done.row.state)
    assert done.row.due_at is not None
