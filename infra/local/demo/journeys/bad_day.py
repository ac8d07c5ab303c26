"""Journey C, a bad day: INSi is down, the DMP's answer is lost, the mail operator says not now and then returns a mail, the HIS refuses.

The exam goes on with a provisional identity, and the report is validated with it: requester, HIS and PACS get it at once, DMP and patient are
held. When INSi is back the sweep asks again with the machines' certificate; the identity is qualified, and version 2 leaves by itself. What each
row said at each moment is in `journey.json`.
"""

from __future__ import annotations

from typing import Any

from infra.local.demo.journey import Step, until
from infra.local.demo.journeys import desk, exam, letters, record, visit
from infra.local.demo.journeys.diary import Diary
from infra.local.demo.journeys.visit import HTTP, Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene

LONG = 1000
"""Faults scheduled: more than are ever used; the outage ends when they are forgotten."""
NOT_NOW = 4
"""How often the operator answers 451."""
CLOSED = {"answer": "dsn", "action": "failed", "status": "5.2.1", "words": "550 5.2.1 Mailbox closed", "hold": True}
"""The report that a mail came back, once the operator is told to send it."""
HL7 = {"channel": "hl7_report", "recipient": "HIS"}


def run(scene: Scene) -> None:
    """Take the patient through, where we play the services."""
    if not all(scene.system.simulated(name) for name in ("insi", "dmp", "mss")):
        with scene.step("skipped: the services are somebody else's, and nobody breaks those", HTTP):
            return
    try:
        _taken_through(scene)
    finally:
        for name in ("insi", "dmp", "mss"):
            scene.system.forget_faults(name)


def _taken_through(scene: Scene) -> None:
    ordered = visit.announce(scene)
    with scene.step("INSi goes down: HTTP 503", "SOAP mTLS"):
        scene.system.tell("insi", {"schedule": {"search": [{"fault": "http_503", "times": LONG}]}})
    with scene.step("the receptionist logs in", "HTTP OpenID") as step:
        receptionist = scene.login(step, "receptionist")
    booked = visit.book(scene, receptionist, ordered)
    visit.confirmed(scene, receptionist, booked)
    opened_at = _provisional(scene, receptionist, booked)
    visit.perform(scene, receptionist, booked, second_opinion=False)
    radiologist = exam.reader(scene, booked)
    with Diary(scene, booked) as diary:
        _first_version(scene, radiologist, booked, diary)
        _asked_again(scene, receptionist, booked, opened_at)
        _faults_of_the_second(scene, booked)
        before = len(scene.system.received("dmp"))
        desk.qualified(scene, receptionist, booked)
        _second_version(scene, radiologist, booked, diary, before)


def _let_answer(scene: Scene, name: str) -> None:
    """Let a simulator give the answer that it keeps, once it has been asked."""
    until(f"{name} was asked", lambda: scene.system.report(name)["silent"])
    scene.system.tell(name, {"reply": True})


# --- version 1: without an INS ---


def _first_version(scene: Scene, person: Browser, booked: Visit, diary: Diary) -> None:
    peer = f"HIS-{booked.booking.site}"
    with scene.step("the HIS will take its time, and answer AR once", "MLLP"):
        scene.system.tell(peer, {"schedule": {"message": [{"fault": "AR", "wait": True}]}})
    record.validated(scene, person, booked)
    with scene.step(
        "the HIS answers AR once; the gateway sends the same message again: AA, delivered on the retry", "MLLP"
    ) as step:
        diary.tell(step, "waiting for the gateway", state="pending", reason="handed_over", version="1", **HL7)
        _let_answer(scene, peer)
        row = letters.becomes(person, booked, "the HIS's row is delivered", state="delivered", version="1", **HL7)
        letters.message_of(step, scene, row, "MDM_T02", times=2)
        diary.tell(step, "delivered", state="delivered", version="1", **HL7)
    with scene.step("not qualified: DMP and patient are held: identity; requester and PACS have the report", "SMTP MLLP") as step:
        for channel in ("dmp", "mss_patient"):
            letters.becomes(person, booked, f"{channel} is held", channel=channel, state="held", reason="identity", version="1")
        letters.becomes(person, booked, "the PACS has it", channel="hl7_report", recipient="PACS", state="delivered", version="1")
        if address := letters.requester_address(scene, booked):
            row = letters.becomes(
                person, booked, "the requester has it", channel="mss_professional", state="delivered", version="1"
            )
            letters.mailed(step, scene, row, address)
        letters.say(step, person, booked)


