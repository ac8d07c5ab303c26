"""What the pages show, and what they must never show or run."""

import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import pytest

from ris.application.agenda.messages import LedgerEntry, MessageState
from ris.application.agenda.ports import MppsRecord
from ris.domain.access.kept import KeptForm
from ris.domain.agenda.exam import ExamState, Performed
from ris.domain.agenda.request import Prescriber
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.identity.ins import OID_NIR_TEST, Ins
from ris.domain.identity.insi import InsiFound, InsiRecord, InsiState
from ris.domain.report.draft import Draft, Refusal, Turn
from ris.domain.report.frozen import Section
from tests.support.portal import TODAY, PortalHouse

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% raw %}",
    "' onmouseover='x",
    "=cmd|'/c calc'!A1",
)


class Filled:
    """One object of each kind, its texts as hostile as a sender can make them."""

    def __init__(self, text=ATTACKS[0]):
        self.house, self.text = PortalHouse(), text
        house = self.house
        patient = house.patient(
            birth_family=text,
            birth_given=text,
            used_family=text,
            used_given=text,
            phone=text,
            birth_date=None,
            birth_date_text=text,
        )
        house.request(patient, exam_label=text, reason=text, placer_order_number=text)
        booked = house.patient(2)
        house.request(booked, 2, reason=text, prescriber=Prescriber("", text, text))
        exam = house.booked(booked, "11:00", request_id="r2")
        performed = Performed("2.25.7", "COMPLETED", text, text, text, text)
        store = house.services.agenda.exams
        self.exam = store.save(replace(store.get(exam.accession_number), state=ExamState.COMPLETED, performed=(performed,)))
        house.deliveries.save(_rejected(self.exam, text))
        house.ledger.save(_parked(house, text))
        store.save_mpps(MppsRecord("nord", performed, reason="unscheduled", received_at=house.now))
        found = InsiFound(Ins(text, OID_NIR_TEST), text, text, text, text, text, text)
        waiting = InsiRecord(InsiState.PENDING, house.now, "00", found, text, ("birth_family",))
        shown = house.patients.get(patient.patient_id)
        house.patients.save(replace(shown, insi=waiting, attributes=frozenset({"homonyme"}), ins=Ins(text, OID_NIR_TEST)))
        sections = (Section(text, text), Section("Conclusion", text))
        report = Draft(self.exam.accession_number, "nord", text, sections, (text,), edited_by=text, edited_at=house.now)
        house.reports.save_draft(replace(report, refusal=Refusal(text, text, text), note=text, reader=text))
        paper = Delivery(report.accession_number, "nord", "to_print", "REQUESTER", "", DeliveryState.HELD, reason="to_print")
        house.deliveries.save(replace(paper, report_version=1, changed_at=house.now))
        self.browser = house.browser("accueil.nord")
        self.radiologist = house.browser("radiologue.nord")

    def pages(self):
        """Yield every page that shows something a sender wrote."""
        accession = self.exam.accession_number
        yield from (
            self.browser.get(address)
            for address in (
                "/sites/nord/agenda",
                "/sites/nord/requests",
                "/sites/nord/booking",
                "/sites/nord/booking?request=r1",
                "/sites/nord/worklist",
                f"/exams/{accession}",
                f"/exams/{accession}/state",
                "/patients/p1",
                "/patients/p1/traits",
                "/account",
            )
        )
        yield self.browser.post("/patients/p1/ins", {"token": "click-0001"})
        yield self.browser.post("/patients/p1/document", {"token": "click-0002", "proof": "ZZ"})
        yield from (
            self.radiologist.get(each) for each in ("/sites/nord/reading", f"/exams/{accession}", f"/exams/{accession}/report")
        )
        typed = {"rev": "0", "title": self.text, "heading-0": self.text, "text-0": self.text}
        yield self.radiologist.post(f"/exams/{accession}/report", typed)
        yield self.browser.post("/patients", {"q": "700001"})
        yield self.browser.post("/sites/nord/booking", {"request": "r1", "exam": "", "room": "", "day": "", "start": ""})
        stored = self.house.reports.draft(accession)
        for turn in (Turn.TYPING, Turn.WRITING):
            stored = self.house.reports.save_draft(replace(stored, turn=turn, note=self.text))
            yield self.house.browser("secretariat.nord").get("/sites/nord/secretariat")
        yield from (self.radiologist.get(f"/sites/nord/{each}") for each in ("letters", "my-reports", "reading?mine=1"))
        self.house.sessions.keep_form(KeptForm("accueil.nord", "/x", {"reason": self.text}, self.house.now))
        yield self.browser.get("/resume?of=/x")
        others = self.house.browser("identito.nord")
        yield from (others.get(f"/sites/nord/{each}") for each in ("messages", "messages/ab12", "unscheduled"))


