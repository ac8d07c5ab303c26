"""A patient created at the desk: who may be the same is shown first, the double click is one, and nothing typed is lost."""

from dataclasses import replace
from datetime import date

import pytest

from ris.application.conflicts import Conflict
from ris.application.identity.create_patient import NewPatient, create_patient
from ris.domain.identity.patient import Identifier
from tests.support.portal import NORD, PortalHouse, reference

FORM = {
    "token": "click-0001",
    "birth_family": "D\u2019ALMEIDA",
    "birth_given": "ANNE-MARIE",
    "birth_date": "1990-02-03",
    "sex": "F",
    "birth_place_insee": "99999",
    "phone": "06 00 00 00 00",
}
ADDRESS = "/sites/nord/patients/new"


@pytest.fixture
def browser(house):
    return house.browser("accueil.nord")


def test_a_patient_is_created_with_an_ipp_of_the_site_and_is_found_and_admitted(house, browser):
    page = browser.follow(browser.post(ADDRESS, FORM))

    (patient_id,) = set(page.attributes("data-patient"))
    patient = house.patients.get(patient_id)
    ipp = patient.ipp(NORD)
    assert (9, "N", True) == (len(ipp), ipp[0], ipp[1:].isdigit())
    assert ("D'ALMEIDA", "ANNE-MARIE", date(1990, 2, 3), "PROV") == (
        patient.traits.birth_family,
        patient.traits.birth_given,
        patient.traits.birth_date,
        patient.status.value,
    )
    assert "D'ALMEIDA" in page.text
    assert [patient_id] == browser.post("/patients", {"q": ipp}).attributes("data-patient")
    assert f"/sites/nord/walk-in?patient={patient_id}" in page.attributes("href")
    assert ["create_patient"] == [record.action for record in house.audit.records if record.action == "create_patient"]
    assert 200 == browser.get(f"/sites/nord/walk-in?patient={patient_id}&exam=ACQK001").status


def test_a_double_click_and_the_back_button_create_one(house, browser):
    first, second = browser.post(ADDRESS, FORM), browser.post(ADDRESS, FORM)

    assert [303, 303] == [first.status, second.status]
    assert first.headers["Location"] == second.headers["Location"]
    assert 1 == len(house.patients.search("almeida", limit=9))


@pytest.mark.parametrize(
    ("change", "asks"),
    [
        ({}, True),
        ({"birth_given": "ZOE", "birth_date": "1999-01-01"}, True),
        ({"birth_given": "ANNE"}, True),
        ({"birth_family": "ADRUN-MARTIN"}, False),
        ({"birth_given": "ANNE", "birth_date": "1999-01-01"}, False),
    ],
)
def test_who_may_be_the_same_is_shown_first_and_nothing_is_created(house, browser, change, asks):
    house.patient()
    form = {**FORM, "birth_family": "ADRUN", "birth_given": "ZOE", "birth_date": "1975-06-12", **change}

    answer = browser.post(ADDRESS, form)

    assert (409 if asks else 303) == answer.status
    if asks:
        assert ["p1"] == answer.attributes("data-patient")
        assert (form["birth_given"], form["phone"]) == (answer.field("birth_given"), answer.field("phone"))


def test_another_of_the_same_traits_is_marked_for_the_identity_cell(house, browser):
    house.patient()
    form = {**FORM, "birth_family": "ADRUN", "birth_given": "ZOE", "birth_date": "1975-06-12", "another": "1"}

    page = browser.follow(browser.post(ADDRESS, form))

    (patient_id,) = set(page.attributes("data-patient"))
    assert {"homonyme"} == house.patients.get(patient_id).attributes


def test_one_who_is_known_at_another_site_is_not_shown_and_not_doubled(house, browser):
    house.patient(1, sites=("est",))

    answer = browser.post(ADDRESS, {**FORM, "birth_family": "ADRUN", "birth_given": "ZOE"})

    assert (409, ["1"], []) == (answer.status, answer.attributes("data-asks"), answer.attributes("data-patient"))
    assert "1975" not in answer.text


