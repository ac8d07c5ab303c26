"""A patient who wants no mail, and a requester without a mailbox: nothing is mailed, the letter waits for paper, and who printed it is known."""

from __future__ import annotations

import json
from typing import Any

from infra.local.demo.journey import StepFailed, until
from infra.local.demo.journeys import exam, letters, record
from infra.local.demo.journeys.forms import pressed, pressed_on_row
from infra.local.demo.journeys.visit import HTTP, Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene


def respected(scene: Scene, subfolder: str, receptionist: Browser, radiologist: Browser) -> None:
    """Take one exam through.

    Args:
        subfolder: Of the input; its `refusals.json` says who refuses what.
    """
    _, booked = exam.done(scene, subfolder, receptionist)
    said = json.loads((scene.folder / subfolder / "refusals.json").read_text())
    if letters.requester_address(scene, booked):
        raise StepFailed("the input must name a requester whom the directory has no address for")
    _recorded(scene, receptionist, booked, said)
    before = _mails(scene)
    record.validated(scene, radiologist, booked)
    with scene.step("the DMP has the report; nobody is mailed: withdrawn by the patient's refusal", "SOAP SMTP") as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{booked.accession}-1-1")
        letters.becomes(radiologist, booked, "the DMP has it", channel="dmp", state="delivered", version="1")
        for channel, recipient in _refused(said):
            facts = {"channel": channel, "recipient": recipient, "version": "1", "state": "withdrawn", "reason": "refusal"}
            letters.becomes(radiologist, booked, f"{channel} is withdrawn", **facts)
        step.same("the mails that our operator received", before, _mails(scene))
        letters.say(step, radiologist, booked)
    _printed(scene, booked)


def _refused(said: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("mss_professional", rpps) for rpps in said["professionals"]]
    return rows + ([("mss_patient", "PATIENT")] if said["patient"] else [])


def _recorded(scene: Scene, person: Browser, booked: Visit, said: dict[str, Any]) -> None:
    with scene.step("the patient refuses mail, to themselves and to a professional: recorded on their page", HTTP) as step:
        address = f"/patients/{booked.patient_id}"
        for _, who in _refused(said):
            shown = person.open(address)
            form = next(
                (one for one in shown.page.forms if one.fields.get("who") == who and one.data.get("action") == "refusal"), None
            )
            if form is not None:
                step.require(person.submit(shown, form, {}).status == 200, "the refusal is not taken")
            else:
                pressed(step, person, shown, "refusal-other", {"who": who})
        for _, who in _refused(said):
            until("the page says refused", lambda w=who: person.open(address).page.rows(refusal=w, refused="yes"))


def _printed(scene: Scene, booked: Visit) -> None:
    """Let the secretary print the requester's letter; the row says by whom."""
    paper = {"channel": "to_print", "recipient": letters.requester(booked), "version": "1"}
    with scene.step("the requester has no mailbox: to print; the secretary prints and sends it: by whom and when", HTTP) as step:
        secretary = scene.login(step, "secretary")
        row = letters.becomes(secretary, booked, "the row to print", state="held", reason="to_print", **paper)
        letters.say(step, secretary, booked)
        pressed_on_row(step, secretary, booked.accession, row, "printed")
        letters.becomes(secretary, booked, "the letter left on paper", state="delivered", **paper)
        line = secretary.open(f"/exams/{booked.accession}").page.found("delivery", **paper)[0].text
        step.require(scene.account("secretary") in line, "the row does not say who printed")
        step.require("Depuis le" in line, "the row does not say when")
        letters.say(step, secretary, booked)


def _mails(scene: Scene) -> int:
    """Return how many mails our operator has received."""
    return sum(count["accepted"] + count["refused"] for count in scene.system.report("mss")["messages"].values())