# --- version 2: by itself, with the INS ---


def _faults_of_the_second(scene: Scene, booked: Visit) -> None:
    address = letters.patient_address(scene, booked).lower()
    with scene.step(
        f"the DMP will lose its answer, the operator say 451 {NOT_NOW} times and return the patient's mail, the HIS say AE", "all"
    ):
        scene.system.tell("dmp", {"schedule": {"iti-41": ["lost_answer"], "iti-18": ["wait"]}})
        busy = {"fault": "reply", "code": 451, "text": "4.3.0 Service momentanement indisponible", "times": NOT_NOW}
        scene.system.tell("mss", {"schedule": {f"data:{address}": [busy]}, "receipts": {address: [[CLOSED]]}})
        scene.system.tell(f"HIS-{booked.booking.site}", {"schedule": {"message": ["AE"]}})


def _second_version(scene: Scene, person: Browser, booked: Visit, diary: Diary, before: int) -> None:
    with scene.step(
        "the identity is qualified: version 2 with the INS is made by itself, with nobody's click", "Step Functions"
    ) as step:
        scene.ended(step, "ReportSigningStateMachine", f"signing-{booked.accession}-2")
        letters.becomes(person, booked, "rows of version 2", version="2")
        letters.say(step, person, booked)
    with scene.step(
        "the DMP stores it and its answer is lost: asked (TD3.1b), found, delivered; a first submission", "SOAP mTLS"
    ) as step:
        diary.tell(step, "unknown", channel="dmp", version="2", state="pending", unknown="yes")
        _let_answer(scene, "dmp")
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{booked.accession}-2-1")
        letters.becomes(person, booked, "the DMP's row is delivered", channel="dmp", state="delivered", version="2")
        diary.tell(step, "delivered", channel="dmp", version="2", state="delivered")
        _reconciled(step, scene, booked, before)
    _returned(scene, person, booked, diary)
    _refused_then_by_hand(scene, person, booked, diary)
    with scene.step("the requester was mailed once: the content is the same", "SMTP") as step:
        sent = [one for one in letters.rows(person, booked, channel="mss_professional") if one["state"] == "delivered"]
        step.require(len(sent) <= 1, f"{len(sent)} mails to the requester")
        for one in sent:
            step.same("how often the operator took the requester's mail", 1, letters.count_of(scene, one["message-id"])["accepted"])
        letters.say(step, person, booked)


def _returned(scene: Scene, person: Browser, booked: Visit, diary: Diary) -> None:
    address = letters.patient_address(scene, booked)
    patient = {"channel": "mss_patient", "version": "2"}
    with scene.step("the operator says 451, then takes the same mail: accepted by the operator, no more than that", "SMTP") as step:
        row = letters.becomes(person, booked, "accepted by the operator", state="pending", reason="accepted_by_operator", **patient)
        count = letters.count_of(scene, row["message-id"])
        step.same("how often the operator said 451, and took the mail", (NOT_NOW, 1), (count["refused"], count["accepted"]))
        step.require(list(count["recipients"]) == [address.lower()], "the mail did not go to the patient's INS")
        for number in count["numbers"]:
            step.left("mssante", [f"{number:03d}.eml", f"{number:03d}.json"])
        diary.tell(step, "accepted", accepted="yes", state="pending", **patient)
    with scene.step("the operator returns it: the patient's mailbox is closed; the row is rejected", "IMAP") as step:
        scene.system.tell("mss", {"release": {"recipient": address.lower()}})
        row = letters.becomes(person, booked, "the patient's row is rejected", state="rejected", **patient)
        step.require(row["remote-code"], "the row has no code of the operator")
        diary.tell(step, "rejected", state="rejected", **patient)


def _refused_then_by_hand(scene: Scene, person: Browser, booked: Visit, diary: Diary) -> None:
    with scene.step("the HIS refuses the T10 (AE): its row is rejected, with the peer's words", "MLLP") as step:
        letters.becomes(person, booked, "the HIS's row is rejected", state="rejected", version="2", **HL7)
        diary.tell(step, "rejected", state="rejected", version="2", **HL7)
    with scene.step("sent again by hand (dry run first): MDM^T10 taken; the same bytes", "ris MLLP") as step:
        mine = ("--exam", booked.accession, "--channel", "hl7_report", "--json")
        dry = scene.system.operate("dispatch", "retry", *mine, "--dry-run")
        step.require(booked.accession in dry, "the dry run does not name the exam")
        scene.system.operate("dispatch", "retry", *mine)
        row = letters.becomes(person, booked, "the HIS's row is delivered", state="delivered", version="2", **HL7)
        got = letters.message_of(step, scene, row, "MDM_T10", times=2)
        step.require(got.value("TXA-13"), "the message names no document that it replaces")
        diary.tell(step, "delivered", state="delivered", version="2", **HL7)


