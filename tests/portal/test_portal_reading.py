"""The reading list: what it is narrowed to, whose exams are whose, the next one, the images, and what is late."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.domain.agenda.exam import ExamState
from tests.support.ward import Ward


class Clinic(Ward):
    """Six exams at two sites: two modalities, two priorities, done an hour apart."""

    def __init__(self):
        super().__init__()
        self.house.now += timedelta(hours=1)
        self.urgent = self.done(2, "11:00", priority="urgent").accession_number
        self.house.now += timedelta(hours=1)
        self.knee = self.done(3, "11:30", exam_code="NZQN001", room="salle-irm").accession_number
        self.house.now += timedelta(hours=1)
        self.stat = self.done(4, "14:00", exam_code="NZQN001", room="salle-irm", priority="stat").accession_number
        self.house.now += timedelta(hours=1)
        self.south = self.done_at_sud(5).accession_number

    def done_at_sud(self, number, start="15:00"):
        house = self.house
        patient = house.patient(number, sites=("sud",))
        house.request(patient, number, site="sud")

        exam = house.booked(patient, start, request_id=f"r{number}", site="sud", room="salle-scanner")
        done = replace(exam, state=ExamState.COMPLETED, publish_due_at=None, changed_at=house.now)
        return house.services.agenda.exams.save(done)

    def shown(self, query="", browser=None):
        page = (browser or self.radiologist()).get(f"/sites/nord/reading{query}")
        assert 200 == page.status
        return page.attributes("data-accession")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "stat urgent accession knee"),
        ("?site=nord&site=sud", "stat urgent accession knee south"),
        ("?site=sud", "south"),
        ("?site=est", "stat urgent accession knee"),
        ("?modality=MR", "stat knee"),
        ("?modality=CT&modality=MR&site=nord&site=sud", "stat urgent accession knee south"),
        ("?priority=stat", "stat"),
        ("?priority=stat&priority=urgent", "stat urgent"),
        ("?modality=CT&priority=routine", "accession"),
        ("?modality=US", ""),
        ("?older=1", ""),
        ("?older=999", "stat urgent accession knee"),
        ("?first=2026-11-26&last=2026-11-26", "stat urgent accession knee"),
        ("?first=2026-11-27", ""),
        ("?last=2026-11-25&modality=CT", ""),
        ("?first=yesterday", "stat urgent accession knee"),
        ("?mine=1", ""),
        ("?secretary=1", ""),
    ],
)
def test_the_list_is_narrowed_by_site_modality_priority_age_and_whose_it_is(query, expected):
    clinic = Clinic()

    assert [getattr(clinic, name) for name in expected.split()] == clinic.shown(query)


def test_a_report_begun_stays_in_the_lists_of_its_exam_at_its_place():
    clinic = Clinic()
    clinic.house.now += timedelta(hours=3)
    browser = clinic.radiologist()
    for accession in (clinic.knee, clinic.urgent):
        browser.post(f"/exams/{accession}/report", clinic.form())

    assert [clinic.stat, clinic.urgent, clinic.accession, clinic.knee] == clinic.shown()
    assert [clinic.stat, clinic.knee] == clinic.shown("?modality=MR")
    assert [clinic.urgent] == clinic.shown("?priority=urgent")
    assert [clinic.urgent, clinic.knee] == clinic.shown("?mine=1")
    assert [clinic.knee] == clinic.shown("?mine=1&modality=MR")
    assert [] == clinic.shown("?mine=1&older=2")


def test_an_exam_that_was_taken_is_its_readers_and_no_colleagues():
    clinic = Clinic()
    first, second = clinic.radiologist(), clinic.house.browser("99900023450", "psc")
    place = f"/exams/{clinic.south}/report"

    took = first.post(f"{place}/take", {"list": "of=sud&modality=CT"})
    again = first.post(f"{place}/take")
    refused = second.post(f"{place}/take")
    opened = first.get(place)
    listed = second.get("/sites/sud/reading")

    assert [303, f"{place}?of=sud&modality=CT"] == [took.status, took.headers["Location"]]
    assert 303 == again.status
    assert [409, ["taken_by_other"]] == [refused.status, refused.attributes("data-problem")]
    assert ["radiologue.nord"] == listed.attributes("data-reader")
    assert "Dr Hélène Lemarchand" in listed.text
    assert [] == takes(listed)
    assert ["Indication", "Technique", "Résultats", "Conclusion"] == opened.attributes("data-section")
    assert 1 == clinic.house.reports.draft(clinic.south).rev


def takes(page):
    return [action for action in page.attributes("data-action") if action == "take"]


def test_validating_goes_on_to_the_next_exam_of_the_list_it_came_from():
    clinic = Clinic()
    browser = clinic.radiologist()
    listed = browser.get("/sites/nord/reading?modality=MR")
    link = next(each for each in listed.attributes("href") if clinic.knee in each)

    page = browser.get(link)
    gone = browser.post(f"/exams/{clinic.knee}/report/validate", {**clinic.form(), "next": "1", "list": page.field("list")})
    twice = browser.post(f"/exams/{clinic.knee}/report/validate", {**clinic.form(), "next": "1", "list": page.field("list")})
    skipped = browser.get(f"/exams/{clinic.stat}/report/next?of=nord&modality=MR")
    last = browser.post(f"/exams/{clinic.stat}/report/validate", {**clinic.form(), "next": "1", "list": "of=nord&modality=MR"})

    assert "of=nord&modality=MR" == page.field("list")
    assert f"/exams/{clinic.stat}/report?of=nord&modality=MR" == gone.headers["Location"] == twice.headers["Location"]
    assert "/sites/nord/reading?of=nord&modality=MR" == skipped.headers["Location"] == last.headers["Location"]
    assert {f"signing-{clinic.knee}-1", f"signing-{clinic.stat}-1"} == set(clinic.house.signing.started)


def test_what_a_colleague_took_is_not_the_next_one():
    clinic = Clinic()
    colleague = clinic.house.browser("99900023450", "psc")
    second = clinic.done_at_sud(6, "16:00").accession_number
    colleague.post(f"/exams/{clinic.south}/report/take")

    gone = clinic.radiologist().get(f"/exams/{clinic.accession}/report/next?of=sud")

    assert f"/exams/{second}/report?of=sud" == gone.headers["Location"]


def test_going_on_follows_the_list_to_its_end_and_begins_again():
    clinic = Clinic()
    browser = clinic.radiologist()
    order = [clinic.stat, clinic.urgent, clinic.accession, clinic.knee]

    gone = [browser.get(f"/exams/{each}/report/next?of=nord").headers["Location"].split("/")[2] for each in order]
    browser.post(f"/exams/{clinic.knee}/report/validate", {**clinic.form(), "next": "1", "list": "of=nord"})
    after = browser.get(f"/exams/{clinic.accession}/report/next?of=nord").headers["Location"]

    assert [*order[1:], order[0]] == gone
    assert clinic.stat in after


def test_validating_without_going_on_stays_and_a_fault_never_goes_on():
    clinic = Clinic()
    browser = clinic.radiologist()

    fault = browser.post(f"{clinic.place}/validate", {**clinic.form(), "text-3": "", "next": "1"})
    stays = browser.post(f"{clinic.place}/validate", clinic.form(1))

    assert [400, ["conclusion_missing"]] == [fault.status, fault.attributes("data-error-code")]
    assert clinic.place == stays.headers["Location"]


def test_the_images_open_by_the_sites_own_link_and_no_address_of_ours_holds_a_patient():
    clinic = Clinic()
    browser = clinic.radiologist()
    exam = clinic.house.rows.exams[clinic.accession]

    listed, page = browser.get("/sites/nord/reading"), browser.get(clinic.place)
    links = [each for each in listed.attributes("href") if "pacs" in each]

    expected = f"https://pacs.nord.example/viewer?study={exam.study_instance_uid}&accession={clinic.accession}"
    assert expected in links
    assert expected in page.attributes("href")
    patient = clinic.house.patients.get("p1")
    for address in [
        *listed.attributes("href"),
        *listed.attributes("action"),
        *page.attributes("href"),
        *page.attributes("hx-post"),
    ]:
        assert not any(word in address for word in (patient.traits.birth_family, "1975", "700001"))


@pytest.mark.segur("CRR.05", "CRR.06")
def test_what_waits_longer_than_the_sites_delay_is_said_on_top_and_marked():
    clinic = Clinic()
    before = clinic.radiologist().get("/sites/nord/reading")
    clinic.house.now += timedelta(hours=45)
    browser = clinic.radiologist()
    browser.post(f"/exams/{clinic.accession}/report/provisional", {**clinic.form(), "on": "1"})

    page = browser.get("/sites/nord/reading")
    shown = dict(zip(page.attributes("data-accession"), page.attributes("data-late"), strict=True))

    assert [] == before.attributes("data-late-count")
    assert ["2"] == page.attributes("data-late-count")
    assert {clinic.accession: "yes", clinic.urgent: "yes", clinic.knee: "no", clinic.stat: "no"} == shown


def test_each_site_that_is_shown_has_its_own_audit_record():
    clinic = Clinic()
    browser = clinic.radiologist()
    clinic.house.audit.records.clear()

    browser.get("/sites/nord/reading?site=nord&site=sud")

    assert [("read_report", "nord"), ("read_report", "sud")] == [(one.action, one.site) for one in clinic.house.audit.records]


def test_a_list_that_somebody_made_up_is_no_list_of_others():
    clinic = Clinic()
    browser = clinic.radiologist()
    made_up = "of=est&site=est&x=" + "y" * 5_000 + "&modality=<script>"

    gone = browser.post(f"{clinic.place}/validate", {**clinic.form(), "next": "1", "list": made_up})

    assert gone.headers["Location"].startswith(f"/exams/{clinic.knee}/report?of=nord")
    assert "script" not in gone.headers["Location"]
