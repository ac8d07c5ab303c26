"""The auditor's pages: who saw or changed what, the same as CSV, and the chain."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.access.audit_csv import COLUMNS
from ris.application.access.seal_audit import seal_audit
from ris.domain.access.audit import AuditRecord
from ris.domain.access.policy import POLICY
from ris.domain.identity.ins import OID_NIR_TEST, Ins
from ris.portal import access_audit
from ris.portal.french_audit import ACTIONS
from tests.support.portal import NOW

PAGE = "/sites/nord/audit"


@pytest.fixture
def auditor(house):
    return house.browser("audit.groupe")


def visited(house):
    """One patient whom two people saw, and another."""
    first, second = house.patient(), house.patient(2)
    exam = house.booked(first, "11:00")
    desk, radiologist = house.browser("accueil.nord"), house.browser("radiologue.nord")
    desk.get(f"/exams/{exam.accession_number}")
    desk.post(f"/exams/{exam.accession_number}/cancel", {"reason": "patient"})
    radiologist.get("/patients/p1")
    radiologist.get(f"/patients/{second.patient_id}")
    return exam


def seen(page):
    return list(zip(page.attributes("data-account"), page.attributes("data-action"), page.attributes("data-object"), strict=True))


def test_who_saw_and_changed_a_patient_is_on_one_page_newest_first(house, auditor):
    exam = visited(house)

    page = auditor.follow(auditor.post(f"{PAGE}/patient", {"q": "700001"}))

    wanted = [
        ("radiologue.nord", "read_patient", "p1"),
        ("accueil.nord", "cancel_exam", exam.accession_number),
        ("accueil.nord", "read_exam", exam.accession_number),
    ]
    found = [each for each in seen(page) if each[0] != "audit.groupe"]
    assert sorted(wanted) == sorted(found)
    assert "ADRUN ZOE" in page.text
    assert "Annuler un examen" in page.text


@pytest.mark.parametrize("number", ["700001", "p1", "{exam}"])
def test_a_patient_is_found_by_ipp_by_our_number_or_by_an_exam_and_no_address_holds_what_was_typed(house, auditor, number):
    exam = visited(house)

    answer = auditor.post(f"{PAGE}/patient", {"q": number.format(exam=exam.accession_number)})

    assert (303, f"{PAGE}?patient=p1") == (answer.status, answer.headers["Location"])


@pytest.mark.parametrize("typed", ["700009", "p9", "Adrun", ""])
def test_an_unknown_patient_is_said_beside_the_field_and_what_was_typed_stays(house, auditor, typed):
    visited(house)

    answer = auditor.post(f"{PAGE}/patient", {"q": typed})

    assert 400 == answer.status
    assert ["q"] == answer.attributes("data-field")
    assert typed == answer.field("q")


def test_a_patient_of_another_site_is_unknown_here(house, auditor):
    house.patient(3, sites=("est",))

    assert 400 == auditor.post(f"{PAGE}/patient", {"q": "p3"}).status


def test_one_filters_by_person_action_result_and_day(house, auditor):
    visited(house)
    house.browser("radiologue.nord").get("/exams/0000/report")

    by_person = seen(auditor.get(f"{PAGE}?person=radiologue.nord"))
    by_action = seen(auditor.get(f"{PAGE}?action=cancel_exam"))
    by_both = seen(auditor.get(f"{PAGE}?person=radiologue.nord&action=cancel_exam"))
    yesterday = seen(auditor.get(f"{PAGE}?from=2026-11-25&to=2026-11-25"))
    without_site = auditor.get(f"{PAGE}?chain=-&result=not_found")

    assert {"radiologue.nord"} == {each[0] for each in by_person}
    assert ["cancel_exam"] == [each[1] for each in by_action]
    assert [] == by_both
    assert [] == yesterday
    assert [("radiologue.nord", "read_report", "0000")] == seen(without_site)


def test_looking_at_the_log_is_in_the_log(house, auditor):
    visited(house)
    auditor.get(f"{PAGE}?patient=p1")

    last = house.audit.records[-1]

    assert ("read_audit", "audit.groupe", "p1", "auditor", "nord") == (
        last.action,
        last.account_id,
        last.patient_id,
        last.role,
        last.site,
    )
    assert ("audit.groupe", "read_audit", "p1") in seen(auditor.get(f"{PAGE}?patient=p1"))


@pytest.mark.parametrize("subject", ["radiologue.nord", "info.groupe", "accueil.nord", "finance.groupe"])
@pytest.mark.parametrize("address", [PAGE, f"{PAGE}/export", f"{PAGE}/chain", f"{PAGE}/chain/2026-11-26"])
def test_nobody_else_may_look(house, subject, address):
    assert 404 == house.browser(subject).get(address).status


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("from=2026-11-26&to=2026-11-25", "to", "period_reversed"),
        ("from=2026-09-01", "from", "days_too_many"),
        ("from=2026-02-30", "from", "no_such_day"),
        ("to=yesterday", "to", "no_such_day"),
        ("person=%3Cb%3E", "person", "field_malformed"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(auditor, query, field, code):
    page = auditor.get(f"{PAGE}?{query}")

    assert (400, [(field, code)]) == (
        page.status,
        list(zip(page.attributes("data-field"), page.attributes("data-error-code"), strict=True)),
    )


def test_a_cursor_that_is_none_is_refused(auditor):
    assert 400 == auditor.get(f"{PAGE}?after=x").status


def many(house, count):
    for number in range(count):
        at = NOW - timedelta(minutes=number)
        record = AuditRecord(
            f"m{number:04d}", at, "nord", "read_exam", "allowed", account_id="accueil.nord", object_id=f"E{number}"
        )
        house.audit.append(replace(record, patient_id="p1"))


def test_the_pages_of_a_long_list_follow_each_other(house, auditor):
    many(house, 120)
    found, address = [], f"{PAGE}?patient=p1"

    while address:
        page = auditor.get(address)
        found += [each for each in page.attributes("data-object") if each.startswith("E")]
        links = [each for each in page.attributes("href") if "after=" in each]
        address = links[0] if links else ""

    assert [f"E{number}" for number in range(120)] == found


def rows_of(answer):
    assert "text/csv; charset=utf-8" == answer.headers["Content-Type"]
    assert answer.body.startswith("\ufeff")
    return list(csv.reader(io.StringIO(answer.body.removeprefix("\ufeff")), delimiter=";"))


def test_the_export_is_a_csv_of_what_the_filter_gives(house, auditor):
    exam = visited(house)

    answer = auditor.get(f"{PAGE}/export?patient=p1")

    header, *rows = rows_of(answer)
    assert list(COLUMNS) == header
    assert 'attachment; filename="acces-nord-20261126T082000.csv"' == answer.headers["Content-Disposition"]
    assert {exam.accession_number, "p1"} == {row[COLUMNS.index("object")] for row in rows}
    assert {"p1"} == {row[COLUMNS.index("patient")] for row in rows}
    assert ("export_audit", "p1") == (house.audit.records[-1].action, house.audit.records[-1].patient_id)


@pytest.mark.parametrize("name", ["=1+1", "+A1", "-2", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(house, auditor, name):
    house.audit.append(AuditRecord("f1", NOW, "nord", "login", "allowed", account_id=name))

    rows = rows_of(auditor.get(f"{PAGE}/export"))

    assert f"'{name}" in [row[COLUMNS.index("account")] for row in rows]


def test_a_long_export_is_cut_and_says_where_it_goes_on(house, auditor, monkeypatch):
    monkeypatch.setattr(access_audit, "MOST_EXPORTED", 50)
    many(house, 120)
    found, address = [], f"{PAGE}/export?patient=p1"

    for _ in range(10):
        answer = auditor.get(address)
        rows = rows_of(answer)[1:]
        found += [row[COLUMNS.index("object")] for row in rows if row[COLUMNS.index("object")].startswith("E")]
        if "Link" not in answer.headers:
            break
        address = rows[-1][COLUMNS.index("object")]
        assert "export_continues" == rows[-1][COLUMNS.index("action")]
        assert f'<{address}>; rel="next"' == answer.headers["Link"]

    assert [f"E{number}" for number in range(120)] == found


def verdict(page):
    return tuple(page.attributes(f"data-{name}")[0] for name in ("state", "records", "sealed"))


def test_the_chain_of_a_day_is_verified_on_the_page(house, auditor):
    many(house, 3)
    house.now = NOW + timedelta(minutes=10)
    before = verdict(auditor.get(f"{PAGE}/chain/2026-11-26"))
    seal_audit(house.chain, "nord", house.now)
    sealed = auditor.get(f"{PAGE}/chain/2026-11-26", **{"hx-request": "true"})

    assert ("waiting", "3", "0") == before
    assert ("waiting", "4", "3") == verdict(sealed)  # the look before is not settled yet
    assert "<html" not in sealed.body


def test_a_record_that_was_changed_breaks_the_chain_and_the_page_says_which(house, auditor):
    many(house, 3)
    house.now = NOW + timedelta(minutes=10)
    seal_audit(house.chain, "nord", house.now)
    assert "verified" == verdict(auditor.get(f"{PAGE}/chain/2026-11-26"))[0]
    house.audit.records[1] = replace(house.audit.records[1], account_id="somebody.else")

    page = auditor.get(f"{PAGE}/chain/2026-11-26")

    assert "broken" == verdict(page)[0]
    changed = house.audit.records[1]
    assert [("record_changed", f"{changed.instant:%Y-%m-%dT%H:%M:%S.%f}Z#{changed.audit_id}")] == list(
        zip(page.attributes("data-fault"), page.attributes("data-place"), strict=True)
    )
    assert "changé depuis qu’il est scellé" in page.text


def of_days(page):
    return [each for each in page.attributes("hx-get") if each.startswith(PAGE)]


def test_a_week_of_days_is_shown_each_with_its_own_request(auditor):
    week = auditor.get(f"{PAGE}/chain")
    older = auditor.get(f"{PAGE}/chain?to=2026-11-19&chain=-")

    assert [f"{PAGE}/chain/2026-11-{day}" for day in range(26, 19, -1)] == of_days(week)
    assert f"{PAGE}/chain/2026-11-19?chain=-" == of_days(older)[0]
    assert "empty" == verdict(auditor.get(f"{PAGE}/chain/2026-11-01"))[0]
    assert 400 == auditor.get(f"{PAGE}/chain/2026-13-01").status


@pytest.mark.segur("INS.03", "INS.04")
def test_each_look_at_an_ins_and_each_question_to_insi_is_in_the_log_with_who_and_when(house, auditor):
    patient = house.patient()
    house.patients.save(replace(house.patients.get(patient.patient_id), ins=Ins("275126322074974", OID_NIR_TEST)))
    identity = house.browser("identito.nord")
    identity.post("/patients/p1/ins", {"token": "click-0001"})
    house.now = NOW + timedelta(minutes=3)
    identity.post("/patients/p1/insi", {"token": "click-0002"})

    page = auditor.get(f"{PAGE}?patient=p1")

    assert [("identito.nord", "query_insi", "p1"), ("identito.nord", "reveal_ins", "p1")] == seen(page)
    assert [(NOW + timedelta(minutes=minutes)).isoformat() for minutes in (3, 0)] == page.attributes("data-instant")
    assert "Afficher l’INS" in page.text


def test_every_action_of_the_policy_has_its_french_words():
    assert set() == set(POLICY) - set(ACTIONS)
