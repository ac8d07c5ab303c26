"""The pages of the group's IT: what is stuck, sent again after a look, outages, gateways, certificates, answers nobody could believe."""

import html
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.access.watch_certificates import KnownCertificates
from ris.application.agenda.gateways import Certificate, Gateway
from ris.application.agenda.messages import LedgerEntry, MessageState
from ris.application.breaker import BreakerSettings, failed, succeeded
from ris.application.dispatch.dmp_port import StrangeAnswer
from ris.application.identity.records import UNREADABLE, KeptAnswer
from ris.domain.access.certificates import HeldCertificate
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.identity.insi import InsiQuery
from tests.support.portal import NOW

PAGE = "/sites/nord/cockpit"


@pytest.fixture
def operator(house):
    return house.browser("info.groupe")


def stuck(house, owner, channel="dmp", *, minutes=0, **said):
    at = NOW - timedelta(minutes=minutes)
    recipient = {"dmp": "DMP", "mss_patient": "PATIENT", "hl7_report": "HIS"}.get(channel, "PACS")
    row = Delivery(owner, "nord", channel, recipient, "", DeliveryState.REJECTED, planned_at=at, changed_at=at, report_version=1)
    return house.deliveries.save(replace(row, **{"reason": "dmp_fault", "remote_code": "env:Receiver", "executions": 1, **said}))


def test_what_is_stuck_is_shown_by_remote_the_longest_first(house, operator):
    stuck(house, "A1", minutes=10)
    stuck(house, "A2", minutes=30)
    stuck(house, "A3", "hl7_report", minutes=90, state=DeliveryState.PENDING, reason="no_answer", attempts=3, due_at=NOW)
    stuck(house, "B1", minutes=500, site="sud")
    stuck(house, "A4", minutes=600, state=DeliveryState.DELIVERED)

    page = operator.get(PAGE)

    assert [("hl7_report", "1"), ("dmp", "2")] == list(
        zip(page.attributes("data-pile"), page.attributes("data-count"), strict=True)
    )
    assert [(NOW - timedelta(minutes=minutes)).isoformat() for minutes in (90, 30)] == page.attributes("data-since")
    assert "env:Receiver" in page.text


def test_the_list_of_a_remote_says_what_the_other_side_said_since_when_and_when_it_is_tried_again(house, operator):
    stuck(house, "A1", minutes=10, remote_words="Structure inconnue")
    due = NOW + timedelta(minutes=15)
    stuck(house, "A2", minutes=30, state=DeliveryState.PENDING, reason="dmp_unreachable", attempts=2, due_at=due)

    page = operator.get(f"{PAGE}/dmp")

    assert ["A2~DMP~1", "A1~DMP~1"] == page.attributes("data-stuck")
    assert "« Structure inconnue » (code env:Receiver)" in page.text
    assert "26/11/2026 à 09:35" in page.text  # next try, Paris
    assert "Le DMP est injoignable" in page.text


def test_the_pages_of_a_long_list_follow_each_other(house, operator):
    for number in range(120):
        stuck(house, f"A{number:03d}", minutes=500 - number)
    found, address = [], f"{PAGE}/dmp"

    while address:
        page = operator.get(address)
        found += page.attributes("data-stuck")
        address = next((each for each in page.attributes("href") if "after=" in each), "")

    assert [f"A{number:03d}~DMP~1" for number in range(120)] == found
    assert ["50"] == operator.get(PAGE).attributes("data-count")
    assert "50 et plus" in operator.get(PAGE).text


def test_a_look_says_what_would_go_and_what_keeps_the_rest_and_does_nothing(house, operator):
    stuck(house, "A1")
    stuck(house, "A2", "dmp", state=DeliveryState.PENDING, reason="reopened", attempts=2, who_sends="platform")
    before = {row.owner: row for owner in ("A1", "A2") for row in house.deliveries.of_owner(owner)}

    page = operator.post(f"{PAGE}/dmp/preview", {"row-0": "A1~DMP~1", "row-4": "A2~DMP~1"})

    assert [("A1~DMP~1", "retry"), ("A2~DMP~1", "row_delegated")] == list(
        zip(page.attributes("data-stuck"), page.attributes("data-outcome"), strict=True)
    )
    assert "1 sur 2 repartiraient" in page.text
    assert before == {row.owner: row for owner in ("A1", "A2") for row in house.deliveries.of_owner(owner)}
    assert [] == house.dispatches.started


