"""What a radiologist comes for, with keys alone: find, read, write, decide who may see it, validate, correct, and see where it has got to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from selenium.webdriver.common.keys import Keys

from infra.local.demo import group
from infra.local.demo.journeys.visit import Visit
from infra.local.demo.supervisor import System
from ris.adapters.dynamodb import instant_text
from tests.support.browser import Keyboard
from tests.support.finished_exams import JOURNEY, FinishedExams

pytestmark = pytest.mark.slow
RADIOLOGIST = "99900012347"
CHEST, ABDOMEN, BREAST = "ZBQK001", "ZCQM008", "QEQM001"
RANKS = ("stat", "urgent", "routine")
LATE_S = 90.0


def reading_list(keyboard: Keyboard) -> None:
    keyboard.login("psc", RADIOLOGIST)
    keyboard.follow("nav a[href$='/reading']")


def narrow(keyboard: Keyboard, *boxes: str, older: str = "", day: str = "") -> None:
    """Choose exams: boxes as `name=value`, those that are ticked otherwise are left."""
    if not keyboard.has(".fold-filters[open]"):
        keyboard.switch(".fold-filters summary")
    for name, _, value in (box.partition("=") for box in boxes):
        keyboard.switch(f"#filters input[name='{name}'][value='{value}']")
    if older:
        keyboard.choose("#older", older)
    for field in ("first", "last") if day else ():
        keyboard.date(f"#{field}", day)
    keyboard.press("#filters button")


def listed(keyboard: Keyboard) -> list[str]:
    return [row["accession"] for row in keyboard.rows("tr[data-accession]")]


def unfolded(keyboard: Keyboard, summary: str) -> None:
    if not keyboard.has(f"details[open] > {summary}"):
        keyboard.switch(summary)


def expected(keyboard: Keyboard, channel: str) -> tuple[str, str]:
    """Return what a channel would do if the report were validated now, and why."""
    row = next(row for row in keyboard.rows("#expected [data-expected]") if row["channel"] == channel)
    return row["state"], row["reason"]


def conclude(keyboard: Keyboard, text: str) -> None:
    """Write the results and the conclusion, the third and fourth section of every template here."""
    keyboard.overwrite("#text-0", "Contrôle (cas fictif).")
    keyboard.overwrite("#text-2", "Aspect stable.")
    keyboard.overwrite("#text-3", text)


def delivered(keyboard: Keyboard, accession: str, channel: str, version: int) -> None:
    """Look at the report again until a channel has that version."""
    row = f"[data-delivery][data-channel='{channel}'][data-version='{version}'][data-state='delivered']"
    assert keyboard.path == f"/exams/{accession}/report"
    keyboard.reload_until(f'return document.querySelector("{row}")', LATE_S)


def at_the_dmp(system: System, visit: Visit) -> list[dict[str, Any]]:
    """Return the documents of an exam that the national record holds, out of what it received."""
    folder = system.out.folder / "cda"
    reports = [one for one in system.report("dmp")["documents"] if one["kind"] == "report"]
    return [one for one in reports if visit.accession.encode() in (folder / f"{one['unique_id']}.xml").read_bytes()]


def hidden_at_the_dmp(system: System, visit: Visit) -> list[bool]:
    """Say of each document that stands whether the patient cannot see it."""
    return ["INVISIBLE_PATIENT" in one["confidentiality"] for one in at_the_dmp(system, visit) if one["status"] == "Approved"]


def test_the_reading_list_is_narrowed(keyboard: Keyboard, exams: FinishedExams) -> None:
    urgent, elsewhere = exams.done(ABDOMEN, priority="S"), exams.done(BREAST, site="sud")
    one, other = urgent.accession, elsewhere.accession
    reading_list(keyboard)
    assert (one in listed(keyboard), other in listed(keyboard)) == (True, False)

    narrow(keyboard, "site=sud")
    found = keyboard.rows("tr[data-accession]")
    ranked = [(RANKS.index(row["priority"]), row["since"]) for row in found]
    assert ranked == sorted(ranked)
    assert {one, other} <= {row["accession"] for row in found}
    keyboard.follow("p.quick a[href$='priority=urgent']")
    assert (one in listed(keyboard), other in listed(keyboard)) == (True, False)
    assert {row["priority"] for row in keyboard.rows("tr[data-accession]")} <= {"stat", "urgent"}
    keyboard.follow("p.quick a")
    narrow(keyboard, "site=sud", "site=nord", "modality=US")
    assert (one in listed(keyboard), other in listed(keyboard)) == (False, True)
    narrow(keyboard, "modality=US", "modality=CT")
    assert other not in listed(keyboard)

    keyboard.follow("p.quick a")
    today = datetime.now(ZoneInfo("Europe/Paris")).date()
    narrow(keyboard, day=today.isoformat())
    assert one in listed(keyboard)
    keyboard.follow("p.quick a")
    narrow(keyboard, older="1")
    assert one not in listed(keyboard)
    keyboard.follow("p.quick a")
    keyboard.press(f"tr[data-accession='{one}'] form[data-action='take'] button")
    assert keyboard.path == f"/exams/{one}/report"
    keyboard.follow("nav a[href$='/reading']")
    keyboard.follow("p.quick a[href$='mine=1']")
    assert one in listed(keyboard)
    assert "Par moi" in keyboard.text(f"tr[data-accession='{one}']")


def test_images_earlier_report_and_template_stand_ready(keyboard: Keyboard, exams: FinishedExams) -> None:
    visit = exams.done(CHEST)
    study = group.site("nord")["pacs_url"].format(StudyInstanceUID=visit.study_uid, AccessionNumber=visit.accession)
    reading_list(keyboard)
    keyboard.follow(f"a[href^='/exams/{visit.accession}/report']")
    keyboard.tab_to("[data-pacs]")
    keyboard.keys(Keys.ENTER)
    keyboard.until("return true")
    first, images = keyboard.driver.window_handles
    keyboard.driver.switch_to.window(images)
    assert keyboard.driver.current_url == study
    keyboard.driver.close()
    keyboard.driver.switch_to.window(first)

    earlier = json.loads((JOURNEY / "report.json").read_text())
    first_of_all = min(row["prior"] for row in keyboard.rows("[data-prior][data-close='yes']"))
    keyboard.does(f"[data-prior='{first_of_all}'] a", "return document.querySelector('[data-prior-text]')")
    assert earlier["sections"][-1]["text"] in keyboard.text("#prior")
    assert keyboard.path == f"/exams/{visit.accession}/report"

    template = next(row for row in group.table("report_templates") if row["template_id"] == "scanner-thorax-normal")
    usual = next(row for row in group.table("report_templates") if row["template_id"] == "scanner")
    assert [row["section"] for row in keyboard.rows("[data-section]")] == [one["heading"] for one in usual["sections"]]
    assert text_of(keyboard, "#text-1") == usual["sections"][1]["text"]
    keyboard.switch("[data-templates] summary")
    keyboard.does(f"button[data-template='{template['template_id']}']", "return document.querySelector('#text-2').value")
    asked = visit.order.value("OBR-13")
    assert [text_of(keyboard, f"#text-{rank}") for rank in range(4)] == [asked, *(one["text"] for one in template["sections"][1:])]


def text_of(keyboard: Keyboard, selector: str) -> str:
    return str(keyboard.driver.execute_script("return document.querySelector(arguments[0]).value", selector))


def test_withheld_then_the_next_then_let_go(keyboard: Keyboard, exams: FinishedExams) -> None:
    first, then = exams.done(CHEST, priority="A"), exams.done(CHEST, priority="A")
    reading_list(keyboard)
    narrow(keyboard, "modality=CT", "priority=urgent")
    assert [each for each in listed(keyboard) if each >= first.accession] == [first.accession, then.accession]
    keyboard.follow(f"a[href^='/exams/{first.accession}/report']")
    told = {
        "masked_to_professionals": ("mss_professional", ("withdrawn", "masked")),
        "announcement_pending": ("mss_patient", ("held", "announcement")),
        "withheld": ("dmp", ("held", "withheld")),
    }
    for mark, (channel, outcome) in told.items():
        before = expected(keyboard, channel)
        assert before[0] == "pending", (mark, before)
        keyboard.switch(f"input[name='{mark}']")
        keyboard.until(f"return document.querySelector(\"[data-expected][data-channel='{channel}'][data-state='{outcome[0]}']\")")
        assert expected(keyboard, channel) == outcome
        keyboard.look(f"report-{mark}")
        keyboard.switch(f"input[name='{mark}']")
        keyboard.until(f"return document.querySelector(\"[data-expected][data-channel='{channel}'][data-state='pending']\")")
    keyboard.switch("input[name='withheld']")
    conclude(keyboard, "Retenu le temps d’un second avis.")
    keyboard.does("[data-action='validate-next']", f"return location.pathname === '/exams/{then.accession}/report'")
    assert keyboard.has("#editor")

    keyboard.follow("nav a[href$='/my-reports']")
    mine = f"tr[data-accession='{first.accession}']"
    keyboard.reload_until(f"return document.querySelector(\"{mine}[data-overall='held']\")")
    assert "Retenu" in keyboard.text(mine)
    assert at_the_dmp(exams.system, first) == []
    keyboard.follow(f"{mine} a[href='/exams/{first.accession}/report']")
    keyboard.press("form[data-action='withhold'] button")
    assert not keyboard.has("[data-withheld]")
    for channel in ("dmp", "hl7_report"):
        delivered(keyboard, first.accession, channel, 1)
    assert len(at_the_dmp(exams.system, first)) == 1


def test_announced_then_corrected_and_followed(keyboard: Keyboard, exams: FinishedExams) -> None:
    visit = exams.done(ABDOMEN)
    reading_list(keyboard)
    keyboard.follow(f"a[href^='/exams/{visit.accession}/report']")
    keyboard.switch("input[name='announcement_pending']")
    conclude(keyboard, "À annoncer au patient.")
    keyboard.does("[data-action='validate']", "return document.querySelector('[data-todo=\"announcement\"]')")
    delivered(keyboard, visit.accession, "dmp", 1)
    assert keyboard.rows("[data-delivery][data-channel='mss_patient']")[0]["reason"] == "announcement"
    assert hidden_at_the_dmp(exams.system, visit) == [True]

    keyboard.look("report-announcement-to-do")
    keyboard.press("form[data-action='announced'] button")
    delivered(keyboard, visit.accession, "dmp", 2)
    assert not keyboard.has("[data-todo]")
    assert hidden_at_the_dmp(exams.system, visit) == [False]

    keyboard.press("form[data-action='correct'] button")
    keyboard.overwrite("#text-3", "Corrigé : côté gauche.")
    keyboard.does("[data-action='validate']", "return document.querySelector(\"[data-version-row='3']\")")
    delivered(keyboard, visit.accession, "dmp", 3)
    reasons = {row["versionRow"]: row["versionReason"] for row in keyboard.rows("[data-version-row]")}
    assert reasons == {"1": "validation", "2": "announcement", "3": "correction"}
    keyboard.follow("nav a[href$='/my-reports']")
    mine = f"tr[data-accession='{visit.accession}']"
    unfolded(keyboard, f"{mine} summary")
    assert "version 3" in keyboard.text(mine)
    assert ("dmp", "delivered") in {(row["channel"], row["state"]) for row in keyboard.rows(f"{mine} [data-channel]")}


def test_a_session_that_ended_gives_the_text_back(keyboard: Keyboard, exams: FinishedExams) -> None:
    visit = exams.done(ABDOMEN)
    reading_list(keyboard)
    keyboard.follow(f"a[href^='/exams/{visit.accession}/report']")
    keyboard.overwrite("#text-2", "Tapé avant la fin.")
    keyboard.until("return document.querySelector('#saved').dataset.saved > 0")
    end_sessions(exams.system, "radiologue.nord")
    keyboard.overwrite("#text-3", "Tapé après la fin de la session.")
    keyboard.until("return location.pathname.startsWith('/login')")
    assert "session" in keyboard.text("main").casefold()

    keyboard.enter("psc", RADIOLOGIST)
    assert keyboard.path == f"/exams/{visit.accession}/report"
    assert keyboard.has("[data-kept]")
    assert [text_of(keyboard, f"#text-{rank}") for rank in (2, 3)] == ["Tapé avant la fin.", "Tapé après la fin de la session."]
    keyboard.look("report-given-back")
    keyboard.does("[data-action='save']", "return !document.querySelector('[data-kept]')")
    keyboard.follow("nav a[href$='/reading']")
    keyboard.follow(f"a[href^='/exams/{visit.accession}/report']")
    assert text_of(keyboard, "#text-3") == "Tapé après la fin de la session."


def end_sessions(system: System, account: str) -> None:
    """Let a person have been away for hours."""
    table, client = system.cloud.function_env("PortalFunction")["TABLE_SESSIONS"], system.cloud.client("dynamodb")
    seen = instant_text(datetime.now(UTC) - timedelta(hours=5))
    for item in client.scan(TableName=table)["Items"]:
        if item["sk"]["S"] == "SESSION" and item["account_id"]["S"] == account:
            client.put_item(TableName=table, Item={**item, "last_seen_at": {"S": seen}})
