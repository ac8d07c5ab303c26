"""One suite for the agenda's stores: what the memory twin promises, DynamoDB keeps."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ris.adapters.agenda.dynamodb import DynamoAgendaStore, DynamoExamStore
from ris.adapters.agenda.memory import MemoryAgendaStore, MemoryExamStore, MemoryRows
from ris.adapters.dynamodb import Table
from ris.application.agenda.ports import AgendaStore, Booking, ExamStore, ImageMark, MppsRecord
from ris.application.conflicts import Conflict
from ris.domain.agenda.exam import PRIORITIES, Appointment, Exam, ExamState, Performed, ReadingSpan, ScheduledStep
from ris.domain.agenda.interval import Interval
from ris.domain.agenda.mpps import StepReference
from ris.domain.agenda.request import RequestState
from ris.domain.agenda.resource_day import Slot, SlotState
from tests.support.agenda import a_request
from tests.support.cloud import deployed_cloud

cloud = deployed_cloud()
NOW = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)
DAY = "2026-10-06"
START = datetime(2026, 10, 6, 7, 0, tzinfo=UTC)


@dataclass
class Stores:
    """Both stores, and names nobody else in the session uses."""

    exams: ExamStore
    agenda: AgendaStore
    run: str

    def exam(self, number: int = 1, **changes: object) -> Exam:
        exam = Exam(
            accession_number=f"{self.run}{number}",
            study_instance_uid=f"2.25.{int(self.run, 16)}.{number}",
            accession_authority="2.25.1",
            site=self.run,
            patient_id=f"p-{self.run}",
            request_id="",
            exam_code="ZBQK#002",
            exam_label="Scanner du thorax, 60 €",
            appointment=Appointment(self.run, DAY, START, START + timedelta(minutes=30), "scanner", "ct1", ("scanner", "ct1")),
            state=ExamState.HELD,
            hold_token="token",
            hold_expires_at=NOW + timedelta(minutes=number),
            steps=(ScheduledStep(f"{self.run}{number}-1", "CT1", "CTNORD", "CT", "Scanner du thorax", 3),),
            booked_by="acc",
            changed_at=NOW + timedelta(microseconds=1),
        )
        return replace(exam, **changes)  # type: ignore[arg-type]

    def book(self, exam: Exam, **more: object) -> Exam:
        """Hold the exam's resources and write it."""
        days = self.agenda.days(self.run, exam.appointment.resources, DAY)
        interval = Interval(exam.appointment.start, exam.appointment.end)
        slot = Slot(interval, exam.accession_number, SlotState.HELD, exam.hold_token, exam.hold_expires_at)
        return self.agenda.commit(Booking(tuple(one.hold(slot, now=NOW) for one in days.values()), exam, **more))  # type: ignore[arg-type]

    def taken(self, resource: str) -> list[str]:
        return [slot.accession_number for slot in self.agenda.days(self.run, [resource], DAY)[resource].slots]


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    run = uuid4().hex[:8]
    if request.param == "memory":
        rows = MemoryRows()
        return Stores(MemoryExamStore(rows), MemoryAgendaStore(rows), run)
    running = request.getfixturevalue("cloud")
    names = running.function_env("PortalFunction")
    exams, agenda = (Table(running.client("dynamodb"), names[name]) for name in ("TABLE_EXAMS", "TABLE_AGENDA"))
    return Stores(DynamoExamStore(exams), DynamoAgendaStore(agenda=agenda, exams=exams), run)


def test_what_was_written_is_read_back_whole(stores: Stores) -> None:
    exam = stores.exam()

    written = stores.book(exam)

    assert replace(exam, version=1) == written == stores.exams.get(exam.accession_number)
    assert written == stores.exams.find_by_study(exam.study_instance_uid)
    assert {exam.accession_number: written} == stores.exams.get_many([exam.accession_number, "absent"])
    (slot,) = stores.agenda.days(stores.run, ["ct1"], DAY)["ct1"].slots
    assert (exam.hold_token, exam.hold_expires_at, SlotState.HELD) == (slot.token, slot.expires_at, slot.state)