def test_the_chosen_rows_go_and_each_leaves_a_record(house, operator):
    stuck(house, "A1")
    stuck(house, "A2", who_sends="platform")
    stuck(house, "A3")

    page = operator.post(f"{PAGE}/dmp/retry", {"row-0": "A1~DMP~1", "row-1": "A2~DMP~1", "row-2": "A1~DMP~1"})

    assert ["A1"] == [owner for owner, *_ in house.dispatches.started]
    assert ["retry", "row_delegated"] == page.attributes("data-outcome")
    kept = [(r.object_id, r.result, r.code) for r in house.audit.records if r.action == "retry_delivery"]
    assert [("A2", "refused", "row_delegated"), ("A1", "allowed", "")] == kept
    assert ["A2~DMP~1", "A3~DMP~1"] == sorted(operator.get(f"{PAGE}/dmp").attributes("data-stuck"))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"row-0": "x"}, 400),
        ({"row-0": "A1~DMP~1~2"}, 400),
        ({"row-0": "A9~DMP~1"}, 404),
        ({"row-0": "B1~DMP~1"}, 404),  # of another site
        ({"row-0": "A1~DMP~1", "row-1": "B1~DMP~1"}, 404),
    ],
)
@pytest.mark.parametrize("act", ["preview", "retry", "note"])
def test_rows_that_are_none_or_of_elsewhere_stop_the_whole_form(house, operator, act, fields, status):
    stuck(house, "A1")
    stuck(house, "B1", site="sud")

    assert status == operator.post(f"{PAGE}/dmp/{act}", fields).status
    assert [] == house.dispatches.started
    assert house.deliveries.get("A1", "dmp", "DMP", 1).noted_at is None


def test_what_somebody_took_note_of_leaves_the_list_until_it_changes(house, operator):
    row = stuck(house, "A1")

    answer = operator.follow(operator.post(f"{PAGE}/dmp/note", {"row-0": "A1~DMP~1"}))

    assert [] == answer.attributes("data-stuck")
    assert replace(row, noted_at=NOW, version=2) == house.deliveries.get("A1", "dmp", "DMP", 1)
    assert ("settle_delivery", "A1") in [(r.action, r.object_id) for r in house.audit.records]


@pytest.mark.parametrize("channel", ["to_print", "nothing"])
def test_a_channel_that_is_none_of_the_wire_is_not_there(operator, channel):
    assert 404 == operator.get(f"{PAGE}/{channel}").status


@pytest.mark.parametrize("subject", ["accueil.nord", "radiologue.nord", "audit.groupe", "finance.groupe"])
@pytest.mark.parametrize("address", [PAGE, f"{PAGE}/dmp", "/sites/nord/outages", "/sites/nord/certificates", "/sites/nord/strange"])
def test_nobody_else_may_look(house, subject, address):
    assert 404 == house.browser(subject).get(address).status


def an_outage(house, remote="dmp", minutes=20, ended=None):
    store, settings = house.cockpit.breakers, BreakerSettings()
    for _ in range(3):
        failed(store, remote, f"{remote}_unreachable", NOW - timedelta(minutes=minutes), settings)
    if ended is not None:
        succeeded(store, remote, NOW - timedelta(minutes=ended))


def test_an_outage_that_lasts_is_on_the_first_page_and_past_ones_are_listed(house, operator):
    an_outage(house, minutes=300, ended=200)
    an_outage(house, minutes=20)

    first, listed = operator.get(PAGE), operator.get("/sites/nord/outages")

    assert ["dmp"] == first.attributes("data-outage")
    assert "Le DMP ne répond pas depuis le 26/11/2026 à 09:00" in first.text
    assert ["yes", "no"] == listed.attributes("data-open")
    assert [("insi", "closed"), ("dmp", "open"), ("mss", "closed")] == list(
        zip(listed.attributes("data-remote"), listed.attributes("data-state"), strict=True)
    )
    assert "1 h 40" not in listed.text
    assert "100 min" in listed.text


def test_older_outages_are_a_page_away(house, operator):
    for number in range(45):
        an_outage(house, minutes=10_000 - 100 * number, ended=10_000 - 100 * number - 5)
    found, address = [], "/sites/nord/outages?remote=dmp"

    while address:
        page = operator.get(address)
        found += page.attributes("data-incident")
        address = next((each for each in page.attributes("href") if "before=" in each), "")

    assert [(NOW - timedelta(minutes=10_000 - 100 * number)).isoformat() for number in range(45)][::-1] == found


