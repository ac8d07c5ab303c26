"""A bad day, of another patient: INSi is down while the exam is booked, and the DMP's answer to the report is lost.

The exam goes on with a provisional identity; the outage is one incident with its failed calls; the sweep asks again with the
machines' certificate. The report is stored once, however unknown that was for a while.
"""

from __future__ import annotations

from typing import Any

from infra.local.demo.journey import Step, until
from infra.local.demo.journeys import desk, record, visit
from infra.local.demo.journeys.visit import HTTP, Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene

FOLDER = "bad_day"
LONG = 1000
"""Faults scheduled: more than are ever used; the outage ends when they are forgotten."""


def run(scene: Scene, radiologist: Browser) -> None:
    """Take the folder's patient through, when there is one and we play the services."""
    if not (scene.folder / FOLDER).is_dir() or not (scene.system.simulated("insi") and scene.system.simulated("dmp")):
        return
    scene = scene.part(FOLDER)
    ordered = visit.announce(scene, FOLDER)
    with scene.step("the receptionist logs in", "HTTP OpenID") as step:
        receptionist = scene.login(step, "receptionist")
    with scene.step("INSi goes down: HTTP 503", "SOAP mTLS"):
        scene.system.tell("insi", {"schedule": {"search": [{"fault": "http_503", "times": LONG}]}})
    booked = visit.book(scene, receptionist, ordered)
    visit.confirmed(scene, receptionist, booked)
    failed = _provisional(scene, receptionist, booked)
    _asked_again(scene, receptionist, booked, failed)
    if booked.typed("desk") is None:
        return
    desk.qualified(scene, receptionist, booked)
    if booked.typed("report") is not None:
        visit.perform(scene, receptionist, booked, second_opinion=False)
        _lost_answer(scene, radiologist, booked)


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


def _lost_answer(scene: Scene, radiologist: Browser, booked: Visit) -> None:
    with scene.step("the DMP will store the document and cut the connection before it answers", "SOAP mTLS"):
        before = len(scene.system.received("dmp"))
        scene.system.tell("dmp", {"schedule": {"iti-41": ["lost_answer"]}})
    record.validated(scene, radiologist, booked)
    deposit = record.dispatched(scene, radiologist, booked, before)
    assert deposit is not None
    with scene.step("unknown, reconciled by asking (TD3.1b): delivered, one submission, one document", "SOAP mTLS") as step:
        _reconciled(step, scene, booked, deposit)


def _reconciled(step: Step, scene: Scene, booked: Visit, deposit: record.Deposit) -> None:
    made = [note["operation"] for note in deposit.calls if "operation" in note]
    step.require(made.count("iti-41") == 1, f"{made.count('iti-41')} submissions")
    step.require("iti-18" in made, "the DMP was never asked for the document")
    lost = next(note for note in deposit.calls if note.get("operation") == "iti-41")
    unanswered = f"{lost['number']:03d}-iti-41-response.http"
    step.require(not (scene.system.out.folder / "dmp" / unanswered).exists(), "the submission was answered")
    cloud = scene.system.cloud
    machine = cloud.state_machines["ReportDispatchStateMachine"].replace(":stateMachine:", ":execution:")
    entered = {
        event["stateEnteredEventDetails"]["name"]
        for event in cloud.history(f"{machine}:dispatch-{booked.accession}-1-1")
        if "stateEnteredEventDetails" in event
    }
    step.require("ReconcileWithDmp" in entered, "the machine did not reconcile")
    step.left("history", [f"dispatch-{booked.accession}-1-1.json"])
