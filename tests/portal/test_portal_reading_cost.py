"""What the radiologist's and the secretary's pages cost: calls that grow with the lists asked for, never with the rows on them."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.domain.agenda.exam import ExamState
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.report.draft import Draft, DraftStatus, Turn, Validation
from ris.domain.report.frozen import Section
from ris.domain.report.plan import PlannedChannel
from ris.domain.report.version import Version, VersionState
from tests.portal.test_portal_cost import EVERY_PAGE, counting
from tests.support.portal import PortalHouse

DOCTOR = "radiologue.nord"


def filled(rows, calls):
    """A portal with that many rows on each of the lists."""
    house = PortalHouse(wrap=counting(calls))
    for number in range(1, rows + 1):
        patient = house.patient(number)
        house.request(patient, number)
        start = (house.now + timedelta(minutes=100 + 15 * number)).strftime("%H:%M")
        exam = house.booked(patient, start, request_id=f"r{number}")
        done = replace(exam, state=ExamState.COMPLETED, publish_due_at=None, reported=number % 5 != 0, changed_at=house.now)
        house.rows.exams[exam.accession_number] = done
        report(house, done, number)
    return house


def report(house, exam, number):
    """One more report: with the radiologist, with the secretary to type or to correct, or validated with a letter to print."""
    turns = (Turn.WRITING, Turn.TYPING, Turn.CORRECTION)
    begun = Draft(exam.accession_number, "nord", "CR", (Section("Conclusion", "Normal."),), edited_by=DOCTOR, edited_at=house.now)
    begun = replace(begun, kind=exam.kind, done_at=exam.done_at, reader=DOCTOR)
    if number % 5 in (1, 2, 3):
        house.reports.save_draft(replace(begun, turn=turns[number % 5 - 1]))
    if number % 5 == 4:
        accession, click = exam.accession_number, Validation(1, DOCTOR, "99900012347", house.now, house.now)
        paper = Delivery(accession, "nord", "to_print", "89990005678", "", DeliveryState.HELD, reason="to_print", report_version=1)
        plan = (PlannedChannel("to_print", "89990005678"),)
        version = Version(accession, "nord", "990000017", 1, "2.25.1", "2.25.2", "", house.now, DOCTOR, "1", VersionState.SIGNED)
        validated = replace(begun, status=DraftStatus.VALIDATED, validation=click, version=1)
        house.reports.commit(validated, replace(version, plan=plan), deliveries=(replace(paper, changed_at=house.now),))


def cost(rows, subject, address):
    calls = Counter()
    browser = filled(rows, calls).browser(subject)
    calls.clear()
    answer = browser.get(address)
    assert 200 == answer.status
    return calls, answer


LISTS = {"exams.get_many": 1, "patients.get_many": 1}


@pytest.mark.parametrize(
    ("subject", "address", "most"),
    [
        (DOCTOR, "/sites/nord/reading", {"exams.to_read": 1, "reports.unvalidated": 1, **LISTS}),
        # an age is a range of the key for each priority, until there are enough
        (DOCTOR, "/sites/nord/reading?older=1", {"exams.to_read": 3, "reports.unvalidated": 3, **LISTS}),
        (DOCTOR, "/sites/nord/reading?modality=CT", {"exams.to_read": 1, "reports.unvalidated": 1, **LISTS}),
        (DOCTOR, "/sites/nord/reading?modality=CT&modality=MR", {"exams.to_read": 2, "reports.unvalidated": 2, **LISTS}),
        (DOCTOR, "/sites/nord/reading?modality=CT&priority=routine", {"exams.to_read": 1, "reports.unvalidated": 1, **LISTS}),
        (DOCTOR, "/sites/nord/reading?priority=stat", {"exams.to_read": 1, "reports.unvalidated": 1, **LISTS}),
        # one for each site, and its audit record
        (
            DOCTOR,
            "/sites/nord/reading?site=nord&site=sud",
            {"exams.to_read": 2, "reports.unvalidated": 2, "audit.append": 1, **LISTS},
        ),
        (DOCTOR, "/sites/nord/reading?mine=1", {"reports.taken_by": 1, **LISTS}),
        (DOCTOR, "/sites/nord/reading?secretary=1", {"reports.unvalidated": 2, **LISTS}),
        (
            DOCTOR,
            "/sites/nord/my-reports",
            {"reports.validated_by": 1, "reports.versions_at": 1, "deliveries.get_many": 1, **LISTS},
        ),
        (
            "secretariat.nord",
            "/sites/nord/secretariat",
            {
                "reports.unvalidated": 2,
                "exams.get_many": 3,
                "patients.get_many": 3,
                "deliveries.to_print": 1,
                "deliveries.printed": 1,
                "exams.get_requests": 1,
            },
        ),
        (
            "secretariat.nord",
            "/sites/nord/letters",
            {"deliveries.to_print": 1, "deliveries.printed": 1, "exams.get_requests": 1, **LISTS},
        ),
    ],
)
def test_a_page_asks_as_often_for_twenty_rows_as_for_five(subject, address, most):
    five, few = cost(5, subject, address)
    twenty, many = cost(20, subject, address)

    assert five == twenty
    assert Counter(most) + EVERY_PAGE == twenty
    assert len(few.attributes("data-accession")) <= len(many.attributes("data-accession"))


def test_earlier_reports_cost_three_reads_however_many_there_are():
    calls = Counter()
    house = filled(10, calls)
    for accession, exam in house.rows.exams.items():
        house.rows.exams[accession] = replace(exam, patient_id="p1")
    browser = house.browser(DOCTOR)
    first = next(iter(house.rows.exams))
    calls.clear()

    page = browser.get(f"/exams/{first}/report")

    assert 2 == len(page.attributes("data-prior"))
    assert [1, 1, 1] == [calls[name] for name in ("exams.of_patient", "reports.drafts", "reports.versions_at")]
