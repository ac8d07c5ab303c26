"""The letters: mail to the requester and to the patient, HL7 to the hospital and to the PACS; each row of a version as the exam's page says it.

What must arrive is worked out from the input: the requester that the order names, the directory's address for them, the patient's INS.
"""

from __future__ import annotations

import email
import io
import zipfile
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from infra.local.demo import er7, national
from infra.local.demo.journey import Step, until
from infra.local.demo.journeys.desk import is_found, known_to_insi
from infra.local.demo.journeys.visit import Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene

PATIENTS = "patient.mssante.fr"
FACTS = ("channel", "recipient", "version", "state", "reason", "unknown", "remote-code")
RECEIPT_S = 45.0


# --- what the rows say ---


def rows(person: Browser, visit: Visit, **facts: str) -> list[dict[str, str]]:
    """Return the delivery rows of the exam's page that say that; names as `data-` attributes, `_` for `-`."""
    return person.open(f"/exams/{visit.accession}").page.rows("delivery", **facts)


def say(step: Step, person: Browser, visit: Visit, version: int | None = None) -> list[dict[str, str]]:
    """Write into the step what every row of the report says now."""
    found = [row for row in rows(person, visit) if row["version"] not in {"", "0"} and version in {None, int(row["version"])}]
    step.said = [{name: row.get(name, "") for name in FACTS} for row in found]
    return found


def becomes(person: Browser, visit: Visit, what: str, timeout_s: float = RECEIPT_S, **facts: str) -> dict[str, str]:
    """Wait until one row says that."""
    found = until(what, lambda: rows(person, visit, **facts), timeout_s)
    return found[0]


# --- whom the input names ---


def requester(visit: Visit) -> str:
    """Return the RPPS of who ordered."""
    return visit.order.value("ORC-12.1")[-11:]


def requester_address(scene: Scene, visit: Visit) -> str:
    """Return the address that the directory has for who ordered, or an empty text."""
    found = national.mailboxes_of(scene.system.given, requester(visit))
    return found[0] if found else ""


def patient_address(scene: Scene, visit: Visit) -> str:
    """Return the patient's address, which is their INS, or an empty text when nobody qualified it."""
    known = known_to_insi(scene, visit)
    return f"{known.matricule}@{PATIENTS}" if known is not None and is_found(scene, visit) and visit.typed("desk") else ""


# --- mail ---


def count_of(scene: Scene, number: str) -> dict[str, Any]:
    """Return how often a row's mail reached our operator, by the 32 characters of its number."""
    counts = scene.system.report("mss")["messages"]
    found = {"".join(c for c in name if c.isalnum())[:32]: count for name, count in counts.items()}
    return dict(found.get(number) or {"accepted": 0, "refused": 0, "recipients": {}, "envelope_ids": [], "numbers": []})


def arrived(step: Step, scene: Scene, row: dict[str, str], address: str) -> EmailMessage | None:
    """Require exactly one mail of a row, to that address, without a finding of the linter; return it, None at somebody else's operator."""
    if not scene.system.simulated("mss"):
        return None
    count = count_of(scene, row["message-id"])
    step.same("how often the operator took the mail", 1, count["accepted"])
    step.require(list(count["recipients"]) == [address.lower()], "the mail did not go to the address that the input says")
    step.require(count["envelope_ids"] == [row["message-id"]], "ENVID is not the number of the row")
    name = f"{count['numbers'][-1]:03d}"
    step.left("mssante", [f"{name}.eml", f"{name}.json"])
    return read(scene.system.out.folder / "mssante" / f"{name}.eml")


