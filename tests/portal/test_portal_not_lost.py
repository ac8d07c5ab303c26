"""Nothing typed is lost: sessions that end, logins beside, a second editor, the back button, a paste from a word processor, a huge one."""

from datetime import timedelta

import pytest

from ris.domain.access.kept import KEPT_FOR
from ris.domain.report.draft import DraftStatus
from tests.support.portal import ADDRESS
from tests.support.ward import TEXTS, Ward

OURS = {"origin": ADDRESS}
HTMX = {"hx-request": "true", "hx-current-url": f"{ADDRESS}/x", **OURS}
OFFERED = {"heading-4": "", "text-4": ""}
"""The empty section that the editor offers behind the last one."""
TYPED = {"text-3": "Tapé quand la session finissait."}


def typed(page, name):
    return page.body.partition(f'name="{name}"')[2].partition("</textarea>")[0].partition(">\n")[2]


class Desk(Ward):
    """A radiologist at a report, with a page open that was saved once."""

    def __init__(self):
        super().__init__()
        self.browser = self.radiologist()
        self.browser.post(self.place, self.form())

    def htmx(self, **changes):
        return {**HTMX, "hx-current-url": f"{ADDRESS}{self.place}", **changes}

    def again(self):
        """Log in again in the same browser."""
        self.house.provider.psc = None
        self.browser.login(self.house.provider, "radiologue.nord", next_path=self.place)
        return self.browser.get(self.place)


@pytest.mark.parametrize(
    ("minutes", "reason"), [(31, "session_idle"), (241, "session_expired")], ids=["the idle lock", "the end of Pro Santé Connect"]
)
@pytest.mark.parametrize("way", ["", "/autosave", "/validate", "/provisional", "/turn", "/template", "/macro", "/alive"])
def test_a_text_sent_when_the_session_had_ended_is_given_back_after_the_login(minutes, reason, way):
    desk = Desk()
    desk.house.now += timedelta(minutes=minutes)

    sent = desk.browser.post(f"{desk.place}{way}", desk.form(1, **TYPED, **OFFERED, next="1", turn="typing"), **desk.htmx())
    lost = desk.draft()
    page = desk.again()
    saved = desk.browser.post(desk.place, {**desk.form(int(page.field("rev")), **TYPED), "kept": page.field("kept")})
    desk.house.browser("secretariat.nord").post(desk.place, desk.form(desk.draft().rev, **{"text-3": "Relu par la secrétaire."}))
    after = desk.browser.get(desk.place)

    assert 401 == sent.status
    assert sent.headers["HX-Redirect"].endswith(f"reason={reason}")
    assert TEXTS["text-3"] == lost.sections[3].text
    assert [desk.house.now.isoformat()] == page.attributes("data-kept")
    assert "Voici le texte que vous aviez tapé quand votre session s’est terminée" in page.text
    assert TYPED["text-3"] == typed(page, "text-3")
    assert 4 == len(page.attributes("data-section"))
    assert 303 == saved.status
    assert "Relu par la secrétaire." == typed(after, "text-3")
    assert [] == after.attributes("data-kept")
    assert {} == desk.house.signing.started


def test_a_plain_form_goes_to_the_login_and_its_text_comes_back_too():
    desk = Desk()
    desk.house.now += timedelta(minutes=31)

    sent = desk.browser.post(desk.place, desk.form(1, **TYPED), **OURS, referer=f"{ADDRESS}{desk.place}?of=nord")
    page = desk.again()

    assert 303 == sent.status
    assert sent.headers["Location"].startswith("/login?next=%2Fexams") or "next=/exams" in sent.headers["Location"]
    assert TYPED["text-3"] == typed(page, "text-3")


def test_a_logout_in_another_window_loses_nothing():
    desk = Desk()
    desk.browser.post("/logout")
    assert {} == {name: value for name, value in desk.browser.cookies.items() if "session" in name}

    sent = desk.browser.post(f"{desk.place}/autosave", desk.form(1, **TYPED), **desk.htmx())
    page = desk.again()

    assert 401 == sent.status
    assert TYPED["text-3"] == typed(page, "text-3")