@pytest.mark.parametrize(("query", "status"), [("remote=nothing", 404), ("before=yesterday", 400)])
def test_an_address_that_names_no_outages_is_refused(operator, query, status):
    assert status == operator.get(f"/sites/nord/outages?{query}").status


def a_gateway(**said):
    at = said.pop("sent_at", NOW - timedelta(seconds=30))
    return Gateway("nord", said.pop("gateway_id", "nord-1"), "1.4.0", at, NOW - timedelta(days=2), feed_age_s=5.0, **said)


@pytest.mark.parametrize(
    ("said", "wrong", "words"),
    [
        ({}, "", "En marche"),
        ({"sent_at": NOW - timedelta(minutes=6)}, "silent", "Silencieuse"),
        ({"sent_at": NOW - timedelta(minutes=6), "every_s": 73.0}, "", "En marche"),
        ({"sent_at": NOW - timedelta(seconds=6), "every_s": 1.0}, "silent", "Silencieuse"),
        ({"spool_rows": 7, "spool_oldest_s": 900.0}, "spool_late", "la plus ancienne depuis 15 min"),
        ({"spool_refuses": True}, "spool_refuses", "Disque plein ou en panne"),
        ({"clock_skew_s": -90.0}, "", "Horloge décalée de 90 s"),
    ],
)
def test_how_a_gateway_is_stands_on_the_first_page(house, operator, said, wrong, words):
    house.cockpit.gateways.keep(a_gateway(**said))

    page = operator.get(PAGE)

    assert [("nord-1", wrong)] == list(zip(page.attributes("data-gateway"), page.attributes("data-wrong"), strict=True))
    assert words in page.text


def test_a_gateway_without_words_from_the_cloud_says_so(house, operator):
    house.cockpit.gateways.keep(replace(a_gateway(), feed_age_s=3600.0))

    assert ["feed_late"] == operator.get(PAGE).attributes("data-wrong")


def test_certificates_are_listed_with_their_days_and_those_that_end_soon_stand_on_the_first_page(house, operator):
    ends = {"670999002/dmp": 5, "mailbox/nord": 45, "group-provider": 400, "670999002/sign-certificate": -3}
    held = tuple(HeldCertificate(name, NOW + timedelta(days=days)) for name, days in sorted(ends.items(), key=lambda one: one[1]))
    house.cockpit.certificates.keep(KnownCertificates(NOW, held, ("670999002/insi-auto",)))
    house.cockpit.gateways.keep(a_gateway(certificates=(Certificate("PACS", NOW + timedelta(days=12)),)))

    page, first = operator.get("/sites/nord/certificates"), operator.get(PAGE)

    assert ["670999002/sign-certificate", "670999002/dmp", "mailbox/nord", "group-provider"] == page.attributes("data-certificate")
    assert ["-3", "5", "45", "400", "12"] == page.attributes("data-days")
    assert ["670999002/insi-auto"] == page.attributes("data-missing")
    assert "Messagerie du site nord" in page.text
    assert ["-3", "5", "45"] == first.attributes("data-days")


def test_before_the_first_watch_the_page_says_that_nothing_was_counted(operator):
    assert "pas encore été comptés" in operator.get("/sites/nord/certificates").text
    assert "pas encore été comptés" in operator.get(PAGE).text


def test_parked_messages_are_counted(house, operator):
    for number in range(3):
        entry = LedgerEntry(f"{number:04x}", "nord", "00", MessageState.PARKED, NOW - timedelta(hours=number), frame=b"MSH|")
        house.ledger.save(entry)

    page = operator.get(PAGE)

    assert ["3"] == page.attributes("data-parked")
    assert "le plus ancien depuis le 26/11/2026 à 07:20" in page.text


