"""The radiologist's and the secretary's pages as deployed: the real function over the real tables and their indexes, as its role grants."""

from __future__ import annotations

import itertools
import re
import urllib.request
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from infra.local.cloud.client import ROOT, Cloud
from ris.adapters.access.dynamodb import DynamoSessionStore
from ris.adapters.agenda.dynamodb import exam_writes
from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dynamodb import Table, write
from ris.adapters.identity.dynamodb import DynamoPatientStore
from ris.adapters.reference.dynamodb import DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.adapters.report.dynamodb import DynamoReportStore
from ris.application.access.begin_login import fingerprint
from ris.application.load_reference import load_reference
from ris.domain.agenda.exam import Appointment, Exam, ExamState, ScheduledStep
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.identity.patient import Identifier, Patient, Traits
from ris.domain.report.draft import Draft, DraftStatus, Validation
from ris.domain.report.frozen import Section
from ris.domain.report.plan import PlannedChannel
from ris.domain.report.version import Version, VersionState
from ris.portal import cookies
from tests.support.access import a_session
from tests.support.cloud import deployed_cloud
from tests.support.grants import called, granted, missing
from tests.support.stacks import tenant

cloud = deployed_cloud()
NUMBERS = itertools.count(1)
RUN = uuid4().hex[:6]
DOCTOR = "radiologue.nord"
TEXT = {"title": "Scanner", "heading-0": "Conclusion", "text-0": "Normal."}


class StaysHere(urllib.request.HTTPRedirectHandler):
    """Follows nothing."""

    def redirect_request(self, *_values: Any, **_named: Any) -> None:
        return


class Person:
    """A browser of somebody whose session stands."""

    def __init__(self, cloud: Cloud, account: str) -> None:
        names = cloud.function_env("PortalFunction")
        self._sessions = DynamoSessionStore(Table(cloud.client("dynamodb"), names["TABLE_SESSIONS"]))
        self._home, self._name, self._account = cloud.portal_url, cookies.name_of("session", names["COOKIE_SUFFIX"]), account
        self._open = urllib.request.build_opener(StaysHere).open
        self.login()

    def login(self) -> None:
        self.token, now = f"{self._account}-{RUN}-{next(NUMBERS)}-".ljust(43, "x"), datetime.now(UTC)
        session = replace(a_session(), session_id=fingerprint(self.token), csrf_token=self.token, account_id=self._account)
        session = replace(session, created_at=now, last_seen_at=now, expires_at=now + timedelta(hours=1))
        self._sessions.create(session)

    def logout_elsewhere(self) -> None:
        self._sessions.delete(fingerprint(self.token))

    def get(self, address: str) -> tuple[int, str]:
        return self._ask(urllib.request.Request(self._home + address))

    def post(self, address: str, form: dict[str, str]) -> tuple[int, str]:
        body = urlencode({"csrf": self.token, **form}).encode()
        return self._ask(urllib.request.Request(self._home + address, body, {"Origin": self._home}))

    def _ask(self, request: urllib.request.Request) -> tuple[int, str]:
        request.add_header("Cookie", f"{self._name}={self.token}")
        try:
            with self._open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()


