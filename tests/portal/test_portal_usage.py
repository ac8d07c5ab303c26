"""Finance reads its figures, the reports behind them and what they are worth; nothing of a patient, nothing of another's site."""

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import openpyxl
import pytest

from ris.application.usage.count_usage import recount
from ris.domain.usage.facts import FAILED
from ris.domain.usage.figures import BY_CODE
from ris.domain.usage.period import Period
from tests.portal.test_portal_cost import Counting
from tests.support.portal import NOW, PortalHouse
from tests.support.usage import FINESS, SIGNATORIES, fact, noon, recounted, years

FINANCE = "finance.groupe"
ALL = Period("2024-01-01", "2026-11-26")


def filled(facts, **said):
    house = PortalHouse(**said)
    house.deliveries.facts += facts
    for site in ("nord", "sud", "est"):
        recount(house.usage, site, ALL, house.now)
    return house


def shown(page):
    """Code to total, INS qualified and not, as the page's markup says them."""
    rows = zip(
        page.attributes("data-figure"),
        page.attributes("data-total"),
        page.attributes("data-qualified"),
        page.attributes("data-unqualified"),
        strict=True,
    )
    return {code: (int(total), yes, no) for code, total, yes, no in rows}


def two_years():
    """The data set of the scenario: ten reports a month for two years, one FINESS, one RPPS, and one failure of each kind."""
    facts = []
    for number in range(240):
        month, nth = divmod(number, 10)
        at = noon(2024 + (month + 10) // 12, (month + 10) % 12 + 1, nth + 2)
        accession, qualified = f"27{number:09d}", nth < 8
        said = {"qualified": qualified}
        ways = ["dmp:pending:", "mss_professional:pending:", "mss_patient:pending:"]
        facts.append(fact(accession, at, kind="validated", plan=ways if qualified else [ways[1], "dmp:held:identity"], **said))
        facts.append(fact(accession, at + timedelta(minutes=2), channel="mss_professional", recipient="99900012345", **said))
        if qualified:
            facts.append(fact(accession, at + timedelta(minutes=1), **said))
            facts.append(fact(accession, at + timedelta(minutes=3), channel="mss_patient", recipient="PATIENT", **said))
    lost = {"qualified": True, "kind": FAILED}
    facts.append(fact("27000000240", noon(2026, 10, 20), kind="validated", plan=("dmp:pending:", "mss_professional:pending:")))
    facts.append(fact("27000000240", noon(2026, 10, 20), code="XDSRepositoryError", **lost))
    facts.append(fact("27000000240", noon(2026, 10, 20), channel="mss_professional", recipient="99900012345", code="5.1.1", **lost))
    return facts


@pytest.mark.segur("TBB.01")
@pytest.mark.segur("TBB.03")
def test_two_hundred_and_forty_reports_of_two_years_and_one_failure_of_each_kind():
    browser = filled(two_years()).browser(FINANCE)

    page = browser.get("/usage?from=2024-11-01&to=2026-10-31&finess=630999100&rpps=" + SIGNATORIES[0])
    figures = shown(page)

    assert figures["validated"] == (241, "193", "48")
    assert figures["dmp"] == figures["files_dmp"] == (192, "192", "0")
    assert figures["professional"] == figures["files_professional"] == (240, "192", "48")
    assert figures["patient"] == figures["files_patient"] == figures["files_all"] == (192, "192", "0")
    assert (figures["failed_dmp"], figures["failed_professional"], figures["failed_patient"]) == (
        (1, "", ""),
        (1, "", ""),
        (0, "", ""),
    )
    assert len(page.attributes("data-month")) == 24
    assert shown(browser.get("/usage?period=previous_year"))["professional"] == (120, "96", "24")
    assert shown(browser.get("/usage?period=year"))["professional"] == (100, "80", "20")
    assert shown(browser.get("/usage"))["professional"][0] == 0
    assert shown(browser.get("/usage?period=free&from=2024-11-05&to=2024-11-05"))["dmp"] == (1, "1", "0")


def test_a_page_says_what_a_brute_recount_says_for_every_site_and_signatory():
    facts = years(21, 90, datetime(2026, 1, 1, tzinfo=UTC), 10)
    browser = filled(facts).browser(FINANCE)
    brute = recounted(facts, "nord", "2026-02-10", "2026-07-20")

    for rpps in SIGNATORIES:
        figures = shown(browser.get(f"/usage?from=2026-02-10&to=2026-07-20&finess={FINESS['nord']}&rpps={rpps}"))
        for code, (total, *_) in figures.items():
            assert total == sum(brute[(name, FINESS["nord"], rpps)] for name in BY_CODE[code].figures), (rpps, code)


@pytest.mark.segur("TBB.01")
def test_the_list_behind_a_figure_adds_up_to_it_and_names_no_patient():
    facts = years(22, 200, datetime(2026, 1, 1, tzinfo=UTC), 10)
    house = filled(facts)
    browser = house.browser(FINANCE)
    query = "from=2026-02-10&to=2026-07-20"
    figures = shown(browser.get(f"/usage?{query}"))

    for code in ("dmp", "files_all", "failed_professional"):
        address, total, pages = f"/usage/list?figure={code}&{query}", 0, 0
        while address:
            page = browser.get(address)
            total += sum(int(each) for each in page.attributes("data-difference"))
            after = re.search(r'href="(/usage/list\?[^"]*after=[^"]*)" rel="next"', page.body)
            address, pages = after[1].replace("&amp;", "&") if after else "", pages + 1
        assert (total, pages > 1) == (figures[code][0], code != "failed_professional" or pages > 1), code
    assert house.audit.records[-1].action == "read_usage"


def test_a_list_reads_only_the_days_that_changed_its_figure():
    calls = Counter()

    def wrap(services):
        usage = services.usage()
        counting = replace(
            usage, summaries=Counting("summaries", usage.summaries, calls), facts=Counting("facts", usage.facts, calls)
        )
        return replace(services, usage=lambda: counting)

    house = filled(two_years(), wrap=wrap)
    browser = house.browser(FINANCE)

    for address, most in (
        ("/usage?from=2024-11-01&to=2026-10-31", {"summaries.months": 1}),
        ("/usage/indicators.csv?from=2024-11-01&to=2026-10-31", {"summaries.months": 1}),
        ("/usage/indicators.xlsx?period=year", {"summaries.months": 1}),
        ("/usage/indicators.svg?period=year", {"summaries.months": 1}),
        ("/usage/list?figure=failed_dmp&from=2024-11-01&to=2026-10-31", {"summaries.months": 1, "summaries.entries": 1}),
        ("/usage/list?figure=dmp&from=2024-11-01&to=2026-10-31", {"summaries.months": 1, "summaries.entries": 50}),
        ("/usage/thresholds?year=2026", {"summaries.months": 1}),
    ):
        calls.clear()
        assert browser.get(address).status == 200
        assert dict(calls) == most, address


def test_files_are_the_page_in_two_forms():
    browser = filled(years(23, 60, datetime(2026, 1, 1, tzinfo=UTC), 10)).browser(FINANCE)
    figures = shown(browser.get("/usage?period=year"))

    table = browser.get("/usage/indicators.csv?period=year")
    rows = list(csv.DictReader(io.StringIO(table.body.removeprefix("\ufeff"), newline=""), delimiter=";"))
    book = openpyxl.load_workbook(
        io.BytesIO(browser.get("/usage/indicators.xlsx?period=year").body.encode("utf-8", "surrogateescape"))
    )
    whole = {row["Code"]: int(row["Total"]) for row in rows if row["Niveau"] == "ensemble"}

    assert whole == {code: total for code, (total, *_) in figures.items()}
    assert whole == {row[1].value: row[8].value for row in book["Synthèse"].iter_rows(min_row=2)}
    assert table.headers["Content-Disposition"] == 'attachment; filename="indicateurs-2026-01-01-2026-12-31.csv"'
    assert sum(len(list(sheet.iter_rows())) - 1 for sheet in book.worksheets) == len(rows)


def test_the_plot_brings_a_policy_that_allows_its_own_style_and_nothing_else():
    answer = filled(two_years()).browser(FINANCE).get("/usage/indicators.svg?period=year")

    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        answer.headers["Content-Security-Policy"],
    )
    assert answer.headers["Content-Type"].startswith("image/svg+xml")