def test_what_is_not_there_is_none(stores: Stores) -> None:
    assert stores.exams.get("absent") is None
    assert stores.exams.find_by_study("1.2.3") is None
    assert stores.exams.get_request("absent") is None
    assert stores.exams.get_mpps("1.2.3") is None
    assert "" == stores.exams.planned("nobody", DAY, "ZBQK002")
    assert (0, ()) == (lambda day: (day.version, day.slots))(stores.agenda.days(stores.run, ["ct1"], DAY)["ct1"])


def test_every_accession_number_is_new(stores: Stores) -> None:
    given = [stores.exams.next_accession_number(NOW) for _ in range(20)]

    assert sorted(set(given)) == given
    assert all(len(one) == 12 and one.startswith("26") for one in given)


def test_an_older_version_never_stands(stores: Stores) -> None:
    first = stores.book(stores.exam())
    second = stores.exams.save(replace(first, state=ExamState.BOOKED, hold_expires_at=None))

    with pytest.raises(Conflict):
        stores.exams.save(replace(first, state=ExamState.CANCELLED))

    assert second == stores.exams.get(first.accession_number)
    assert 2 == second.version


def test_an_exam_begins_with_a_booking_only(stores: Stores) -> None:
    with pytest.raises(Conflict):
        stores.exams.save(stores.exam())


def test_a_booking_that_loses_one_resource_takes_none(stores: Stores) -> None:
    """Somebody took the machine between the reading and the write: the room stays free, and no exam is left."""
    before = stores.agenda.days(stores.run, ["scanner", "ct1"], DAY)
    first, second = stores.exam(1), stores.exam(2, patient_id=f"q-{stores.run}")
    slot = Slot(Interval(START, START + timedelta(minutes=30)), first.accession_number, SlotState.HELD, "token", NOW)
    stores.agenda.commit(Booking((before["ct1"].hold(slot, now=NOW),), first))

    other = replace(slot, accession_number=second.accession_number)
    with pytest.raises(Conflict):
        stores.agenda.commit(Booking(tuple(one.hold(other, now=NOW) for one in before.values()), second))

    assert ([], [first.accession_number]) == (stores.taken("scanner"), stores.taken("ct1"))
    assert stores.exams.get(second.accession_number) is None
    assert stores.exams.find_by_study(second.study_instance_uid) is None
    assert ([], []) == stores.exams.of_patient(f"q-{stores.run}")


def test_a_booking_that_loses_its_request_takes_nothing(stores: Stores) -> None:
    request = stores.exams.save_request(a_request(1, request_id=f"r-{stores.run}", site=stores.run))
    stores.exams.save_request(replace(request, state=RequestState.CANCELLED))

    with pytest.raises(Conflict):
        stores.book(stores.exam(), request=replace(request, state=RequestState.BOOKED))

    assert [] == stores.taken("scanner")
    assert stores.exams.get(stores.exam().accession_number) is None


def test_the_same_exam_the_same_day_is_reserved_until_it_is_off(stores: Stores) -> None:
    first = stores.book(stores.exam(1))
    assert first.accession_number == stores.exams.planned(*first.reservation)

    with pytest.raises(Conflict):
        stores.agenda.commit(Booking((), stores.exam(2)))
    stores.exams.save(replace(first, state=ExamState.DISCONTINUED, hold_expires_at=None))

    assert "" == stores.exams.planned(*first.reservation)
    second = stores.agenda.commit(Booking((), stores.exam(2)))
    assert second.accession_number == stores.exams.planned(*first.reservation)


def test_an_exam_that_is_off_twice_leaves_the_next_ones_reservation(stores: Stores) -> None:
    first = stores.book(stores.exam(1))
    off = stores.exams.save(replace(first, state=ExamState.DISCONTINUED, hold_expires_at=None))
    second = stores.agenda.commit(Booking((), stores.exam(2)))

    stores.exams.save(replace(off, cancel_reason="again"))

    assert second.accession_number == stores.exams.planned(*first.reservation)