@pytest.mark.segur("INS.11", "INS.12")
@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"birth_family": ""}, "birth_family", "field_missing"),
        ({"birth_family": "DUPONT1"}, "birth_family", "character_not_allowed"),
        ({"birth_given": "Zoé"}, "birth_given", "character_not_allowed"),
        ({"birth_given_all": "ZOE--ANNE"}, "birth_given_all", "character_misplaced"),
        ({"birth_date": "1990-02-30"}, "birth_date", "birth_date_impossible"),
        ({"birth_date": "2090-02-03"}, "birth_date", "birth_date_to_come"),
        ({"birth_date": ""}, "birth_date", "field_missing"),
        ({"birth_place_insee": ""}, "birth_place_insee", "field_missing"),
        ({"birth_given": ""}, "birth_given", "field_missing"),
        ({"sex": ""}, "sex", "field_missing"),
        ({"sex": "X"}, "sex", "field_malformed"),
        ({"birth_place_insee": "PARIS"}, "birth_place_insee", "birth_place_malformed"),
        ({"used_family": "\U0001f600"}, "used_family", "character_not_drawable"),
        ({"used_given": "مريم"}, "used_given", "character_not_drawable"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_the_rest_stays(house, browser, change, field, code):
    answer = browser.post(ADDRESS, {**FORM, **change})

    assert (400, [field], [code]) == (answer.status, answer.attributes("data-field"), answer.attributes("data-error-code"))
    assert FORM["phone"] == answer.field("phone")
    assert [] == house.patients.search("almeida", limit=9)


def test_where_a_hospital_numbers_the_patients_the_page_says_who_creates_them(house):
    house.services = replace(house.services, reference=house.services.reference)
    browser = house.browser("accueil.est")

    page, answer = browser.get("/sites/est/patients/new"), browser.post("/sites/est/patients/new", FORM)

    assert ["numbered_elsewhere"] == page.attributes("data-rule")
    assert (409, ["numbered_elsewhere"]) == (answer.status, answer.attributes("data-rule"))


@pytest.mark.segur("INS.07")
@pytest.mark.parametrize(
    ("form", "found"),
    [
        ({"q": "a", "born": "1975-06-12"}, ["p1"]),
        ({"q": "", "born": "1975-06-12"}, ["p1"]),
        ({"q": "zo", "born": "1975-06-12"}, ["p1"]),
        ({"q": "adrun", "born": "1975-06-13"}, []),
    ],
)
def test_a_patient_is_found_by_the_day_of_birth_and_first_letters(house, browser, form, found):
    house.patient()

    page = browser.post("/patients", form)

    assert (200, found, form["born"]) == (page.status, page.attributes("data-patient"), page.field("born"))


@pytest.mark.parametrize(
    ("form", "field", "code"),
    [
        ({"q": "a", "born": ""}, "q", "search_too_short"),
        ({"q": "adrun", "born": "1975-02-30"}, "born", "no_such_day"),
        ({"q": "adrun", "born": "12/06/1975"}, "born", "field_malformed"),
    ],
)
def test_a_search_that_cannot_be_says_which_field_and_keeps_what_was_typed(browser, form, field, code):
    page = browser.post("/patients", form)

    assert (400, [field], [code], form["q"]) == (
        page.status,
        page.attributes("data-field"),
        page.attributes("data-error-code"),
        page.field("q"),
    )


def test_a_number_that_is_somebody_s_is_drawn_again(house):
    nord = next(each for each in reference().sites if each.site == "nord")
    said = NewPatient("click-0009", "MARTIN", "ANNE", "1990-02-03", "F", "99999")
    first = create_patient(house.patients, said, nord, house.now)
    taken = first.ipp(NORD)

    other = PortalHouse()
    owner = other.patient()
    other.patients.save(replace(owner, identifiers=(Identifier(taken, NORD, "PI"),)))
    second = create_patient(other.patients, said, nord, house.now)

    assert first.patient_id == second.patient_id
    assert taken != second.ipp(NORD)


def test_two_clicks_that_race_are_one_patient(house):
    nord = next(each for each in reference().sites if each.site == "nord")
    said = NewPatient("click-0009", "MARTIN", "ANNE", "1990-02-03", "F", "99999")

    class Faster:
        """A store in which another click writes just before this one."""

        def __init__(self, store):
            self.store, self.raced = store, False

        def __getattr__(self, name):
            return getattr(self.store, name)

        def save(self, patient):
            if not self.raced:
                self.raced = True
                self.store.save(patient)
                raise Conflict("version")
            return self.store.save(patient)

    create_patient(Faster(house.patients), said, nord, house.now)

    assert 1 == len(house.patients.search("martin", limit=9))
