"""What helps to write: templates, phrases, the channels before validation, the patient's earlier reports."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.adapters.dispatch.directory import MemoryDirectory
from ris.domain.agenda.exam import ExamState
from ris.domain.report.draft import DraftStatus
from tests.support.ward import TEXTS, Ward


def typed(page, name):
    return page.body.partition(f'name="{name}"')[2].partition("</textarea>")[0].partition(">\n")[2]


def test_an_empty_report_begins_with_the_template_of_its_exam_and_no_result_is_put_into_it_by_itself():
    ward = Ward()
    contrast = ward.done(2, "11:00", exam_code="ZBQH001")

    plain, injected = ward.radiologist().get(ward.place), ward.radiologist().get(f"/exams/{contrast.accession_number}/report")

    assert "Acquisition hélicoïdale. Reconstructions multiplanaires." == typed(plain, "text-1")
    assert "" == typed(plain, "text-2") == typed(plain, "text-3")
    assert typed(injected, "text-1").startswith("Acquisition hélicoïdale après injection")
    assert ["scanner-thorax-normal", "scanner"] == plain.attributes("data-template")


def test_a_template_fills_what_is_empty_brings_what_is_missing_and_leaves_what_was_typed():
    ward = Ward()
    browser = ward.radiologist()
    form = {"rev": "0", "title": "Scanner", "heading-0": "Indication", "text-0": "Toux.", "heading-1": "Conclusion", "text-1": ""}

    done = browser.post(f"{ward.place}/template", {**form, "template": "scanner-thorax-normal"})
    unknown = browser.post(f"{ward.place}/template", {**form, "rev": "2", "template": "mammographie"})
    sections = ward.draft().sections

    assert [303, 400] == [done.status, unknown.status]
    assert ["Indication", "Technique", "Résultats", "Conclusion"] == [each.heading for each in sections]
    assert "Toux." == sections[0].text
    assert "Scanner du thorax sans anomalie décelée." == sections[3].text
    assert "Parenchyme pulmonaire" in sections[2].text


def test_a_phrase_is_put_behind_what_the_section_says_and_is_offered_where_it_fits():
    ward = Ward()
    browser = ward.radiologist()

    page = browser.get(ward.place)
    browser.post(f"{ward.place}/macro", {**ward.form(), "text-2": "", "macro": "comparaison:2"})
    behind = browser.post(f"{ward.place}/macro", {**ward.form(ward.draft().rev), "macro": "lemarchand-nodule:3"})
    kept = ward.draft()
    nowhere = browser.post(
        f"{ward.place}/macro", {**ward.form(kept.rev), "text-3": kept.sections[3].text, "macro": "comparaison:99"}
    )
    not_theirs = ward.house.browser("secretariat.nord").post(
        f"{ward.place}/macro", {**ward.form(9), "macro": "lemarchand-nodule:3"}
    )

    offered = page.attributes("data-macro")
    assert ["injection", "thorax-normal", "comparaison", "lemarchand-nodule", "sans-anomalie", "a-confronter"] == offered
    assert "Nodule pulmonaire à surveiller : contrôle scanographique à trois mois." == kept.sections[3].text.partition("\n")[2]
    assert [303, 303, kept] == [behind.status, nowhere.status, ward.draft()]
    assert [400, ["unknown_macro"]] == [not_theirs.status, not_theirs.attributes("data-problem")]


def test_a_phrase_keeps_what_was_typed_before_it():
    ward = Ward()

    ward.radiologist().post(f"{ward.place}/macro", {**ward.form(), "macro": "lemarchand-nodule:3"})

    assert (
        f"{TEXTS['text-3']}\nNodule pulmonaire à surveiller : contrôle scanographique à trois mois."
        == ward.draft().sections[3].text
    )
    assert [TEXTS[f"text-{rank}"] for rank in range(3)] == [each.text for each in ward.draft().sections[:3]]


def expected(page):
    part = replace(page, body=page.body.partition('id="expected"')[2].partition("</section>")[0])
    names = ("channel", "state", "reason")
    return list(zip(*(part.attributes(f"data-{name}") for name in names), strict=True))


@pytest.mark.segur("CRR.02")
def test_what_each_mark_implies_is_shown_before_validation_and_is_what_then_happens():
    ward = Ward(directory=MemoryDirectory())
    browser = ward.radiologist()
    marks = {"marks": "1", "announcement_pending": "1", "masked_to_professionals": "1"}

    opened = expected(browser.get(ward.place))
    marked = expected(browser.post(f"{ward.place}/expected", {**ward.form(), **marks}))
    untouched = ward.draft()
    browser.post(f"{ward.place}/validate", {**ward.form(), **marks})
    ward.machine(ward.accession)
    rows = [
        (row.channel, row.state.value, row.reason) for row in ward.house.deliveries.of_owner(ward.accession) if row.report_version
    ]

    assert ("to_print", "held", "to_print") in opened
    assert ("dmp", "held", "identity") in opened
    assert {("mss_patient", "held", "announcement"), ("to_print", "withdrawn", "masked")} <= set(marked)
    assert untouched is None
    assert sorted(rows) == sorted(marked)


def test_recipients_that_are_typed_are_foreseen_too_and_junk_is_left_to_validation():
    ward = Ward()

    page = ward.radiologist().post(f"{ward.place}/expected", {**ward.form(), "recipients": "99900023450 x'; 123"})

    assert 200 == page.status
    assert ["99900023450"] == [each for each in page.attributes("data-recipient") if each == "99900023450"]


class Family(Ward):
    """A patient with four earlier exams, and one of somebody else."""

    def __init__(self):
        super().__init__()
        self.browser = self.radiologist()
        self.chest = self.done(2, "11:00", of=1, exam_code="ZBQH001").accession_number
        self.knee = self.done(3, "12:00", of=1, exam_code="NZQN001", room="salle-irm").accession_number
        self.film = self.done(4, "13:00", of=1, exam_code="ZBQK002", room="salle-radio").accession_number
        self.unread = self.done(5, "14:00", of=1, exam_code="ACQK001").accession_number
        self.other = self.done(6, "15:00").accession_number
        for accession in (self.chest, self.knee, self.film, self.other):
            self.signed(self.browser, accession)


def test_earlier_reports_stand_beside_the_editor_the_same_kind_first_and_open_read_only():
    family = Family()

    page = family.browser.get(family.place)
    shown = page.attributes("data-prior")
    address = next(each for each in page.attributes("hx-get") if family.knee in each)
    opened = family.browser.get(address, **{"hx-request": "true"})
    records = family.house.audit.records

    assert [family.chest, family.film, family.knee] == shown
    assert ["yes", "no", "no"] == page.attributes("data-close")
    assert TEXTS["text-3"] in opened.body
    assert "<textarea" not in opened.body
    assert "<html" not in opened.body
    assert [("read_report", family.knee, "allowed")] == [(one.action, one.object_id, one.result) for one in records[-1:]]


def test_a_prior_is_what_was_validated_not_what_is_being_corrected_and_a_deleted_one_is_gone():
    family = Family()
    browser, place = family.browser, f"/exams/{family.knee}/report"
    draft = family.house.reports.draft(family.knee)
    browser.post(f"{place}/correct", {"rev": str(draft.rev)})
    browser.post(place, family.form(draft.rev + 1, **{"text-3": "Texte pas encore validé."}))
    deleted = family.house.reports.draft(family.chest)
    family.house.reports.save_draft(replace(deleted, status=DraftStatus.DELETED, version=2))

    opened = browser.get(f"{family.place}/priors/{family.knee}", **{"hx-request": "true"})

    assert [200, True] == [opened.status, TEXTS["text-3"] in opened.body]
    assert "pas encore validé" not in opened.body
    assert family.chest not in browser.get(family.place).attributes("data-prior")


def test_a_prior_of_another_patient_or_site_or_without_a_version_is_not_there():
    family = Family()
    absent = [family.other, family.unread, family.accession, "999"]
    exams = family.house.rows.exams
    exams[family.film] = replace(exams[family.film], site="est")

    statuses = [family.browser.get(f"{family.place}/priors/{each}").status for each in absent]

    assert [404] * 4 == statuses
    assert 404 == family.browser.get(f"{family.place}/priors/{family.film}").status
    assert family.film not in family.browser.get(family.place).attributes("data-prior")


@pytest.mark.parametrize("state", [ExamState.CANCELLED, ExamState.EXPIRED])
def test_a_link_to_an_exam_that_was_cancelled_says_so_and_offers_nothing_to_type(state):
    ward = Ward()
    exams = ward.house.rows.exams
    exams[ward.accession] = replace(exams[ward.accession], state=state)

    page, unknown = ward.radiologist().get(ward.place), ward.radiologist().get("/exams/269999999999/report")

    assert [200, [state.value]] == [page.status, page.attributes("data-exam-gone")]
    assert "À rédiger" not in page.text
    assert "<textarea" not in page.body
    assert [] == page.attributes("data-action")
    assert [404, ["unknown_object"]] == [unknown.status, unknown.attributes("data-problem")]


def test_a_text_begun_before_the_exam_was_cancelled_is_still_there_and_is_not_validated():
    ward = Ward()
    browser = ward.radiologist()
    browser.post(ward.place, ward.form())
    ward.house.now += timedelta(minutes=1)
    exams = ward.house.rows.exams
    exams[ward.accession] = replace(exams[ward.accession], state=ExamState.CANCELLED)

    page = browser.get(ward.place)
    refused = browser.post(f"{ward.place}/validate", ward.form(1))

    assert TEXTS["text-3"] == typed(page, "text-3")
    assert ["save", "provisional"] == page.attributes("data-action")
    assert [409, ["exam_not_performed"]] == [refused.status, refused.attributes("data-error-code")]
