"""A page costs what it shows: the number of store calls does not grow with the rows, and nothing reads a whole table."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from ris.application.agenda.gateways import Gateway
from ris.application.agenda.messages import LedgerEntry, MessageState
from ris.application.agenda.outages import declare_outage
from ris.application.agenda.ports import MppsRecord
from ris.application.breaker import Breaker, Incident
from ris.application.dispatch.dmp_port import StrangeAnswer
from ris.domain.access.audit import AuditRecord
from ris.domain.agenda.exam import ExamState, Performed
from ris.domain.agenda.interval import Interval
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.report.draft import Draft
from tests.support.portal import TODAY, PortalHouse

PORTS = [
    "exams",
    "agenda",
    "patients",
    "deliveries",
    "messages",
    "sessions",
    "audit",
    "reports",
    "breakers",
    "gateways",
    "certificates",
    "strange",
    "ledger",
]
EVERY_PAGE = Counter({"sessions.get": 1, "audit.append": 1})


MOST_EXAMS = 25


class Counting:
    """Stands before a twin and counts what is asked of it."""

    def __init__(self, name, twin, calls):
        self._name, self._twin, self._calls = name, twin, calls

    def __getattr__(self, method):
        found = getattr(self._twin, method)
        if not callable(found):
            return found

        def counted(*values, **named):
            self._calls[f"{self._name}.{method}"] += 1
            return found(*values, **named)

        return counted


def counting(calls):
    def wrap(services):
        def wrapped(part):
            assert is_dataclass(part)
            names = [each.name for each in fields(part) if each.name in PORTS]
            return replace(part, **{name: Counting(name, getattr(part, name), calls) for name in names})

        identity, reports = wrapped(services.identity()), wrapped(services.reports())
        cockpit, intake = wrapped(services.cockpit()), wrapped(services.intake())
        return replace(
            services,
            access=wrapped(services.access),
            agenda=wrapped(services.agenda),
            identity=lambda: identity,
            reports=lambda: reports,
            cockpit=lambda: cockpit,
            intake=lambda: intake,
            gateways=lambda: Counting("gateways", services.gateways(), calls),
            letters=lambda: Counting("deliveries", services.letters(), calls),
        )

    return wrap


def filled(rows, calls):
    """A portal with that many rows on each list."""
    house = PortalHouse(wrap=counting(calls))
    for number in range(1, rows + 1):
        patient = house.patient(number)
        house.request(patient, number)
        if number <= MOST_EXAMS:
            exam = house.booked(patient, (house.now + timedelta(minutes=100 + 15 * number)).strftime("%H:%M"))
            waiting(house, exam, begun=number % 2 == 0)
        entry = LedgerEntry(
            f"{number:04x}", "nord", "00", MessageState.PARKED, house.now, frame=b"MSH|", reason="ipp_missing", place="PID-3"
        )
        house.ledger.save(entry)
        house.services.agenda.exams.save_mpps(MppsRecord("nord", Performed(f"1.2.{number + 2}", ""), reason="unscheduled"))
        operated(house, number)
    period = Interval(house.now, house.now + timedelta(hours=12))
    declare_outage(house.services.agenda, "nord", "scanner", "out-1", period, "Tube", house.now)
    for accession, exam in list(house.rows.exams.items())[::2]:
        house.rows.exams[accession] = replace(exam, state=ExamState.BOOKED, to_call_since=house.now)
    return house


def operated(house, number):
    """One more row of each list of the group's IT and of the auditor."""
    at = house.now - timedelta(minutes=number)
    row = Delivery(f"S{number}", "nord", "dmp", "DMP", "", DeliveryState.REJECTED, planned_at=at, changed_at=at, report_version=1)
    house.deliveries.save(row)
    house.cockpit.strange.keep(StrangeAnswer(f"S{number}", 1, "registry", at, 200, "", "not XML", b""))
    house.cockpit.gateways.keep(Gateway("nord", f"g{number}", "1", at, at))
    house.cockpit.breakers.save(Breaker("dmp", version=number - 1), Incident("dmp", at, at))
    record = AuditRecord(f"a{number}", at, "nord", "read_exam", "allowed", account_id="x", patient_id="p1")
    house.audit.append(record)


def waiting(house, exam, *, begun):
    """One more exam that waits for its report, its text begun or not."""
    twin = house.rows.exams
    done = replace(twin[exam.accession_number], state=ExamState.COMPLETED, publish_due_at=None, reported=begun)
    twin[exam.accession_number] = done
    if begun:
        house.reports.save_draft(Draft(exam.accession_number, "nord", "CR", edited_by="radiologue.nord", edited_at=house.now))


