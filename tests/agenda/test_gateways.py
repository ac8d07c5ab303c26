"""What gateways say of themselves: the newest stands, and a full worklist is sent once for each request."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.adapters.agenda.gateway_status import gateway_of
from ris.adapters.agenda.gateways import MemoryGatewayBook
from ris.application.agenda import gateways as use_case
from ris.application.agenda.gateways import Gateway, Station, seen_by_station, take_status
from ris.application.agenda.images_arrived import images_arrived
from ris.contracts.queues import CertificateDays, GatewayStatus, StationSeen
from tests.support.agenda import NOW, World, a_patient

STARTED = NOW - timedelta(days=3)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def book() -> MemoryGatewayBook:
    return MemoryGatewayBook()


def said(minutes: float = 0, **changes: object) -> Gateway:
    status = GatewayStatus(
        kind="status",
        site="nord",
        gateway_id="g-1",
        version="1.0",
        sent_at=NOW + timedelta(minutes=minutes),
        started_at=STARTED,
        clock_skew_s=0.25,
        spool_rows=2,
        spool_oldest_s=3.5,
        feed_steps=7,
        certificates=(CertificateDays(name="tls", not_after=NOW + timedelta(days=40)),),
        stations=(StationSeen(ae_title="CT1", last_find_at=NOW),),
    )
    return replace(gateway_of(status), **changes)  # type: ignore[arg-type]


def test_the_newest_status_stands_whatever_the_order(world: World, book: MemoryGatewayBook) -> None:
    for one in (said(1, version="1.1"), said(0), said(1, version="1.2")):
        take_status(world.s, book, one, NOW)

    (kept,) = book.of_site("nord")
    assert "1.1" == kept.version
    assert [] == book.of_site("nuit")


def test_a_full_worklist_is_sent_once_for_each_request(world: World, book: MemoryGatewayBook) -> None:
    exam = world.booked()
    world.feed.published.clear()

    counts = [
        take_status(world.s, book, said(n, wants_feed=wants), NOW) for n, wants in enumerate((False, True, True, False, True))
    ]

    assert [0, 1, 0, 0, 1] == counts
    assert {exam.steps[0].sps_id} == {one.sps_id for one in world.feed.published}
    assert {exam.version - 1, exam.version} >= {one.version for one in world.feed.published}


def test_a_gateway_that_started_anew_asks_anew(world: World, book: MemoryGatewayBook) -> None:
    world.booked()

    take_status(world.s, book, said(0, wants_feed=True), NOW)

    assert 1 == take_status(world.s, book, said(1, wants_feed=True, started_at=NOW), NOW)


def test_a_long_worklist_comes_in_portions_the_next_days_first(
    world: World, book: MemoryGatewayBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_case, "PORTION", 2)
    for number, day in enumerate(("2026-10-06", "2026-10-06", "2026-10-07", "2026-10-08"), start=2):
        world.patients.save(a_patient(number))
        world.booked(patient_id=f"p-{number}", day=day, start=f"1{number}:00")
    world.feed.published.clear()

    counts = [take_status(world.s, book, said(n, wants_feed=True), NOW) for n in range(4)]

    days = [one.dataset["00400100"]["Value"][0]["00400002"]["Value"][0] for one in world.feed.published]
    assert [2, 2, 0, 0] == counts
    assert ["20261006", "20261006", "20261007", "20261008"] == days


def test_a_feed_that_fails_keeps_the_status_and_the_next_one_goes_on(world: World, book: MemoryGatewayBook) -> None:
    from ris.domain.errors import RemoteUnavailable

    world.booked()
    world.feed.unavailable = True
    with pytest.raises(RemoteUnavailable):
        take_status(world.s, book, said(0, wants_feed=True), NOW)
    world.feed.unavailable = False

    assert 1 == take_status(world.s, book, said(1, wants_feed=True), NOW)


def test_what_is_cancelled_or_done_is_not_on_a_full_worklist(world: World, book: MemoryGatewayBook) -> None:
    from ris.application.agenda.cancel_exam import cancel_exam

    cancel_exam(world.s, world.booked().accession_number, "patient", "acc", NOW)
    world.held(start="11:00")

    assert 0 == take_status(world.s, book, said(wants_feed=True), NOW)


def test_a_machine_was_heard_by_whichever_gateway_heard_it_last() -> None:
    one = said(stations=(Station("CT1", last_find_at=NOW), Station("MR1")))
    two = said(gateway_id="g-2", stations=(Station("CT1", last_find_at=STARTED, last_mpps_at=STARTED),))

    seen = seen_by_station([one, two])

    assert (NOW, STARTED, None) == (seen["CT1"].last_find_at, seen["CT1"].last_mpps_at, seen["CT1"].last_echo_at)
    assert Station("MR1") == seen["MR1"]


def test_an_archive_says_once_since_when_there_are_images_and_only_of_its_own_site(world: World) -> None:
    exam = world.booked()

    assert None is images_arrived(world.s, "nuit", exam.study_instance_uid, NOW)
    assert None is images_arrived(world.s, "nord", "1.2.404", NOW)
    images_arrived(world.s, "nord", exam.study_instance_uid, NOW)
    images_arrived(world.s, "nord", exam.study_instance_uid, NOW + timedelta(hours=1))

    assert NOW == world.exam(exam.accession_number).images_at