def _rejected(exam, text):
    return Delivery(
        exam.accession_number, "nord", "hl7_pacs_order", "PACS", "M1", DeliveryState.REJECTED, remote_code=text, remote_words=text
    )


def _parked(house, text):
    said = {"sending_application": text, "sending_facility": text, "control_id": text, "message_type": text}
    frame = b"MSH|^~\\&|HIS||RIS||2026||ADT^A04|1|P|2.5\rPID|1||" + text.encode()
    return LedgerEntry(
        "ab12", "nord", "00", MessageState.PARKED, house.now, frame=frame, reason="ipp_missing", place="PID-3", **said
    )


class Markup(HTMLParser):
    """Collects tags and attributes."""

    def __init__(self, body):
        super().__init__()
        self.tags, self.attributes, self.data = [], [], []
        self.feed(body)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.data.append(data)


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_sender_wrote_is_shown_as_text_and_never_run(attack):
    shown = 0
    for page in Filled(attack).pages():
        markup = Markup(page.body)
        assert page.status in (200, 400, 409)
        assert "img" not in markup.tags
        assert [] == [each for each in markup.attributes if each[1].startswith("on")]
        assert {"src", "defer"} >= {name for tag, name, _ in markup.attributes if tag == "script"}
        shown += attack in "".join(markup.data)
    assert shown >= 13


def test_no_page_holds_a_script_or_a_style_of_its_own():
    filled = Filled()
    for page in [*filled.pages(), filled.house.browser().get("/login"), filled.browser.get("/nowhere")]:
        markup = Markup(page.body)
        assert "style" not in markup.tags
        assert [] == [
            each for each in markup.attributes if each[1] in ("style", "onclick", "onload") or each[2].startswith("javascript:")
        ]
        assert [] == re.findall(r"<script(?![^>]*\ssrc=)", page.body)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_every_answer_carries_the_headers_and_patient_pages_are_not_kept():
    filled = Filled()
    for page in [*filled.pages(), filled.browser.get("/nowhere"), filled.house.browser().get("/sites/nord/agenda")]:
        assert "no-store" == page.headers["Cache-Control"]
        assert ["nosniff", "DENY", "same-origin"] == [
            page.headers[name] for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy")
        ]
        assert "max-age=" in page.headers["Strict-Transport-Security"]


def test_no_address_on_any_page_holds_a_patient_value():
    filled = Filled("ZZSECRETZZ")
    for page in filled.pages():
        for _, name, value in Markup(page.body).attributes:
            if name in ("href", "action") or name.startswith("hx-"):
                assert not re.search("ZZSECRETZZ|ADRUN|ZOE|70000", value), value


def test_the_search_words_stay_out_of_the_address():
    browser = PortalHouse().browser("accueil.nord")

    page = browser.get("/patients?q=adrun")

    assert "" == page.field("q")
    assert 'method="post"' in page.body.partition("role=")[0].rpartition("<form")[2]


def test_the_hl7_null_is_never_shown():
    house = PortalHouse()
    null = '""'
    patient = house.patient(
        used_family=null, used_given=null, phone=null, birth_date_text=null, birth_place_insee=null, birth_date=None
    )
    house.request(patient, reason=null, exam_label="Scanner")
    browser = house.browser("accueil.nord")

    for address in ("/patients/p1", "/sites/nord/requests", "/sites/nord/booking?request=r1"):
        assert null not in browser.get(address).text, address


