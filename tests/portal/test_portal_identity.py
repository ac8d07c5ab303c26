"""The identity panel: what is missing, what differs, who may act, and what a click leaves behind."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from ris.application.identity.apply_identity_event import QueryOutcome, apply_identity_event
from ris.application.identity.records import KeptAnswer
from ris.application.identity.services import ApplyServices
from ris.domain.identity.ins import OID_NIR_TEST, Ins
from ris.domain.identity.insi import InsiFound, InsiQuery
from tests.support.portal import PortalHouse

NUMBER = "275126322074974"
ZOE = InsiFound(Ins(NUMBER, OID_NIR_TEST), "ADRUN", "ZOE", "ZOE ANNE", "F", "1975-06-12", "63220")


@dataclass
class Desk:
    """A portal whose machine of identity qualification runs when told."""

    house: PortalHouse = field(default_factory=PortalHouse)
    asked: int = 0

    def run(self, found=ZOE, error=""):
        """Do what the machine does for everything that was started."""
        house, started = self.house, list(self.house.identity_workflows.started)
        house.identity_workflows.started.clear()
        applying = ApplyServices(house.patients, house.services.reference, house.deliveries, house.services.agenda.exams)
        for event in started:
            outcome = self._answered(event, found, error) if event.is_query else None
            apply_identity_event(applying, event.patient_id, event.event_id, house.now, outcome)

    def _answered(self, event, found, error):
        if error:
            return QueryOutcome(error="RemoteUnavailable", code=error)
        self.asked += 1
        kept = KeptAnswer(
            event.patient_id,
            f"a{self.asked}",
            event.event_id,
            self.house.now,
            event.by,
            True,
            InsiQuery("", "", "", ""),
            "00",
            found,
        )
        self.house.patients.keep_answer(kept)
        return QueryOutcome(kept.answer_id)

    def click(self, browser, page, action, **fields):
        """Send the form of that action as the page shows it."""
        form = page.body.partition(f'data-action="{action}"')
        assert form[1], f"no form {action}"
        opened, hidden = form[0].rpartition("<form")[2] + form[1], form[2].partition("</form>")[0]
        shown = replace(page, body=f"<form{opened}{hidden}")
        names = ("token", "accession", "asked_at", "mark")
        values = {name: shown.field(name) for name in names if shown.field(name)}
        return browser.post(shown.attributes("action")[0], {**values, **fields})


def facts(page):
    return {name: page.attributes(f"data-{name}")[0] for name in ("status", "insi", "next", "locked", "information")}


@pytest.mark.segur("INS.13", "INS.14", "INS.22", "INS.23", "INS.25", "INS.26")
def test_the_desk_asks_compares_accepts_and_proves_from_the_one_page():
    desk = Desk()
    desk.house.patient(birth_given_all="ZOE MARIE")
    browser = desk.house.browser("accueil.nord")

    first = browser.get("/patients/p1")
    waiting = browser.follow(desk.click(browser, first, "query_insi"))
    desk.run()
    compared = browser.get("/patients/p1")
    desk.click(browser, compared, "insi_accept")
    desk.run()
    accepted = browser.get("/patients/p1")
    desk.click(browser, accepted, "document", proof="CN", expires="2031-05-09")
    desk.run()
    proven = browser.get("/patients/p1")

    assert ["ask", "recorded"] == [facts(first)["next"], waiting.attributes("data-event-state")[0]]
    assert {"status": "PROV", "insi": "pending", "next": "decide", "locked": "no", "information": ""} == facts(compared)
    assert ["ZOE MARIE", "ZOE ANNE"] == _sides(compared, "birth_given_all")
    differing = dict(zip(compared.attributes("data-trait"), compared.attributes("data-differs"), strict=True))
    assert {"birth_given_all"} == {name for name, differs in differing.items() if differs == "yes"}
    assert "différent" in compared.text
    assert ["RECUP", "document", "yes"] == [facts(accepted)[name] for name in ("status", "next", "locked")]
    assert ["QUAL", ""] == [facts(proven)[name] for name in ("status", "next")]
    assert [("RECUP", "QUAL"), ("PROV", "RECUP")] == list(
        zip(proven.attributes("data-from"), proven.attributes("data-to"), strict=True)
    )
    assert "20310509" == desk.house.patients.get("p1").proof.expires


def _sides(page, trait):
    row = page.body.partition(f'data-trait="{trait}"')[2].partition("</tr>")[0]
    return [cell.partition(">")[2].partition("<")[0] for cell in row.split("<td")[1:]]


@pytest.mark.segur("INS.24")
def test_the_document_first_ends_in_the_same_place():
    desk = Desk()
    desk.house.patient()
    browser = desk.house.browser("accueil.nord")

    desk.click(browser, browser.get("/patients/p1"), "document", proof="PA")
    desk.run()
    proven = browser.get("/patients/p1")
    desk.click(browser, proven, "query_insi")
    desk.run()

    assert ["VALI", "ask"] == [facts(proven)[name] for name in ("status", "next")]
    assert "QUAL" == facts(browser.get("/patients/p1"))["status"]


def test_the_answer_declined_is_not_this_patient_and_is_still_shown():
    desk = Desk()
    desk.house.patient(birth_given_all="ZOE MARIE")
    browser = desk.house.browser("accueil.nord")
    desk.click(browser, browser.get("/patients/p1"), "query_insi")
    desk.run()

    desk.click(browser, browser.get("/patients/p1"), "insi_decline")
    desk.run()
    page = browser.get("/patients/p1")

    assert ["PROV", "declined", "ask"] == [facts(page)[name] for name in ("status", "insi", "next")]
    assert ["declined"] == page.attributes("data-compare")
    assert desk.house.patients.get("p1").ins is None


def test_an_answer_newer_than_the_one_shown_is_not_accepted_unseen():
    desk = Desk()
    desk.house.patient(birth_given_all="ZOE MARIE")
    browser = desk.house.browser("accueil.nord")
    desk.click(browser, browser.get("/patients/p1"), "query_insi")
    desk.run()
    shown = browser.get("/patients/p1")
    desk.house.now += timedelta(minutes=5)
    desk.click(browser, browser.get("/patients/p1"), "query_insi") if "query_insi" in shown.attributes("data-action") else _again(
        desk
    )
    desk.run(replace(ZOE, birth_given_all="ZOE EVE"))

    refused = desk.click(browser, shown, "insi_accept")

    assert [409, ["insi_answer_changed"]] == [refused.status, refused.attributes("data-rule")]
    assert desk.house.patients.get("p1").ins is None


def _again(desk):
    from ris.application.identity.record_identity_event import ask_insi

    ask_insi(desk.house.record, "p1", site="nord", by="sweep", event_id="again", now=desk.house.now, by_person=False)


def test_insi_away_says_when_it_is_asked_again_and_the_exam_goes_on():
    desk = Desk()
    exam = desk.house.booked(desk.house.patient(), "10:00")
    browser = desk.house.browser("accueil.nord")
    place = f"/exams/{exam.accession_number}"

    desk.click(browser, browser.get(place), "query_insi")
    desk.run(error="insi_503")
    page = browser.get(place)

    assert ["PROV", "failed", "ask"] == [facts(page)[name] for name in ("status", "insi", "next")]
    assert "INSi est momentanément indisponible (503)" in page.text
    assert "Prochaine interrogation automatique le 26/11/2026 à 09:30" in page.text


@pytest.mark.segur("INS.03", "INS.05")
def test_the_ins_is_hidden_until_somebody_who_may_asks_for_it_and_the_audit_keeps_who():
    desk = _qualified()
    browser = desk.house.browser("accueil.nord")
    page = browser.get("/patients/p1")
    desk.house.audit.records.clear()

    revealed = desk.click(browser, page, "reveal_ins")

    assert NUMBER not in page.body.replace(" ", "")
    assert [NUMBER] == revealed.attributes("data-ins")
    assert "no-store" == revealed.headers["Cache-Control"]
    assert [("reveal_ins", "allowed", "accueil.nord", "p1")] == [
        (each.action, each.result, each.account_id, each.object_id) for each in desk.house.audit.records
    ]
    radiographer = desk.house.browser("manip.nord").get("/patients/p1")
    assert "reveal_ins" not in radiographer.attributes("data-action")
    assert NUMBER not in radiographer.body


def _qualified():
    desk = Desk()
    desk.house.patient(birth_given_all="ZOE ANNE", birth_place_insee="63220")
    browser = desk.house.browser("accueil.nord")
    desk.click(browser, browser.get("/patients/p1"), "query_insi")
    desk.run()
    desk.click(browser, browser.get("/patients/p1"), "document", proof="CN")
    desk.run()
    assert "QUAL" == desk.house.patients.get("p1").status.value
    return desk


@pytest.mark.segur("INS.06")
def test_who_lacks_the_right_sees_what_is_missing_and_cannot_do_it():
    desk = Desk()
    desk.house.patient()
    browser = desk.house.browser("secretariat.nord")

    page = browser.get("/patients/p1")

    assert "ask" == facts(page)["next"]
    assert "Une personne habilitée à interroger INSi s’en charge." in page.text
    assert {"query_insi", "document", "reveal_ins"}.isdisjoint(page.attributes("data-action"))
    for path, fields in (("insi", {}), ("document", {"proof": "CN"}), ("ins", {}), ("insi/accept", {"asked_at": "x"})):
        assert 404 == browser.post(f"/patients/p1/{path}", {"token": "click-0001", **fields}).status
    assert [] == desk.house.identity_workflows.started


@pytest.mark.segur("INS.27", "INS.28")
@pytest.mark.parametrize("mark", ["douteuse", "fictive"])
def test_a_doubtful_or_fictitious_identity_falls_to_provisional_and_only_the_identity_cell_lifts_it(mark):
    desk = _qualified()
    desk_browser, cell = desk.house.browser("accueil.nord"), desk.house.browser("identito.nord")

    desk.click(desk_browser, desk_browser.get("/patients/p1"), "mark", mark=mark)
    desk.run()
    marked = desk_browser.get("/patients/p1")
    asked = desk_browser.post("/patients/p1/insi", {"token": "click-0002"})
    desk.click(cell, cell.get("/patients/p1"), "unmark")
    desk.run()

    assert ["PROV", "clear", [mark]] == [facts(marked)["status"], facts(marked)["next"], marked.attributes("data-mark")]
    assert {"query_insi", "unmark"}.isdisjoint(marked.attributes("data-action"))
    assert [409, ["identity_blocked"]] == [asked.status, asked.attributes("data-rule")]
    assert [] == desk_browser.get("/patients/p1").attributes("data-mark")


@pytest.mark.segur("INS.29", "INS.30", "INS.31")
def test_strict_traits_are_locked_once_retrieved_and_the_others_stay_open():
    desk = _qualified()
    browser = desk.house.browser("accueil.nord")

    form = browser.get("/patients/p1/traits")
    forced = browser.post("/patients/p1/traits", {"token": "click-0003", "birth_family": "DURAND"})
    unprinted = browser.post("/patients/p1/traits", {"token": "click-0005", "used_given": "Zoé \U0001f600"})
    browser.post("/patients/p1/traits", {"token": "click-0004", "used_family": "BÉRANGER"})
    desk.run()
    after = desk.house.patients.get("p1")

    assert 'name="birth_family"' not in form.body
    assert "Verrouillés" in form.text
    assert [409, ["strict_traits_locked"]] == [forced.status, forced.attributes("data-error-code")]
    assert [400, ["character_not_drawable"]] == [unprinted.status, unprinted.attributes("data-error-code")]
    assert "U+1F600" in unprinted.text
    assert ["ADRUN", "BÉRANGER", "QUAL"] == [after.traits.birth_family, after.traits.used_family, after.status.value]


@pytest.mark.segur("INS.32")
def test_a_super_user_who_corrects_a_strict_trait_takes_the_ins_away():
    desk = _qualified()
    browser = desk.house.browser("identito.nord")
    form = browser.get("/patients/p1/traits")

    sent = browser.post("/patients/p1/traits", {"token": form.field("token"), "birth_family": "DURAND"})
    desk.run()

    assert 303 == sent.status
    assert "retire l’INS" in form.text
    after = desk.house.patients.get("p1")
    assert ["DURAND", "VALI", None] == [after.traits.birth_family, after.status.value, after.ins]


def test_a_forbidden_character_is_refused_by_name_and_what_was_typed_stays():
    desk = Desk()
    desk.house.patient()
    browser = desk.house.browser("accueil.nord")

    page = browser.post("/patients/p1/traits", {"token": "click-0005", "birth_family": "ADRÜN", "birth_date": "1975-06-12"})
    apostrophe = browser.post("/patients/p1/traits", {"token": "click-0006", "birth_family": "D’ADRUN"})
    desk.run()

    assert [400, ["birth_family"], ["character_not_allowed"]] == [
        page.status,
        page.attributes("data-field"),
        page.attributes("data-error-code"),
    ]
    assert "U+00DC" in page.text
    assert "ADRÜN" == page.field("birth_family")
    assert 303 == apostrophe.status
    assert "D'ADRUN" == desk.house.patients.get("p1").traits.birth_family


def test_the_patient_is_informed_for_the_episode_and_not_collected_is_an_alert():
    desk = Desk()
    exam = desk.house.booked(desk.house.patient(), "10:00")
    browser = desk.house.browser("accueil.nord")
    place = f"/exams/{exam.accession_number}"

    before = browser.get(place)
    pages = []
    for code in ("NA", "IO", "INO"):
        sent = desk.click(browser, browser.get(place), "information", information=code)
        assert sent.headers["Location"].startswith(f"{place}?event=")
        desk.run()
        pages.append(browser.get(place))

    assert ["missing"] == before.attributes("data-information-alert")
    assert [["NA"], [], []] == [page.attributes("data-information-alert") for page in pages]
    assert ["NA", "IO", "INO"] == [facts(page)["information"] for page in pages]
    assert "s’oppose" in pages[1].text
    assert "INO" == desk.house.services.agenda.exams.get(exam.accession_number).information


@pytest.mark.parametrize(
    ("path", "fields", "field", "code"),
    [
        ("document", {}, "proof", "field_missing"),
        ("document", {"proof": "ZZ"}, "proof", "proof_unknown"),
        ("document", {"proof": "CN", "expires": "demain"}, "expires", "field_malformed"),
        ("document", {"proof": "CN", "expires": "2027-02-29"}, "expires", "no_such_day"),
        ("information", {}, "information", "field_missing"),
        ("information", {"information": "XX"}, "information", "information_unknown"),
        ("mark", {"mark": "louche"}, "attribute", "attribute_unknown"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(path, fields, field, code):
    desk = Desk()
    desk.house.patient()
    browser = desk.house.browser("accueil.nord")

    page = browser.post(f"/patients/p1/{path}", {"token": "click-0007", **fields})

    assert 400 == page.status
    assert (field, code) in list(zip(page.attributes("data-field"), page.attributes("data-error-code"), strict=True))
    assert [] == desk.house.identity_workflows.started


def test_the_same_click_twice_is_one_event():
    desk = Desk()
    desk.house.patient()
    browser = desk.house.browser("accueil.nord")
    page = browser.get("/patients/p1")

    twice = [desk.click(browser, page, "query_insi") for _ in range(2)]

    assert [303, 303] == [answer.status for answer in twice]
    assert 1 == len({event.event_id for event in desk.house.identity_workflows.started})


def test_a_machine_that_does_not_start_loses_nothing():
    desk = Desk()
    desk.house.patient()
    desk.house.identity_workflows.down = True
    browser = desk.house.browser("accueil.nord")

    page = browser.follow(desk.click(browser, browser.get("/patients/p1"), "query_insi"))

    assert ["recorded"] == page.attributes("data-event-state")
    assert 1 == len(desk.house.patients.unfinished("nord", now=desk.house.now + timedelta(minutes=4), limit=9))


def test_an_exam_of_somebody_else_is_no_episode_of_this_patient():
    desk = Desk()
    desk.house.patient()
    other = desk.house.booked(desk.house.patient(2), "10:00")
    browser = desk.house.browser("accueil.nord")

    answers = [
        browser.post("/patients/p1/information", {"token": "click-0008", "information": "IO", "accession": accession})
        for accession in (other.accession_number, "260000009999")
    ]

    assert [404, 404] == [answer.status for answer in answers]
    assert [] == desk.house.identity_workflows.started


def test_an_event_is_checked_against_its_patient_and_its_page_reloads_once_it_is_settled():
    desk = Desk()
    desk.house.patient()
    desk.house.patient(2)
    browser = desk.house.browser("accueil.nord")
    shown = browser.follow(desk.click(browser, browser.get("/patients/p1"), "query_insi"))
    asks = shown.attributes("hx-get")[0]

    runs = browser.get(asks, **{"hx-request": "true"})
    foreign = browser.get(asks.replace("/p1/", "/p2/"))
    desk.run()
    settled = browser.get(asks, **{"hx-request": "true"})

    assert ["HX-Refresh" in runs.headers, foreign.status, settled.headers["HX-Refresh"]] == [False, 404, "true"]
    assert not {"ADRUN", "ZOE"} & set(runs.text.split())
