"""What the C-FIND service answers, without a network: a reply that was kept is given again only while it would be made the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from gateways.edge.config import DicomSettings, ModalitySettings
from gateways.edge.dicom.dimse import Command, Message
from gateways.edge.dicom.finding import BLOCK, KEPT, KEPT_BYTES, Finder
from gateways.edge.dicom.negotiation import WORKLIST, Accepted, Context
from gateways.edge.dicom.request import Later, Request, Stream
from gateways.edge.dicom.stations import Stations
from gateways.edge.dicom.worklist import Local, Worklist
from tests.support.gateway import Clock
from tests.support.worklist import an_item, encoded, query

CT1 = Accepted("CT1", "RISMWL", {}, 16384, b"")
FIND = Command(0x20, 1, WORKLIST, "", True)
EXPIRES_AFTER = timedelta(hours=2)


@dataclass
class Desk:
    """A finder and what it answers from."""

    worklist: Worklist = field(default_factory=Worklist)
    clock: Clock = field(default_factory=Clock)
    modalities: tuple[ModalitySettings, ...] = (
        ModalitySettings(ae_title="CT1"),
        ModalitySettings(ae_title="MR1", charset="ISO_IR 192"),
    )
    expire_after_h: float | None = None

    def finder(self) -> Finder:
        stations = Stations(self.modalities, self.clock, expire_after_h=self.expire_after_h)
        return Finder(DicomSettings(max_answers=BLOCK * 4), worklist=self.worklist, stations=stations, clock=self.clock)


def asked(
    *,
    association: Accepted = CT1,
    command: Command = FIND,
    context_id: int = 1,
    implicit: bool = True,
    cancelled: bool = False,
    **keys: Any,
) -> Request:
    identifier = encoded(query(PatientName="", **keys), implicit=implicit)
    return Request(Message(context_id, command, identifier), association, Context(WORKLIST, implicit), cancelled=cancelled)


def reply(finder: Finder, request: Request) -> tuple[bytes, bool]:
    """Return the whole reply, and whether it had been kept."""
    found = finder.answer(request)
    assert not isinstance(found, Later)
    return (b"".join(found.parts), False) if isinstance(found, Stream) else (found, True)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    for number in (1, 2, 3):
        desk.worklist.put(replace(an_item(number), expires_at=desk.clock() + EXPIRES_AFTER * number))
    return desk


def test_the_same_question_gets_the_reply_that_was_kept(desk: Desk) -> None:
    finder = desk.finder()
    first, was_kept = reply(finder, asked())

    assert not was_kept
    assert (first, True) == reply(finder, asked())
    desk.clock.pass_by(hours=1)
    assert (first, True) == reply(finder, asked())


CHANGES: dict[str, Callable[[Desk], object]] = {
    "a step more": lambda desk: desk.worklist.put(an_item(4)),
    "a step in a newer version": lambda desk: desk.worklist.put(replace(an_item(1, PatientName="AUTRE^NOM"), version=2)),
    "a step less": lambda desk: desk.worklist.remove("SPS1"),
    "performed": lambda desk: desk.worklist.set_local("SPS1", Local("completed", 9)),
    "the first expires": lambda desk: desk.clock.pass_by(seconds=EXPIRES_AFTER.total_seconds()),
    "all expire": lambda desk: desk.clock.pass_by(days=1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_the_list_changes_the_reply(desk: Desk, change: Callable[[Desk], object]) -> None:
    finder = desk.finder()
    before, _ = reply(finder, asked())
    change(desk)

    now, was_kept = reply(finder, asked())

    assert not was_kept
    assert reply(desk.finder(), asked())[0] == now != before


def test_a_step_nobody_performed_leaves_a_kept_reply_too() -> None:
    desk = Desk(expire_after_h=30)
    desk.worklist.put(an_item(1))
    finder = desk.finder()
    before, _ = reply(finder, asked())
    assert (before, True) == reply(finder, asked())
    fresh: list[bytes] = []
    for _ in range(48):
        desk.clock.pass_by(hours=1)
        fresh.append(reply(desk.finder(), asked())[0])
        assert fresh[-1] == reply(finder, asked())[0]

    assert len({before, *fresh}) > 1


OTHERS = {
    "message": asked(command=Command(0x20, 2, WORKLIST, "", True)),
    "context": asked(context_id=3),
    "transfer syntax": asked(implicit=False),
    "identifier": asked(PatientID=""),
    "unsupported key": asked(OperatorsName=""),
    "shorter PDUs": asked(association=replace(CT1, max_length=64)),
    "another station's character set": asked(association=replace(CT1, calling="MR1"), SpecificCharacterSet=""),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_question_never_gets_it(desk: Desk, other: Request) -> None:
    finder = desk.finder()
    kept, _ = reply(finder, asked())

    assert (reply(desk.finder(), other)[0], False) == reply(finder, other)
    assert (kept, True) == reply(finder, asked())


def test_the_steps_of_another_called_title_are_not_in_it(desk: Desk) -> None:
    desk.worklist.put(replace(an_item(9), called="OTHER"))
    finder, other = desk.finder(), asked(association=replace(CT1, called="OTHER"))

    assert reply(finder, asked())[0] != reply(finder, other)[0]


def test_a_cancelled_question_ends_as_cancelled_and_nothing_of_it_is_kept(desk: Desk) -> None:
    finder = desk.finder()
    cancelled, _ = reply(finder, asked(cancelled=True))
    whole, was_kept = reply(finder, asked())

    assert (b"\x00\xfe" in cancelled, was_kept) == (True, False)
    assert (cancelled, False) == reply(finder, asked(cancelled=True))
    assert (whole, True) == reply(finder, asked())


def test_only_short_replies_are_kept_and_not_many(desk: Desk) -> None:
    finder = desk.finder()
    for number in range(KEPT * 2):
        reply(finder, asked(PatientID=f"P{number}"))
    assert len(finder._kept) <= KEPT
    for number in range(4, BLOCK + 4):
        desk.worklist.put(an_item(number))

    long, _ = reply(finder, asked())

    assert (long, False) == reply(finder, asked())
    assert all(len(one.encoded) <= KEPT_BYTES for one in finder._kept.values())
