"""The figures of the run, as finance downloads them, against what the receiving sides hold: counted there, exam by exam, from their own evidence."""

from __future__ import annotations

import base64
import csv
import io
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree

from infra.local.demo import er7, group
from infra.local.demo.journey import Journal, Step, StepFailed
from infra.local.demo.journeys import letters, record
from infra.local.demo.portal_client import Browser
from infra.local.demo.simulators import platform_of
from infra.local.demo.supervisor import System

NAME = "usage"
FILES = {"csv": b"\xef\xbb\xbf", "xlsx": b"PK", "svg": b"<svg"}
"""How each download begins."""


def counted(system: System, journal: Journal, since: date) -> None:
    """Download the figures since a day, and require them to be what was received.

    Args:
        since: Civil day of the first site on which the run began.
    """
    with journal.step(
        "end", "finance counts to the present instant and downloads the figures: CSV, workbook, chart", "HTTP"
    ) as step:
        if not (system.simulated("group") and system.simulated("dmp") and system.simulated("mss")):
            step.what += " (skipped: what somebody else received is not known here)"
            return
        person = finance(system)
        query = f"period=free&from={since}&to={datetime.now(ZoneInfo('Europe/Paris')).date()}"
        count(step, person, query)
        files = _downloaded(step, system, person, query)
        said = totals(files["csv"])
        lines = person.open(f"/usage?{query}", as_json=True).json()["lines"]
        step.same("the figures of the page", {line["code"]: line["total"] for line in lines}, said)
    with journal.step("end", "each figure is what the receiving sides hold, exam by exam", "CSV CDA") as step:
        held = received(system)
        step.said = [{"figure": name, "exams": str(len(exams))} for name, exams in held.items()]
        wrong = [
            f"{name}: {said.get(name, 0)} counted, {len(exams)} received"
            for name, exams in held.items()
            if said.get(name, 0) != len(exams)
        ]
        step.require(not wrong, "; ".join(wrong))


def finance(system: System) -> Browser:
    """Let the first account of finance log in by the group's provider."""
    row = next(row for row in group.table("accounts") if any("finance" in roles for roles in row["roles"].values()))
    login = next(each for each in row["logins"] if each["provider"] == "group")
    person = Browser(system.cloud.portal_url)
    person.login(login["provider"], {"subject": login["subject"]})
    return person


def count(step: Step, person: Browser, query: str) -> None:
    """Press *count to the present instant*."""
    shown = person.open(f"/usage?{query}")
    form = next((one for one in shown.page.forms if one.action.endswith("/usage/count")), None)
    step.require(form is not None, f"no button to count (HTTP {shown.status})")
    assert form is not None
    step.require(person.submit(shown, form, {}).status == 200, "not counted")


def _downloaded(step: Step, system: System, person: Browser, query: str) -> dict[str, bytes]:
    folder = system.out.folder / NAME
    folder.mkdir(exist_ok=True)
    files = {}
    for kind, begins in FILES.items():
        got = person.open(f"/usage/indicators.{kind}?{query}")
        step.require(got.status == 200 and got.body.startswith(begins), f"indicators.{kind}: HTTP {got.status}")
        (folder / f"indicators.{kind}").write_bytes(got.body)
        files[kind] = got.body
    step.left(NAME, [f"indicators.{kind}" for kind in FILES])
    return files


def totals(content: bytes) -> dict[str, int]:
    """Return the total of each figure over the whole period, out of the CSV."""
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";")
    return {row["Code"]: int(row["Total"]) for row in rows if row["Niveau"] == "ensemble"}


# --- what was received ---


def received(system: System) -> dict[str, set[str]]:
    """Return the Accession Numbers of the exams whose report each kind of receiver has, or had."""
    mails = _mailed(system)
    found = {"dmp": _fed(system), "professional": mails["professional"], "patient": mails["patient"]}
    for kind, exams in _answered_by_platforms(system).items():
        found[kind] |= exams
    return {**found, "files_all": found["dmp"] & found["professional"] & found["patient"]}


def _fed(system: System) -> set[str]:
    folder = system.out.folder / "cda"
    reports = [one for one in system.report("dmp")["documents"] if one["kind"] == "report"]
    return {_exam_of((folder / f"{one['unique_id']}.xml").read_bytes()) for one in reports}


def _mailed(system: System) -> dict[str, set[str]]:
    """Return the exams of the mails that our operator took and that did not come back."""
    found: dict[str, set[str]] = {"professional": set(), "patient": set()}
    for count in system.report("mss")["messages"].values():
        if not count["accepted"]:
            continue
        documents = letters.documents_of(letters.read(system.out.folder / "mssante" / f"{count['numbers'][-1]:03d}.eml"))
        for address in set(count["recipients"]) - set(count["returned"]):
            found[_kind_of(address)] |= {_exam_of(one) for one in documents}
    return found


def _answered_by_platforms(system: System) -> dict[str, set[str]]:
    """Return the exams of what hospitals' platforms said they fed or mailed."""
    found: dict[str, set[str]] = {"dmp": set(), "professional": set(), "patient": set()}
    for site in system.gateways:
        if not (name := platform_of(site)):
            continue
        report = system.report(f"{name}-{site}")
        for zam in report["zam"]:
            if zam["answer"] == "Y" and zam["code"] == "AA":
                kind = "dmp" if zam["event"] == "Z01" else _kind_of(zam["recipient"])
                found[kind].add(_exam_of(_document_in(system, report["received"], zam["message_id"])))
    return found


def _document_in(system: System, received: list[dict[str, Any]], control_id: str) -> bytes:
    """Return the CDA that a message carried."""
    note = next(note for note in received if note.get("control_id") == control_id)
    message = er7.read(system.out.folder / "hl7" / note["evidence"][0])
    carried = next(fields for fields in message.segments if fields[0] == "OBX" and fields[2] == "ED")
    return base64.b64decode(carried[5].rpartition("^")[2])


def _kind_of(address: str) -> str:
    return "patient" if address.lower().endswith(f"@{letters.PATIENTS}") else "professional"


def _exam_of(document: bytes) -> str:
    """Return the Accession Number that a CDA names."""
    numbers = record.accession_numbers(etree.fromstring(document))
    if len(numbers) != 1:
        raise StepFailed(f"a document names {len(numbers)} exams")
    return str(numbers.pop())


def began() -> date:
    """Return the first civil day that a run that begins now can count on, whatever the site."""
    return datetime.now(ZoneInfo("Europe/Paris")).date() - timedelta(days=1)