def cost(rows, subject, address, form=None):
    calls = Counter()
    house = filled(rows, calls)
    browser = house.browser(subject)
    calls.clear()
    answer = browser.get(address) if form is None else browser.post(address, form)
    assert 200 == answer.status
    return calls, answer


@pytest.mark.parametrize(
    ("subject", "address", "form", "most"),
    [
        ("accueil.nord", "/sites/nord/agenda", None, {"agenda.days": 1, "exams.get_many": 1, "patients.get_many": 1}),
        (
            "accueil.nord",
            "/sites/nord/worklist",
            None,
            {"agenda.days": 1, "exams.get_many": 1, "patients.get_many": 1, "gateways.of_site": 1},
        ),
        ("accueil.nord", "/sites/nord/requests", None, {"exams.requests_to_book": 1, "patients.get_many": 1}),
        ("accueil.nord", "/sites/nord/booking", None, {"exams.requests_to_book": 1, "patients.get_many": 1}),
        ("accueil.nord", "/patients", {"q": "adrun"}, {"patients.search": 1}),
        ("identito.nord", "/sites/nord/messages", None, {"messages.parked": 1}),
        (
            "info.groupe",
            "/sites/nord/cockpit",
            None,
            {"deliveries.stuck": 6, "breakers.get": 3, "gateways.of_site": 1, "certificates.latest": 1, "ledger.parked": 1},
        ),
        ("info.groupe", "/sites/nord/cockpit/dmp", None, {"deliveries.stuck": 1}),
        ("audit.groupe", "/sites/nord/audit?patient=p1", None, {"audit.newest": 1, "patients.get": 1}),
        ("audit.groupe", "/sites/nord/audit?person=x", None, {"audit.newest": 1}),
        ("audit.groupe", "/sites/nord/audit", None, {"audit.newest": 8}),  # the UTC days of a week of the site
        ("identito.nord", "/sites/nord/unscheduled", None, {"exams.mpps_to_reconcile": 1}),
        ("accueil.nord", "/patients/p1", None, {"patients.get": 1, "patients.history": 1, "exams.of_patient": 1}),
        (
            "radiologue.nord",
            "/sites/nord/reading",
            None,
            {"exams.to_read": 1, "reports.unvalidated": 1, "exams.get_many": 1, "patients.get_many": 1},
        ),
        (
            "accueil.nord",
            f"/sites/nord/booking?request=r1&day={TODAY}",
            None,
            {"exams.get_request": 1, "patients.get": 1, "agenda.span": 1, "certificates.latest": 1},
        ),
        ("accueil.nord", "/sites/nord/desk", None, {"agenda.days": 1, "exams.get_many": 1, "patients.get_many": 1}),
        ("accueil.nord", "/sites/nord/openings?exam=ACQK001&patient=p1", None, {"patients.get": 1, "agenda.span": 1}),
        (
            "accueil.nord",
            "/sites/nord/walk-in?patient=p1&exam=ACQK001",
            None,
            {"patients.get": 1, "agenda.span": 1, "exams.of_patient": 1, "certificates.latest": 1},
        ),
        ("accueil.nord", "/sites/nord/calls", None, {"exams.to_call": 1, "patients.get_many": 1}),
        (
            "manip.nord",
            "/sites/nord/unscheduled/1.2.3",
            None,
            {"exams.get_mpps": 1, "agenda.days": 1, "exams.get_many": 1, "patients.get_many": 1},
        ),
        (
            "manip.nord",
            "/sites/nord/machines/scanner/outages/out-1",
            None,
            {"agenda.from_day": 1, "agenda.span": 2, "exams.get_many": 1, "patients.get_many": 1},
        ),
    ],
)
def test_a_page_asks_as_often_for_twenty_rows_as_for_one(subject, address, form, most):
    one, _ = cost(1, subject, address, form)
    twenty, _ = cost(20, subject, address, form)

    assert one == twenty
    assert Counter(most) + EVERY_PAGE == twenty


def test_the_exam_and_its_state_cost_a_handful_of_reads():
    calls = Counter()
    house = filled(1, calls)
    browser = house.browser("accueil.nord")
    accession = next(iter(house.rows.exams))

    calls.clear()
    browser.get(f"/exams/{accession}")
    page = Counter(calls)
    calls.clear()
    browser.get(f"/exams/{accession}/state")

    assert {"sessions.get": 1, "exams.get": 1, "patients.get": 1, "deliveries.of_owner": 1, "audit.append": 1} == dict(page)
    assert {"sessions.get": 1, "exams.get": 1, "deliveries.of_owner": 1} == dict(calls)


