"""What a validated report may still need, as a person does it: flags, announcement, correction, deletion, paper, sending again, refusals."""

from dataclasses import replace

import pytest

from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.report.draft import DraftStatus
from ris.domain.report.marks import Marks, Reason
from tests.portal.test_portal_report import Ward

FLAG = {"marks": "1", "announcement_pending": "1"}


def row(ward, channel, version=1):
    return next(
        one for one in ward.house.deliveries.of_owner(ward.accession) if (one.channel, one.report_version) == (channel, version)
    )


def save(ward, channel, **changes):
    return ward.house.deliveries.save(replace(row(ward, channel), **changes))


def flagged(ward, browser, **marks):
    """Validate with marks ticked, and sign."""
    browser.post(ward.place, ward.form(**(marks or FLAG)))
    return ward.signed(browser)


@pytest.mark.segur("CRR.02")
def test_a_flag_is_ticked_beside_the_text_and_saved_with_it():
    ward = Ward()
    browser = ward.radiologist()
    page = browser.get(ward.place)
    assert ["yes"] == page.attributes("data-editable")
    assert "checked" not in page.body.partition("data-marks")[2].partition("</fieldset>")[0]

    browser.post(f"{ward.place}/autosave", ward.form(**FLAG), **{"hx-request": "true"})
    shown = browser.get(ward.place).body.partition("data-marks")[2].partition("</fieldset>")[0]

    assert ward.draft().marks == Marks(announcement_pending=True)
    assert 'name="announcement_pending" value="1" checked' in shown
    browser.post(ward.place, ward.form(ward.draft().rev, marks="1"))
    assert ward.draft().marks == Marks()


def test_a_form_that_showed_no_marks_leaves_them():
    ward = Ward()
    browser = ward.radiologist()
    browser.post(ward.place, ward.form(**FLAG))

    browser.post(ward.place, ward.form(ward.draft().rev, **{"text-3": "Autre."}))

    assert ward.draft().marks.announcement_pending


@pytest.mark.segur("CRR.03")
def test_announcement_done_is_one_button_of_the_radiologist():
    ward = Ward()
    browser = ward.radiologist()
    flagged(ward, browser)

    page, secretary = browser.get(ward.place), ward.house.browser("secretariat.nord")
    assert "announcement" in page.attributes("data-todo")
    assert "announcement" in browser.get(f"/exams/{ward.accession}").attributes("data-todo")
    assert "announced" not in secretary.get(ward.place).attributes("data-action")
    assert 404 == secretary.post(f"{ward.place}/announced").status
    assert 303 == browser.post(f"{ward.place}/announced").status

    draft = ward.draft()
    assert (DraftStatus.VALIDATING, Reason.ANNOUNCEMENT) == (draft.status, draft.validation.reason)
    assert [f"announcement-{ward.accession}-2-2"] == [
        name for name in ward.house.signing.started if name.startswith("announcement")
    ]
    assert "announced" not in browser.get(ward.place).attributes("data-action")


def test_a_correction_opens_the_text_again_with_its_marks():
    ward = Ward()
    browser = ward.radiologist()
    flagged(ward, browser)
    page = browser.get(ward.place)

    answer = browser.post(f"{ward.place}/correct", {"rev": page.attributes("data-rev")[0]})
    again = browser.post(f"{ward.place}/correct", {"rev": page.attributes("data-rev")[0]})
    page = browser.follow(answer)

    assert (303, answer.headers["Location"]) == (again.status, again.headers["Location"])
    assert ["draft", "1", "yes"] == [page.attributes(f"data-{name}")[0] for name in ("report-status", "version", "editable")]
    assert "Examen normal." in page.body
    refused = browser.post(ward.place, ward.form(ward.draft().rev, marks="1"))
    assert (409, ["announcement_not_done"]) == (refused.status, refused.attributes("data-error-code"))
    assert ward.draft().marks.announcement_pending


@pytest.mark.segur("DMP.02")
def test_a_deletion_is_asked_for_twice_and_says_what_it_does():
    ward = Ward()
    browser = ward.radiologist()
    ward.signed(browser)

    asked = browser.get(f"{ward.place}/delete")
    assert "Le document est retiré du DMP" in asked.text
    assert ward.draft().status is DraftStatus.VALIDATED
    assert 303 == browser.post(f"{ward.place}/delete").status
    assert Reason.DELETION is ward.draft().validation.reason