class Site:
    """Exams that were done at `nord`, each of its own patient but those of the first."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, names, client = cloud, cloud.function_env("PortalFunction"), cloud.client("dynamodb")
        self.exams, usage = Table(client, names["TABLE_EXAMS"]), Table(client, names["TABLE_USAGE"])
        self.reports, self.deliveries = DynamoReportStore(self.exams), DynamoDeliveryStore(self.exams, usage)
        authority = "1.2.250.1.99999.1"
        traits = Traits(birth_family="ADRUN", birth_given="ZOE", birth_date=date(1975, 6, 12), sex="F")
        patient = Patient(f"p-{RUN}", traits, (Identifier(f"7{RUN}", authority, "PI"),), sites=frozenset({"nord"}))
        DynamoPatientStore(Table(client, names["TABLE_PATIENTS"])).save(patient)
        load_reference(
            DynamoReferenceTable(Table(client, names["TABLE_REFERENCE"])),
            read_folder(ROOT / "infra/local/demo/reference"),
            now=datetime.now(UTC),
        )

    def done(self, number: int, *, modality: str = "CT", priority: str = "routine", reported: bool = False) -> str:
        name, at = f"{RUN}{number}", datetime.now(UTC) - timedelta(hours=number)
        step = ScheduledStep(f"{name}-1", "CT_NORD", "CTNORD1", modality, "Scanner du thorax")
        place = Appointment("nord", f"{at:%Y-%m-%d}", at - timedelta(minutes=15), at, "salle-scanner", "scanner", ("x",))
        exam = Exam(
            name, f"2.25.{int(name, 16)}", "nord", f"p-{RUN}", "", "ZBQK001", "Scanner du thorax", place, ExamState.COMPLETED,
            steps=(step,), changed_at=at, accession_authority="2.25.1", priority=priority, reported=reported,
        )  # fmt: skip
        exam = replace(exam, exam_code=f"{exam.exam_code}" if number == 1 else f"ZBQK001-{number}")
        write(self.exams.client, exam_writes(self.exams, exam))
        return name

    def validated(self, number: int) -> str:
        """One whose report was validated and waits for paper."""
        name, now = self.done(number, reported=True), datetime.now(UTC)
        click = Validation(1, DOCTOR, "99900012347", now, now)
        draft = Draft(
            name, "nord", "CR", (Section("Conclusion", "Normal."),), status=DraftStatus.VALIDATED, validation=click, version=1
        )
        version = Version(name, "nord", "630999001", 1, "2.25.1", "2.25.2", "", now, DOCTOR, "1", VersionState.SIGNED)
        paper = Delivery(name, "nord", "to_print", "REQUESTER", f"m{name}", DeliveryState.HELD, reason="to_print", report_version=1)
        plan = (PlannedChannel("to_print", "REQUESTER"),)
        self.reports.commit(draft, replace(version, plan=plan), deliveries=(replace(paper, changed_at=now),))
        return name


@pytest.fixture(scope="module")
def site(cloud: Cloud) -> Site:
    return Site(cloud)


def listed(page: tuple[int, str]) -> list[str]:
    """Return the exams of this run on a page, in order."""
    assert 200 == page[0]
    return [one for one in re.findall(r'data-accession="([^"]*)"', page[1]) if one.startswith(RUN)]


def test_the_reading_list_is_narrowed_by_the_indexes_of_the_table(site: Site) -> None:
    old, stat, mr = site.done(9), site.done(8, priority="stat"), site.done(7, modality="MR")
    doctor = Person(site.cloud, DOCTOR)

    def shown(query: str = "") -> list[str]:
        return [one for one in listed(doctor.get(f"/sites/nord/reading{query}")) if one in (old, stat, mr)]

    assert [stat, old, mr] == shown()
    assert [stat, old] == shown("?modality=CT")
    assert [old, mr] == shown("?priority=routine&older=0")
    assert [mr] == shown("?modality=MR&site=nord&site=sud")
    assert [stat] == shown("?priority=stat")
    assert [] == shown("?older=1&modality=CT")
    assert 303 == doctor.post(f"/exams/{mr}/report/take", {})[0]
    assert [mr] == shown("?mine=1")


def test_what_is_confided_is_on_the_secretarys_list_and_comes_back(site: Site) -> None:
    name = site.done(6)
    doctor, secretary = Person(site.cloud, DOCTOR), Person(site.cloud, "secretariat.nord")

    assert 303 == doctor.post(f"/exams/{name}/report/turn", {"rev": "0", **TEXT, "turn": "correction", "note": "Accents"})[0]
    theirs = listed(secretary.get("/sites/nord/secretariat"))
    given_back = secretary.post(f"/exams/{name}/report/turn", {"rev": "2", **TEXT, "turn": "rereading"})

    assert [name] == theirs
    assert 303 == given_back[0]
    assert [] == listed(secretary.get("/sites/nord/secretariat"))
    assert name in listed(doctor.get("/sites/nord/reading"))


def test_a_letter_leaves_its_list_and_ones_own_reports_say_so(site: Site) -> None:
    name, other = site.validated(5), site.done(4)
    doctor, secretary = Person(site.cloud, DOCTOR), Person(site.cloud, "secretariat.nord")
    form = {"channel": "to_print", "recipient": "REQUESTER", "version": "1", "back": "letters"}

    before, mine = listed(secretary.get("/sites/nord/letters")), doctor.get("/sites/nord/my-reports")
    printed = secretary.post(f"/exams/{name}/deliveries/printed", form)
    _, after = secretary.get("/sites/nord/letters")
    beside = doctor.get(f"/exams/{other}/report")

    assert [name] == before == listed(mine)
    assert 'data-overall="held"' in mine[1]
    assert 303 == printed[0]
    assert 'data-settled-by="secretariat.nord"' in after
    assert 'data-overall="delivered"' in doctor.get("/sites/nord/my-reports")[1]
    assert [name] == re.findall(r'data-prior="([^"]*)"', beside[1])


def test_a_text_whose_session_was_ended_elsewhere_is_given_back_by_the_tables(site: Site) -> None:
    name = site.done(3)
    doctor = Person(site.cloud, DOCTOR)
    doctor.post(f"/exams/{name}/report", {"rev": "0", **TEXT})
    doctor.logout_elsewhere()

    lost = doctor.post(f"/exams/{name}/report", {"rev": "1", **TEXT, "text-0": "Tapé trop tard."})
    doctor.login()
    _, given = doctor.get(f"/exams/{name}/report")
    doctor.post(f"/exams/{name}/report", {"rev": "1", **TEXT, "text-0": "Tapé trop tard.", "kept": "1"})
    _, saved = doctor.get(f"/exams/{name}/report")

    assert 303 == lost[0]
    assert "data-kept" in given
    assert "Tapé trop tard." in given
    assert "data-kept" not in saved
    assert "Tapé trop tard." in saved


def test_these_pages_do_what_the_portal_s_role_grants(site: Site) -> None:
    calls = called(site.cloud.calls(), "PortalFunction")

    asked = {call.resource.rpartition("/")[2] for call in calls if call.action == "dynamodb:Query" and "/index/" in call.resource}
    assert {"due", "reading", "mine"} <= asked
    assert set() == missing(granted(tenant(), tenant().resources["PortalFunction"]), calls)
