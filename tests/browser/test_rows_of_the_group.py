"""What the group's IT, finance and the auditor come for, with keys alone; files are those that the browser has saved."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from cryptography import x509
from selenium.webdriver.common.keys import Keys

from infra.local.demo.journeys import figures
from infra.local.demo.supervisor import System
from ris.adapters.access.dynamodb import DynamoAuditTrail
from ris.adapters.dynamodb import Table
from ris.domain.access.audit import AuditRecord
from tests.support.browser import Keyboard
from tests.support.finished_exams import FinishedExams
from tests.support.waiting import until

pytestmark = pytest.mark.slow
IT, FINANCE, AUDITOR = "info.groupe", "finance.groupe", "audit.groupe"
CHEST, BREAST = "ZBQK001", "QEQM001"
MANY = 1000
LATE_S = 90.0


# --- the group's IT ---


def test_what_is_stuck_is_sent_again_one_and_many(keyboard: Keyboard, exams: FinishedExams) -> None:
    system = exams.system
    system.tell("PACS-nord", {"schedule": {"message": [{"fault": "AE", "why": "Dossier clos au PACS"}] * 3}})
    stuck = [exams.booked(CHEST).accession for _ in range(3)]
    keyboard.login("group", IT)
    assert keyboard.path == "/cockpit"
    keyboard.reload_until("return document.querySelector(\"[data-site='nord'][data-channel='hl7_pacs_order']\")", LATE_S)
    keyboard.look("cockpit-of-the-group")
    keyboard.follow("h2 a[href='/sites/nord/cockpit']")
    pile = "[data-pile='hl7_pacs_order']"
    keyboard.reload_until(f'return document.querySelector("{pile}")?.dataset.count >= 3', LATE_S)
    assert "Dossier clos au PACS" in keyboard.text(pile)
    keyboard.look("cockpit-stuck")
    keyboard.follow(f"{pile} a")
    rows = keyboard.rows("[data-stuck]")
    assert [owner for row in rows if (owner := row["stuck"].partition("~")[0]) in stuck] == stuck
    assert [row["since"] for row in rows] == sorted(row["since"] for row in rows)
    assert "Dossier clos au PACS" in keyboard.text(f"[data-stuck^='{stuck[0]}']")
    assert "Prochain essai" in keyboard.text("table thead")

    keyboard.switch(f"[data-stuck^='{stuck[0]}'] input[type='checkbox']")
    keyboard.press("form .actions button")
    assert [row["outcome"] for row in keyboard.rows("[data-stuck]")] == ["retry"]
    keyboard.look("cockpit-before-sending-again")
    keyboard.press("button[formaction$='/retry']")
    assert "1 sur 1" in keyboard.text("[role='status']")
    taken_by_the_pacs(system, stuck[:1])
    keyboard.follow("main form a")
    assert stuck[0] not in [row["stuck"].partition("~")[0] for row in keyboard.rows("[data-stuck]")]
    keyboard.press("button[name='all']")
    keyboard.press("button[formaction$='/retry']")
    assert [row["outcome"] for row in keyboard.rows("[data-stuck]")] == ["retry"] * (len(rows) - 1)
    taken_by_the_pacs(system, stuck)
    keyboard.follow("nav a[href$='/cockpit']")
    keyboard.reload_until(f'return !document.querySelector("{pile}")', LATE_S)


def taken_by_the_pacs(system: System, accessions: list[str]) -> None:
    """Wait until the PACS has said AA to the order of each exam, under the number that it refused before."""

    def taken() -> bool:
        said: dict[str, list[str]] = {}
        for note in system.received("PACS-nord"):
            if note.get("kind") == "ORM_O01":
                text = (system.out.folder / "hl7" / note["evidence"][0]).read_bytes().decode()
                for accession in accessions:
                    if accession in text:
                        said.setdefault(accession, []).append(note["code"])
        return [said.get(accession) for accession in accessions] == [["AE", "AA"]] * len(accessions)

    until(taken, LATE_S)


def test_an_outage_is_seen_to_begin_and_to_end(keyboard: Keyboard, exams: FinishedExams) -> None:
    system = exams.system
    keyboard.login("group", IT)
    keyboard.follow("nav a[href$='/cockpit']")
    keyboard.follow("a[href$='/outages']")
    before = keyboard.rows("[data-remote='insi'] [data-incident]")
    failed_before = failures(system)
    system.tell("insi", {"schedule": {"search": [{"fault": "http_503", "times": MANY}]}})
    try:
        exams.booked(BREAST, site="sud")
        keyboard.follow("nav a[href$='/cockpit']")
        keyboard.reload_until("return document.querySelector(\"[data-outage='insi']\")", LATE_S)
        assert "INSi ne répond pas depuis" in keyboard.text("[data-outage='insi']")
        assert "prochain essai" in keyboard.text("[data-outage='insi']")
        keyboard.look("cockpit-outage")
        keyboard.follow("a[href='/cockpit']")
        assert keyboard.has("[data-outage='insi']")
        keyboard.follow("nav a[href$='/cockpit']")
    finally:
        system.forget_faults("insi")
    keyboard.reload_until("return !document.querySelector(\"[data-outage='insi']\")", LATE_S)
    keyboard.follow("a[href$='/outages']")
    incidents = keyboard.rows("[data-remote='insi'] [data-incident]")
    assert [len(incidents) - len(before), incidents[0]["open"]] == [1, "no"]
    assert keyboard.text("[data-remote='insi'] [data-incident] [data-label='Appels sans réponse']") == str(
        failures(system) - failed_before
    )
    keyboard.look("outages")


def failures(system: System) -> int:
    """Count the calls that INSi refused to answer."""
    return sum(str(note.get("outcome", "")).startswith("http_503") for note in system.received("insi"))


def test_certificates_have_their_days_left(keyboard: Keyboard, exams: FinishedExams) -> None:
    system = exams.system
    system.cloud.fire("WatchCertificatesSchedule")
    keyboard.login("group", IT)
    keyboard.follow("nav a[href$='/cockpit']")
    keyboard.follow("a[href$='/certificates']")
    days = {row["certificate"]: int(row["days"]) for row in keyboard.rows("main > table [data-certificate]")}
    assert list(days.values()) == sorted(days.values())
    shown = next(count for name, count in days.items() if name.endswith("/dmp") and "630999001" in name)
    issued = x509.load_pem_x509_certificate((system.out.folder / "pki" / "630999001-dmp.pem").read_bytes())
    assert shown in {(issued.not_valid_after_utc - datetime.now(UTC) - timedelta(hours=late)).days for late in (0, 1)}
    keyboard.look("certificates")


def test_parked_messages_are_replayed(keyboard: Keyboard, exams: FinishedExams) -> None:
    mended, other = exams.cancelled("OPN-26-8001"), exams.cancelled("OPN-26-8002")
    keyboard.login("group", IT)
    keyboard.work_at("nord")
    keyboard.follow("nav a[href$='/messages']")
    for control in (mended, other):
        keyboard.reload_until(f"return document.querySelector(\"[data-control-id='{control}']\")")
    assert {row["reason"] for row in keyboard.rows("[data-control-id]") if row["controlId"] in (mended, other)} == {
        "unknown_placer_number"
    }

    exams.ordered(CHEST, placer="OPN-26-8001")
    until(lambda: exams.system.waiting_messages() == 0, LATE_S)
    for control in (mended, other):
        keyboard.switch(f"[data-control-id='{control}'] input[type='checkbox']")
    keyboard.press("main form .actions button")
    assert "1 sur 2" in keyboard.text("[role='status']")
    keyboard.look("messages-replayed")
    keyboard.follow("nav a[href$='/messages']")
    assert (keyboard.has(f"[data-control-id='{mended}']"), keyboard.has(f"[data-control-id='{other}']")) == (False, True)
    keyboard.follow(f"[data-control-id='{other}'] a")
    keyboard.look("message-parked")
    keyboard.press("form[action$='/dismiss'] button")
    keyboard.follow("nav a[href$='/messages']")
    assert not keyboard.has(f"[data-control-id='{other}']")


# --- finance ---


def totals(keyboard: Keyboard) -> dict[str, int]:
    return {row["figure"]: int(row["total"]) for row in keyboard.rows("[data-figure]")}


def test_figures_by_period_site_and_signatory(keyboard: Keyboard, exams: FinishedExams) -> None:
    keyboard.login("group", FINANCE)
    assert keyboard.path == "/usage"
    keyboard.press("form[action='/usage/count'] button")
    month = totals(keyboard)
    assert month["dmp"] >= 1
    assert keyboard.driver.execute_script(
        "const plot = document.querySelector('.usage-plot'); return plot.complete && plot.naturalWidth > 0"
    )
    keyboard.look("usage")
    keyboard.choose("#period", "year")
    keyboard.press("form.usage-form button")
    assert totals(keyboard)["dmp"] >= month["dmp"]
    keyboard.choose("#period", "previous_year")
    keyboard.press("form.usage-form button")
    assert set(totals(keyboard).values()) == {0}

    today = datetime.now().astimezone().date()
    keyboard.choose("#period", "free")
    keyboard.date("#from", (today - timedelta(days=1)).isoformat())
    keyboard.date("#to", (today + timedelta(days=1)).isoformat())
    keyboard.choose("#finess", "630999100")
    keyboard.press("form.usage-form button")
    (axis,) = keyboard.rows("[data-axis-finess='630999100']")
    keyboard.choose("#rpps", axis["axisRpps"])
    keyboard.press("form.usage-form button")
    assert totals(keyboard)["dmp"] == month["dmp"]
    keyboard.choose("#finess", "630999118")
    keyboard.press("form.usage-form button")
    assert totals(keyboard)["dmp"] == 0


def test_a_figure_opens_its_list_and_files_say_the_same(keyboard: Keyboard, exams: FinishedExams, tmp_path: Path) -> None:
    keyboard.login("group", FINANCE)
    keyboard.press("form[action='/usage/count'] button")
    page = totals(keyboard)
    table = saved(keyboard, "a[href^='/usage/indicators.csv']", tmp_path)
    book = saved(keyboard, "a[href^='/usage/indicators.xlsx']", tmp_path)
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if row["Niveau"] == "ensemble"]
    assert {row["Code"]: int(row["Total"]) for row in rows} == page
    assert first_sheet(book) == page

    keyboard.follow("[data-figure='dmp'] a")
    listed = keyboard.rows("tr[data-accession]")
    assert sum(int(row["difference"]) for row in listed) == page["dmp"]
    assert {row["accession"] for row in listed} <= figures.received(exams.system)["dmp"]
    keyboard.look("usage-list")


def first_sheet(book: Path) -> dict[str, int]:
    """Return the totals of a workbook's first sheet, by figure."""
    heading, *rows = openpyxl.load_workbook(book).worksheets[0].iter_rows(values_only=True)
    code, total = heading.index("Code"), heading.index("Total")
    return {str(row[code]): int(str(row[total])) for row in rows if row[code]}


