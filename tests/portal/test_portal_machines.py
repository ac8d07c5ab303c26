"""The radiographer's pages: when each machine last spoke, one out of service and its day moved, acts to link to an exam."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.agenda.gateways import Gateway, Station
from ris.application.agenda.ports import MppsRecord
from ris.domain.agenda.exam import ExamState, Performed
from tests.support.portal import NOW, TODAY

FORM = {
    "token": "click-0001",
    "from_day": TODAY,
    "from_time": "09:20",
    "until_day": TODAY,
    "until_time": "12:00",
    "reason": "Tube à changer",
}
OUTAGE = "/sites/nord/machines/scanner/outage"
PAGE = "/sites/nord/machines/scanner/outages/click-0001"
UID = "1.2.840.99.1"
SAID = {
    "mpps_create": {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "ADRUN^ZOE"}]},
        "00100020": {"vr": "LO", "Value": ["700001"]},
        "00100030": {"vr": "DA", "Value": ["19750612"]},
    }
}


@pytest.fixture
def browser(house):
    return house.browser("manip.nord")


def heard(house, **changes):
    seen = (Station("CT_NORD", last_find_at=NOW - timedelta(minutes=2), last_mpps_at=NOW - timedelta(hours=1)),)
    gateway = Gateway("nord", "g-1", "1.0", NOW, NOW - timedelta(days=1), stations=seen)
    house.gateways.keep(replace(gateway, **changes))


def test_the_worklist_and_the_machines_say_when_each_was_last_heard(house, browser):
    heard(house)

    for page in (browser.get("/sites/nord/worklist"), browser.get("/sites/nord/machines")):
        finds = dict(zip(page.attributes("data-ae-title"), page.attributes("data-last-find"), strict=True))
        acts = dict(zip(page.attributes("data-ae-title"), page.attributes("data-last-mpps"), strict=True))
        assert ("2026-11-26T08:18:00+00:00", "") == (finds["CT_NORD"], finds["MR_NORD"])
        assert "2026-11-26T07:20:00+00:00" == acts["CT_NORD"]
        assert "26/11/2026 à 09:18" in page.text
        assert "jamais vu" in page.text


def test_the_worklist_of_one_modality_shows_its_machines_alone(house, browser):
    assert ["CT_NORD"] == browser.get("/sites/nord/worklist?modality=CT").attributes("data-ae-title")


def test_a_machine_down_keeps_its_day_and_offers_each_exam_a_place(house, browser):
    exams = [house.booked(house.patient(number), f"1{number}:00") for number in (0, 1)]

    shown = browser.follow(browser.post(OUTAGE, FORM))

    assert [each.accession_number for each in exams] == shown.attributes("data-accession")
    assert ["12:00", "12:15"] == shown.attributes("data-proposed-start")
    assert {"booked"} == {each.state.value for each in house.rows.exams.values()}
    assert ["now"] == [state for state in browser.get("/sites/nord/machines").attributes("data-out") if state]
    assert 409 == house.browser("accueil.nord").post("/sites/nord/booking", booking("p0", "10:30")).status


def booking(patient, start):
    return {"request": "", "patient": patient, "exam": "ACQK001", "room": "salle-scanner", "day": TODAY, "start": start}


def test_one_is_moved_then_all_and_their_patients_are_to_be_called(house, browser):
    exams = [house.booked(house.patient(number), f"1{number}:00") for number in (0, 1, 2)]
    browser.post(OUTAGE, {**FORM, "until_time": "14:00"})

    one = browser.post(f"{PAGE}/move", {"accession": exams[0].accession_number})
    rest = browser.post(f"{PAGE}/move", {"accession": "all"})
    again = browser.post(f"{PAGE}/move", {"accession": "all"})

    assert (["1"], ["2"], []) == (one.attributes("data-moved"), rest.attributes("data-moved"), again.attributes("data-moved"))
    assert ["14:00", "14:15", "14:30"] == sorted(wall(house, each) for each in exams)
    calls = browser.get("/sites/nord/calls")
    assert {each.accession_number for each in exams} == set(calls.attributes("data-call"))
    kept = [
        (record.object_id, record.patient_id)
        for record in house.audit.records
        if record.action == "move_exam" and record.patient_id
    ]
    assert {(each.accession_number, each.patient_id) for each in exams} == set(kept)
    assert "Aucun examen n’est plus prévu" in browser.get(PAGE).text


def wall(house, exam):
    return (house.rows.exams[exam.accession_number].appointment.start + timedelta(hours=1)).strftime("%H:%M")


def test_a_double_click_is_one_outage_and_the_machine_comes_back(house, browser):
    for _ in range(2):
        assert 303 == browser.post(OUTAGE, FORM).status
    assert 1 == len(house.services.agenda.agenda.days("nord", ["scanner"], TODAY)["scanner"].outages)

    browser.post(f"{PAGE}/end")

    assert [""] == list(set(browser.get("/sites/nord/machines").attributes("data-out")))
    assert 404 == browser.get(PAGE).status


def test_an_outage_of_the_store_in_the_middle_says_which_are_moved_and_a_form_of_nothing_is_refused(house, browser, monkeypatch):
    from ris.domain.errors import RemoteUnavailable
    from ris.portal.agenda import machines

    exams = [house.booked(house.patient(number), f"1{number}:00") for number in (0, 1)]
    browser.post(OUTAGE, FORM)
    real = machines.move_exam

    def fails_second(s, accession, *values, **named):
        if accession == exams[1].accession_number:
            raise RemoteUnavailable("cloud_unavailable")
        return real(s, accession, *values, **named)

    monkeypatch.setattr(machines, "move_exam", fails_second)
    answer = browser.post(f"{PAGE}/move", {"accession": "all"})

    assert (["1"], ["cloud_unavailable"]) == (answer.attributes("data-moved"), answer.attributes("data-rule"))
    assert exams[1] == house.rows.exams[exams[1].accession_number]
    assert 400 == browser.post(f"{PAGE}/move", {}).status
    assert 404 == browser.post(f"{PAGE}/move", {"accession": "269999999999"}).status


@pytest.mark.parametrize(
    ("change", "status", "field", "code"),
    [
        ({"until_time": "09:00"}, 400, "until_time", "outage_ends_before"),
        ({"until_day": "2026-02-30"}, 400, "until_day", "no_such_day"),
        ({"from_time": "25:00"}, 400, "from_time", "no_such_time"),
        ({"from_day": "2027-03-28", "from_time": "02:30", "until_day": "2027-03-28"}, 400, "from_time", "no_such_time"),
        ({"reason": ""}, 400, "reason", "field_missing"),
        ({"reason": "HS"}, 400, "reason", "field_too_short"),
        ({"from_day": "2026-11-25", "until_day": "2026-11-25"}, 409, "until_day", "outage_over"),
        ({"until_day": "2027-11-26"}, 409, "until_day", "outage_too_long"),
    ],
)
def test_an_outage_that_cannot_be_is_named_beside_its_field_and_the_rest_stays(browser, house, change, status, field, code):
    answer = browser.post(OUTAGE, {**FORM, **change})

    assert (status, field, code) == (
        answer.status,
        answer.attributes("data-field")[0],
        answer.attributes("data-error-code")[0],
    )
    assert {**FORM, **change}["reason"] == answer.field("reason")
    assert {} == house.rows.days


def test_a_machine_of_another_site_or_none_is_not_there(house, browser):
    assert 404 == browser.get("/sites/nord/machines/mammographe/outage").status
    assert 404 == browser.get("/sites/nord/machines/scanner/outages/nothing").status
    assert 404 == browser.get("/sites/est/machines").status


def test_an_exam_that_two_people_move_at_once_is_said_to_be_kept_where_it_fails(house, browser, monkeypatch):
    from ris.domain.errors import Refused
    from ris.portal.agenda import machines

    exam = house.booked(house.patient(), "10:00")
    browser.post(OUTAGE, FORM)

    def taken(*_values, **_named):
        raise Refused("slot_taken", field="start")

    monkeypatch.setattr(machines, "move_exam", taken)
    answer = browser.post(f"{PAGE}/move", {"accession": "all"})

    assert (409, ["1"], ["slot_taken"]) == (answer.status, answer.attributes("data-kept"), answer.attributes("data-rule"))
    assert exam == house.rows.exams[exam.accession_number]


# ---------------------------------------------------------------- acts


def an_act(house, **changes):
    performed = Performed(UID, "COMPLETED", "CT_NORD", "20261126090500", "20261126091500", image_count=120)
    record = MppsRecord("nord", performed, reason="unscheduled", received_at=house.now, datasets=SAID)
    return house.services.agenda.exams.save_mpps(replace(record, **changes))


def test_an_act_is_shown_beside_the_exams_of_its_day_and_linked_and_undone(house, browser):
    exam, other = (
        house.booked(house.patient(1), "10:00"),
        house.booked(house.patient(2), "11:00", exam_code="NZQN001", room="salle-irm"),
    )
    an_act(house)

    listed = browser.get("/sites/nord/unscheduled")
    shown = browser.get(f"/sites/nord/unscheduled/{UID}")
    linked = browser.follow(browser.post(f"/sites/nord/unscheduled/{UID}/link", {"accession": exam.accession_number}))

    assert f"/sites/nord/unscheduled/{UID}" in listed.attributes("href")
    for page in (listed, shown):
        assert ["ADRUN ZOE", "12/06/1975"] == [each for each in ("ADRUN ZOE", "12/06/1975") if each in page.text]
    assert [exam.accession_number, other.accession_number] == shown.attributes("data-candidate"), "its own machine first"
    assert ExamState.COMPLETED is house.rows.exams[exam.accession_number].state
    assert ([exam.accession_number], ["no"]) == (linked.attributes("data-settled"), linked.attributes("data-undone"))
    assert [] == browser.get("/sites/nord/unscheduled").attributes("data-mpps")

    undone = browser.follow(browser.post(f"/sites/nord/unscheduled/{UID}/undo"))

    assert (["yes"], ExamState.BOOKED) == (undone.attributes("data-undone"), house.rows.exams[exam.accession_number].state)
    actions = [record.action for record in house.audit.records]
    assert 2 == actions.count("settle_mpps")


def test_an_act_is_put_aside_with_a_reason_and_not_without(house, browser):
    an_act(house)

    silent = browser.post(f"/sites/nord/unscheduled/{UID}/aside", {"reason": ""})
    browser.post(f"/sites/nord/unscheduled/{UID}/aside", {"reason": "Contrôle qualité"})

    assert (400, ["field_missing"]) == (silent.status, silent.attributes("data-error-code"))
    assert [] == browser.get("/sites/nord/unscheduled").attributes("data-mpps")
    assert "Contrôle qualité" in browser.get(f"/sites/nord/unscheduled/{UID}").text


def test_a_second_decision_and_an_exam_that_is_not_there_are_named(house, browser):
    exam, other = house.booked(house.patient(1), "10:00"), house.booked(house.patient(2), "11:00")
    an_act(house)
    place = f"/sites/nord/unscheduled/{UID}"

    absent = browser.post(f"{place}/link", {"accession": "269999999999"})
    for _ in range(2):
        assert 303 == browser.post(f"{place}/link", {"accession": exam.accession_number}).status
    second = browser.post(f"{place}/link", {"accession": other.accession_number})

    assert (400, ["unknown_exam"]) == (absent.status, absent.attributes("data-error-code"))
    assert (409, ["mpps_settled"]) == (second.status, second.attributes("data-error-code"))
    assert 404 == browser.get("/sites/nord/unscheduled/1.2.404").status


def test_a_receptionist_sees_no_act(house):
    an_act(house)

    assert 404 == house.browser("accueil.nord").get(f"/sites/nord/unscheduled/{UID}").status


def test_what_a_modality_sent_is_text_and_nothing_more(house, browser):
    said = {"mpps_create": {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "<script>alert(1)</script>^X"}]}, "00100020": "odd"}}
    an_act(house, datasets=said)

    page = browser.get(f"/sites/nord/unscheduled/{UID}")

    assert "<script>alert" not in page.body
    assert "alert(1)" in page.text


def test_the_agenda_says_in_which_room_a_machine_is_out(house, browser):
    browser.post(OUTAGE, FORM)

    page = browser.get("/sites/nord/agenda")

    assert ["scanner"] == page.attributes("data-out")
    assert "Scanner 128 barrettes, 09:20–12:00" in page.text


def test_the_exam_says_since_when_the_archive_has_images(house, browser):
    from ris.application.agenda.images_arrived import images_arrived

    exam = house.booked(house.patient(), "10:00")
    assert [] == browser.get(f"/exams/{exam.accession_number}").attributes("data-images")
    images_arrived(house.services.agenda, "nord", exam.study_instance_uid, house.now)

    assert "reçues par le PACS le 26/11/2026 à 09:20" in browser.get(f"/exams/{exam.accession_number}").text


def test_the_exam_says_what_the_archive_promised_to_keep(house, browser):
    from ris.application.agenda.images_committed import Commitment, images_committed, images_known

    exam = house.booked(house.patient(), "10:00")
    place, agenda = f"/exams/{exam.accession_number}", house.services.agenda
    assert [] == browser.get(place).attributes("data-committed")
    images_known(agenda, exam, ("1.2.11",))

    images_committed(agenda, "nord", Commitment("1.2.11", 3, house.now))
    refused = browser.get(place)
    images_committed(agenda, "nord", Commitment("1.2.11", 0, house.now))
    kept = browser.get(place)

    assert ["3"] == refused.attributes("data-committed")
    assert "3 images que le PACS ne garantit pas" in refused.text
    assert ["0"] == kept.attributes("data-committed")
    assert "garantie par le PACS le 26/11/2026 à 09:20" in kept.text
