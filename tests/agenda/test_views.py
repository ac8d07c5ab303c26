from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.agenda import views
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.pages import FreeTime
from ris.application.agenda.ports import ExamStore
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.errors import InvalidInput
from tests.support.agenda import DAY, NOW, World, a_patient, a_request


@pytest.fixture
def world() -> World:
    return World()


def test_the_agenda_shows_each_room_with_what_is_taken_and_what_is_free(world: World) -> None:
    world.patients.save(a_patient(2))
    first, second = world.booked(start="09:00"), world.held(start="09:30", patient_id="p-2")

    agenda = views.day_agenda(world.s, "nord", DAY, NOW)

    assert ("2026-10-05", "2026-10-07", "2026-10-05") == (agenda.previous_day, agenda.next_day, agenda.today)
    assert FreeTime("08:00", "19:00") == agenda.opening
    rooms = {one.room.room: one for one in agenda.rooms}
    assert [
        (first.accession_number, "09:00", "09:30", "booked", "IPP-1"),
        (second.accession_number, "09:30", "10:00", "held", "IPP-2"),
    ] == [(one.accession_number, one.start, one.end, one.state, one.ipp) for one in rooms["scanner"].entries]
    assert (FreeTime("08:00", "09:00"), FreeTime("10:00", "19:00")) == rooms["scanner"].free
    assert () == rooms["irm"].entries
    assert ["us1", "us2", "ct1"] == [one.modality for one in rooms["mixte"].modalities]


def test_an_expired_hold_is_free_before_any_sweep(world: World) -> None:
    world.held()

    agenda = views.day_agenda(world.s, "nord", DAY, NOW + timedelta(minutes=15))

    assert all(room.entries == () for room in agenda.rooms)


def test_a_closed_day_has_no_opening_and_nothing_free(world: World) -> None:
    agenda = views.day_agenda(world.s, "nord", "2026-10-10", NOW)

    assert agenda.opening is None
    assert all(room.free == () for room in agenda.rooms)


def test_today_is_the_sites_own(world: World) -> None:
    just_after_midnight = NOW.replace(day=5, hour=22, minute=30)

    assert "2026-10-06" == views.day_agenda(world.s, "nord", "", just_after_midnight).day


@pytest.mark.parametrize(("site", "day", "code"), [("nowhere", DAY, "unknown_site"), ("nord", "2026-02-30", "no_such_day")])
def test_a_view_of_nothing_is_refused_by_name(world: World, site: str, day: str, code: str) -> None:
    with pytest.raises(InvalidInput, match=code):
        views.day_agenda(world.s, site, day, NOW)
    with pytest.raises(InvalidInput, match=code):
        views.day_worklist(world.s, site, day, None, NOW)


def test_the_worklist_is_the_day_in_order_of_time_by_modality(world: World) -> None:
    world.patients.save(a_patient(2))
    later = world.booked(start="11:00")
    sooner = world.booked(start="09:00", patient_id="p-2")
    knee = world.booked(start="10:00", room="irm", exam_code="NZQN001")
    world.held(start="15:00", exam_code="ZZQK024")
    gone = world.booked(start="16:00", exam_code="ZZQK024", patient_id="p-2")
    cancel_exam(world.s, gone.accession_number, "patient", "acc", NOW)

    rows = views.day_worklist(world.s, "nord", DAY, None, NOW)

    assert [sooner.accession_number, knee.accession_number, later.accession_number] == [one.accession_number for one in rows]
    assert ("09:00", "09:30", "booked", "IPP-2", "CT1") == (
        rows[0].start,
        rows[0].end,
        rows[0].state,
        rows[0].ipp,
        rows[0].station_ae_title,
    )
    assert [knee.accession_number] == [one.accession_number for one in views.day_worklist(world.s, "nord", DAY, "MR", NOW)]
    assert [] == views.day_worklist(world.s, "nord", DAY, "US", NOW)


class Counting(ExamStore):
    """Counts how many exams a page reads, and fails on any other reading of exams."""

    def __init__(self, inner: ExamStore) -> None:
        self._inner = inner
        self.read = 0

    def get_many(self, accession_numbers: Sequence[str]) -> dict[str, Exam]:
        self.read += len(accession_numbers)
        return self._inner.get_many(accession_numbers)


def test_a_day_costs_what_it_shows_however_much_there_is(world: World) -> None:
    for number in range(2, 30):
        world.patients.save(a_patient(number))
        world.held(day=f"2026-11-{number:02d}", site="nuit", room="garde", patient_id=f"p-{number}")
    world.booked()
    counting = Counting(world.s.exams)
    s = replace(world.s, exams=counting)

    views.day_agenda(s, "nord", DAY, NOW)
    assert 1 == counting.read
    views.day_worklist(s, "nord", DAY, None, NOW)
    assert 2 == counting.read


def test_the_exams_page_has_all_that_belongs_to_it(world: World) -> None:
    world.s.exams.save_request(a_request())
    exam = world.booked(request_id="r-1")
    world.deliveries.save(Delivery(exam.accession_number, "nord", "hl7_pacs_order", "PACS", "M1", DeliveryState.PENDING))

    page = views.exam_page(world.s, exam.accession_number)

    assert page is not None
    assert page.patient is not None
    assert page.request is not None
    assert ("09:00", "09:30", "2026-10-05 08:00", "IPP-1") == (page.start, page.end, page.changed_at, page.ipp)
    assert ("r-1", "p-1", ["M1"]) == (page.request.request_id, page.patient.patient_id, [one.message_id for one in page.deliveries])
    assert "À jeun depuis 4 heures" == page.preparation
    assert views.exam_page(world.s, "269999999999") is None


def test_requests_wait_in_order_of_reception_page_by_page(world: World) -> None:
    for number in (1, 2, 3, 4):
        world.s.exams.save_request(a_request(number))
    world.s.exams.save_request(a_request(5, site="nuit"))

    first = views.requests_to_book(world.s, "nord", 3)
    rest = views.requests_to_book(world.s, "nord", 3, first[-1].request.request_id)

    assert ["r-4", "r-3", "r-2"] == [one.request.request_id for one in first]
    assert ["r-1"] == [one.request.request_id for one in rest]
    assert ("2026-10-05 04:00", "IPP-1") == (first[0].received_at, first[0].ipp)


def test_the_patients_page_has_exams_and_requests_newest_first(world: World) -> None:
    world.s.exams.save_request(a_request(1))
    world.s.exams.save_request(a_request(2))
    exams = [world.booked(), world.booked(start="10:00", exam_code="ZZQK024")]

    page = views.patient_page(world.s, "p-1")

    assert page is not None
    assert [one.accession_number for one in reversed(exams)] == [one.accession_number for one in page.exams]
    assert ["r-1", "r-2"] == [one.request_id for one in page.requests]
    assert views.patient_page(world.s, "p-99") is None


def test_a_blank_search_finds_nobody(world: World) -> None:
    assert [] == views.search_patients(world.s, "  ")
    assert ["p-1"] == [one.patient_id for one in views.search_patients(world.s, "adr")]