def saved(keyboard: Keyboard, link: str, folder: Path) -> Path:
    """Go to a link, press Enter, and return the file that the browser saves."""
    before = set(folder.iterdir())
    settings = {"behavior": "allow", "downloadPath": str(folder)}
    keyboard.driver.execute_cdp_cmd("Browser.setDownloadBehavior", settings)
    keyboard.tab_to(link)
    keyboard.keys(Keys.ENTER)

    def new() -> Path | None:
        found = set(folder.iterdir()) - before
        return next((file for file in found if file.suffix in {".csv", ".xlsx"}), None)

    found = until(new, LATE_S)
    assert isinstance(found, Path)
    return found


# --- the auditor ---


def test_who_saw_what_is_filtered_and_exported(keyboard: Keyboard, exams: FinishedExams, tmp_path: Path) -> None:
    keyboard.login("group", AUDITOR)
    keyboard.work_at("nord")
    assert keyboard.path == "/sites/nord/audit"
    keyboard.overwrite("#q", "IPP-63-0001")
    keyboard.press("form[action$='/audit/patient'] button")
    whose = keyboard.rows("p[data-patient]")[0]["patient"]
    assert "ADRUN" in keyboard.text("p[data-patient]")
    found = keyboard.rows("tr[data-audit]")
    assert {row["patient"] for row in found} == {whose}
    assert [row["instant"] for row in found] == sorted((row["instant"] for row in found), reverse=True)

    keyboard.overwrite("#person", "radiologue.nord")
    keyboard.choose("#action", "validate_report")
    keyboard.press("form[role='search'] button")
    found = keyboard.rows("tr[data-audit]")
    assert {(row["account"], row["action"], row["patient"]) for row in found} == {("radiologue.nord", "validate_report", whose)}
    keyboard.look("audit-of-a-patient")
    file = saved(keyboard, "a[href*='/audit/export']", tmp_path)
    with file.open(encoding="utf-8-sig", newline="") as text:
        exported = list(csv.DictReader(text, delimiter=";"))
    assert [row["audit_id"] for row in exported] == [row["audit"] for row in found]
    assert {row["patient"] for row in exported} == {whose}
    assert "IPP-63-0001" not in file.read_text(encoding="utf-8-sig")