def test_a_report_is_withheld_and_let_go():
    ward = Ward()
    browser = ward.radiologist()
    ward.signed(browser)

    browser.post(f"{ward.place}/withhold", {"on": "1"})
    page = browser.get(ward.place)
    assert "data-withheld" in page.body
    assert {"withheld"} == {one.reason for one in ward.house.deliveries.of_owner(ward.accession) if one.state is DeliveryState.HELD}
    browser.post(f"{ward.place}/withhold", {"on": "0"})

    assert "data-withheld" not in browser.get(ward.place).body
    assert 400 == browser.post(f"{ward.place}/withhold", {"on": "perhaps"}).status


def test_paper_is_settled_by_who_printed_it():
    ward = Ward()
    ward.signed(ward.radiologist())
    sent = row(ward, "mss_professional")
    ward.house.deliveries.save(
        replace(sent, channel="to_print", version=0, state=DeliveryState.HELD, reason="to_print", due_at=None)
    )
    secretary = ward.house.browser("secretariat.nord")
    page = secretary.get(f"/exams/{ward.accession}")
    assert "printed" in page.attributes("data-action")

    done = secretary.post(
        f"/exams/{ward.accession}/deliveries/printed", {"channel": "to_print", "recipient": sent.recipient, "version": "1"}
    )

    paper = row(ward, "to_print")
    assert (303, DeliveryState.DELIVERED, ward.house.now) == (done.status, paper.state, paper.changed_at)
    assert f"Imprimé et envoyé par {paper.settled_by}." in secretary.get(f"/exams/{ward.accession}").text


def test_a_rejected_row_is_sent_again_and_what_could_arrive_twice_is_not():
    ward = Ward()
    browser = ward.radiologist()
    ward.signed(browser)
    save(ward, "dmp", state=DeliveryState.REJECTED, reason="XDSRegistryError", due_at=None)
    save(ward, "mss_professional", accepted_at=ward.house.now, attempts=1)
    page = browser.get(f"/exams/{ward.accession}")
    assert ["retry"] == [action for action in page.attributes("data-action") if action == "retry"]

    place = f"/exams/{ward.accession}/deliveries/retry"
    done = browser.post(place, {"channel": "dmp", "recipient": "DMP", "version": "1"})
    mail = row(ward, "mss_professional")
    refused = browser.post(place, {"channel": mail.channel, "recipient": mail.recipient, "version": "1"})

    assert (303, [(ward.accession, 1, 2, (("dmp", "DMP"),))]) == (done.status, ward.house.dispatches.started)
    assert (409, DeliveryState.PENDING) == (refused.status, row(ward, "dmp").state)
    assert "accusé de réception" in refused.text


def test_a_patients_refusals_are_recorded_and_stop_what_has_not_left():
    ward = Ward()
    ward.signed(ward.radiologist())
    mail = row(ward, "mss_professional")
    desk = ward.house.browser("accueil.nord")
    page = desk.get("/patients/p1")
    assert {"PATIENT": "no", mail.recipient: "no"} == dict(
        zip(page.attributes("data-refusal"), page.attributes("data-refused"), strict=True)
    )

    for _ in range(2):
        assert 303 == desk.post("/patients/p1/refusals", {"who": mail.recipient, "on": "1"}).status
    assert 400 == desk.post("/patients/p1/refusals", {"who": "somebody", "on": "1"}).status

    assert frozenset({mail.recipient}) == ward.house.patients.get("p1").refusals
    assert (DeliveryState.WITHDRAWN, "refusal") == (row(ward, "mss_professional").state, row(ward, "mss_professional").reason)
    desk.post("/patients/p1/refusals", {"who": mail.recipient, "on": "0"})
    assert frozenset() == ward.house.patients.get("p1").refusals


def test_a_mail_that_came_back_is_sent_again_or_printed_and_one_without_a_receipt_says_it_is_late():
    ward = Ward()
    ward.signed(ward.radiologist())
    save(ward, "mss_professional", state=DeliveryState.REJECTED, reason="recipient_unknown", remote_code="5.1.1", due_at=None)
    save(ward, "mss_patient", state=DeliveryState.PENDING, reason="no_receipt", accepted_at=ward.house.now, attempts=1)
    secretary = ward.house.browser("secretariat.nord")
    page = secretary.get(f"/exams/{ward.accession}")
    assert ["printed", "printed", "retry"] == sorted(one for one in page.attributes("data-action") if one in ("retry", "printed"))
    assert "En retard" in page.text

    sent = row(ward, "mss_professional")
    given = {"channel": "mss_professional", "recipient": sent.recipient, "version": "1"}
    done = secretary.post(f"/exams/{ward.accession}/deliveries/printed", given)

    paper = row(ward, "mss_professional")
    assert (303, DeliveryState.DELIVERED, "5.1.1") == (done.status, paper.state, paper.remote_code)
    assert f"Imprimé et envoyé par {paper.settled_by}." in secretary.get(f"/exams/{ward.accession}").text