def test_a_login_in_another_window_makes_the_page_older_than_the_session_and_loses_nothing():
    desk = Desk()
    old = desk.browser.csrf
    desk.again()

    sent = desk.browser.post(desk.place, desk.form(1, **TYPED), csrf=old, **desk.htmx())
    elsewhere = desk.browser.post(desk.place, desk.form(1, **TYPED), csrf=old, origin="https://evil.example")
    page = desk.browser.get(desk.place)

    assert [204, desk.place] == [sent.status, sent.headers["HX-Redirect"]]
    assert 403 == elsewhere.status
    assert TYPED["text-3"] == typed(page, "text-3")
    assert TEXTS["text-3"] == desk.draft().sections[3].text


def test_a_text_is_given_back_to_its_writer_alone_and_not_for_ever():
    desk = Desk()
    desk.house.now += timedelta(minutes=31)
    desk.browser.post(desk.place, desk.form(1, **TYPED), **OURS)

    secretary = desk.house.browser("secretariat.nord").get(desk.place)
    desk.house.now += KEPT_FOR
    late = desk.again()

    assert [] == secretary.attributes("data-kept")
    assert TYPED["text-3"] not in secretary.body
    assert [] == late.attributes("data-kept")
    assert TEXTS["text-3"] == typed(late, "text-3")


@pytest.mark.parametrize("csrf", ["", "x" * 43])
@pytest.mark.parametrize("origin", [ADDRESS, "https://evil.example", "null"])
def test_what_no_page_of_ours_sent_is_not_kept(csrf, origin):
    desk = Desk()
    token = desk.browser.csrf if origin != ADDRESS else csrf
    desk.house.now += timedelta(minutes=31)

    desk.browser.post(desk.place, desk.form(1, **TYPED), csrf=token, origin=origin)

    assert {} == desk.house.sessions._forms


def test_a_text_given_back_beside_one_saved_meanwhile_shows_both_and_is_saved_in_full_knowledge():
    desk = Desk()
    desk.house.now += timedelta(minutes=31)
    desk.browser.post(desk.place, desk.form(1, **TYPED), **OURS)
    secretary = desk.house.browser("secretariat.nord")
    secretary.post(desk.place, desk.form(1, **{"text-3": "De la secrétaire."}))

    page = desk.again()
    desk.browser.post(desk.place, {**desk.form(int(page.field("rev")), **TYPED), "kept": "1"})

    assert ["secretariat.nord"] == page.attributes("data-conflict")
    assert TYPED["text-3"] == typed(page, "text-3")
    assert "De la secrétaire." in page.body.partition("data-other-text")[2]
    assert f"{desk.place}/autosave" not in page.attributes("hx-post")
    assert TYPED["text-3"] == desk.draft().sections[3].text


def test_a_text_given_back_to_a_report_validated_meanwhile_can_be_copied_and_is_then_forgotten():
    desk = Desk()
    desk.house.now += timedelta(minutes=31)
    desk.browser.post(desk.place, desk.form(1, **TYPED), **OURS)
    desk.house.browser("99900023450", "psc")
    other = desk.radiologist()
    other.post(f"{desk.place}/validate", desk.form(1))

    page = desk.again()
    forgotten = desk.browser.post(f"{desk.place}/forget")
    after = desk.browser.get(desk.place)

    assert TYPED["text-3"] == typed(page, "text-3")
    assert ["forget"] == page.attributes("data-action")
    assert [303, desk.place] == [forgotten.status, forgotten.headers["Location"]]
    assert "<textarea" not in after.body


def test_a_text_that_was_saved_after_all_is_not_given_back():
    desk = Desk()
    desk.house.now += timedelta(minutes=31)
    desk.browser.post(desk.place, desk.form(1), **OURS)

    assert [] == desk.again().attributes("data-kept")