def test_a_patients_exams_and_requests_come_newest_first(stores: Stores) -> None:
    patient = f"p-{stores.run}"
    requests = [
        stores.exams.save_request(a_request(number, request_id=f"r-{stores.run}-{number}", site=stores.run, patient_id=patient))
        for number in (1, 2)
    ]
    exams = [stores.agenda.commit(Booking((), stores.exam(number, exam_code=f"CODE{number}"))) for number in (1, 2, 3)]

    assert (exams[::-1], requests) == stores.exams.of_patient(patient)


def test_a_request_is_on_its_sites_list_until_it_is_answered(stores: Stores) -> None:
    saved = [
        stores.exams.save_request(a_request(number, request_id=f"r-{stores.run}-{number}", site=stores.run)) for number in (1, 2, 3)
    ]
    assert saved[::-1] == stores.exams.requests_to_book(stores.run, limit=10)
    assert saved[1:2] == stores.exams.requests_to_book(stores.run, limit=1, after=saved[2].request_id)

    booked = stores.exams.save_request(replace(saved[1], state=RequestState.BOOKED, accession_number="1"))

    assert [saved[2], saved[0]] == stores.exams.requests_to_book(stores.run, limit=10)
    assert [saved[0]] == stores.exams.requests_to_book(stores.run, limit=10, after=booked.request_id), "a cursor that left the list"
    assert {booked.request_id: booked} == stores.exams.get_requests([booked.request_id, "absent"])
    with pytest.raises(Conflict):
        stores.exams.save_request(saved[1])
    with pytest.raises(Conflict):
        stores.exams.save_request(replace(saved[0], version=0))


def test_a_sites_lists_follow_the_state_of_its_exams(stores: Stores) -> None:
    one = stores.agenda.commit(Booking((), stores.exam(2, exam_code="A")))
    two = stores.agenda.commit(Booking((), stores.exam(1, exam_code="B")))
    assert [two, one] == stores.exams.held(stores.run, limit=5), "the first to expire first"
    assert [two] == stores.exams.held(stores.run, limit=1)

    booked = stores.exams.save(
        replace(one, state=ExamState.BOOKED, hold_expires_at=None, publish_due_at=NOW + timedelta(minutes=3))
    )

    assert [two] == stores.exams.held(stores.run, limit=5)
    assert [] == stores.exams.publish_due(stores.run, now=NOW, limit=5)
    assert [booked] == stores.exams.publish_due(stores.run, now=NOW + timedelta(minutes=3), limit=5)
    stores.exams.save(replace(booked, publish_due_at=None))
    assert [] == stores.exams.publish_due(stores.run, now=NOW + timedelta(days=1), limit=5)


def test_an_mpps_is_on_its_sites_list_while_it_has_a_reason(stores: Stores) -> None:
    uid = f"1.2.{int(stores.run, 16)}"
    record = MppsRecord(
        site=stores.run,
        performed=Performed(uid, "IN PROGRESS", "CT1", "20261006090500", series_count=2, image_count=300),
        references=(StepReference("260000000001-1", "260000000001", "2.25.1"),),
        accession_numbers=("260000000001",),
        reason="unknown_step",
        received_at=NOW,
        datasets={
            "mpps_create": {
                "00181110": {"vr": "DS", "Value": [1.5, None]},
                "00100010": {"vr": "PN", "Value": [{"Alphabetic": "É"}]},
            }
        },
    )

    written = stores.exams.save_mpps(record)

    assert replace(record, version=1) == written == stores.exams.get_mpps(uid)
    assert [written] == stores.exams.mpps_to_reconcile(stores.run, limit=5)
    settled = stores.exams.save_mpps(replace(written, reason=""))
    assert [] == stores.exams.mpps_to_reconcile(stores.run, limit=5)
    with pytest.raises(Conflict):
        stores.exams.save_mpps(written)
    assert settled == stores.exams.get_mpps(uid)


