"""Journey E, second thoughts: a report that was sent is corrected, then deleted; one that was withheld never leaves; a patient refuses mail.

Three exams. The first one's report is refused by the HIS and sent again from its page, then replaced and taken back everywhere. The second one's
requester has no mailbox and its patient wants no mail: paper, and who printed it. The third one's report is withheld, and deleted before it left.
"""

from __future__ import annotations

import io
import zipfile

from infra.local.demo.journey import Step, StepFailed
from infra.local.demo.journeys import exam, letters, record, refusals, versions
from infra.local.demo.journeys.forms import pressed, pressed_on_row
from infra.local.demo.journeys.visit import HTTP, Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene

HIS = {"channel": "hl7_report", "recipient": "HIS"}
CORRECTION = "correction"
ON_PAPER, WITHHELD = "on_paper", "withheld"


def run(scene: Scene) -> None:
    """Take the exams that the input holds through, where we play whoever receives their reports."""
    if not all(scene.system.simulated(name) for name in ("insi", "dmp", "mss")):
        with scene.step("skipped: what became of a report is seen at receivers of ours only", HTTP):
            return
    receptionist, booked = exam.done(scene)
    radiologist = exam.reader(scene, booked)
    first = _sent_on_the_second_try(scene, radiologist, booked)
    second = _corrected(scene, radiologist, booked, first)
    _deleted(scene, radiologist, booked, second)
    if (scene.folder / ON_PAPER).is_dir():
        refusals.respected(scene.part(f"{scene.name}/{ON_PAPER}"), ON_PAPER, receptionist, radiologist)
    if (scene.folder / WITHHELD).is_dir():
        _never_left(scene.part(f"{scene.name}/{WITHHELD}"), receptionist, radiologist)


def _whole(scene: Scene, booked: Visit) -> dict[tuple[str, str], str]:
    """Return everybody who has the report, as channel and recipient, with the address of those who are mailed."""
    requester, patient = letters.requester_address(scene, booked), letters.patient_address(scene, booked)
    if not requester or not patient:
        raise StepFailed("the input must name a requester with an address, and a patient whom INSi knows")
    mailed = {("mss_professional", letters.requester(booked)): requester, ("mss_patient", "PATIENT"): patient}
    return {("dmp", "DMP"): "", ("hl7_report", "HIS"): "", ("hl7_report", "PACS"): "", **mailed}


def _all_delivered(step: Step, scene: Scene, person: Browser, booked: Visit, version: int) -> dict[tuple[str, str], dict[str, str]]:
    """Wait until everybody has a version; return their rows."""
    found = {}
    for channel, recipient in _whole(scene, booked):
        facts = {"channel": channel, "recipient": recipient, "version": str(version), "state": "delivered"}
        found[channel, recipient] = letters.becomes(person, booked, f"{channel} {recipient} of version {version}", **facts)
    letters.say(step, person, booked, version)
    return found


# --- version 1 ---


def _sent_on_the_second_try(scene: Scene, person: Browser, booked: Visit) -> str:
    """Let the HIS refuse the report once; return the uniqueId of what the DMP has."""
    with scene.step("the HIS will refuse the next message (AE)", "MLLP"):
        scene.system.tell(f"HIS-{booked.booking.site}", {"schedule": {"message": ["AE"]}})
    before = versions.asked(scene)
    record.validated(scene, person, booked)
    with scene.step("the HIS refuses it: rejected; sent again from the exam's page: the same bytes, taken", "HTTP MLLP") as step:
        refused = letters.becomes(person, booked, "the HIS's row is rejected", state="rejected", version="1", **HIS)
        step.require(refused["remote-code"], "the row has no code of the HIS")
        letters.say(step, person, booked)
        pressed_on_row(step, person, booked.accession, refused, "retry")
        row = letters.becomes(person, booked, "the HIS's row is delivered", state="delivered", version="1", **HIS)
        letters.message_of(step, scene, row, "MDM_T02", times=2)
    with scene.step("everybody has version 1: DMP, requester, patient, HIS, PACS", "all") as step:
        _all_delivered(step, scene, person, booked, 1)
        return record.deposit(step, scene, booked, before).unique_id


# --- version 2 ---


def _corrected(scene: Scene, person: Browser, booked: Visit, first: str) -> str:
    """Correct the report; require everybody to be told that it replaces; return the new document's uniqueId."""
    before = versions.asked(scene)
    with scene.step("the radiologist corrects it: the text is open again, validated as version 2", HTTP) as step:
        shown = pressed(step, person, person.open(f"/exams/{booked.accession}/report"), "correct")
        step.require(shown.page.form_of("validate"), "no editor")
        answered = record.clicked(person, shown, booked.typed(CORRECTION))
        faults = [row["error-code"] for row in answered.page.rows("error-code")]
        step.require(answered.status == 200 and not faults, f"HTTP {answered.status} {', '.join(faults)}")
        scene.ended(step, "ReportSigningStateMachine", f"signing-{booked.accession}-2")
    with scene.step("the DMP has version 2 in its place (RPLC): every word of the correction", "SOAP mTLS MTOM") as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{booked.accession}-2-1")
        letters.becomes(person, booked, "the DMP's row is delivered", channel="dmp", state="delivered", version="2")
        second = versions.replaced(step, scene, before, first)
        record.holds(step, scene, booked, second, CORRECTION)
    with scene.step("requester, patient, HIS and PACS are told: annule et remplace, MDM^T10", "SMTP MLLP") as step:
        rows = _all_delivered(step, scene, person, booked, 2)
        got = letters.message_of(step, scene, rows["hl7_report", "HIS"], "MDM_T10")
        step.same("TXA-12 and TXA-13", (second, first), (got.value("TXA-12"), got.value("TXA-13")))
        letters.message_of(step, scene, rows["hl7_report", "PACS"], "ORU_R01")
        for place, address in _whole(scene, booked).items():
            if address:
                letters.mailed(step, scene, rows[place], address, second)
                mail = letters.arrived(step, scene, rows[place], address)
                step.require(mail is not None and "[Annule et remplace]" in str(mail["Subject"]), "the subject does not say it")
    return second