# --- INSi ---


def _provisional(scene: Scene, person: Browser, booked: Visit) -> str:
    """Require the exam to go on, the identity to be provisional, and one open incident; return when it was opened."""
    with scene.step("the exam is booked all the same; its identity stays provisoire", HTTP) as step:
        scene.ended(step, "IdentityQualificationStateMachine", f"identity-{booked.patient_id}-booking-{booked.accession}")
        until("the page says that INSi failed", lambda: desk.identity_says(person, booked, status="PROV", insi="failed"))
        refused = [note for note in desk.calls(scene, desk.MANU) if note["outcome"].startswith("http_503")]
        for note in refused:
            step.left("insi", desk.evidence(note))
    with scene.step("the breaker is open: one incident", "DynamoDB") as step:
        rows = until("an open incident", lambda: [row for row in _incidents(scene) if not row["closed_at"]])
        step.require(len(rows) == 1, f"{len(rows)} open incidents")
        return str(rows[0]["opened_at"])


def _asked_again(scene: Scene, person: Browser, booked: Visit, opened_at: str) -> None:
    before = len(desk.calls(scene, desk.AUTO))
    with scene.step(f"INSi is back; the sweep asks again when it is due (certificate {desk.AUTO})", "SOAP mTLS") as step:
        scene.system.forget_faults("insi")
        found = until("INSi was asked by the machine", lambda: _answered(scene, before), 45)
        step.left("insi", desk.evidence(found))
        until("the page has INSi's answer", lambda: _has_answer(person, booked))
    with scene.step("the breaker is closed: the same incident, with every failed call counted", "DynamoDB") as step:
        row = until("the incident is closed", lambda: _closed(scene, opened_at))
        failed = sum(str(note["outcome"]).startswith("http_503") for note in scene.system.received("insi"))
        step.same("the number of failed calls", failed, row["failures"])
        step.require(len(_incidents(scene)) == 1, "more than one incident")


def _answered(scene: Scene, before: int) -> dict[str, Any] | None:
    return next((note for note in desk.calls(scene, desk.AUTO)[before:] if note["outcome"] == "00"), None)


def _has_answer(person: Browser, booked: Visit) -> bool:
    found = [desk.identity_says(person, booked, insi=state) for state in ("pending", "accepted")]
    return any(found)


def _closed(scene: Scene, opened_at: str) -> dict[str, Any] | None:
    return next((row for row in _incidents(scene) if row["opened_at"] == opened_at and row["closed_at"]), None)


def _incidents(scene: Scene) -> list[dict[str, Any]]:
    """Return INSi's incidents out of the table, as an operator would look."""
    cloud = scene.system.cloud
    table = cloud.function_env("QueryInsiFunction")["TABLE_MESSAGES"]
    found = cloud.client("dynamodb", "operator").query(
        TableName=table,
        KeyConditionExpression="pk = :remote AND begins_with(sk, :incident)",
        ExpressionAttributeValues={":remote": {"S": "BREAKER#insi"}, ":incident": {"S": "INCIDENT#"}},
        ConsistentRead=True,
    )["Items"]
    return [
        {
            "opened_at": item["opened_at"]["S"],
            "closed_at": item.get("closed_at", {}).get("S", ""),
            "failures": int(item["failures"]["N"]),
        }
        for item in found
    ]


def _reconciled(step: Step, scene: Scene, booked: Visit, before: int) -> None:
    deposit = record.deposit(step, scene, booked, before)
    made = [note["operation"] for note in deposit.calls if "operation" in note]
    step.require(made.count("iti-41") == 1, f"{made.count('iti-41')} submissions")
    step.require("iti-18" in made, "the DMP was never asked for the document")
    lost = next(note for note in deposit.calls if note.get("operation") == "iti-41")
    folder = scene.system.out.folder / "dmp"
    step.require(not (folder / f"{lost['number']:03d}-iti-41-response.http").exists(), "the submission was answered")
    asked = (folder / f"{lost['number']:03d}-iti-41-request.http").read_bytes()
    step.require(b"urn:ihe:iti:2007:AssociationType:RPLC" not in asked, "the DMP was asked to replace what it never had")
    record.holds(step, scene, booked, deposit.unique_id)
