"""Booking as a receptionist does it: the form, what is wrong with it, the rules that refuse, the double click."""

from datetime import UTC, datetime

import pytest

from ris.domain.agenda.exam import ExamState
from ris.domain.agenda.request import RequestState
from tests.support.portal import TODAY, PortalHouse

FORM = {"request": "r1", "exam": "ZBQK001", "room": "salle-scanner", "day": TODAY, "start": "14:30", "fold": ""}


@pytest.fixture
def house():
    made = PortalHouse()
    made.request(made.patient())
    return made


@pytest.fixture
def browser(house):
    return house.browser("accueil.nord")


def test_from_the_request_to_the_held_exam_with_what_the_pages_offer(house, browser):
    listed = browser.get("/sites/nord/requests")
    link = next(url for url in listed.attributes("href") if "/booking?request=" in url)
    shown = browser.get(link)
    slot = next(url for url in shown.attributes("href") if "start=14%3A30" in url)
    chosen = browser.get(slot.partition("#")[0])
    typed = {name: chosen.field(name) for name in ("request", "patient", "day", "start")}

    booked = browser.post("/sites/nord/booking", {**typed, "exam": "ZBQK001", "room": "salle-scanner"})
    page = browser.follow(booked)

    assert ["RIS-PLACER-1"] == listed.attributes("data-placer-order")
    assert [303, "14:30", "14:45", "held"] == [
        booked.status,
        page.attributes("data-start")[0],
        page.attributes("data-end")[0],
        page.attributes("data-state")[0],
    ]
    assert RequestState.BOOKED is house.rows.requests["r1"].state
    assert 1 == len(house.workflows.started)
    assert [] == browser.get("/sites/nord/requests").attributes("data-request")


def test_the_agenda_shows_the_slot_taken_and_the_rest_of_the_room_free(house, browser):
    browser.post("/sites/nord/booking", FORM)

    agenda = browser.get(f"/sites/nord/agenda?day={TODAY}", accept="application/json").json
    scanner = next(room for room in agenda["rooms"] if room["room"] == "salle-scanner")

    assert [("14:30", "14:45", "held", "700001")] == [
        (slot["start"], slot["end"], slot["state"], slot["patient"]["ipp"]) for slot in scanner["slots"]
    ]
    assert [("07:30", "14:30"), ("14:45", "20:00")] == [(free["start"], free["end"]) for free in scanner["free"]]


def test_a_double_click_and_the_back_button_book_once(house, browser):
    first, second = browser.post("/sites/nord/booking", FORM), browser.post("/sites/nord/booking", FORM)

    assert [303, 303] == [first.status, second.status]
    assert first.headers["Location"] == second.headers["Location"]
    assert 1 == len(house.rows.exams)


def test_a_double_click_for_a_patient_without_request_books_once(house, browser):
    form = {**FORM, "request": "", "patient": "p1"}

    answers = [browser.post("/sites/nord/booking", form) for _ in range(2)]

    assert [303, 303] == [answer.status for answer in answers]
    assert 1 == len(house.rows.exams)


def test_somebody_elses_booking_of_the_same_request_is_a_refusal_and_not_a_double_click(house, browser):
    browser.post("/sites/nord/booking", FORM)
    other = house.browser("secretariat.nord")

    answer = other.post("/sites/nord/booking", FORM)

    assert [409, ["request_not_bookable"]] == [answer.status, answer.attributes("data-rule")]


