"""Every route, walked: it declares who may call it, it refuses whoever may not, and it leaves one record of each patient seen."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from ris.adapters.report.frozen_json import FrozenJson
from ris.application.agenda.outages import declare_outage
from ris.application.agenda.ports import MppsRecord
from ris.application.dispatch.dmp_port import StrangeAnswer
from ris.application.identity.records import UNREADABLE, KeptAnswer, RecordedEvent
from ris.application.report.documents import stored_file
from ris.domain.access.policy import POLICY, allows
from ris.domain.access.session import RIGHTS, ROLES, Account
from ris.domain.agenda.exam import Performed
from ris.domain.agenda.interval import Interval
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.identity.ins import OID_NIR_TEST, Ins
from ris.domain.identity.insi import InsiFound, InsiQuery, InsiRecord, InsiState
from ris.domain.report.draft import Draft, DraftStatus
from ris.domain.report.frozen import Section
from ris.domain.report.marks import Marks
from ris.domain.report.version import PDF, Version, VersionState
from ris.portal.answers import Page
from ris.portal.app import Portal
from ris.portal.gate import GuardedView
from ris.portal.routing import Routes, Scope
from tests.support.frozen_reports import a_frozen_report
from tests.support.portal import ADDRESS, NOW, PortalHouse

PUBLIC = {"/login", "/login/{provider}", "/login/{provider}/callback", "/logged-out", "/static/{name}", "/favicon.ico"}
SITES = ("nord", "sud", "est")
DONE = (200, 303)
AFTER = ("announced", "correct", "delete", "withhold")
SIGNED = {
    *(f"/exams/{{accession}}/report/{end}" for end in AFTER),
    *(f"/exams/{{accession}}/deliveries/{end}" for end in ("retry", "printed")),
}
"""Addresses of what is done once a report is validated."""
STUCK = ("preview", "retry", "note")
REFUSED = {"/exams/{accession}/report/validate": 409}
"""What a rule refuses to whoever walks the routes here: to validate one must be known with an RPPS, and come in by Pro Santé Connect."""


def walked():
    """Every (pattern, method, view) Chalice knows."""
    app = PortalHouse().portal.app
    return [(pattern, method, entry.view_function) for pattern, methods in app.routes.items() for method, entry in methods.items()]


ROUTES = walked()
GUARDED = [(pattern, method, view.rule) for pattern, method, view in ROUTES if view.rule.scope is not Scope.PUBLIC]
IDENTITY_FIELDS = {
    "insi": {},
    "insi/accept": {"asked_at": NOW.isoformat()},
    "insi/decline": {"asked_at": NOW.isoformat()},
    "document": {"proof": "CN"},
    "document/withdraw": {},
    "information": {"information": "INO"},
    "mark": {"mark": "homonyme"},
    "unmark": {"mark": "homonyme"},
    "ins": {},
    "traits": {"used_family": "ADRUN"},
}
OUTAGE_FIELDS = {
    "from_day": "2026-11-27",
    "from_time": "08:00",
    "until_day": "2026-11-28",
    "until_time": "12:00",
    "reason": "Maintenance",
}
NEW_PATIENT = {
    "birth_family": "NOUVEAU",
    "birth_given": "ANNE",
    "birth_date": "1990-02-03",
    "sex": "F",
    "birth_place_insee": "99999",
}
DATAMATRIX = f"IS01{'0' * 22}S1275126322074974S21.2.250.1.213.1.4.10S3ZOE ANNE\x1dS4ADRUN\x1dS5FS612-06-1975S763220"
NAMES = [f"{method} {pattern}" for pattern, method, _ in GUARDED]


class Furnished:
    """A portal with one object of each kind at `nord`, and addresses for every route."""

    def __init__(self):
        self.house = PortalHouse()
        patient = self.house.patient()
        self.house.request(patient)
        self.exam = self.house.booked(patient, "11:00", exam_code="ZCQK004")
        self.message = self._parked()
        self._identity(patient)
        self._report()
        self.signed = self.house.booked(patient, "14:00", exam_code="ZBQK001")
        self._signed()
        self._strange()
        self._desk()

    def _desk(self):
        """A patient who arrived, a machine that will be out of service, and an act nobody was expected for."""
        s, now = self.house.services.agenda, self.house.now
        self.exam = s.exams.save(replace(s.exams.get(self.exam.accession_number), arrived_at=now))
        period = Interval(now + timedelta(hours=1), now + timedelta(hours=5))
        declare_outage(s, "nord", "irm", "out-1", period, "Compresseur", now)
        performed = Performed("1.2.3.4", "COMPLETED", "CT_NORD", "20261126090000")
        s.exams.save_mpps(MppsRecord("nord", performed, reason="unscheduled", received_at=now))

    def _strange(self):
        """An answer of the DMP and one of INSi that nobody could believe."""
        house, at = self.house, self.house.now
        house.cockpit.strange.keep(StrangeAnswer(self.exam.accession_number, 1, "registry", at, 200, "text/html", "not XML", b"?"))
        query = InsiQuery("ADRUN", ("ZOE",), "F", "1975-06-12")
        said = KeptAnswer("p1", f"{at:%Y-%m-%dT%H:%M:%S.%f}Z#01", "event-1", at, "accueil.nord", True, query, error=UNREADABLE)
        house.patients.keep_answer(said)

    def _identity(self, patient):
        """An answer of INSi that waits, and an event that runs."""
        house, store = self.house, self.house.patients
        found = InsiFound(Ins("275126322074974", OID_NIR_TEST), "ADRUN", "ZOE", "ZOE ANNE", "F", "1975-06-12", "63220")
        waiting = InsiRecord(InsiState.PENDING, house.now, "00", found, "person_decides", ("birth_given_all",))
        store.save(replace(store.get(patient.patient_id), insi=waiting, attributes=frozenset({"homonyme"})))
        store.add_event(RecordedEvent(patient.patient_id, "event-1", "nord", "accueil.nord", house.now))

    def _report(self):
        """A report whose first version is signed."""
        accession, reports = self.exam.accession_number, self.house.reports
        draft = Draft(accession, "nord", "Scanner", (Section("Conclusion", "Normal."),), author="radiologue.nord")
        reports.save_draft(replace(draft, edited_by="radiologue.nord", edited_at=self.house.now))
        version = Version(accession, "nord", "990000017", 1, "2.25.1", "2.25.2", "", self.house.now, "x", "1", VersionState.SIGNED)
        file = stored_file(version.key_of(PDF), b"%PDF-1.4")
        self.house.documents.keep(file.key, b"%PDF-1.4", content_type="application/pdf")
        reports.save_version(replace(version, files={PDF: file}))

    def _signed(self):
        """A report that is validated, hidden until an announcement, refused by the DMP and waiting for paper."""
        accession, house = self.signed.accession_number, self.house
        conclusion = (Section("Conclusion", "Normal."),)
        draft = Draft(accession, "nord", "Scanner", conclusion, status=DraftStatus.VALIDATED, author="radiologue.nord", version=1)
        version = Version(accession, "nord", "990000017", 1, "2.25.3", "2.25.4", "", house.now, "x", "1", VersionState.SIGNED)
        content = FrozenJson().dump(a_frozen_report(accession_number=accession))
        marks = Marks(announcement_pending=True)
        row = Delivery(accession, "nord", "dmp", "DMP", "", DeliveryState.REJECTED, changed_at=house.now, report_version=1)
        paper = replace(row, channel="to_print", recipient="89990005678", state=DeliveryState.HELD, reason="to_print")
        house.reports.commit(draft, replace(version, marks=marks), deliveries=(row, paper), content=content)

    def _parked(self):
        from ris.application.agenda.messages import LedgerEntry, MessageState

        entry = LedgerEntry(
            "ab12", "nord", "00", MessageState.PARKED, self.house.now, frame=b"MSH|", reason="ipp_missing", place="PID-3"
        )
        return self.house.ledger.save(entry)

    def address(self, pattern, site="nord"):
        values = {
            "site": site,
            "accession": (self.signed if pattern in SIGNED else self.exam).accession_number,
            "patient_id": "p1",
            "message": "ab12",
            "provider": "group",
            "name": "portal.css",
            "event_id": "event-1",
            "version": "1",
            "prior": self.signed.accession_number,
            "day": "2026-11-26",
            "modality": "irm",
            "outage": "out-1",
            "mpps": "1.2.3.4",
            "channel": "dmp",
            "answer": "v1.20261126T082000.000000Z.registry" if pattern.startswith("/exams") else "20261126T082000.000000Z.01",
        }
        return pattern.format(**values) + ("?request=r1" if pattern.endswith("/booking") else "")

    def fields(self, pattern):
        booking = {"request": "r1", "exam": "ZBQK001", "room": "salle-scanner", "day": "2026-11-27", "start": "10:00"}
        click = {"token": "click-0001"}
        report = {"rev": "1", "title": "Scanner", "heading-0": "Conclusion", "text-0": "Normal."}
        return {
            "/sites/{site}/booking": booking,
            "/exams/{accession}/cancel": {"reason": "patient"},
            "/exams/{accession}/arrival": {"answer-grossesse": "no"},
            "/exams/{accession}/move": {"room": "salle-scanner", "day": "2026-11-27", "start": "12:00"},
            "/sites/{site}/walk-in": {"patient": "p1", "exam": "ACQK001"},
            "/sites/{site}/machines/{modality}/outage": {**click, **OUTAGE_FIELDS},
            "/sites/{site}/machines/{modality}/outages/{outage}/move": {"accession": "all"},
            "/sites/{site}/unscheduled/{mpps}/link": {"accession": self.exam.accession_number},
            "/sites/{site}/unscheduled/{mpps}/aside": {"reason": "Fantôme de contrôle"},
            "/sites/{site}/patients/new": {**click, **NEW_PATIENT},
            "/scan": {"code": DATAMATRIX},
            "/patients": {"q": "adrun"},
            "/sites/{site}/audit/patient": {"q": "p1"},
            "/sites/{site}/messages/replay": {"message-0": "ab12"},
            **{f"/sites/{{site}}/cockpit/{{channel}}/{act}": {"row-0": f"{self.signed.accession_number}~DMP~1"} for act in STUCK},
            **{f"/patients/{{patient_id}}/{name}": {**click, **more} for name, more in IDENTITY_FIELDS.items()},
            "/patients/{patient_id}/refusals": {"who": "PATIENT", "on": "1"},
            "/exams/{accession}/report/correct": {"rev": "1"},
            "/exams/{accession}/report/withhold": {"on": "1"},
            "/exams/{accession}/deliveries/retry": {"channel": "dmp", "recipient": "DMP", "version": "1"},
            "/exams/{accession}/deliveries/printed": {"channel": "to_print", "recipient": "89990005678", "version": "1"},
            **{
                f"/exams/{{accession}}/report{end}": report
                for end in ("", "/autosave", "/provisional", "/validate", "/expected", "/alive")
            },
            "/exams/{accession}/report/template": {**report, "template": "scanner"},
            "/exams/{accession}/report/macro": {**report, "macro": "sans-anomalie:0"},
            "/exams/{accession}/report/turn": {**report, "turn": "typing"},
        }.get(pattern, {})

    def state(self):
        """Everything a route could change."""
        house, accession = self.house, self.exam.accession_number
        return (
            dict(house.rows.exams),
            house.ledger.get("nord", "ab12"),
            house.patients.get("p1"),
            house.reports.draft(accession),
            list(house.identity_workflows.started),
            dict(house.signing.started),
            house.reports.draft(self.signed.accession_number),
            house.reports.versions(self.signed.accession_number),
            house.deliveries.of_owner(self.signed.accession_number),
            list(house.dispatches.started),
            dict(house.rows.days),
            dict(house.rows.mpps),
        )

    def call(self, browser, pattern, method, site="nord", **headers):
        address = self.address(pattern, site)
        return browser.get(address, **headers) if method == "GET" else browser.post(address, self.fields(pattern), **headers)

    def as_account(self, roles, rights=frozenset(RIGHTS)):
        """Return a browser of somebody with these roles, by site, and these rights."""
        book = self.house.services.access.accounts
        known = {"somebody": Account("somebody", "Somebody", roles, rights)}
        accounts = _Accounts(known, book)
        self.house.services = replace(self.house.services, access=replace(self.house.services.access, accounts=accounts))
        return self.house.browser("somebody")


class _Accounts:
    def __init__(self, known, book):
        self.known, self.book = known, book

    def get(self, account_id):
        return self.known.get(account_id) or self.book.get(account_id)

    def by_login(self, provider, subject):
        return self.known.get(subject) or self.book.by_login(provider, subject)


def test_every_route_declares_its_authorisation_and_the_public_ones_are_a_short_list():
    undeclared = [(pattern, method) for pattern, method, view in ROUTES if not isinstance(view, GuardedView)]

    assert [] == undeclared
    assert PUBLIC == {pattern for pattern, _, view in ROUTES if view.rule.scope is Scope.PUBLIC}
    assert set() == {rule.action for _, _, rule in GUARDED if rule.action} - set(POLICY)
    assert set() == set(POLICY) - {rule.action for _, _, rule in GUARDED}


def test_a_route_that_bypassed_the_declaration_lets_nobody_pass():
    house = PortalHouse()
    house.portal.app.route("/account2")(lambda: "secret")
    portal = Portal(lambda: house.services, house.settings)
    portal.app.route("/open")(lambda: "secret")
    portal._adapter._table.__init__(list(portal.app.routes))

    answer = portal({"path": "/open", "httpMethod": "GET", "headers": {}, "requestContext": {}})

    assert 405 == answer["statusCode"]
    assert "secret" not in answer["body"]


@pytest.mark.parametrize(("pattern", "method", "rule"), GUARDED, ids=NAMES)
def test_no_route_answers_without_a_session(pattern, method, rule):
    furnished = Furnished()

    page = furnished.call(furnished.house.browser(), pattern, method)
    as_json = furnished.call(furnished.house.browser(), pattern, method, accept="application/json")
    fragment = furnished.call(furnished.house.browser(), pattern, method, **{"hx-request": "true"})

    assert 303 == page.status
    assert page.headers["Location"].startswith("/login?next=")
    assert (401, "no_session") == (as_json.status, as_json.json["code"])
    assert 401 == fragment.status
    assert fragment.headers["HX-Redirect"].startswith("/login?next=")
    assert "Set-Cookie" not in page.headers
    refusals = [(record.result, record.code) for record in furnished.house.audit.records]
    assert [("refused", "no_session")] * 3 == refusals


@pytest.mark.parametrize(("pattern", "method", "rule"), GUARDED, ids=NAMES)
def test_each_route_follows_the_policy_table_for_every_role_at_every_site(pattern, method, rule):
    if not rule.action:
        pytest.skip("any session may")
    furnished = Furnished()
    for role, site in product(ROLES, SITES):
        browser = furnished.as_account({site: frozenset({role})})
        *_, session = furnished.house.sessions._sessions.values()
        bound = rule.scope is not Scope.ANY_SITE
        before = furnished.state()

        answer = furnished.call(browser, pattern, method)

        expected = allows(session, rule.action, "nord" if bound else site)
        assert expected == (answer.status not in (401, 403, 404)), (role, site, answer.status)
        assert answer.status != 500
        if expected and method == "POST":
            furnished = Furnished()
        else:
            assert before == furnished.state(), (role, site)


@pytest.mark.parametrize(("pattern", "method", "rule"), GUARDED, ids=NAMES)
def test_a_route_that_touches_a_patient_leaves_exactly_one_record(pattern, method, rule):
    furnished = Furnished()
    browser = furnished.as_account({"nord": frozenset(ROLES)})
    furnished.house.audit.records.clear()

    answer = furnished.call(browser, pattern, method)

    assert answer.status in (DONE if pattern not in REFUSED else (REFUSED[pattern],))
    kept = [(record.action, record.result, record.site, record.account_id) for record in furnished.house.audit.records]
    if rule.audited:
        assert [(rule.action, "allowed", "nord", "somebody")] == kept
    else:
        assert kept in ([], [("logout", "allowed", "-", "somebody")])


@pytest.mark.parametrize(
    ("pattern", "method"), [(pattern, method) for pattern, method, rule in GUARDED if rule.scope in (Scope.SITE, Scope.OBJECT)]
)
def test_an_object_of_another_site_and_one_that_is_not_there_are_the_same_404(pattern, method):
    furnished = Furnished()
    browser = furnished.as_account({"est": frozenset(ROLES)})
    address = furnished.address(pattern).partition("?")[0]
    absent = address.replace("nord", "nulle-part").replace(furnished.exam.accession_number, "999").replace("/p1", "/p9")
    furnished.house.audit.records.clear()

    def ask(target):
        return browser.get(target) if method == "GET" else browser.post(target, furnished.fields(pattern))

    foreign, missing = ask(address), ask(absent)

    assert (404, 404) == (foreign.status, missing.status)
    assert foreign == missing
    assert 2 == len(furnished.house.audit.records)
    assert {"refused", "not_found"} >= {record.result for record in furnished.house.audit.records}
    assert all(record.account_id == "somebody" for record in furnished.house.audit.records)


def test_a_site_somebody_invented_opens_no_audit_chain_of_its_own():
    furnished = Furnished()
    browser = furnished.as_account({"nord": frozenset(ROLES)})
    furnished.house.audit.records.clear()

    for anybody in (browser, furnished.house.browser()):
        anybody.get("/sites/nulle-part/agenda")
        anybody.get("/sites/est/agenda")

    assert ["-", "est", "-", "est"] == [record.site for record in furnished.house.audit.records]


def test_an_object_is_checked_against_its_parent():
    furnished = Furnished()
    browser = furnished.as_account({"nord": frozenset(ROLES), "sud": frozenset(ROLES)})

    assert 200 == browser.get("/sites/nord/booking?request=r1").status
    assert 404 == browser.get("/sites/sud/booking?request=r1").status
    assert 404 == browser.get("/sites/sud/booking?patient=p1").status
    assert 404 == browser.get("/sites/sud/messages/ab12").status
    assert 404 == browser.post("/sites/sud/messages/ab12/dismiss").status


@pytest.mark.parametrize(
    ("pattern", "method", "rule"),
    [route for route in GUARDED if route[1] == "POST"],
    ids=[name for name in NAMES if "POST" in name],
)
def test_no_change_without_the_sessions_own_token_from_our_own_pages(pattern, method, rule):
    furnished = Furnished()
    browser = furnished.as_account({"nord": frozenset(ROLES)})
    address, fields = furnished.address(pattern), furnished.fields(pattern)
    before = furnished.state()

    refused = [
        browser.post(address, fields, csrf=""),
        browser.post(address, fields, csrf="x" * 43),
        browser.post(address, fields, origin="https://evil.example"),
        browser.post(address, fields, origin="null"),
        browser.post(address, fields, **{"sec-fetch-site": "cross-site"}),
    ]

    assert [403] * 5 == [answer.status for answer in refused]
    assert before == furnished.state()
    done = browser.post(address, fields, origin=ADDRESS, **{"sec-fetch-site": "same-origin"}).status
    assert done in (DONE if pattern not in REFUSED else (REFUSED[pattern],))


def test_the_token_may_come_in_a_header():
    furnished = Furnished()
    browser = furnished.as_account({"nord": frozenset(ROLES)})

    answer = browser.post("/patients", {"q": "adrun"}, csrf="", **{"x-csrf-token": browser.csrf, "accept": "application/json"})

    assert [{"700001"}, 200] == [{row["ipp"] for row in answer.json["rows"]}, answer.status]


def test_an_answer_of_a_view_that_admitted_nobody_is_thrown_away(capsys):
    forgetful = Routes("forgetful")
    forgetful.get("/things/{thing}", Scope.OBJECT, "read_exam")(
        lambda call, thing: Page("access/account.html", {"roles": [("secret", [])]})
    )
    house = PortalHouse()
    browser = house.browser("accueil.nord")
    browser.portal = Portal(lambda: house.services, house.settings, [forgetful])

    answer = browser.get("/things/1")

    assert 500 == answer.status
    assert "secret" not in answer.body


def test_a_crash_shows_and_logs_nothing_of_a_patient(capsys):
    crashing = Routes("crashing")

    def view(call):
        raise RuntimeError("ADRUN ZOE 1750612")

    crashing.get("/crash", Scope.SESSION)(view)
    house = PortalHouse()
    browser = house.browser("accueil.nord")
    browser.portal = Portal(lambda: house.services, house.settings, [crashing])

    answer = browser.get("/crash")

    assert (500, "unexpected") == (answer.status, answer.attributes("data-problem")[0])
    written = "".join(capsys.readouterr())
    assert "PORTAL_001" in written
    assert "ADRUN" not in written + answer.body