# --- deletion ---


def _deleted(scene: Scene, person: Browser, booked: Visit, second: str) -> None:
    """Take the report back from everybody."""
    before = versions.asked(scene)
    with scene.step("the radiologist deletes it, after a page that asks", HTTP) as step:
        asking = person.open(f"/exams/{booked.accession}/report/delete")
        pressed(step, person, asking, "delete")
        scene.ended(step, "ReportSigningStateMachine", f"signing-{booked.accession}-3")
    with scene.step("TD3.3c: the document is deleted in the DMP, by its uniqueId", "SOAP mTLS") as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{booked.accession}-3-1")
        letters.becomes(person, booked, "the DMP's row is delivered", channel="dmp", state="delivered", version="3")
        versions.deleted(step, scene, before, second)
    with scene.step("the HIS has MDM^T04; requester and patient a mail whose archive says action D", "SMTP MLLP") as step:
        rows = _all_delivered(step, scene, person, booked, 3)
        got = letters.message_of(step, scene, rows["hl7_report", "HIS"], "MDM_T04")
        step.same("TXA-12", second, got.value("TXA-12"))
        letters.message_of(step, scene, rows["hl7_report", "PACS"], "ORU_R01")
        for place, address in _whole(scene, booked).items():
            if address:
                _says_deleted(step, scene, rows[place], address)


def _says_deleted(step: Step, scene: Scene, row: dict[str, str], address: str) -> None:
    mail = letters.arrived(step, scene, row, address)
    assert mail is not None
    step.require("[Suppression]" in str(mail["Subject"]), "the subject does not say it")
    files = letters.attachments(mail)
    step.require(list(files) == ["IHE_XDM.zip"], "the mail does not carry the archive alone")
    archive = zipfile.ZipFile(io.BytesIO(files["IHE_XDM.zip"]))
    (metadata,) = [archive.read(name) for name in archive.namelist() if name.endswith("METADATA.XML")]
    step.same("the actions of the archive", {"D"}, versions.actions(metadata))


# --- withheld, and deleted before it left ---


def _never_left(scene: Scene, receptionist: Browser, person: Browser) -> None:
    _, booked = exam.done(scene, WITHHELD, receptionist)
    with scene.step("before validation the radiologist marks the report: withheld", HTTP) as step:
        shown = person.open(f"/exams/{booked.accession}/report")
        pressed(step, person, shown, "save", {"title": booked.typed("report")["title"], "withheld": "1"})
    before = _received(scene, booked)
    record.validated(scene, person, booked)
    with scene.step("every row is held: withheld; nothing has left", "all") as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{booked.accession}-1-1")
        _all_say(step, person, booked, "held", "withheld")
    with scene.step("it is deleted before it left: every row is withdrawn, and the sweep finds nothing to send", "all") as step:
        pressed(step, person, person.open(f"/exams/{booked.accession}/report/delete"), "delete")
        scene.ended(step, "ReportSigningStateMachine", f"signing-{booked.accession}-2")
        letters.becomes(person, booked, "withdrawn rows", version="1", state="withdrawn", reason="deleted")
        scene.system.cloud.fire("SweepDueSchedule")
        _all_say(step, person, booked, "withdrawn", "deleted")
        step.same("what DMP, mail operator, HIS and PACS received", before, _received(scene, booked))


def _all_say(step: Step, person: Browser, booked: Visit, state: str, reason: str) -> None:
    rows = letters.say(step, person, booked)
    step.require(rows, "the report has no row")
    others = [row for row in rows if (row["state"], row["reason"]) != (state, reason)]
    step.require(not others, f"{len(others)} rows are not {state}: {reason}")


def _received(scene: Scene, booked: Visit) -> list[int]:
    """Return how many reports DMP, mail operator, HIS and PACS have received."""
    peers = [scene.system.received(f"{peer}-{booked.booking.site}") for peer in ("HIS", "PACS")]
    reports = [[note for note in notes if note.get("kind", "")[:3] in ("MDM", "ORU")] for notes in peers]
    national = [[note for note in scene.system.received("dmp") if note.get("operation") in ("iti-41", "td3.3c")]]
    mails = [count["accepted"] + count["refused"] for count in scene.system.report("mss")["messages"].values()]
    return [*map(len, national + reports), sum(mails)]