def test_a_period_that_is_none_says_so_beside_its_field_and_keeps_what_was_typed():
    browser = filled([]).browser(FINANCE)

    page = browser.get("/usage?period=free&from=2026-03-02&to=2026-03-01")
    assert (page.status, page.attributes("data-error-code"), page.field("from")) == (400, ["period_reversed"], "2026-03-02")
    assert browser.get("/usage?period=century").status == 400
    assert browser.get("/usage?from=2026-01-01&from=2026-01-02&to=2026-02-01").status == 400
    assert browser.get("/usage/indicators.csv?from=hier&to=2026-03-01").status == 400
    assert browser.get("/usage/list?figure=nothing").status == 404
    assert browser.get("/usage/thresholds?year=26").status == 400
    for year, beside in ((2020, ["2021"]), (2026, ["2025", "2027"]), (2099, ["2098"])):
        links = browser.get(f"/usage/thresholds?year={year}").attributes("href")
        assert beside == [link[-4:] for link in links if link.startswith("/usage/thresholds?year=")]
    assert browser.get("/usage?" + urlencode({"finess": "<script>"})).body.count("<script>") == 0


def test_figures_are_counted_to_the_present_when_somebody_asks_and_only_theirs():
    house = PortalHouse()
    house.deliveries.facts.append(fact("26000000001", NOW))
    browser = house.browser(FINANCE)
    assert shown(browser.get("/usage"))["dmp"][0] == 0

    after = browser.follow(browser.post("/usage/count", {"period": "year"}))

    assert (after.status, shown(after)["dmp"][0], after.attributes("data-counted-until")) == (200, 1, [NOW.isoformat()])
    assert re.search(r'<option value="year" selected', after.body)