def test_a_page_that_asks_by_itself_keeps_no_unattended_session_open():
    desk = Desk()
    desk.browser.post(f"{desk.place}/validate", desk.form(1))
    asked = []
    for place in (f"{desk.place}/state", "/session", "/session"):
        desk.house.now += timedelta(minutes=10)
        asked.append(desk.browser.get(place, **{"hx-request": "true"}))
    page = desk.house.browser("accueil.nord").get("/sites/nord/agenda")

    assert [200, 200, 401] == [answer.status for answer in asked]
    assert "session_idle" in asked[-1].headers["HX-Redirect"]
    assert "/session" in page.attributes("hx-get")


def test_a_screen_left_at_the_editor_is_cleared_and_what_it_held_is_given_back():
    desk = Desk()
    shown = desk.browser.get(desk.place)
    address = next(each for each in shown.attributes("hx-post") if each.endswith("/alive"))
    before = desk.browser.post(address, desk.form(1, **TYPED), **desk.htmx())
    desk.house.now += timedelta(minutes=30)

    after = desk.browser.post(address, desk.form(1, **TYPED), **desk.htmx())

    assert [200, 401] == [before.status, after.status]
    assert TEXTS["text-3"] == desk.draft().sections[3].text
    assert TYPED["text-3"] == typed(desk.again(), "text-3")


class Reception(Ward):
    """A receptionist who cancels an exam."""

    def __init__(self):
        super().__init__()
        self.browser = self.house.browser("accueil.nord")
        patient = self.house.patient(9, birth_family="D’ARC")
        self.place = f"/exams/{self.house.booked(patient, '16:00').accession_number}/cancel"


def test_any_form_sent_when_the_session_had_ended_is_given_back_to_be_sent_again():
    desk = Reception()
    desk.house.now += timedelta(minutes=31)

    sent = desk.browser.post(desk.place, {"reason": "patient"}, **OURS, referer=f"{ADDRESS}{desk.place}")
    back = desk.browser.login(desk.house.provider, "accueil.nord", next_path=f"/resume?of={desk.place}")
    page = desk.browser.follow(back)
    again = desk.browser.post(page.attributes("action")[1], {"reason": page.field("reason"), "resumed": page.field("resumed")})
    after = desk.browser.get(f"/resume?of={desk.place}")

    assert sent.headers["Location"].startswith("/login?next=%2Fresume%3Fof%3D" + desk.place.replace("/", "%2F"))
    assert [desk.place] == page.attributes("data-resume")
    assert "Motif patient" in page.text
    assert [303, "/"] == [again.status and after.status, after.headers["Location"]]
    assert "cancelled" == desk.house.rows.exams[desk.place.split("/")[2]].state.value
    assert {} == desk.house.sessions._forms


def test_a_form_that_is_given_back_may_be_put_aside_and_is_nobody_elses():
    desk = Reception()
    desk.house.now += timedelta(minutes=31)
    desk.browser.post(desk.place, {"reason": "patient"}, **OURS)

    other = desk.house.browser("secretariat.nord").get(f"/resume?of={desk.place}")
    desk.browser.login(desk.house.provider, "accueil.nord")
    forgotten = desk.browser.post("/resume/forget", {"of": desk.place})

    assert [303, "/"] == [other.status, other.headers["Location"]]
    assert [303, {}] == [forgotten.status, desk.house.sessions._forms]
    assert "booked" == desk.house.rows.exams[desk.place.split("/")[2]].state.value


def test_a_form_sent_again_that_a_rule_refuses_is_still_kept():
    desk = Reception()
    desk.house.now += timedelta(minutes=31)
    desk.browser.post(desk.place, {"reason": "nonsense"}, **OURS)
    desk.browser.login(desk.house.provider, "accueil.nord")

    refused = desk.browser.post(desk.place, {"reason": "nonsense", "resumed": "1"})

    assert 400 == refused.status
    assert [("accueil.nord", desk.place)] == list(desk.house.sessions._forms)