def test_the_chain_is_verified_and_a_change_is_named(keyboard: Keyboard, exams: FinishedExams) -> None:
    system, now = exams.system, datetime.now(UTC)
    table = Table(system.cloud.client("dynamodb", "test"), system.cloud.function_env("PortalFunction")["TABLE_AUDIT"])
    record = AuditRecord(f"browser-{now:%H%M%S}", now - timedelta(minutes=10), "nord", "read_exam", "allowed")
    day = record.instant.date().isoformat()
    DynamoAuditTrail(table).append(record)
    system.cloud.fire("SealAuditSchedule")
    keyboard.login("group", AUDITOR)
    keyboard.work_at("nord")
    keyboard.follow("a[href$='/audit/chain']")
    shown = f"[data-chain-day='{day}']"
    keyboard.until(f'return document.querySelector("{shown}")')
    (verdict,) = keyboard.rows(shown)
    assert verdict["state"] in ("verified", "waiting")
    assert int(verdict["sealed"]) >= 1
    keyboard.look("audit-chain")

    item = item_of(table, record, day)
    table.client.put_item(TableName=table.name, Item={**item, "account_id": {"S": "somebody.else"}})
    try:
        keyboard.driver.refresh()
        keyboard.until(f"return document.querySelector(\"{shown}[data-state='broken']\")")
        assert record.audit_id in keyboard.rows(f"{shown} [data-fault]")[0]["place"]
        keyboard.look("audit-chain-broken")
    finally:
        table.client.put_item(TableName=table.name, Item=item)


def item_of(table: Table, record: AuditRecord, day: str) -> dict[str, Any]:
    found = table.client.query(
        TableName=table.name,
        KeyConditionExpression="pk = :day",
        ExpressionAttributeValues={":day": {"S": f"AUDIT#{record.site}#{day}"}},
    )["Items"]
    return next(dict(item) for item in found if item["sk"]["S"].endswith(record.audit_id))