def test_nobody_sees_the_figures_of_a_site_where_they_are_not_finance():
    house = filled([fact("26000000001", noon(2026, 11, 3)), fact("26000000002", noon(2026, 11, 3), site="sud")])
    everywhere = house.browser(FINANCE)
    assert shown(everywhere.get("/usage"))["dmp"][0] == 2
    account = house.services.access.accounts.get(FINANCE)
    only = replace(account, roles={"sud": frozenset({"finance"}), "nord": frozenset({"it"})})
    house.services.access.accounts._table._held[("account", "", FINANCE)] = replace(
        house.services.access.accounts._table._held[("account", "", FINANCE)], row=only
    )

    browser = house.browser(FINANCE)
    assert shown(browser.get("/usage"))["dmp"][0] == 1
    assert browser.get("/usage/list?figure=dmp").attributes("data-accession") == ["26000000002"]
    assert "26000000001" not in browser.get("/usage/indicators.csv").body
    for subject in ("accueil.nord", "radiologue.nord", "info.groupe", "audit.groupe"):
        assert house.browser(subject).get("/usage").status == 404


def test_thresholds_say_where_the_group_stands_and_by_which_text():
    facts = [fact(f"2600000000{n}", noon(2026, 3, n), kind="validated", plan=("dmp:pending:",)) for n in range(1, 5)]
    facts += [fact(f"2600000000{n}", noon(2026, 3, n)) for n in range(1, 4)]
    page = filled(facts).browser(FINANCE).get("/usage/thresholds?year=2026")
    rows = dict(
        zip(
            zip(page.attributes("data-who"), page.attributes("data-numerator"), strict=True),
            page.attributes("data-reached"),
            strict=True,
        )
    )

    assert rows[("630999100", "3")] == "no"
    assert "75,00 %" in page.text
    assert "Décision interne du groupe" in page.text
    states = dict(zip(page.attributes("data-milestone"), page.attributes("data-milestone-state"), strict=True))
    assert (states["sons-v1-solde"], states["vague-2-preuves"], states["vague-2-solde"]) == ("done", "late", "open")
    past = filled(facts).browser(FINANCE).get("/usage/thresholds?year=2022")
    assert {"forfait-2022-dmp", "sun-es-imagerie-dmp"} == set(past.attributes("data-indicator"))
    assert "40 points à 7,00" in past.text


def test_the_format_of_the_files_is_said_on_a_page_and_in_the_documentation(pytestconfig):
    page = PortalHouse().browser(FINANCE).get("/usage/format")
    written = (pytestconfig.rootpath / "docs" / "usage.md").read_text("utf-8")

    assert page.attributes("data-shown") == list(BY_CODE)
    assert all(f"`{code}`" in written for code in BY_CODE)
    assert "INS qualifiée" in page.text