def test_the_back_button_after_validating_shows_what_stands_and_a_click_there_is_told():
    desk = Desk()
    desk.browser.post(f"{desk.place}/validate", desk.form(1))

    back = desk.browser.get(desk.place)
    same = desk.browser.post(f"{desk.place}/validate", desk.form(1))
    changed = desk.browser.post(f"{desk.place}/validate", desk.form(1, **TYPED))

    assert "no-store" == back.headers["Cache-Control"]
    assert [["no"], False] == [back.attributes("data-editable"), "<textarea" in back.body]
    assert [303, 409] == [same.status, changed.status]
    assert TYPED["text-3"] == typed(changed, "text-3")
    assert [f"signing-{desk.accession}-1"] == list(desk.house.signing.started)
    assert DraftStatus.VALIDATING is desk.draft().status


WORD = "L\x92aorte\xa0: pas d\u2019an\u00advrisme.\n\uf0b7\u00a0foie\n\uf0a7\u00a0rate\n\u200e\x933 mm\x94 \ufb01n"


def test_a_text_pasted_from_a_word_processor_is_kept_as_it_is_and_what_is_printed_is_shown():
    desk = Desk()

    quiet = desk.browser.post(f"{desk.place}/autosave", desk.form(1, **{"text-2": WORD}), **desk.htmx())
    page = desk.browser.get(desk.place)
    done = desk.browser.post(f"{desk.place}/validate", desk.form(2, **{"text-2": WORD}))
    desk.machine(desk.accession)
    version = desk.house.reports.version(desk.accession, 1)
    content = desk.house.reporting.codec.load(desk.house.reports.content(version))

    shown = ["U+0092", "U+0093", "U+0094", "U+00AD", "U+200E", "U+F0A7", "U+F0B7", "U+FB01"]
    assert shown == quiet.attributes("data-replaced") == page.attributes("data-replaced")
    assert "1 × U+0092 (caractère mal décodé) : imprimé « ’ »" in quiet.text
    assert "1 × U+00AD (trait d’union conditionnel) : non imprimé" in quiet.text
    assert "1 × U+F0B7 (puce de traitement de texte) : imprimé « • »" in quiet.text
    assert WORD == desk.draft().sections[2].text
    assert 303 == done.status
    assert "L’aorte\xa0: pas d’anvrisme.\n•\xa0foie\n•\xa0rate\n“3 mm” fin" == content.sections[2].text


@pytest.mark.parametrize("character", ["\uf0b3", "\ue000", "\x81", "\u2603", "\U0001f600"])
def test_a_character_nobody_can_be_sure_of_is_said_while_typing_and_refused_by_name(character):
    desk = Desk()
    text = f"Nodule {character} 3 mm"

    quiet = desk.browser.post(f"{desk.place}/autosave", desk.form(1, **{"text-2": text}), **desk.htmx())
    refused = desk.browser.post(f"{desk.place}/validate", desk.form(2, **{"text-2": text}))

    assert [f"U+{ord(character):04X}"] == quiet.attributes("data-unprintable")
    assert "dans « Résultats »" in quiet.text
    assert ["character_not_drawable"] == refused.attributes("data-error-code")
    assert text == desk.draft().sections[2].text


def test_ten_megabytes_pasted_are_refused_with_words_and_the_page_keeps_them():
    desk = Desk()
    huge = desk.form(1, **{"text-2": "x" * 10 * 1024 * 1024})
    shown = desk.browser.get(desk.place)

    quiet = desk.browser.post(f"{desk.place}/autosave", huge, **desk.htmx())
    asked = desk.browser.post(desk.place, huge, **desk.htmx())
    plain = desk.browser.post(desk.place, huge)

    assert [413] * 3 == [quiet.status, asked.status, plain.status]
    assert ["body_too_large"] == quiet.attributes("data-problem") == asked.attributes("data-problem")
    assert "il n’est pas enregistré. Il est toujours dans la page" in quiet.text
    assert '"code":"[45]..","swap":true,"error":true,"target":"#saved"' in shown.body
    assert TEXTS["text-2"] == desk.draft().sections[2].text


def test_a_huge_text_whose_session_has_ended_is_not_stored():
    desk = Desk()
    desk.house.now += timedelta(minutes=31)

    sent = desk.browser.post(desk.place, desk.form(1, **{"text-2": "x" * 3 * 1024 * 1024}), **desk.htmx())

    assert 401 == sent.status
    assert {} == desk.house.sessions._forms