def test_a_form_field_has_a_label_and_a_page_its_landmarks():
    filled = Filled()
    filled.browser.get("/")
    for page in filled.pages():
        if "<main" not in page.body:
            continue
        markup = Markup(page.body)
        ids = {value for _, name, value in markup.attributes if name == "id"}
        labelled = {value for tag, name, value in markup.attributes if tag == "label" and name == "for"}
        named = re.findall(r'<(?:input|select|textarea)(?![^>]*type="(?:hidden|radio)")[^>]*\sid="([^"]+)"', page.body)
        assert set(named) <= labelled <= ids
        assert 1 == page.body.count("<h1")
        assert {"header", "main", "nav"} <= set(markup.tags)
        assert ("html", "lang", "fr") in markup.attributes
        assert "#content" == next(value for tag, name, value in markup.attributes if tag == "a" and name == "href")
        assert len(ids) == len([value for _, name, value in markup.attributes if name == "id"])


def test_the_exam_page_holds_time_state_and_numbers_where_a_machine_finds_them():
    house = PortalHouse()
    exam = house.booked(house.patient(), "10:00")
    page = house.browser("accueil.nord").get(f"/exams/{exam.accession_number}")

    facts = {
        name: page.attributes(f"data-{name}")[0]
        for name in ("accession", "state", "day", "start", "end", "room", "study-uid", "patient-ipp")
    }

    assert {
        "accession": exam.accession_number,
        "state": "booked",
        "day": TODAY,
        "start": "10:00",
        "end": "10:15",
        "room": "salle-scanner",
        "study-uid": exam.study_instance_uid,
        "patient-ipp": "700001",
    } == facts


def test_the_worklist_shows_one_modality_or_all_and_no_held_exam():
    house = PortalHouse()
    ct, held = house.booked(house.patient(), "10:00"), house.booked(house.patient(2), "11:00", confirm=False)
    mr = house.booked(house.patient(3), "12:00", exam_code=_an_exam_of("MR"), room="salle-irm")
    browser = house.browser("manip.nord")

    everything, only = browser.get("/sites/nord/worklist"), browser.get("/sites/nord/worklist?modality=MR")

    assert [ct.accession_number, mr.accession_number] == everything.attributes("data-accession")
    assert [mr.accession_number] == only.attributes("data-accession")
    assert held.accession_number not in everything.body
    assert 400 == browser.get("/sites/nord/worklist?modality=XX").status
    assert 400 == browser.get("/sites/nord/worklist?day=2026-02-30").status
    assert 400 == browser.get("/sites/nord/worklist?day=2026-11-26&day=2026-11-27").status


def _an_exam_of(modality):
    from tests.support.portal import reference

    return next(each.exam_code for each in reference().catalogue if each.dicom_modality == modality)


@pytest.mark.parametrize(
    ("state", "more", "kind", "words"),
    [
        (
            DeliveryState.PENDING,
            {"reason": "handed_over"},
            "pending",
            "Pas encore acceptée par PACS (confié à la passerelle du site).",
        ),
        (DeliveryState.PENDING, {"unknown": True, "reason": "no_answer"}, "unknown", "sans réponse à ce jour"),
        (DeliveryState.DELIVERED, {"remote_code": "AA"}, "delivered", "(code AA)"),
        (DeliveryState.REJECTED, {"remote_code": "204", "remote_words": "Unknown key"}, "rejected", "« Unknown key »"),
    ],
)
def test_a_delivery_says_in_french_where_it_stands(state, more, kind, words):
    house = PortalHouse()
    exam = house.booked(house.patient(), "10:00")
    house.deliveries.save(
        Delivery(exam.accession_number, "nord", "hl7_pacs_order", "PACS", "M1", state, changed_at=house.now, **more)
    )

    page = house.browser("accueil.nord").get(f"/exams/{exam.accession_number}")

    assert words in page.text
    assert f"mark-{kind}" in page.body
    assert [state.value] == re.findall(r'data-recipient="PACS" data-state="(\w+)"', page.body)


