"""The receptionist's day in the pages: who is expected, who came, moves, walk-ins, free slots, questions, the pre-flight."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.access.watch_certificates import KnownCertificates
from ris.application.agenda.move_exam import move_exam
from ris.application.agenda.placing import Place
from ris.domain.access.certificates import HeldCertificate
from ris.domain.access.session import Account
from ris.domain.agenda.exam import ExamState
from ris.domain.agenda.request import Prescriber
from ris.domain.identity.insi import InsiRecord, InsiState
from ris.domain.identity.patient import Identifier
from tests.support.portal import TODAY, reference

TOMORROW = "2026-11-27"


@pytest.fixture
def browser(house):
    return house.browser("accueil.nord")


def rows(page):
    return dict(zip(page.attributes("data-accession"), page.attributes("data-arrival"), strict=True))


def test_the_first_page_is_the_day_by_patient_and_leads_to_everything(house, browser):
    exam = house.booked(house.patient(), "10:00")

    home = browser.follow(browser.get("/"))

    assert [exam.accession_number] == home.attributes("data-accession")
    assert "ADRUN" in home.text
    links = home.attributes("href")
    for wanted in ("/openings", "/walk-in", "/calls", f"/agenda?day={TODAY}"):
        assert any(link.endswith(wanted) or wanted in link for link in links), wanted
    assert f"/exams/{exam.accession_number}/arrival" in links
    assert ["ask"] == home.attributes("data-next")


def test_a_patient_arrives_waits_is_called_in_and_the_worklist_says_so(house, browser):
    exam = house.booked(house.patient(), "10:00")
    place = f"/exams/{exam.accession_number}"

    asked = browser.get(f"{place}/arrival")
    arrived = browser.follow(browser.post(f"{place}/arrival", {"answer-grossesse": "no"}))
    worklist = house.browser("manip.nord").get("/sites/nord/worklist")
    called = browser.follow(browser.post(f"{place}/call"))

    assert ["grossesse"] == asked.attributes("data-question")
    assert {exam.accession_number: "waiting"} == rows(arrived)
    assert ([exam.accession_number], ["09:20"]) == (arrived.attributes("data-waiting"), arrived.attributes("data-arrived"))
    assert "en salle d’attente depuis 09:20" in worklist.text
    assert f"{place}/call" in worklist.attributes("action")
    assert {exam.accession_number: "called"} == rows(called)
    assert [] == called.attributes("data-waiting")


def test_a_double_click_on_the_arrival_and_the_back_button_change_nothing(house, browser):
    exam = house.booked(house.patient(), "10:00")
    answers = [browser.post(f"/exams/{exam.accession_number}/arrival", {"answer-grossesse": "no"}) for _ in range(2)]

    assert [303, 303] == [answer.status for answer in answers]
    house.now += timedelta(minutes=7)
    browser.post(f"/exams/{exam.accession_number}/arrival")
    assert house.now - timedelta(minutes=7) == house.rows.exams[exam.accession_number].arrived_at


def test_insi_is_asked_when_the_patient_comes_unless_it_has_answered_and_by_whom_may(house, browser):
    asked = house.booked(house.patient(1), "10:00")
    answered = house.booked(house.patient(2), "11:00")
    record = InsiRecord(InsiState.NOT_FOUND, house.now, "01")
    house.patients.save(replace(house.patients.get("p2"), insi=record))
    other = house.booked(house.patient(3), "12:00")

    for exam, person in ((asked, browser), (asked, browser), (answered, browser), (other, house.browser("manip.nord"))):
        assert 303 == person.post(f"/exams/{exam.accession_number}/arrival", {"answer-grossesse": "no"}).status

    assert [("p1", f"arrival-{asked.accession_number}")] == [
        (event.patient_id, event.event_id) for event in house.identity_workflows.started[:1]
    ]
    assert {"p1"} == {event.patient_id for event in house.identity_workflows.started}


def test_the_arrival_of_a_cancelled_exam_says_so_and_offers_nothing(house, browser):
    exam = house.booked(house.patient(), "10:00")
    browser.post(f"/exams/{exam.accession_number}/cancel", {"reason": "patient"})

    page = browser.get(f"/exams/{exam.accession_number}/arrival")

    assert ["cancelled"] == page.attributes("data-exam-gone")
    assert "Le patient est arrivé" not in page.text


def test_what_the_site_cancelled_is_on_the_list_of_calls(house, browser):
    exam = house.booked(house.patient(), "10:00")

    browser.post(f"/exams/{exam.accession_number}/cancel", {"reason": "site"})

    page = browser.get("/sites/nord/calls")
    assert ([exam.accession_number], ["cancelled"]) == (page.attributes("data-call"), page.attributes("data-state"))
    assert "annulé , était prévu" in page.text


def test_the_wrong_line_is_taken_back(house, browser):
    exam = house.booked(house.patient(), "10:00")
    browser.post(f"/exams/{exam.accession_number}/arrival", {"answer-grossesse": "no"})

    page = browser.follow(browser.post(f"/exams/{exam.accession_number}/arrival/undo"))

    assert {exam.accession_number: "expected"} == rows(page)


def test_an_arrival_asks_what_is_open_and_refuses_what_is_against(house, browser):
    exam = house.booked(house.patient(), "10:00")
    place = f"/exams/{exam.accession_number}/arrival"

    silent = browser.post(place)
    against = browser.post(place, {"answer-grossesse": "yes"})
    half = browser.post(place, {"answer-grossesse": "yes", "override_by": "Dr DURAND"})
    house.audit.records.clear()
    decided = browser.post(
        place, {"answer-grossesse": "yes", "override_by": "Dr DURAND", "override_reason": "Urgence vitale, bénéfice supérieur"}
    )

    assert (409, ["questions_unanswered"]) == (silent.status, silent.attributes("data-rule"))
    assert "answer-grossesse" in silent.attributes("data-field")
    assert (409, ["contraindication"]) == (against.status, against.attributes("data-rule"))
    assert 'name="override_by"' in against.body
    assert 'value="yes" checked' in against.body
    assert (400, "override_reason") == (half.status, half.attributes("data-field")[0])
    assert "Dr DURAND" in half.body
    assert 303 == decided.status
    kept = house.rows.exams[exam.accession_number]
    assert ("Dr DURAND", "accueil.nord") == (kept.override.decided_by, kept.override.recorded_by)
    assert {"check_in", "override_contraindication"} == {record.action for record in house.audit.records}
    page = browser.get(f"/exams/{exam.accession_number}")
    assert "Maintenu malgré la contre-indication Décidé par Dr DURAND" in page.text


def test_a_booking_that_is_contraindicated_is_refused_with_what_was_typed_and_overridden_knowingly(house, browser):
    house.patient()
    form = {"request": "", "patient": "p1", "exam": "NZQN001", "room": "salle-irm", "day": TODAY, "start": "14:30"}

    refused = browser.post("/sites/nord/booking", {**form, "answer-stimulateur": "yes", "answer-implant": "no"})
    booked = browser.post(
        "/sites/nord/booking",
        {**form, "answer-stimulateur": "yes", "override_by": "Dr DURAND", "override_reason": "Stimulateur compatible IRM"},
    )

    assert (409, ["contraindication"]) == (refused.status, refused.attributes("data-rule"))
    assert "14:30" == refused.field("start")
    assert 303 == booked.status
    (exam,) = house.rows.exams.values()
    assert "Stimulateur compatible IRM" == exam.override.reason


def test_an_answer_of_another_form_stands_beside_its_question(house, browser):
    house.patient()
    form = {"request": "", "patient": "p1", "exam": "NZQN001", "room": "salle-irm", "day": TODAY, "start": "14:30"}

    answer = browser.post("/sites/nord/booking", {**form, "answer-stimulateur": "<script>"})

    assert 400 == answer.status
    assert ("answer-stimulateur", "answer_malformed") in zip(
        answer.attributes("data-field"), answer.attributes("data-error-code"), strict=False
    )
    assert "<script>" not in answer.body.replace('<script src="', "")


def test_a_booking_decades_ahead_is_refused(house, browser):
    house.patient()
    form = {"request": "", "patient": "p1", "exam": "ACQK001", "room": "salle-scanner", "day": "2062-11-27", "start": "14:30"}

    answer = browser.post("/sites/nord/booking", form)

    assert (409, ["too_far"]) == (answer.status, answer.attributes("data-rule"))
    assert {} == house.rows.exams


# ---------------------------------------------------------------- moving


def test_an_exam_is_moved_from_what_the_page_offers(house, browser):
    exam = house.booked(house.patient(), "10:00")
    shown = browser.get(f"/exams/{exam.accession_number}/move?day={TOMORROW}")
    starts = list(zip(shown.attributes("data-room"), shown.attributes("data-day"), shown.attributes("data-start"), strict=True))
    assert ("salle-scanner", TOMORROW, "07:30") in starts

    moved = browser.follow(
        browser.post(
            f"/exams/{exam.accession_number}/move",
            {"room": "salle-scanner", "day": TOMORROW, "start": "07:30", "call_patient": "1"},
        )
    )

    assert ([exam.accession_number], [TOMORROW], ["07:30"]) == (
        moved.attributes("data-accession")[:1],
        moved.attributes("data-day")[:1],
        moved.attributes("data-start")[:1],
    )
    calls = browser.get("/sites/nord/calls")
    assert ([exam.accession_number], [TOMORROW]) == (calls.attributes("data-call"), calls.attributes("data-day"))
    assert [] == browser.follow(browser.post(f"/exams/{exam.accession_number}/told")).attributes("data-call")


def test_a_double_click_moves_once_and_two_receptionists_have_one_winner(house, browser):
    one, two = house.booked(house.patient(1), "10:00"), house.booked(house.patient(2), "11:00")
    form = {"room": "salle-scanner", "day": TODAY, "start": "15:00"}

    twice = [browser.post(f"/exams/{one.accession_number}/move", form) for _ in range(2)]
    other = house.browser("secretariat.nord").post(f"/exams/{two.accession_number}/move", form)

    assert [303, 303] == [answer.status for answer in twice]
    assert 1 == house.rows.exams[one.accession_number].moves
    assert (409, ["slot_taken"]) == (other.status, other.attributes("data-rule"))
    assert two == house.rows.exams[two.accession_number]


@pytest.mark.parametrize(
    ("change", "status", "field", "code"),
    [
        ({"day": "2026-02-30"}, 400, "day", "no_such_day"),
        ({"start": "25:61"}, 400, "start", "no_such_time"),
        ({"start": ""}, 400, "start", "field_missing"),
        ({"room": "salle-x"}, 400, "room", "unknown_room"),
        ({"start": "19:55"}, 409, "start", "outside_opening_hours"),
        ({"start": "08:00"}, 409, "start", "in_the_past"),
        ({"day": "2099-11-27"}, 409, "day", "too_far"),
    ],
)
def test_what_is_wrong_with_a_move_is_named_and_the_rest_stays(house, browser, change, status, field, code):
    exam = house.booked(house.patient(), "10:00")

    answer = browser.post(
        f"/exams/{exam.accession_number}/move", {"room": "salle-scanner", "day": TODAY, "start": "15:00", **change}
    )

    said = answer.attributes("data-rule") if status == 409 else answer.attributes("data-error-code")
    assert (status, [code]) == (answer.status, said)
    assert {"day": TODAY, **change}["day"] == answer.field("day")
    assert exam == house.rows.exams[exam.accession_number]


def test_an_exam_moves_to_another_site_only_where_one_may_and_the_patient_has_an_ipp(house):
    browser = everywhere(house)
    exam = house.booked(house.patient(), "10:00")
    place = f"/exams/{exam.accession_number}/move"
    form = {"site": "sud", "room": "salle-scanner", "day": TODAY, "start": "15:00"}

    foreign = house.browser("accueil.nord").post(place, form)
    without = browser.post(place, form)
    shown = browser.get(place)
    patient = house.patients.get("p1")
    sud = next(each.ipp_authority for each in reference().sites if each.site == "sud")
    house.patients.save(
        replace(patient, sites=patient.sites | {"sud"}, identifiers=(*patient.identifiers, Identifier("S-1", sud, "PI")))
    )
    done = browser.post(place, form)

    assert 404 == foreign.status
    assert 400 == without.status
    assert "Le patient n’a pas d’IPP sur ce site" in shown.text
    assert 303 == done.status
    here, there = (house.rows.exams[key] for key in sorted(house.rows.exams))
    assert (ExamState.CANCELLED, "moved", "sud") == (here.state, here.cancel_reason, there.site)


def test_a_link_to_an_exam_that_is_gone_or_never_was_helps(house, browser):
    for address in ("/exams/269999999999", "/exams/269999999999/move", "/exams/269999999999/arrival"):
        page = browser.get(address)
        assert 404 == page.status
        assert {"/patients", "/scan"} <= set(page.attributes("href"))
        assert "annulés compris" in page.text


def test_an_exam_that_began_is_not_moved_and_the_page_says_so(house, browser):
    exam = house.booked(house.patient(), "10:00")
    house.rows.exams[exam.accession_number] = replace(exam, state=ExamState.IN_PROGRESS)

    page = browser.get(f"/exams/{exam.accession_number}/move")
    answer = browser.post(f"/exams/{exam.accession_number}/move", {"room": "salle-scanner", "day": TODAY, "start": "15:00"})

    assert [] == page.attributes("data-proposal")
    assert "Seul un examen programmé et non commencé se déplace" in page.text
    assert (409, ["exam_started"]) == (answer.status, answer.attributes("data-rule"))


# ---------------------------------------------------------------- no-show


def test_who_did_not_come_is_noted_once_the_time_is_past(house, browser):
    exam = house.booked(house.patient(), "10:00")
    early = browser.post(f"/exams/{exam.accession_number}/cancel", {"reason": "no_show"})
    house.now += timedelta(hours=1)

    house.browser("accueil.nord").post(f"/exams/{exam.accession_number}/cancel", {"reason": "no_show"})

    assert (409, ["too_early_for_no_show"]) == (early.status, early.attributes("data-error-code"))
    assert (ExamState.CANCELLED, "no_show") == (
        house.rows.exams[exam.accession_number].state,
        house.rows.exams[exam.accession_number].cancel_reason,
    )


# ---------------------------------------------------------------- free slots and walk-ins


def everywhere(house):
    """A browser of somebody who receives at every site."""
    book = house.services.access.accounts
    account = Account("partout", "Partout", {site: frozenset({"receptionist"}) for site in ("nord", "sud", "est")}, frozenset())

    class Accounts:
        def get(self, account_id):
            return account if account_id == "partout" else book.get(account_id)

        def by_login(self, provider, subject):
            return account if subject == "partout" else book.by_login(provider, subject)

    house.services = replace(house.services, access=replace(house.services.access, accounts=Accounts()))
    return house.browser("partout")


def test_the_first_free_slots_over_the_sites_are_links_that_book(house):
    browser, patient = everywhere(house), house.patient()
    house.booked(patient, "10:00")

    page = browser.get(f"/sites/nord/openings?exam=ZBQK001&day={TOMORROW}&part=pm&patient=p1")

    assert ["nord", "sud", "est"] == page.attributes("data-openings")
    slots = list(zip(page.attributes("data-site"), page.attributes("data-day"), page.attributes("data-start"), strict=True))
    assert ("nord", TOMORROW, "12:00") == slots[0]
    assert {"nord"} == {site for site, _, _ in slots}, "the patient has an IPP at nord alone"
    link = next(url for url in page.attributes("href") if "/booking?" in url and "start=12%3A00" in url)
    form = browser.get(link.partition("#")[0])
    assert ("12:00", TOMORROW) == (form.field("start"), form.field("day"))


@pytest.mark.parametrize(("query", "field"), [("day=2026-02-30", "day"), ("exam=NOPE", "exam"), ("part=night", "part")])
def test_a_search_that_cannot_be_says_which_field(browser, query, field):
    page = browser.get(f"/sites/nord/openings?exam=ZBQK001&{query}" if "exam" not in query else f"/sites/nord/openings?{query}")

    assert (400, [field]) == (page.status, page.attributes("data-field"))


def test_a_patient_without_an_appointment_is_admitted_to_the_next_free_place(house, browser):
    house.patient()
    house.booked(house.patient(2), "09:20", exam_code="ACQK001")
    whom = browser.get("/sites/nord/walk-in")
    shown = browser.get("/sites/nord/walk-in?patient=p1&exam=ZBQK001")
    form = {"patient": "p1", "request": "", "exam": "ZBQK001"}

    silent = browser.post("/sites/nord/walk-in", form)
    answers = [browser.post("/sites/nord/walk-in", {**form, "answer-grossesse": "no"}) for _ in range(2)]

    assert {"/patients", "/scan"} <= set(whom.attributes("href"))
    assert ["09:35"] == shown.attributes("data-start")
    assert (409, ["questions_unanswered"]) == (silent.status, silent.attributes("data-rule"))
    assert [303, 303] == [answer.status for answer in answers]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    exam = next(each for each in house.rows.exams.values() if each.patient_id == "p1")
    assert (house.now, "salle-scanner") == (exam.arrived_at, exam.appointment.room)
    assert 2 == len(house.rows.exams)


def test_who_comes_with_one_order_is_taken_to_come_for_it_and_the_desk_may_say_otherwise(house, browser):
    patient = house.patient()
    house.request(patient)
    address = "/sites/nord/walk-in?patient=p1"

    shown = browser.get(address)
    of_another_exam = browser.get(f"{address}&exam=ACQK001")
    without = browser.post("/sites/nord/walk-in", {"patient": "p1", "request": "", "exam": "ACQK001", "show": "1"})
    house.request(patient, 2)
    of_two = browser.get(address)

    assert [["ZBQK001", "r1"], ["ACQK001"], ["ACQK001"], []] == [
        sorted(chosen(page)) for page in (shown, of_another_exam, without, of_two)
    ]


def chosen(page):
    """What the lists of a form say, those that say something."""
    return [value for value in re.findall(r'<option value="([^"]*)" selected', page.body) if value]


def test_when_nothing_is_free_today_the_page_says_where_to_look(house):
    house.patient()
    house.now = house.now.replace(hour=18, minute=55)
    browser = house.browser("accueil.nord")

    page = browser.get("/sites/nord/walk-in?patient=p1&exam=ZBQK001")
    answer = browser.post("/sites/nord/walk-in", {"patient": "p1", "exam": "ZBQK001", "answer-grossesse": "no"})

    assert "Rien n’est libre aujourd’hui" in page.text
    assert (409, ["nothing_free_today"]) == (answer.status, answer.attributes("data-rule"))


def test_a_patient_of_another_site_is_not_admitted_here(house, browser):
    house.patient(1, sites=("sud",))

    assert 404 == browser.get("/sites/nord/walk-in?patient=p1").status
    assert 404 == browser.post("/sites/nord/walk-in", {"patient": "p1", "exam": "ZBQK001"}).status


# ---------------------------------------------------------------- pre-flight


def test_the_desk_sees_what_each_channel_would_do_and_where_it_is_mended(house, browser):
    patient = house.patient()
    house.request(patient)
    exam = house.booked(patient, "10:00", request_id="r1")

    booking = browser.get("/sites/nord/booking?patient=p1")
    arrival = browser.get(f"/exams/{exam.accession_number}/arrival")

    for page in (booking, arrival):
        found = dict(zip(page.attributes("data-channel"), page.attributes("data-mend"), strict=True))
        assert "qualify_identity" == found["dmp"]
        assert "/patients/p1#identity" in page.attributes("href")
    channels = dict(zip(arrival.attributes("data-recipient"), arrival.attributes("data-channel"), strict=True))
    assert "mss_professional" == channels["99900012345"]


def test_a_requester_nobody_can_write_to_is_said_while_the_address_can_still_be_asked_for(house, browser):
    patient = house.patient()
    house.request(patient, prescriber=Prescriber("899900099990", "INCONNU", "Ana"))

    page = browser.get("/sites/nord/booking?request=r1")

    mended = dict(zip(page.attributes("data-channel"), page.attributes("data-mend"), strict=True))
    assert "print" == mended["to_print"]
    assert "aucune adresse MSSanté connue" in page.text


@pytest.mark.parametrize(
    ("days", "names", "shown"),
    [
        ((12,), ("630999001/dmp",), [("dmp", "12")]),
        ((-2,), ("630999001/sign-certificate",), [("signature", "-2")]),
        ((3, 300), ("mailbox/nord", "mailbox/nord#2"), []),
        ((3,), ("670999002/dmp",), []),
        ((31,), ("630999001/insi-manu",), []),
    ],
)
def test_a_certificate_that_ends_is_said_where_something_would_not_leave(house, browser, days, names, shown):
    held = tuple(HeldCertificate(name, house.now + timedelta(days=left, hours=1)) for name, left in zip(names, days, strict=True))
    house.cockpit.certificates.keep(KnownCertificates(house.now, held))
    exam = house.booked(house.patient(), "10:00")

    page = browser.get(f"/exams/{exam.accession_number}/arrival")

    assert shown == list(zip(page.attributes("data-certificate"), page.attributes("data-days"), strict=True))


def test_a_moved_exam_republishes_and_its_page_shows_the_move(house, browser):
    exam = house.booked(house.patient(), "10:00")
    before = len(house.services.agenda.feed.published)

    move_exam(house.services.agenda, exam.accession_number, Place("nord", "salle-scanner", TODAY, "16:00"), "acc", house.now)

    assert before < len(house.services.agenda.feed.published)
    assert ["16:00"] == browser.get(f"/exams/{exam.accession_number}").attributes("data-start")[:1]