def test_answers_that_nobody_could_believe_are_listed_and_each_is_shown_as_it_came(house, operator):
    patient = house.patient()
    exam = house.booked(patient, "11:00")
    body = b"<html>maintenance & <script>alert(1)</script></html>" + b"\xff"
    answer = StrangeAnswer(exam.accession_number, 1, "repository", NOW, 503, "text/html", "not XML", body)
    house.cockpit.strange.keep(answer)
    query = InsiQuery("ADRUN", ("ZOE",), "F", "1975-06-12")
    said = KeptAnswer(
        "p1", f"{NOW:%Y-%m-%dT%H:%M:%S.%f}Z#02", "e1", NOW, "accueil", True, query, error=UNREADABLE, raw=b"pas du XML"
    )
    house.patients.keep_answer(said)

    listed = operator.get("/sites/nord/strange")
    of_dmp, of_insi = (operator.get(each) for each in listed.attributes("href") if "/strange/" in each)

    assert ["dmp", "insi"] == listed.attributes("data-remote")
    assert "maintenance" not in listed.body
    assert "<script>" not in of_dmp.body
    assert "maintenance & <script>alert(1)</script></html>\\xff" in html.unescape(of_dmp.body)
    assert "pas du XML" in of_insi.text
    kept = [(r.object_id, r.patient_id) for r in house.audit.records if r.action == "read_strange_answers"]
    assert [(exam.accession_number, "p1"), ("p1", "p1")] == kept


@pytest.mark.parametrize(
    "address",
    ["/exams/{exam}/strange/v1.20261126T082000.000000Z.registry", "/exams/{exam}/strange/v1.20261326T082000.000000Z.registry",
     "/exams/{exam}/strange/x", "/exams/0000/strange/x", "/patients/p1/strange/20261126T082000.000000Z.02",
     "/patients/p1/strange/20261326T082000.000000Z.02", "/patients/p9/strange/x"],
)  # fmt: skip
def test_an_answer_that_is_not_there_is_not_found(house, operator, address):
    exam = house.booked(house.patient(), "11:00")

    assert 404 == operator.get(address.format(exam=exam.accession_number)).status


def test_an_answer_of_another_site_s_patient_is_not_found(house):
    exam = house.booked(house.patient(), "11:00")
    house.cockpit.strange.keep(StrangeAnswer(exam.accession_number, 1, "registry", NOW, 200, "", "not XML", b"secret"))
    person = house.browser("accueil.sud")

    assert 404 == person.get(f"/exams/{exam.accession_number}/strange/v1.20261126T082000.000000Z.registry").status


def test_the_group_s_page_says_for_every_site_since_when_what_is_stuck(house, operator):
    stuck(house, "A1", minutes=10)
    stuck(house, "A2", minutes=30)
    stuck(house, "B1", "mss_patient", minutes=500, site="sud")
    house.cockpit.gateways.keep(a_gateway(sent_at=NOW - timedelta(minutes=9)))

    page = operator.get("/cockpit")

    found = list(zip(page.attributes("data-site"), page.attributes("data-channel"), page.attributes("data-since"), strict=True))
    since = {minutes: (NOW - timedelta(minutes=minutes)).isoformat() for minutes in (30, 500)}
    assert [("sud", "mss_patient", since[500]), ("nord", "dmp", since[30])] == found
    assert ["silent"] == page.attributes("data-wrong")
    assert 404 == house.browser("accueil.nord").get("/cockpit").status


def test_the_group_s_it_begins_at_the_cockpit_of_all_sites(operator):
    assert "/cockpit" == operator.get("/").headers["Location"]


def test_all_that_a_page_shows_can_be_looked_at_at_once(house, operator):
    for number in range(60):
        stuck(house, f"A{number:03d}", minutes=500 - number)
    listed = operator.get(f"{PAGE}/dmp")
    following = operator.get(next(each for each in listed.attributes("href") if "after=" in each))

    first = operator.post(f"{PAGE}/dmp/preview", {"all": "1", "behind": listed.field("behind")})
    second = operator.post(f"{PAGE}/dmp/preview", {"all": "1", "behind": following.field("behind")})

    assert [f"A{number:03d}~DMP~1" for number in range(50)] == first.attributes("data-stuck")
    assert [f"A{number:03d}~DMP~1" for number in range(50, 60)] == second.attributes("data-stuck")
    assert 400 == operator.post(f"{PAGE}/dmp/preview", {"all": "1", "behind": "x"}).status


def test_what_was_sent_again_is_in_the_log_of_its_patient(house, operator):
    exams = [house.booked(house.patient(number), f"1{number}:00") for number in (1, 2)]
    rows = {f"row-{n}": f"{exam.accession_number}~DMP~1" for n, exam in enumerate(exams)}
    for exam in exams:
        stuck(house, exam.accession_number)

    operator.post(f"{PAGE}/dmp/retry", rows)

    kept = [(r.object_id, r.patient_id) for r in house.audit.records if r.action == "retry_delivery"]
    assert sorted((exam.accession_number, exam.patient_id) for exam in exams) == sorted(kept)