def test_the_mark_of_an_image_is_kept_under_its_version(stores: Stores) -> None:
    uid, site = f"1.2.{int(stores.run, 36)}", stores.run

    written = stores.exams.save_image(ImageMark(site, uid, study_instance_uid="1.2.3"))
    again = stores.exams.save_image(replace(written, committed_at=NOW, failed=2))

    assert ImageMark(site, uid, "1.2.3", NOW, 2, version=2) == again == stores.exams.get_image(site, uid)
    assert None is stores.exams.get_image("elsewhere", uid)
    with pytest.raises(Conflict):
        stores.exams.save_image(written)


def test_what_an_archive_promised_stays_on_the_exam(stores: Stores) -> None:
    booked = stores.book(stores.exam())

    written = stores.exams.save(replace(booked, committed_at=NOW, uncommitted={"1.2.3": 2}))

    assert written == stores.exams.get(booked.accession_number)


def test_an_exam_that_was_done_waits_on_the_reading_list_until_its_report_is_begun(stores: Stores) -> None:
    def done(number: int, **changes: object) -> Exam:
        start = START + timedelta(hours=number)
        place = replace(stores.exam().appointment, start=start, end=start + timedelta(minutes=30))
        booked = stores.book(stores.exam(number, appointment=place, exam_code=f"X{number}"))
        facts = {"state": ExamState.COMPLETED, "hold_expires_at": None, **changes}
        return stores.exams.save(replace(booked, **facts))  # type: ignore[arg-type]

    late, early = done(1, changed_at=NOW + timedelta(hours=1)), done(2, changed_at=NOW)
    done(3, publish_due_at=NOW)  # its gateway is told first
    done(4, state=ExamState.IN_PROGRESS)

    assert [early, late] == stores.exams.to_read(stores.run, limit=9)
    assert [early] == stores.exams.to_read(stores.run, limit=1)
    stores.exams.save(replace(early, reported=True))
    assert [late] == stores.exams.to_read(stores.run, limit=9)
    assert [] == stores.exams.to_read("elsewhere", limit=9)


def test_the_reading_list_is_narrowed_by_modality_priority_and_age(stores: Stores) -> None:
    done = []
    for number, priority in enumerate(("routine", "stat", "routine"), 1):
        place = replace(stores.exam().appointment, resources=(f"room{number}",))
        exam = stores.exam(number, appointment=place, priority=priority, exam_code=f"E{number}")
        held = stores.book(replace(exam, steps=(replace(exam.steps[0], dicom_modality="MR" if number == 3 else "CT"),)))
        at = NOW + timedelta(hours=number)
        done.append(stores.exams.save(replace(held, state=ExamState.COMPLETED, publish_due_at=None, changed_at=at)))
    first, urgent, mr = done

    def asked(modality: str = "", *span: object, limit: int = 9) -> list[Exam]:
        return stores.exams.to_read(stores.run, limit=limit, modality=modality, span=ReadingSpan(*span) if span else None)  # type: ignore[arg-type]

    assert [urgent, first, mr] == asked()  # the most urgent first, then the longest done
    assert [urgent] == asked(limit=1)
    assert [[urgent, first], [mr], []] == [asked("CT"), asked("MR"), asked("US")]
    assert [[urgent], [], [first, mr]] == [asked("", priority) for priority in PRIORITIES]
    assert [[first], []] == [asked("CT", "routine"), asked("MR", "stat")]
    assert [[mr], [first, mr]] == [asked("", "routine", since) for since in (urgent.done_at, first.done_at)]
    assert [[first], [first, mr]] == [asked("", "routine", None, until) for until in (urgent.done_at, mr.done_at)]
    assert [[first], []] == [asked("CT", "routine", first.done_at, until) for until in (first.done_at, NOW)]
    stores.exams.save(replace(urgent, reported=True))
    assert [[], [first, mr]] == [asked("", "stat"), asked()]
