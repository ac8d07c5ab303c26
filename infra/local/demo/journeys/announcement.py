"""Journey B, the announcement: a report whose content the patient shall first hear from a person.

Flagged before validation it goes to the DMP invisible to the patient, and the requester is mailed; the patient is not. *Announcement done* brings
a second version of the same content: visible, the HIS told so, the patient mailed; the requester hears nothing new.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lxml import etree

from infra.local.demo import er7
from infra.local.demo.journey import Step
from infra.local.demo.journeys import exam, letters, record
from infra.local.demo.journeys.visit import HTTP, Visit
from infra.local.demo.portal_client import Answer, Browser
from infra.local.demo.scene import Scene

FLAG = {"announcement_pending": "1"}
INVISIBLE, REPLACES = "INVISIBLE_PATIENT", b"urn:ihe:iti:2007:AssociationType:RPLC"


def run(scene: Scene) -> None:
    """Take the patient from the order to the mail after the announcement."""
    if exam.skipped(scene):
        return
    _, booked = exam.done(scene)
    radiologist = exam.reader(scene, booked)
    before = _asked(scene)
    with scene.step("before validation the radiologist flags the report: to be announced first", HTTP) as step:
        _flagged(step, radiologist, booked)
    record.validated(scene, radiologist, booked)
    first = _hidden(scene, radiologist, booked, before)
    before = _asked(scene)
    with scene.step("the radiologist says: announcement done; version 2 of the same content", HTTP) as step:
        _done(step, radiologist, booked)
        scene.ended(step, "ReportSigningStateMachine", f"signing-{booked.accession}-2")
    _shown(scene, radiologist, booked, before, first)


def _flagged(step: Step, person: Browser, booked: Visit) -> None:
    shown = person.open(f"/exams/{booked.accession}/report")
    typed = {"title": booked.typed("report")["title"], **FLAG}
    _submitted(step, person, shown, "save", typed)
    shown = person.open(f"/exams/{booked.accession}/report")
    form = shown.page.form_of("save")
    step.require(form is not None and form.fields.get("announcement_pending"), "the flag is not kept")


def _done(step: Step, person: Browser, booked: Visit) -> None:
    _submitted(step, person, person.open(f"/exams/{booked.accession}/report"), "announced", {})


def _submitted(step: Step, person: Browser, shown: Answer, action: str, typed: dict[str, str]) -> None:
    form = shown.page.form_of(action)
    step.require(form is not None, f"no form {action} (HTTP {shown.status})")
    assert form is not None
    answered = person.submit(shown, form, typed, action=action)
    faults = [row["error-code"] for row in answered.page.rows("error-code")]
    step.require(answered.status == 200 and not faults, f"HTTP {answered.status} {', '.join(faults)}")


# --- version 1 ---


def _hidden(scene: Scene, person: Browser, booked: Visit, before: int) -> str:
    """Require the DMP to hold the document invisible to the patient, and the patient not to be mailed; return its uniqueId."""
    first = ""
    with scene.step("the DMP has it, invisible to the patient", "SOAP mTLS MTOM") as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{booked.accession}-1-1")
        letters.becomes(person, booked, "the DMP's row is delivered", channel="dmp", state="delivered", version="1")
        if scene.system.simulated("dmp"):
            first = record.deposit(step, scene, booked, before).unique_id
            step.require(INVISIBLE in _stored(scene, first)["confidentiality"], "the document is not INVISIBLE_PATIENT")
        letters.say(step, person, booked)
    with scene.step("the requester is mailed, the patient is not: held until the announcement", "SMTP") as step:
        if address := letters.requester_address(scene, booked):
            row = letters.becomes(person, booked, "the requester's row", channel="mss_professional", state="delivered", version="1")
            letters.mailed(step, scene, row, address, first)
        row = letters.becomes(person, booked, "held", channel="mss_patient", state="held", reason="announcement", version="1")
        _not_mailed(step, scene, row)
        letters.say(step, person, booked)
    with scene.step("the HIS has MDM^T02 with INVISIBLE_PATIENT Y", "MLLP") as step:
        row = letters.becomes(
            person, booked, "the HIS's row", channel="hl7_report", recipient="HIS", state="delivered", version="1"
        )
        flags = letters.flags_of(letters.message_of(step, scene, row, "MDM_T02"))
        step.same("INVISIBLE_PATIENT and MODIF_CONF_CODE", ("Y", "N"), (flags["INVISIBLE_PATIENT"], flags["MODIF_CONF_CODE"]))
    return first


def _not_mailed(step: Step, scene: Scene, row: dict[str, str]) -> None:
    if scene.system.simulated("mss"):
        count = letters.count_of(scene, row["message-id"])
        step.same("how often the operator got a mail for the patient", 0, count["accepted"] + count["refused"])


# --- version 2 ---


def _shown(scene: Scene, person: Browser, booked: Visit, before: int, first: str) -> None:
    second = ""
    with scene.step("TD3.1b finds the entry, RPLC brings version 2 of the same set, visible", "SOAP mTLS MTOM") as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{booked.accession}-2-1")
        letters.becomes(person, booked, "the DMP's row is delivered", channel="dmp", state="delivered", version="2")
        if scene.system.simulated("dmp"):
            second = _replaced(step, scene, before, first)
        letters.say(step, person, booked, 2)
    with scene.step("the HIS is told: MDM^T10 with MODIF_CONF_CODE Y, no longer INVISIBLE_PATIENT", "MLLP") as step:
        row = letters.becomes(
            person, booked, "the HIS's row", channel="hl7_report", recipient="HIS", state="delivered", version="2"
        )
        got: er7.Sent = letters.message_of(step, scene, row, "MDM_T10")
        flags = letters.flags_of(got)
        step.same("INVISIBLE_PATIENT and MODIF_CONF_CODE", ("N", "Y"), (flags["INVISIBLE_PATIENT"], flags["MODIF_CONF_CODE"]))
        step.require(not first or got.value("TXA-13") == first, "TXA-13 is not the document before")
    with scene.step("the patient is mailed now; the requester is not mailed again", "SMTP IMAP") as step:
        row = letters.becomes(person, booked, "the patient's row", channel="mss_patient", state="delivered", version="2")
        letters.mailed(step, scene, row, letters.patient_address(scene, booked), second)
        again = [
            one for one in letters.rows(person, booked, channel="mss_professional", version="2") if one["state"] != "withdrawn"
        ]
        step.require(not again, "the requester has a row that would mail them again")
        letters.say(step, person, booked)


def _replaced(step: Step, scene: Scene, before: int, first: str) -> str:
    """Require one search, one submission that replaces, and a document of the same set with the next number; return its uniqueId."""
    notes = [note for note in scene.system.received("dmp")[before:] if "operation" in note]
    operations = [note["operation"] for note in notes]
    step.require("iti-18" in operations and operations.count("iti-41") == 1, f"the DMP was asked {', '.join(operations)}")
    for note in notes:
        step.left("dmp", sorted(file.name for file in (scene.system.out.folder / "dmp").glob(f"{note['number']:03d}-*.http")))
    step.require(REPLACES in _submission(scene, before), "the submission does not replace (RPLC)")
    folder: Path = scene.system.out.folder / "cda"
    old = _facts(folder / f"{first}.xml")
    new = [file for file in folder.glob("*.xml") if file.stem != first and _facts(file)["set"] == old["set"]]
    step.require(len(new) == 1, f"{len(new)} documents of the same set")
    step.same("the number of the version", int(old["version"]) + 1, int(_facts(new[0])["version"]))
    step.require(INVISIBLE not in _stored(scene, new[0].stem)["confidentiality"], "the document is still INVISIBLE_PATIENT")
    step.same("the state of the document before", "Deprecated", _stored(scene, first)["status"])
    step.left("cda", [new[0].name])
    return new[0].stem


def _facts(file: Path) -> dict[str, Any]:
    root = etree.parse(file).getroot()
    found = root.find(f"{record.HL7}setId"), root.find(f"{record.HL7}versionNumber")
    return {"set": (found[0].get("root"), found[0].get("extension")), "version": found[1].get("value")}


def _stored(scene: Scene, unique_id: str) -> dict[str, Any]:
    """Return what our DMP says of a document it holds."""
    return next(dict(one) for one in scene.system.report("dmp")["documents"] if one["unique_id"] == unique_id)


def _asked(scene: Scene) -> int:
    return len(scene.system.received("dmp")) if scene.system.simulated("dmp") else 0


def _submission(scene: Scene, before: int) -> bytes:
    """Return the last submission that our DMP received, as it crossed the wire."""
    notes = [note for note in scene.system.received("dmp")[before:] if note.get("operation") == "iti-41"]
    return (scene.system.out.folder / "dmp" / f"{notes[-1]['number']:03d}-iti-41-request.http").read_bytes() if notes else b""
