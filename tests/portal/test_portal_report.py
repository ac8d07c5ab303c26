"""Reports: written, kept, refused beside their field, validated by one click, read-only and streamed afterwards."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.domain.access.session import PscSession
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.errors import RemoteUnavailable
from ris.domain.report import draft as drafts
from ris.domain.report.draft import DraftStatus, Refusal
from ris.domain.report.version import VersionState
from ris.portal.french import sentence
from tests.support.ward import TEXTS, Ward


def faults(page):
    return list(zip(page.attributes("data-field"), page.attributes("data-error-code"), strict=True))


def test_an_empty_report_opens_with_the_outline_of_its_exam_and_why_it_was_asked():
    ward = Ward()

    page = ward.radiologist().get(ward.place)

    assert ["none", "0", "yes"] == [page.attributes(f"data-{name}")[0] for name in ("report-status", "rev", "editable")]
    assert ["Indication", "Technique", "Résultats", "Conclusion"] == page.attributes("data-section")
    assert "Toux persistante." in page.body.partition('name="text-0"')[2].partition("</textarea>")[0]
    assert ["save", "provisional", "validate-next", "validate"] == page.attributes("data-action")
    assert ward.draft() is None


def test_a_text_comes_back_as_it_was_typed():
    ward = Ward()
    browser = ward.radiologist()
    odd = "\n  <b>“Cœur” ≤ 3 µm</b>\n\nfin & {{ 7*7 }} é\u0301\n"

    browser.post(ward.place, ward.form(**{"text-2": odd.replace("\n", "\r\n")}))
    page = browser.get(ward.place)

    assert odd == ward.draft().sections[2].text
    assert "<b>" not in page.body
    assert "49" not in page.body.partition("<form id")[2].partition('name="text-3"')[0]
    assert [("Indication"), ("Technique"), ("Résultats"), ("Conclusion")] == [each.heading for each in ward.draft().sections]


def test_typing_saves_by_itself_and_the_next_save_names_the_revision_it_gave():
    ward = Ward()
    browser = ward.radiologist()
    fragment = {"hx-request": "true"}

    first = browser.post(f"{ward.place}/autosave", ward.form(), **fragment)
    again = browser.post(f"{ward.place}/autosave", ward.form(1), **fragment)
    second = browser.post(f"{ward.place}/autosave", ward.form(1, **{"text-3": "Normal."}), **fragment)

    assert [["1"], ["1"], ["2"]] == [answer.attributes("data-saved") for answer in (first, again, second)]
    assert "2" == second.field("rev")
    assert "Normal." == ward.draft().sections[3].text
    asks = browser.get(ward.place)
    assert f"{ward.place}/autosave" == asks.attributes("hx-post")[0]


def test_a_second_editor_is_told_and_both_texts_are_there():
    ward = Ward()
    radiologist, secretary = ward.radiologist(), ward.house.browser("secretariat.nord")
    radiologist.post(ward.place, ward.form())
    secretary.post(ward.place, ward.form(1, **{"text-3": "Conclusion de la secrétaire."}))

    typed = ward.form(1, **{"text-3": "Conclusion du radiologue."})
    quiet = radiologist.post(f"{ward.place}/autosave", typed, **{"hx-request": "true"})
    told = radiologist.post(ward.place, typed)
    kept = ward.draft()
    radiologist.post(ward.place, {**typed, "rev": told.field("rev")})

    assert ["edited_by_other"] == quiet.attributes("data-error-code")
    assert "" == quiet.field("rev")
    assert [409, ["secretariat.nord"], "2"] == [told.status, told.attributes("data-conflict"), told.field("rev")]
    assert "Sylvie Caron a enregistré ce compte rendu" in told.text
    assert "Conclusion du radiologue." in told.body.partition('name="text-3"')[2].partition("</textarea>")[0]
    assert "Conclusion de la secrétaire." in told.body.partition("data-other-text")[2]
    assert f"{ward.place}/autosave" not in told.attributes("hx-post")
    assert "validate" not in told.attributes("data-action")
    assert "Conclusion de la secrétaire." == kept.sections[3].text
    assert "Conclusion du radiologue." == ward.draft().sections[3].text


@pytest.mark.segur("DMP.01")
def test_validating_is_one_click_that_saves_starts_the_signing_and_is_done_once():
    ward = Ward()
    browser = ward.radiologist()

    clicks = [browser.post(f"{ward.place}/validate", ward.form()) for _ in range(2)]
    page = browser.get(ward.place)

    assert [(303, ward.place)] * 2 == [(answer.status, answer.headers["Location"]) for answer in clicks]
    assert [f"signing-{ward.accession}-1"] == list(ward.house.signing.started)
    assert [["validating"], ["no"]] == [page.attributes("data-report-status")[:1], page.attributes("data-editable")]
    assert "<textarea" not in page.body
    assert [] == browser.get("/sites/nord/reading").attributes("data-accession")


@pytest.mark.parametrize("way", ["", "/provisional", "/validate"])
def test_what_another_typed_while_the_report_was_validated_is_told_and_not_lost(way):
    ward = Ward()
    first, second = ward.radiologist(), ward.radiologist()
    first.post(ward.place, ward.form())
    first.post(f"{ward.place}/validate", ward.form(1))
    late = ward.form(1, **{"text-3": "Conclusion tapée trop tard."})

    told = second.post(f"{ward.place}{way}", late)
    as_json = second.post(f"{ward.place}{way}", late, accept="application/json")

    assert [409, 409] == [told.status, as_json.status]
    assert "Votre texte n’est pas enregistré." in told.text
    assert [] == told.attributes("data-action")
    assert ["report_validating"] == told.attributes("data-error-code")
    assert "Conclusion tapée trop tard." in told.body.partition('name="text-3"')[2].partition("</textarea>")[0]
    assert "Conclusion tapée trop tard." not in ward.draft().sections[3].text


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"text-3": ""}, [("text-3", "conclusion_missing")]),
        ({"title": ""}, [("title", "title_missing")]),
        ({"title": "x" * 129}, [("title", "title_too_long")]),
        ({"text-2": "Un \U0001f600 ici"}, [("text-2", "character_not_drawable")]),
        ({"text-2": "Un \x07 ici", "text-3": ""}, [("text-2", "character_not_drawable"), ("text-3", "conclusion_missing")]),
        ({"heading-2": ""}, [("heading-2", "heading_missing")]),
        ({"recipients": "12345678901"}, [("recipients", "unknown_recipient")]),
    ],
)
def test_what_keeps_a_report_from_being_validated_stands_beside_its_field_and_nothing_typed_is_lost(changes, expected):
    ward = Ward()
    browser = ward.radiologist()

    page = browser.post(f"{ward.place}/validate", ward.form(**changes))

    assert 400 == page.status
    assert expected == faults(page)
    assert "1" == page.field("rev")
    assert "Cœur de taille normale" in page.body or "text-2" in changes
    assert {} == ward.house.signing.started
    assert DraftStatus.DRAFT is ward.draft().status


def test_a_character_that_cannot_be_printed_is_named():
    ward = Ward()

    page = ward.radiologist().post(f"{ward.place}/validate", ward.form(**{"text-2": "Un \U0001f600 ici"}))

    assert "U+1F600" in page.text


def test_a_character_of_the_patients_name_that_cannot_be_printed_is_named_with_its_trait():
    ward = Ward()
    patient = ward.house.patients.get("p1")
    ward.house.patients.save(replace(patient, traits=replace(patient.traits, used_given="Zoé \U0001f600")))

    page = ward.radiologist().post(f"{ward.place}/validate", ward.form())

    assert [("patient.used_given", "character_not_drawable")] == faults(page)
    assert "(U+1F600 GRINNING FACE) (Prénom utilisé)" in page.text


def test_a_report_too_long_even_to_be_saved_comes_back_whole():
    ward = Ward()
    long = "é" * 200_001

    page = ward.radiologist().post(ward.place, ward.form(**{"text-2": long}))
    far_too_long = ward.radiologist().post(ward.place, ward.form(**{"text-2": "é" * 2_000_000}))

    assert [400, "report_too_long"] == [page.status, page.attributes("data-error-code")[0]]
    assert long in page.body
    assert ward.draft() is None
    assert 413 == far_too_long.status


def test_a_secretary_types_and_does_not_validate():
    ward = Ward()
    browser = ward.house.browser("secretariat.nord")

    page, sent = browser.get(ward.place), browser.post(f"{ward.place}/validate", ward.form())
    saved = browser.post(ward.place, ward.form())

    assert ["save", "provisional"] == page.attributes("data-action")
    assert [404, 303] == [sent.status, saved.status]
    assert DraftStatus.DRAFT is ward.draft().status


def test_without_pro_sante_connect_the_text_is_kept_and_the_door_shown():
    ward = Ward()
    browser = ward.radiologist("group")

    page = browser.post(f"{ward.place}/validate", ward.form())

    assert [409, "psc_session_required"] == [page.status, page.attributes("data-error-code")[0]]
    assert f"/login/psc?next={ward.place}" in page.attributes("href")
    assert TEXTS["text-3"] == ward.draft().sections[3].text


def test_the_psc_session_of_somebody_else_validates_nothing():
    ward = Ward()
    browser = ward.radiologist()
    sessions = ward.house.sessions._sessions
    for key, session in sessions.items():
        sessions[key] = replace(session, psc=PscSession("899900023450", "eidas1", ward.house.now))

    page = browser.post(f"{ward.place}/validate", ward.form())

    assert [409, "psc_other_person"] == [page.status, page.attributes("data-error-code")[0]]


@pytest.mark.segur("CRR.04", "CRR.05")
def test_a_provisional_report_says_so_stays_on_the_list_and_may_be_validated():
    ward = Ward()
    browser = ward.radiologist()

    browser.post(f"{ward.place}/provisional", ward.form(on="1"))
    page, listed = browser.get(ward.place), browser.get("/sites/nord/reading")
    browser.post(f"{ward.place}/provisional", ward.form(2, on="0"))
    back = ward.draft().status
    browser.post(f"{ward.place}/provisional", ward.form(3, on="1"))
    browser.post(f"{ward.place}/validate", ward.form(4))

    assert "provisional" == page.attributes("data-report-status")[0]
    assert ["provisional"] == listed.attributes("data-report-status")
    assert [DraftStatus.DRAFT, DraftStatus.VALIDATING] == [back, ward.draft().status]


@pytest.mark.parametrize(
    ("refusal", "beside"),
    [
        (Refusal("character_not_drawable", "Résultats", "U+2603 SNOWMAN"), "text-2"),
        (Refusal("author_incomplete", "speciality_code"), "speciality_code"),
    ],
)
def test_what_the_signing_machine_refused_is_shown_with_field_and_rule(refusal, beside):
    ward = Ward()
    browser = ward.radiologist()
    browser.post(f"{ward.place}/validate", ward.form())
    ward.house.reports.save_draft(drafts.put_back(ward.draft(), refusal))

    page, listed = browser.get(ward.place), browser.get("/sites/nord/reading")
    exam = browser.get(f"/exams/{ward.accession}")

    assert [refusal.code] == page.attributes("data-signing-refused")
    assert [(beside, refusal.code)] == faults(page)
    assert ["refused"] == listed.attributes("data-report-status")
    assert refusal.code in exam.attributes("data-error-code")
    assert TEXTS["text-3"] in page.body


@pytest.mark.segur("DOC.01")
def test_a_signed_version_is_read_only_and_its_pdf_is_streamed_as_it_was_kept():
    ward = Ward()
    browser = ward.radiologist()
    version = ward.signed(browser)
    kept = ward.house.documents.get(version.files["report.pdf"].key)

    page = browser.get(ward.place)
    link = next(each for each in page.attributes("href") if each.endswith("/pdf"))
    raw = ward.house.portal(_event(browser, link), None)
    again = browser.post(ward.place, ward.form(9, **{"text-3": "Autre."}))

    assert ["validated", "no", "1"] == [page.attributes(f"data-{name}")[0] for name in ("report-status", "editable", "version-row")]
    assert [200, True, "application/pdf"] == [raw["statusCode"], raw["isBase64Encoded"], raw["headers"]["Content-Type"]]
    assert kept == _bytes(raw)
    assert f'inline; filename="CR-{ward.accession}-v1.pdf"' == raw["headers"]["Content-Disposition"]
    assert "no-store" == raw["headers"]["Cache-Control"]
    assert [409, TEXTS["text-3"]] == [again.status, ward.draft().sections[3].text]


def test_where_nobody_is_known_to_have_asked_the_page_has_the_field_that_its_advice_names():
    ward = Ward()
    exams = ward.house.rows.exams
    exams[ward.accession] = replace(exams[ward.accession], request_id=None)

    page = ward.radiologist().get(ward.place)

    assert "« Copie à »" in page.text.replace("\u00a0", " ")
    assert "Copie à (numéros RPPS" in page.text


def test_a_validated_report_shows_no_heading_that_its_document_leaves_out():
    ward = Ward()
    browser = ward.radiologist()
    assert 303 == browser.post(f"{ward.place}/validate", ward.form(**{"text-1": " "})).status
    ward.machine(ward.accession)

    page = browser.get(ward.place)

    assert "<h3>Technique</h3>" not in page.body
    assert "<h3>Indication</h3>" in page.body


def _event(browser, address):
    from tests.support.portal import event

    return event("GET", address, headers=browser._cookie())


def _bytes(answer):
    import base64

    return base64.b64decode(answer["body"])


def test_a_version_is_checked_against_its_exam_and_only_a_signed_one_is_given():
    ward = Ward()
    browser = ward.radiologist()
    other = ward.done(2, "11:00").accession_number
    ward.signed(browser)
    row = ward.house.reports.version(ward.accession, 1)

    absent = [f"/exams/{other}/report/versions/1/pdf", *(f"{ward.place}/versions/{each}/pdf" for each in ("2", "0", "x", "9999"))]
    statuses = [browser.get(address).status for address in absent]
    ward.house.reports.save_version(replace(row, state=VersionState.RENDERED))

    assert [404] * 5 == statuses
    assert 404 == browser.get(f"{ward.place}/versions/1/pdf").status
    for subject in ("accueil.nord", "manip.nord", "identito.nord", "info.groupe"):
        assert 404 == ward.house.browser(subject).get(f"{ward.place}/versions/1/pdf").status


def test_the_page_reloads_once_the_signing_is_over_and_says_when_it_is_slow():
    ward = Ward()
    browser = ward.radiologist()
    browser.post(f"{ward.place}/validate", ward.form())
    asks = browser.get(ward.place).attributes("hx-get")[0]

    runs = browser.get(asks, **{"hx-request": "true"})
    ward.house.now += timedelta(minutes=3)
    slow = browser.get(asks, **{"hx-request": "true"})
    ward.house.reports.save_draft(drafts.put_back(ward.draft(), Refusal("author_incomplete", "practitioner")))
    over = browser.get(asks, **{"hx-request": "true"})

    assert "HX-Refresh" not in runs.headers
    assert "Elle reprend d’elle-même" in slow.text
    assert "true" == over.headers["HX-Refresh"]


def test_the_reading_list_shows_what_waits_longest_first_each_once():
    ward = Ward()
    second = ward.done(2, "11:00").accession_number
    ward.house.now += timedelta(minutes=10)
    third = ward.done(3, "12:00").accession_number
    ward.house.now += timedelta(minutes=10)
    browser = ward.radiologist()
    browser.post(ward.place, ward.form())

    page = browser.get("/sites/nord/reading")
    as_json = browser.get("/sites/nord/reading", accept="application/json").json

    assert [ward.accession, second, third] == page.attributes("data-accession")
    assert ["draft", "none", "none"] == page.attributes("data-report-status")
    assert [ward.accession, second, third] == [row["accession_number"] for row in as_json["rows"]]
    assert 404 == browser.get("/sites/est/reading").status
    assert browser.get("/").headers["Location"] == "/sites/nord/reading"


def test_a_report_whose_exam_stayed_on_the_list_is_there_once_and_leaves_it_at_the_next_save():
    ward = Ward()
    browser = ward.radiologist()
    browser.post(ward.place, ward.form())
    store = ward.house.services.agenda.exams
    store.save(replace(store.get(ward.accession), reported=False))  # killed between the two writes

    page = browser.get("/sites/nord/reading")
    browser.post(f"{ward.place}/validate", ward.form(1))

    assert [[ward.accession], ["draft"]] == [page.attributes("data-accession"), page.attributes("data-report-status")]
    assert [] == browser.get("/sites/nord/reading").attributes("data-accession")


def test_the_rows_of_the_report_say_who_does_what_since_when_and_what_the_dmp_said():
    ward = Ward()
    browser = ward.radiologist()
    ward.signed(browser)
    row = next(each for each in ward.house.deliveries.of_owner(ward.accession) if each.channel == "dmp")
    later = ward.house.now + timedelta(minutes=5)
    lost = replace(row, state=DeliveryState.PENDING, unknown=True, reason="dmp_answer_lost", due_at=later, attempts=1)
    lost = ward.house.deliveries.save(lost)

    waiting = browser.get(f"/exams/{ward.accession}")
    closed = replace(lost, state=DeliveryState.REJECTED, unknown=False, reason="dmp_closed", remote_code="DMPClosed", due_at=None)
    ward.house.deliveries.save(replace(closed, remote_words="20260112 FERMETURE_DEMANDE_PATIENT"))
    refused = browser.get(f"/exams/{ward.accession}")

    assert [["pending"], ["yes"], ["1"]] == [_of_the_dmp(waiting, name) for name in ("state", "unknown", "version")]
    assert "Le RIS demande au DMP s’il l’a, avant tout nouvel envoi." in waiting.text
    assert "Prochain essai le 26/11/2026 à 09:25." in waiting.text
    assert [["rejected"], ["DMPClosed"]] == [_of_the_dmp(refused, name) for name in ("state", "remote-code")]
    assert "Fermé le 12/01/2026." in refused.text
    assert "Réponse du DMP : « 20260112 FERMETURE_DEMANDE_PATIENT » (code DMPClosed)" in refused.text


def _of_the_dmp(page, name):
    row = page.body.partition('data-channel="dmp"')[2].partition(">")[0]
    return replace(page, body=row).attributes(f"data-{name}")


def test_a_code_says_on_a_row_what_happens_by_itself_and_on_a_page_what_its_reader_does():
    ward = Ward()
    browser = ward.radiologist()
    ward.signed(browser)
    row = next(each for each in ward.house.deliveries.of_owner(ward.accession) if each.channel == "dmp")
    ward.house.deliveries.save(replace(row, reason="cloud_unavailable"))

    page = browser.get(f"/exams/{ward.accession}")

    assert "Le RIS recommence de lui-même." in page.text
    assert "réessayez dans un instant" in sentence("cloud_unavailable")


def test_a_store_that_is_away_is_said_where_the_editor_shows_it():
    ward = Ward()
    browser = ward.radiologist()
    shown = browser.get(ward.place)
    ward.house.reports.save_draft = _away

    quiet = browser.post(f"{ward.place}/autosave", ward.form(), **{"hx-request": "true"})
    asked = browser.post(ward.place, ward.form(), **{"hx-request": "true"})

    assert [200, ["cloud_unavailable"], "Non enregistré." in quiet.text] == [
        quiet.status,
        quiet.attributes("data-error-code"),
        True,
    ]
    assert [503, ["cloud_unavailable"]] == [asked.status, asked.attributes("data-problem")]
    assert '"code":"[45]..","swap":true,"error":true,"target":"#saved"' in shown.body


def _away(_draft):
    raise RemoteUnavailable("cloud_unavailable")
