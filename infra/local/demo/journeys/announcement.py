"""Journey B, the announcement: a report whose content the patient shall first hear from a person.

Flagged before validation it goes to the DMP invisible to the patient, and the requester is mailed; the patient is not. *Announcement done* brings
a second version of the same content: visible, the HIS told so, the patient mailed; the requester hears nothing new.
"""

from __future__ import annotations

from infra.local.demo import er7
from infra.local.demo.journey import Step
from infra.local.demo.journeys import exam, letters, record, versions
from infra.local.demo.journeys.forms import pressed
from infra.local.demo.journeys.visit import HTTP, Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene

FLAG = {"announcement_pending": "1"}


def run(scene: Scene) -> None:
    """Take the patient from the order to the mail after the announcement."""
    if exam.skipped(scene):
        return
    _, booked = exam.done(scene)
    radiologist = exam.reader(scene, booked)
    before = versions.asked(scene)
    with scene.step("before validation the radiologist flags the report: to be announced first", HTTP) as step:
        _flagged(step, radiologist, booked)
    record.validated(scene, radiologist, booked)
    first = _hidden(scene, radiologist, booked, before)
    before = versions.asked(scene)
    with scene.step("the radiologist says: announcement done; version 2 of the same content", HTTP) as step:
        _done(step, radiologist, booked)
        scene.ended(step, "ReportSigningStateMachine", f"signing-{booked.accession}-2")
    _shown(scene, radiologist, booked, before, first)


def _flagged(step: Step, person: Browser, booked: Visit) -> None:
    shown = person.open(f"/exams/{booked.accession}/report")
    typed = {"title": booked.typed("report")["title"], **FLAG}
    pressed(step, person, shown, "save", typed)
    shown = person.open(f"/exams/{booked.accession}/report")
    form = shown.page.form_of("save")
    step.require(form is not None and form.fields.get("announcement_pending"), "the flag is not kept")


def _done(step: Step, person: Browser, booked: Visit) -> None:
    pressed(step, person, person.open(f"/exams/{booked.accession}/report"), "announced")


# --- version 1 ---


def _hidden(scene: Scene, person: Browser, booked: Visit, before: int) -> str:
    """Require the DMP to hold the document invisible to the patient, and the patient not to be mailed; return its uniqueId."""
    first = ""
    with scene.step("the DMP has it, invisible to the patient", "SOAP mTLS MTOM") as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{booked.accession}-1-1")
        letters.becomes(person, booked, "the DMP's row is delivered", channel="dmp", state="delivered", version="1")
        if scene.system.simulated("dmp"):
            first = record.deposit(step, scene, booked, before).unique_id
            step.require(
                versions.INVISIBLE in versions.stored(scene, first)["confidentiality"], "the document is not INVISIBLE_PATIENT"
            )
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
            second = versions.replaced(step, scene, before, first)
            visible = versions.INVISIBLE not in versions.stored(scene, second)["confidentiality"]
            step.require(visible, "the document is still INVISIBLE_PATIENT")
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
