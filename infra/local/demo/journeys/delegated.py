"""Journey D, delegated sending: the hospital's platform feeds the DMP and mails, and says later what became of each.

Our rows are *delegated* until its ZAM close them one by one: Z01 the DMP, Z02 a mail's reception, Z03 its reading; N makes a row *rejected*.
"""

from __future__ import annotations

from typing import Any

from infra.local.demo.journey import Step, StepFailed, until
from infra.local.demo.journeys import exam, letters, record
from infra.local.demo.journeys.visit import Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene
from infra.local.demo.simulators import platform_of

UNKNOWN_PATIENT = {"code": "550", "label": "5.1.1 Patient inconnu"}


def run(scene: Scene) -> None:
    """Take the patient from the order to what the platform says of the report."""
    if exam.skipped(scene):
        return
    _, booked = exam.done(scene)
    platform = platform_of(booked.booking.site)
    if not platform:
        raise StepFailed("the site's platform sends nothing: see who_sends in the reference data")
    radiologist = exam.reader(scene, booked)
    peer = f"{platform}-{booked.booking.site}"
    before = _ours(scene)
    record.validated(scene, radiologist, booked)
    message_id = _asked(scene, radiologist, booked, peer)
    with scene.step("nothing of it left by ourselves: no deposit, no mail", "SOAP SMTP") as step:
        step.same("what our DMP and our mail operator received", before, _ours(scene))
    _closed(scene, radiologist, booked, peer, message_id)


def _ours(scene: Scene) -> list[int]:
    played = [name for name in ("dmp", "mss") if scene.system.simulated(name)]
    return [len(scene.system.received(name)) for name in played]


def _wanted(scene: Scene, booked: Visit) -> dict[str, str]:
    """Return the channels that the platform must be asked for, with the state flag of each."""
    theirs = {"dmp": "DESTDMP"} if letters.patient_address(scene, booked) else {}
    theirs |= {"mss_professional": "DESTMSSANTEPS"} if letters.requester_address(scene, booked) else {}
    return theirs | ({"mss_patient": "DESTMSSANTEPAT"} if letters.patient_address(scene, booked) else {})


def _asked(scene: Scene, person: Browser, booked: Visit, peer: str) -> str:
    """Require one MDM with the flags; our rows are delegated; return its control id."""
    wanted = _wanted(scene, booked)
    with scene.step("one MDM^T02 asks the platform for everything: DESTDMP, DESTMSSANTE*; our rows are delegated", "MLLP") as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{booked.accession}-1-1")
        row = letters.becomes(
            person, booked, "the platform acknowledged", channel="hl7_report", recipient=peer.partition("-")[0], state="delivered"
        )
        got = letters.message_of(step, scene, row, "MDM_T02")
        flags = letters.flags_of(got)
        for name in ("DESTDMP", "DESTMSSANTEPS", "DESTMSSANTEPAT"):
            step.same(name, "Y" if name in wanted.values() else "N", flags.get(name))
        for name in ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX"):
            step.same(name, "N", flags.get(name))
        for channel in wanted:
            letters.becomes(person, booked, f"the row of {channel} is delegated", channel=channel, state="delegated")
        letters.say(step, person, booked)
    return str(row["message-id"])


def _closed(scene: Scene, person: Browser, booked: Visit, peer: str, message_id: str) -> None:
    """Let the platform answer one thing after the other; each moves the row it speaks of, and no other."""
    requester, patient = letters.requester_address(scene, booked), letters.patient_address(scene, booked)
    said = [("Z01", "", "Y", "dmp", "delivered", "ZAM^Z01: the DMP took it; the row is delivered")] if patient else []
    if requester:
        said.append(
            ("Z02", requester, "Y", "mss_professional", "delivered", "ZAM^Z02: the requester's mail is in the mailbox; delivered")
        )
        said.append(
            (
                "Z03",
                requester,
                "Y",
                "mss_professional",
                "delivered",
                "ZAM^Z03: the requester's software integrated it; still delivered",
            )
        )
    if patient:
        said.append(("Z02", patient, "N", "mss_patient", "rejected", "ZAM^Z02 says N for the patient: rejected with its code"))
    for event, recipient, answer, channel, state, what in said:
        with scene.step(what, "MLLP") as step:
            asked = {"event": event, "answer": answer, "message_id": message_id, **({"recipient": recipient} if recipient else {})}
            asked |= UNKNOWN_PATIENT if answer == "N" else {}
            sent = len(scene.system.report(peer)["zam"])
            scene.system.tell(peer, {"zam": asked})
            _answered(step, scene, peer, sent)
            row = letters.becomes(person, booked, f"the row of {channel} is {state}", channel=channel, state=state)
            step.require(answer == "Y" or row["remote-code"] == UNKNOWN_PATIENT["code"], "the row has not the platform's code")
            letters.say(step, person, booked)


def _answered(step: Step, scene: Scene, peer: str, sent: int) -> None:
    """Require AA for the platform's last message."""

    def last() -> dict[str, Any] | None:
        made = scene.system.report(peer)["zam"]
        return made[-1] if len(made) > sent else None

    note = until("the platform's message was answered", last)
    step.require(note["code"] == "AA", f"the gateway answered {note['code']}")
    step.left("hl7", note.get("evidence", []))