def test_a_taken_slot_gives_409_with_the_rule_in_french_and_keeps_what_was_typed(house, browser):
    house.booked(house.patient(2), "14:30")

    answer = browser.post("/sites/nord/booking", {**FORM, "start": "14:35"})
    as_json = browser.post("/sites/nord/booking", {**FORM, "start": "14:35"}, accept="application/json")

    assert [409, ["slot_taken"]] == [answer.status, answer.attributes("data-rule")]
    assert "Ce créneau est déjà pris" in answer.text
    assert ["14:35", "r1"] == [answer.field("start"), answer.field("request")]
    assert '<option value="ZBQK001" selected>' in answer.body
    assert [409, "slot_taken", "start"] == [as_json.status, as_json.json["code"], as_json.json["field"]]
    assert 'aria-describedby="rule"' in answer.body


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"start": "19:50"}, "outside_opening_hours"),
        ({"start": "08:00"}, "in_the_past"),
        ({"room": "salle-irm"}, "wrong_modality"),
    ],
)
def test_each_rule_refuses_with_409(browser, change, rule):
    answer = browser.post("/sites/nord/booking", {**FORM, **change})

    assert [409, [rule]] == [answer.status, answer.attributes("data-rule")]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"exam": ""}, "exam", "field_missing"),
        ({"room": ""}, "room", "field_missing"),
        ({"room": "salle-x"}, "room", "unknown_room"),
        ({"exam": "NOPE"}, "exam", "unknown_exam"),
        ({"day": "2026-02-30"}, "day", "no_such_day"),
        ({"day": "demain"}, "day", "no_such_day"),
        ({"start": "25:00"}, "start", "no_such_time"),
        ({"start": "9h"}, "start", "no_such_time"),
        ({"start": ""}, "start", "field_missing"),
        ({"exam": "X" * 65}, "exam", "field_too_long"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_the_rest_stays(house, browser, change, field, code):
    answer = browser.post("/sites/nord/booking", {**FORM, **change})

    assert 400 == answer.status
    assert (field, code) in zip(answer.attributes("data-field"), answer.attributes("data-error-code"), strict=True)
    assert f'aria-describedby="{field}-error"' in answer.body
    assert {**FORM, **change}["day"] == answer.field("day")
    assert {} == house.rows.exams


def test_a_time_that_does_not_exist_is_refused_and_one_that_comes_twice_is_asked(house, browser):
    house.now = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
    browser = house.browser("accueil.nord")

    missing = browser.post("/sites/nord/booking", {**FORM, "day": "2026-03-29", "start": "02:30"})
    doubled = browser.post("/sites/nord/booking", {**FORM, "day": "2026-10-25", "start": "02:30"})
    second = browser.post("/sites/nord/booking", {**FORM, "day": "2026-10-25", "start": "02:30", "fold": "1"})

    assert ["no_such_time"] == missing.attributes("data-error-code")
    assert ["doubled_time"] == doubled.attributes("data-error-code")
    assert 2 == doubled.body.count('name="fold"')
    # The site is closed on Sundays: the question was answered, the next rule speaks.
    assert ["outside_opening_hours"] == second.attributes("data-rule")


def test_looking_at_free_times_books_nothing(house, browser):
    answer = browser.post("/sites/nord/booking", {**FORM, "start": "", "show": "1", "day": "2026-11-27"})

    assert 200 == answer.status
    assert "08:00" in answer.attributes("data-start")
    assert {} == house.rows.exams


def test_the_free_starts_leave_room_for_the_whole_exam(house, browser):
    house.booked(house.patient(2), "10:00")
    house.booked(house.patient(3), "10:25")

    shown = browser.get(f"/sites/nord/booking?request=r1&day={TODAY}").attributes("data-start")

    assert "10:15" not in shown  # ten minutes are left, the exam takes fifteen
    assert {"09:45", "10:40", "19:45"} <= set(shown)
    assert "19:50" not in shown


def test_a_free_time_of_the_agenda_leads_to_the_form_with_room_day_and_start(house, browser):
    link = next(url for url in browser.get("/sites/nord/agenda").attributes("href") if "/booking?room=salle-scanner" in url)
    choice = browser.get(link)
    form = browser.get(next(url for url in choice.attributes("href") if "request=r1" in url))

    assert [TODAY, "09:20"] == [form.field("day"), form.field("start")]
    assert '<option value="salle-scanner" selected>' in form.body


def test_an_exam_outside_the_catalogue_is_named_and_another_can_be_chosen(house, browser):
    house.request(house.patient(2), 2, exam_code="LOCAL-7", exam_label="Examen local")

    answer = browser.get("/sites/nord/booking?request=r2")

    assert ["unknown_exam"] == answer.attributes("data-error-code")
    assert "LOCAL-7" in answer.text


def test_the_machine_that_did_not_start_does_not_undo_the_hold(house, browser):
    house.workflows.unavailable = True

    answer = browser.post("/sites/nord/booking", FORM)

    assert 303 == answer.status
    assert ExamState.HELD is next(iter(house.rows.exams.values())).state


def test_json_books_too(house, browser):
    answer = browser.post("/sites/nord/booking", FORM, accept="application/json")

    assert [201, "held"] == [answer.status, answer.json["state"]]
    assert f"/exams/{answer.json['accession_number']}" == answer.headers["Location"]


def test_a_cancellation_needs_its_reason_and_gives_the_slot_and_the_request_back(house, browser):
    accession = browser.post("/sites/nord/booking", FORM).headers["Location"]

    asked, silent = browser.get(f"{accession}/cancel"), browser.post(f"{accession}/cancel")
    unknown = browser.post(f"{accession}/cancel", {"reason": "because"})
    done = browser.post(f"{accession}/cancel", {"reason": "patient"})
    again = browser.post(f"{accession}/cancel", {"reason": "patient"})

    assert [200, 400, 400, 303, 303] == [answer.status for answer in (asked, silent, unknown, done, again)]
    assert ["reason"] == silent.attributes("data-field")
    assert ["cancelled"] == browser.get(accession).attributes("data-state")[:1]
    assert ["r1"] == browser.get("/sites/nord/requests").attributes("data-request")
    assert [] == browser.get("/sites/nord/agenda").attributes("data-accession")


def test_an_exam_the_modality_began_cannot_be_cancelled(house, browser):
    from dataclasses import replace

    exam = house.booked(house.patient(2), "15:00")
    store = house.services.agenda.exams
    store.save(replace(store.get(exam.accession_number), state=ExamState.IN_PROGRESS))

    answer = browser.post(f"/exams/{exam.accession_number}/cancel", {"reason": "site"})

    assert [409, "exam_started"] == [answer.status, answer.attributes("data-problem")[0]]
    assert "Annuler l’examen" not in browser.get(f"/exams/{exam.accession_number}").text
