"""Races on the memory twin: every client has read before anybody writes, so each write but one is decided on an older version.

The same races in the cloud are in tests/ports/test_agenda_races.py (slow).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta

import pytest

from ris.application.agenda.book_appointment import book_appointment
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.sweep_due import expire_hold
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.errors import Refused
from tests.support.agenda import NOW, World, a_booking, a_patient
from tests.support.races import ReadTogether

RACES, CLIENTS = 1_000, 16
AFTER_THE_HOLD = NOW + timedelta(minutes=15)


def outcome(action: Callable[[], Exam | None]) -> str:
    try:
        exam = action()
    except Refused as refusal:
        return refusal.code
    return exam.state.value if exam else ""


@pytest.fixture(scope="module")
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(CLIENTS)


def test_a_thousand_races_for_one_slot_have_one_winner_each(pool: ThreadPoolExecutor) -> None:
    world = World()
    for number in range(2, CLIENTS + 1):
        world.patients.save(a_patient(number))
    days = [(date(2027, 1, 1) + timedelta(days=race)).isoformat() for race in range(RACES)]
    winners = 0

    for day in days:
        far = replace(world.s.settings, horizon=timedelta(days=5 * 365))
        s = replace(world.s, agenda=ReadTogether(world.s.agenda, CLIENTS), settings=far)

        def client(number: int, s=s, day=day) -> str:  # type: ignore[no-untyped-def]
            command = a_booking(site="nuit", room="garde", day=day, start="09:00", patient_id=f"p-{number}")
            return outcome(lambda: book_appointment(s, command, NOW))

        results = list(pool.map(client, range(1, CLIENTS + 1)))
        assert ["held"] + ["slot_taken"] * (CLIENTS - 1) == sorted(results), (day, results)
        winners += 1
        for resource in ("garde", "ct9"):
            assert 1 == len(world.slots(resource, day, "nuit"))

    assert RACES == winners == len(world.rows.exams)


def test_clients_that_want_different_slots_of_one_machine_all_get_theirs(pool: ThreadPoolExecutor) -> None:
    world = World()
    for number in range(2, CLIENTS + 1):
        world.patients.save(a_patient(number))
    s = replace(world.s, agenda=ReadTogether(world.s.agenda, CLIENTS))

    def client(number: int) -> str:
        command = a_booking(site="nuit", room="garde", start=f"{number:02d}:00", patient_id=f"p-{number}")
        return outcome(lambda: book_appointment(s, command, NOW))

    assert ["held"] * CLIENTS == list(pool.map(client, range(1, CLIENTS + 1)))
    assert CLIENTS == len(world.slots("ct9", site="nuit"))


def test_one_patient_never_gets_the_same_exam_twice_a_day_however_many_book_it(pool: ThreadPoolExecutor) -> None:
    for _ in range(50):
        world = World()
        s = replace(world.s, agenda=ReadTogether(world.s.agenda, CLIENTS))

        def client(number: int, s=s) -> str:  # type: ignore[no-untyped-def]
            return outcome(lambda: book_appointment(s, a_booking(site="nuit", room="garde", start=f"{number:02d}:00"), NOW))

        results = sorted(pool.map(client, range(1, CLIENTS + 1)))
        assert ["duplicate_exam"] * (CLIENTS - 1) + ["held"] == results


def test_confirming_against_expiring_has_exactly_one_winner(pool: ThreadPoolExecutor) -> None:
    seen = set()
    for _ in range(200):
        world = World()
        exam = world.held()
        s = replace(world.s, agenda=ReadTogether(world.s.agenda, 2))
        confirming = pool.submit(
            outcome,
            lambda s=s, exam=exam: confirm_booking(
                s, exam.accession_number, exam.hold_token, AFTER_THE_HOLD - timedelta(seconds=1)
            ),
        )
        expiring = pool.submit(outcome, lambda s=s, exam=exam: expire_hold(s, exam.accession_number, AFTER_THE_HOLD))
        results = (confirming.result(), expiring.result())

        state, slots = world.exam(exam.accession_number).state, world.slots("scanner") + world.slots("ct1")
        assert results in {("booked", "booked"), ("hold_expired", "expired")}
        assert (state is ExamState.BOOKED, 2 if state is ExamState.BOOKED else 0) == (results[0] == "booked", len(slots))
        seen.add(results)

    assert seen


def test_confirming_against_cancelling_ends_cancelled_with_nothing_left(pool: ThreadPoolExecutor) -> None:
    """Whoever cancels wins in the end; who confirms was either first, or is told so."""
    for _ in range(200):
        world = World()
        exam = world.held()
        s = replace(world.s, agenda=ReadTogether(world.s.agenda, 2))
        confirming = pool.submit(outcome, lambda s=s, exam=exam: confirm_booking(s, exam.accession_number, exam.hold_token, NOW))
        cancelling = pool.submit(outcome, lambda s=s, exam=exam: cancel_exam(s, exam.accession_number, "patient", "acc", NOW))

        assert confirming.result() in {"booked", "cancelled"}
        assert "cancelled" == cancelling.result() == world.exam(exam.accession_number).state.value
        assert [] == world.slots("scanner") == world.slots("ct1")
        assert {} == world.feed.shown()
        assert {} == world.rows.reservations
