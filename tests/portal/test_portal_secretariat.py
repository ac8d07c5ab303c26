"""The secretary's day: what is confided, typed, corrected, given back, printed; and where a radiologist's own reports have got to."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.adapters.dispatch.directory import MemoryDirectory
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.report.draft import Turn
from tests.support.ward import TEXTS, Ward


class Office(Ward):
    """A radiologist and a secretary."""

    def __init__(self):
        super().__init__(directory=MemoryDirectory())  # nobody has an electronic address
        self.doctor, self.secretary = self.radiologist(), self.house.browser("secretariat.nord")

    def day(self):
        return self.secretary.get("/sites/nord/secretariat")

    def rows(self, page, listed):
        part = page.body.partition(f'data-list="{listed}"')[2].partition("</section>")[0]
        return replace(page, body=part).attributes("data-accession")


def test_the_secretarys_first_page_is_her_day():
    office = Office()

    assert "/sites/nord/secretariat" == office.secretary.get("/").headers["Location"]
    page = office.day()
    assert ["Rien à corriger.", "Rien à imprimer."] == [
        text for text in ("Rien à corriger.", "Rien à imprimer.") if text in page.text
    ]


def test_what_is_confided_to_be_typed_is_typed_and_given_back():
    office = Office()

    confided = office.doctor.post(f"{office.place}/turn", {"rev": "0", "turn": "typing", "note": "Dictée 12, cassette bleue"})
    listed, reading = office.day(), office.doctor.get("/sites/nord/reading")
    confided_to_her = office.doctor.get("/sites/nord/reading?secretary=1")
    opened = office.secretary.get(office.place)
    typed = {**office.form(office.draft().rev), "turn": "rereading"}
    back = office.secretary.post(f"{office.place}/turn", typed)
    afterwards, again = office.day(), office.doctor.get("/sites/nord/reading")

    assert [303, "/sites/nord/reading?of=nord"] == [confided.status, confided.headers["Location"]]
    assert [office.accession] == office.rows(listed, "typing")
    assert "Dictée 12, cassette bleue" in listed.text
    assert [] == reading.attributes("data-accession")
    assert [office.accession] == confided_to_her.attributes("data-accession")
    assert ["Indication", "Technique", "Résultats", "Conclusion"] == opened.attributes("data-section")
    assert "Mot du radiologue" in opened.text
    assert ["rereading"] == opened.attributes("data-turn-to")
    assert [303, "/sites/nord/secretariat"] == [back.status, back.headers["Location"]]
    assert [] == office.rows(afterwards, "typing")
    assert ["rereading"] == again.attributes("data-turn")
    assert "Rendu par le secrétariat" in again.text
    assert TEXTS["text-3"] == office.draft().sections[3].text


def test_what_is_to_be_corrected_says_what_and_needs_a_word():
    office = Office()
    office.doctor.post(office.place, office.form())

    silent = office.doctor.post(f"{office.place}/turn", {**office.form(1), "turn": "correction", "note": "  "})
    too_long = office.doctor.post(f"{office.place}/turn", {**office.form(1), "turn": "correction", "note": "x" * 501})
    kept = office.draft()
    said = office.doctor.post(f"{office.place}/turn", {**office.form(1), "turn": "correction", "note": "Orthographe du médicament"})

    assert [400, ["note"], ["note_missing"]] == [
        silent.status,
        silent.attributes("data-field"),
        silent.attributes("data-error-code"),
    ]
    assert ["note_too_long"] == too_long.attributes("data-error-code")
    assert "x" * 501 == too_long.field("note")
    assert Turn.WRITING is kept.turn
    assert 303 == said.status
    assert [office.accession] == office.rows(office.day(), "correction")
    assert "Orthographe du médicament" in office.day().text


def test_a_click_too_many_changes_nothing_and_only_what_the_secretary_has_can_be_given_back():
    office = Office()
    office.doctor.post(f"{office.place}/turn", {**office.form(), "turn": "typing"})
    once = office.draft()

    again = office.doctor.post(f"{office.place}/turn", {**office.form(once.rev), "turn": "typing"})
    twice = office.draft()
    for _ in range(2):
        office.secretary.post(f"{office.place}/turn", {**office.form(office.draft().rev), "turn": "rereading"})
    given_back = office.draft()
    other = office.done(2, "11:00").accession_number
    office.doctor.post(f"/exams/{other}/report", office.form())
    refused = office.secretary.post(f"/exams/{other}/report/turn", {**office.form(1), "turn": "rereading"})
    made_up = office.secretary.post(f"{office.place}/turn", {**office.form(office.draft().rev), "turn": "nobody"})

    assert 303 == again.status
    assert once == twice
    assert (Turn.REREADING, once.rev + 1) == (given_back.turn, given_back.rev)
    assert [409, ["not_the_secretarys"]] == [refused.status, refused.attributes("data-error-code")]
    assert [400, ["field_malformed"]] == [made_up.status, made_up.attributes("data-problem")]


def test_a_radiologist_validates_what_is_with_the_secretary_and_it_leaves_her_list():
    office = Office()
    office.doctor.post(f"{office.place}/turn", {**office.form(), "turn": "typing"})

    done = office.doctor.post(f"{office.place}/validate", office.form(office.draft().rev))

    assert 303 == done.status
    assert [] == office.rows(office.day(), "typing")
    assert (Turn.WRITING, "") == (office.draft().turn, office.draft().note)


def test_the_longest_waiting_comes_first_and_what_is_late_is_said():
    office = Office()
    office.house.now += timedelta(minutes=20)
    second = office.done(2, "11:00").accession_number
    for accession in (second, office.accession):
        office.doctor.post(f"/exams/{accession}/report/turn", {**office.form(), "turn": "typing"})
    office.house.now += timedelta(hours=47, minutes=50)
    office.doctor, office.secretary = office.radiologist(), office.house.browser("secretariat.nord")

    page = office.day()

    assert [office.accession, second] == office.rows(page, "typing")
    assert ["1"] == page.attributes("data-late-count")
    assert ["yes", "no"] == page.attributes("data-late")


def test_a_letter_is_opened_printed_and_then_says_by_whom_and_when():
    office = Office()
    office.signed(office.doctor)
    house = office.house
    waits = [row for row in house.deliveries.of_owner(office.accession) if row.reason == "to_print"]

    queue = office.secretary.get("/sites/nord/letters")
    count = office.day()
    pdf = next(each for each in queue.attributes("href") if each.endswith("/pdf"))
    fields = {"channel": waits[0].channel, "recipient": waits[0].recipient, "version": "1", "back": "letters"}
    house.now += timedelta(minutes=7)
    sent = [office.secretary.post(f"/exams/{office.accession}/deliveries/printed", fields) for _ in range(2)]
    after = office.secretary.get("/sites/nord/letters")

    assert 1 == len(waits)
    assert [office.accession] == office.rows(queue, "waiting")
    assert "Paul LEMARCHAND" in queue.text
    assert "1 courrier pour qui n’a pas d’adresse électronique" in count.text
    assert 200 == house.portal(event_of(office.secretary, pdf), None)["statusCode"]
    assert [(303, "/sites/nord/letters")] * 2 == [(answer.status, answer.headers["Location"]) for answer in sent]
    assert [] == office.rows(after, "waiting")
    assert [office.accession] == office.rows(after, "printed")
    assert ["secretariat.nord"] == after.attributes("data-settled-by")
    assert "par Sylvie Caron 26/11/2026 à 09:27" in after.text
    assert "Rien à imprimer." in office.day().text


def event_of(browser, address):
    from tests.support.portal import event

    return event("GET", address, headers=browser._cookie())


@pytest.mark.parametrize("subject", ["accueil.nord", "manip.nord", "info.groupe"])
def test_the_secretarys_lists_are_not_for_others(subject):
    office = Office()
    browser = office.house.browser(subject)

    assert [404, 404] == [browser.get(f"/sites/nord/{place}").status for place in ("secretariat", "letters")]
    assert 404 == office.secretary.get("/sites/est/letters").status


def test_ones_own_reports_say_how_far_each_has_got_the_last_first():
    office = Office()
    office.signed(office.doctor)
    office.house.now += timedelta(minutes=10)
    second = office.done(2, "11:00").accession_number
    office.doctor.post(f"/exams/{second}/report/validate", office.form())
    dmp = next(row for row in office.house.deliveries.of_owner(office.accession) if row.channel == "dmp")

    page = office.doctor.get("/sites/nord/my-reports")
    for row in office.house.deliveries.of_owner(office.accession):
        if row.report_version and row.channel != "dmp":
            office.house.deliveries.save(replace(row, state=DeliveryState.DELIVERED, reason="", due_at=None))
    held = office.doctor.get("/sites/nord/my-reports").attributes("data-overall")
    dmp = office.house.deliveries.save(replace(dmp, state=DeliveryState.REJECTED, reason="dmp_closed", due_at=None))
    refused = office.doctor.get("/sites/nord/my-reports").attributes("data-overall")
    office.house.deliveries.save(replace(dmp, state=DeliveryState.DELIVERED, reason="", due_at=None))
    delivered = office.doctor.get("/sites/nord/my-reports").attributes("data-overall")

    assert [second, office.accession] == page.attributes("data-accession")
    assert ["signing", "held"] == page.attributes("data-overall")
    assert {"dmp", "mss_patient", "to_print", "hl7_report"} <= set(page.attributes("data-channel"))
    assert [["signing", "held"], ["signing", "refused"], ["signing", "delivered"]] == [held, refused, delivered]
    assert [] == office.house.browser("99900023450", "psc").get("/sites/sud/my-reports").attributes("data-accession")


def test_a_report_that_is_corrected_leaves_ones_validated_ones_until_it_is_validated_again():
    office = Office()
    office.signed(office.doctor)

    office.doctor.post(f"{office.place}/correct", {"rev": str(office.draft().rev)})
    open_ = office.doctor.get("/sites/nord/my-reports").attributes("data-accession")
    reading = office.doctor.get("/sites/nord/reading?mine=1").attributes("data-accession")
    office.doctor.post(f"{office.place}/validate", office.form(office.draft().rev, **{"text-3": "Corrigé."}))
    office.machine(office.accession)
    again = office.doctor.get("/sites/nord/my-reports")

    assert [[], [office.accession]] == [open_, reading]
    assert [office.accession] == again.attributes("data-accession")
    assert "version 2, correction" in again.text


def test_ones_reports_of_a_site_one_no_longer_reads_are_left_out():
    office = Office()
    office.signed(office.doctor)
    exams, reports = office.house.rows.exams, office.house.reports
    exams[office.accession] = replace(exams[office.accession], site="est")
    reports.save_draft(replace(office.draft(), site="est"))

    page = office.doctor.get("/sites/nord/my-reports")

    assert [200, []] == [page.status, page.attributes("data-accession")]


def test_older_reports_of_ones_own_are_on_the_next_page():
    office = Office()
    office.signed(office.doctor)
    exams, draft = office.house.rows.exams, office.draft()
    names = [f"27{number:010d}" for number in range(29)]
    for number, name in enumerate(names):
        exams[name] = replace(exams[office.accession], accession_number=name)
        click = replace(draft.validation, validated_at=office.house.now + timedelta(minutes=number))
        office.house.reports.save_draft(replace(draft, accession_number=name, validation=click, rev=0))

    first = office.doctor.get("/sites/nord/my-reports")
    link = next(each for each in first.attributes("href") if each.startswith("?after="))
    second = office.doctor.get(f"/sites/nord/my-reports{link}")

    assert names[::-1][:25] == first.attributes("data-accession")
    assert [*names[::-1][25:], office.accession] == second.attributes("data-accession")
    assert "Plus anciens" not in second.text