def test_the_state_asks_again_while_it_can_change_by_itself_and_reloads_the_page_once_it_did():
    house = PortalHouse()
    exam = house.booked(house.patient(), "10:00", confirm=False)
    browser = house.browser("accueil.nord")
    held = browser.get(f"/exams/{exam.accession_number}")
    asks = held.attributes("hx-get")[0]

    same = browser.get(asks, **{"hx-request": "true"})
    _confirm(house, exam)
    changed = browser.get(asks, **{"hx-request": "true"})

    assert "HX-Refresh" not in same.headers
    assert "looks=2" in same.attributes("hx-get")[0]
    assert ["true", ["booked"]] == [changed.headers["HX-Refresh"], changed.attributes("data-state")]
    assert [] == changed.attributes("hx-get")
    assert ["/session"] == browser.get(f"/exams/{exam.accession_number}").attributes("hx-get")


def test_a_page_left_open_stops_asking_so_that_its_session_can_end():
    house = PortalHouse()
    exam = house.booked(house.patient(), "10:00", confirm=False)
    browser = house.browser("accueil.nord")
    asks, looks = browser.get(f"/exams/{exam.accession_number}").attributes("hx-get"), 0

    while asks and looks < 200:
        asks, looks = browser.get(asks[0]).attributes("hx-get"), looks + 1

    assert 10 < looks < 100


def _confirm(house, exam):
    from ris.application.agenda.confirm_booking import confirm_booking

    confirm_booking(house.services.agenda, exam.accession_number, exam.hold_token, house.now)


def test_a_patient_shared_by_two_sites_shows_only_what_ones_own_sites_did():
    house = PortalHouse()
    patient = house.patient(sites=("nord", "est"), birth_date=date(1975, 6, 12))
    here = house.booked(patient, "10:00")
    there = house.booked(patient, "10:00", site="est", room="salle-radio", exam_code=_an_exam_of("DX"))
    house.request(patient, 9, site="est", placer_order_number="EST-9")

    page = house.browser("accueil.nord").get("/patients/p1")

    assert [here.accession_number] == page.attributes("data-accession")
    assert there.accession_number not in page.body
    assert "EST-9" not in page.body
    assert "1.2.250" not in page.body


def test_the_search_finds_by_the_beginning_of_names_and_by_ipp_at_ones_own_sites_only():
    house = PortalHouse()
    house.patient(1)
    house.patient(2, sites=("est",), birth_given="ANNE")
    browser = house.browser("accueil.nord")

    by_name, by_ipp = browser.post("/patients", {"q": "adr"}), browser.post("/patients", {"q": "700001"})
    short, long = browser.post("/patients", {"q": "a"}), browser.post("/patients", {"q": "a" * 101})

    assert ["p1"] == by_name.attributes("data-patient") == by_ipp.attributes("data-patient")
    assert [400, ["search_too_short"]] == [short.status, short.attributes("data-error-code")]
    assert [400, ["field_too_long"]] == [long.status, long.attributes("data-error-code")]


def test_a_menu_shows_what_one_may_do_and_each_entry_opens():
    house = PortalHouse()
    for subject in ("accueil.nord", "manip.nord", "secretariat.nord", "identito.nord", "info.groupe", "radiologue.nord"):
        browser = house.browser(subject)
        home = browser.follow(browser.get("/"))
        entries = re.findall(r'<nav class="menu".*?</nav>', home.body, re.S)
        for address in re.findall(r'href="([^"]+)"', entries[0] if entries else ""):
            assert 200 == browser.get(address).status, (subject, address)
        assert entries, subject


def test_who_has_nothing_but_figures_begins_with_them_and_has_an_account():
    house = PortalHouse()
    browser = house.browser("finance.groupe")

    page = browser.follow(browser.get("/"))
    account = browser.get("/account")

    assert [200, ["Usage"]] == [page.status, re.findall(r'aria-current="page">([^<]*)<', page.body)]
    assert ["finance.groupe"] == account.attributes("data-account")


def test_a_person_of_two_sites_chooses_one_and_keeps_it():
    house = PortalHouse()
    browser = house.browser("identito.nord")
    sites = [url for url in browser.get("/account").attributes("href") if re.fullmatch(r"/sites/\w+", url)]
    chosen = sites[-1].rpartition("/")[2]

    browser.get(sites[-1])

    assert len(sites) >= 2
    assert chosen == browser.cookies["__Host-ris-site-test"]
    assert f'href="{sites[-1]}" aria-current="true"' in browser.get("/patients").body