def test_a_report_costs_a_handful_of_reads_and_a_pause_in_typing_one_write():
    calls = Counter()
    house = filled(1, calls)
    browser = house.browser("radiologue.nord")
    exam = next(iter(house.rows.exams))
    page = {
        "sessions.get": 1,
        "exams.get": 1,
        "exams.get_request": 0,
        "patients.get": 1,
        "deliveries.of_owner": 1,
        "audit.append": 1,
    }
    page = {name: count for name, count in page.items() if count}

    beside = {"sessions.kept_form": 1, "exams.of_patient": 1}  # what a session that ended left, and earlier reports

    calls.clear()
    browser.get(f"/exams/{exam}/report")
    assert {**page, **beside, "reports.draft": 1} == dict(calls)
    browser.post(f"/exams/{exam}/report", {"rev": "0", "title": "CR", "heading-0": "Conclusion", "text-0": "Normal."})
    calls.clear()
    browser.post(f"/exams/{exam}/report/autosave", {"rev": "1", "title": "CR", "heading-0": "Conclusion", "text-0": "Normal !"})

    assert {**page, "reports.draft": 1, "reports.save_draft": 1} == dict(calls)


def test_a_long_list_is_cut_and_says_so():
    _, requests = cost(52, "accueil.nord", "/sites/nord/requests")
    _, messages = cost(52, "identito.nord", "/sites/nord/messages")

    assert [50, 50] == [len(requests.attributes("data-request")), len(messages.attributes("data-message"))]
    assert "after=" in requests.body
    assert "D’autres messages attendent" in messages.text


def test_a_long_reading_list_is_cut_and_says_so():
    house = PortalHouse()
    for number in range(52):
        exam = replace(_done(house), accession_number=f"26{number:010d}")
        house.rows.exams[exam.accession_number] = exam

    page = house.browser("radiologue.nord").get("/sites/nord/reading")

    assert 50 == len(page.attributes("data-accession"))
    assert "d’autres suivent" in page.text


def _done(house):
    patient = house.patients.get("p1") or house.patient()
    booked = next(iter(house.rows.exams.values()), None) or house.booked(patient, "10:00")
    return replace(booked, state=ExamState.COMPLETED, publish_due_at=None, changed_at=house.now)


ROOT = Path(__file__).parents[2]
HEAVY = (
    "boto3",
    "botocore.session",
    "pydicom",
    "pynetdicom",
    "lxml",
    "reportlab",
    "aws_xray_sdk",
    "cryptography",
    "joserfc",
    "urllib3",
    "typer",
)


def test_the_function_is_made_without_environment_network_or_heavy_libraries():
    code = (
        f"import sys, json; sys.path[:0] = [{str(ROOT / 'layers/ris/python')!r}, {str(ROOT)!r}];"
        "import functions.portal.app as app;"
        "answer = app.handler.app.routes;"
        f"print(json.dumps([len(answer), [name for name in {HEAVY!r} if name in sys.modules]]))"
    )

    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, env={}, check=False)

    assert "" == done.stderr
    routes, heavy = json.loads(done.stdout)
    assert routes > 20
    assert [] == heavy


@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("/sites/nord/outages", {"breakers.get": 3, "breakers.incidents": 3}),
        ("/sites/nord/certificates", {"certificates.latest": 1, "gateways.of_site": 1}),
        ("/sites/nord/strange", {"strange.newest": 1, "patients.strange_answers": 1}),
    ],
)
def test_a_page_of_the_group_s_it_that_names_no_patient_asks_as_often_for_twenty_rows_as_for_one(address, most):
    one, _ = cost(1, "info.groupe", address)
    twenty, _ = cost(20, "info.groupe", address)

    assert one == twenty
    assert Counter(most) + Counter({"sessions.get": 1}) == twenty


def test_the_machines_cost_one_question_each_and_nothing_of_patients():
    calls, page = cost(5, "manip.nord", "/sites/nord/machines")

    machines = len(page.attributes("data-machine"))
    assert {"sessions.get": 1, "agenda.from_day": machines, "gateways.of_site": 1} == dict(calls)


def test_the_desk_s_forms_cost_a_handful_of_reads():
    calls = Counter()
    house = filled(1, calls)
    browser = house.browser("accueil.nord")
    exam = next(iter(house.rows.exams))
    shown = {"sessions.get": 1, "exams.get": 1, "patients.get": 1, "deliveries.of_owner": 1, "audit.append": 1}

    for page, more in (("arrival", {"certificates.latest": 1}), ("move", {"agenda.span": 1})):
        calls.clear()
        assert 200 == browser.get(f"/exams/{exam}/{page}").status
        assert {**shown, **more} == dict(calls)