def read(file: Path) -> EmailMessage:
    """Read a mail as it was received."""
    mail = email.message_from_bytes(file.read_bytes(), policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def attachments(mail: EmailMessage) -> dict[str, bytes]:
    """Return what a mail carries, by file name."""
    return {str(part.get_filename()): bytes(part.get_payload(decode=True)) for part in mail.iter_attachments()}  # type: ignore[arg-type]


def documents_of(mail: EmailMessage) -> list[bytes]:
    """Return the CDA documents in a mail's archive."""
    archive = zipfile.ZipFile(io.BytesIO(attachments(mail)["IHE_XDM.zip"]))
    entries = [archive.read(name) for name in archive.namelist() if name.upper().endswith(".XML")]
    return [content for content in entries if b"<ClinicalDocument" in content[:4000]]


def mailed(step: Step, scene: Scene, row: dict[str, str], address: str, unique_id: str = "") -> None:
    """Require the mail of a row, with its archive and PDF.

    Args:
        unique_id: Of the document that the DMP received; its bytes must be those of the archive.
    """
    mail = arrived(step, scene, row, address)
    if mail is None:
        return
    files = attachments(mail)
    step.require("IHE_XDM.zip" in files, "no IHE_XDM.zip")
    step.require(any(content.startswith(b"%PDF-1.") for content in files.values()), "no PDF beside the archive")
    documents = documents_of(mail)
    step.require(len(documents) == 1, f"{len(documents)} documents in the archive")
    deposited = scene.system.out.folder / "cda" / f"{unique_id}.xml"
    if unique_id:
        step.require(documents[0] == deposited.read_bytes(), "the archive's document is not the one that the DMP got")


# --- HL7 ---


def message_of(step: Step, scene: Scene, row: dict[str, str], kind: str, *, times: int = 1) -> er7.Sent:
    """Require the message of a row at its peer, and return it.

    Args:
        kind: `MDM_T02`.
        times: How often the peer must have got it.
    """
    peer = f"{row['recipient']}-{scene_site(scene, row)}"
    notes = [note for note in scene.system.received(peer) if note.get("control_id") == row["message-id"]]
    step.require(len(notes) == times, f"{row['recipient']} got the message {len(notes)} times")
    for note in notes:
        step.left("hl7", note["evidence"])
    step.same("the kind of the message", kind, notes[-1]["kind"])
    files = {(scene.system.out.folder / "hl7" / note["evidence"][0]).read_bytes() for note in notes}
    step.require(len(files) == 1, "the message came again with other bytes")
    return er7.read(scene.system.out.folder / "hl7" / notes[-1]["evidence"][0])


def flags_of(message: er7.Sent) -> dict[str, str]:
    """Return what the flags of a report's message say, `Y` or `N`, by their names."""
    observations = [fields for fields in message.segments if fields[0] == "OBX" and "MetaDMPMSS" in fields[3]]
    return {fields[3].partition("^")[0]: fields[5][:1] for fields in observations}


def scene_site(scene: Scene, row: dict[str, str]) -> str:
    """Return the site whose peer has a row's message."""
    for site in scene.system.gateways:
        if any(note.get("control_id") == row["message-id"] for note in scene.system.received(f"{row['recipient']}-{site}")):
            return site
    return next(iter(scene.system.gateways))


# --- a first version, whole ---


def keep_the_patients_mail(scene: Scene, visit: Visit) -> bool:
    """Let our operator say nothing to the patient's mail for now; tell whether it will."""
    address = patient_address(scene, visit)
    if not address or not scene.system.simulated("mss"):
        return False
    with scene.step("the mail operator will let the patient's mail wait for its answer, and keep its receipt", "SMTP"):
        scene.system.tell("mss", {"schedule": {f"data:{address.lower()}": ["wait"]}})
        scene.system.tell("mss", {"receipts": {address.lower(): [[{"answer": "dsn", "hold": True}]]}})
    return True


def others_first(scene: Scene, person: Browser, visit: Visit) -> None:
    """Require hospital and PACS to be delivered while the patient's mail waits; let the operator answer, and require it to be accepted."""
    patient = {"channel": "mss_patient", "version": "1"}
    with scene.step(
        "one slow channel delays no other: HIS and PACS have the report while the patient's mail waits", "HL7 SMTP"
    ) as step:
        until("the operator has the patient's mail", lambda: scene.system.report("mss")["silent"])
        for recipient in ("HIS", "PACS"):
            facts = {"channel": "hl7_report", "recipient": recipient, "state": "delivered"}
            becomes(person, visit, f"the row of {recipient} is delivered", **facts)
        say(step, person, visit)
        waiting = [row for row in step.said if row["channel"] == "mss_patient" and row["state"] == "pending"]
        step.require(waiting, "the patient's row is not pending any more")
        scene.system.tell("mss", {"reply": True})
    with scene.step("the operator has accepted the patient's mail; no receipt yet", "SMTP") as step:
        becomes(person, visit, "accepted by the operator", state="pending", reason="accepted_by_operator", **patient)
        say(step, person, visit)


def sent(scene: Scene, person: Browser, visit: Visit, unique_id: str = "", version: int = 1) -> None:
    """Require every letter of a first version to have arrived, and its row to say so."""
    _requester_mailed(scene, person, visit, unique_id, version)
    _patient_mailed(scene, person, visit, unique_id, version)
    _messages(scene, person, visit, unique_id, version)


def _requester_mailed(scene: Scene, person: Browser, visit: Visit, unique_id: str, version: int) -> None:
    rpps, address = requester(visit), requester_address(scene, visit)
    if not address:
        with scene.step("the requester has no address: the letter waits to be printed", "HTTP") as step:
            becomes(person, visit, "the row to print", channel="to_print", version=str(version), state="held")
            say(step, person, visit, version)
        return
    with scene.step(
        "the requester is mailed: every rule of the operator's linter holds; receipts read over IMAP", "SMTP IMAP"
    ) as step:
        facts = {"channel": "mss_professional", "recipient": rpps, "version": str(version)}
        row = becomes(person, visit, "the requester's row is delivered", state="delivered", **facts)
        mailed(step, scene, row, address, unique_id)
        say(step, person, visit, version)


def _patient_mailed(scene: Scene, person: Browser, visit: Visit, unique_id: str, version: int) -> None:
    address, facts = patient_address(scene, visit), {"channel": "mss_patient", "version": str(version)}
    if not address:
        with scene.step("no INS, no mail to the patient: held until the identity is qualified", "HTTP") as step:
            becomes(person, visit, "the patient's row is held", state="held", reason="identity", **facts)
            say(step, person, visit, version)
        return
    with scene.step("the patient is mailed at their INS; the receipt is read over IMAP", "SMTP IMAP") as step:

        def delivered() -> list[dict[str, str]]:
            if scene.system.simulated("mss"):
                scene.system.tell("mss", {"release": {"recipient": address.lower()}})
            return rows(person, visit, state="delivered", **facts)

        row = until("the patient's row is delivered", delivered, RECEIPT_S)[0]
        mailed(step, scene, row, address, unique_id)
        say(step, person, visit, version)


def _messages(scene: Scene, person: Browser, visit: Visit, unique_id: str, version: int) -> None:
    with scene.step("the hospital has MDM^T02, the PACS ORU^R01, both through the gateway; both acknowledged", "MLLP") as step:
        for recipient, kind in (("HIS", "MDM_T02"), ("PACS", "ORU_R01")):
            facts = {"channel": "hl7_report", "recipient": recipient, "version": str(version)}
            row = becomes(person, visit, f"the row of {recipient} is delivered", state="delivered", **facts)
            got = message_of(step, scene, row, kind)
            step.same("PID-3", visit.order.ipp, got.ipp)
            step.same("OBX-11", "F", got.value("OBX-11"))
            if kind == "MDM_T02" and unique_id:
                step.same("TXA-12", unique_id, got.value("TXA-12"))
        say(step, person, visit, version)
