"""Beside the journey: a message sent twice, messages that cannot be read, one that cannot be applied, a slot that is taken."""

from __future__ import annotations

import re
from pathlib import Path

from infra.local.demo.journey import Step, until
from infra.local.demo.journeys.visit import Visit, submit_booking
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Booking, Scene

PLACE = re.compile(r"\d+-([A-Z][A-Z0-9]{2})(?:-(\d+))?")


def find_patient(step: Step, person: Browser, ipp: str) -> str:
    """Search a patient by number, as a person does; return our id, or an empty string."""
    asked = person.open("/patients")
    form = asked.page.form_with("q")
    step.require(form is not None, f"no search form (HTTP {asked.status})")
    assert form is not None
    rows = person.submit(asked, form, {"q": ipp}).page.rows("patient", patient_ipp=ipp)
    return rows[0]["patient"] if rows else ""


def messages_beside(scene: Scene, person: Browser, visit: Visit) -> None:
    """Send what is not plain: unreadable messages, twice the same, one that cannot be applied; book a slot that is taken."""
    booking, order, patient_id = visit.booking, visit.order, visit.patient_id
    for file in scene.files("refused"):
        _refused(scene, booking, file)
    before = _of_patient(person, patient_id)
    with scene.step("the same messages again: AA", "MLLP") as step:
        answers = scene.send(step, booking.site, *scene.files())
        step.require([answer["code"] for answer in answers] == ["AA"] * len(answers), "one was not answered AA")
    _parked(scene, booking)
    _next_pass(scene, person, booking)
    with scene.step("what came twice had one effect", "HTTP") as step:
        # The messages that followed have been seen; the gateway forwards in order.
        until("the queues are empty", lambda: scene.system.waiting_messages() == 0)
        step.require(_of_patient(person, patient_id) == before, "the patient's page holds something more than before")
        waiting = person.open(f"/sites/{booking.site}/requests").page.rows("request", placer_order=order.value("ORC-2.1"))
        step.require(not waiting, "the request is to be booked again")


def _of_patient(person: Browser, patient_id: str) -> list[tuple[str, str]]:
    """Return exams and requests of the patient's page, with their states."""
    page = person.open(f"/patients/{patient_id}").page
    return sorted(
        (row.get("accession") or row["request"], row["state"]) for row in page.rows("state") if {"accession", "request"} & set(row)
    )


def _refused(scene: Scene, booking: Booking, file: Path) -> None:
    named = PLACE.match(file.name)
    segment, field = (named[1], named[2] or "") if named else ("", "")
    with scene.step(f"unreadable: AE, ERR names {'-'.join(filter(None, (segment, field)))}", "MLLP") as step:
        answer = scene.send(step, booking.site, file)[0]
        step.require(answer["code"] == "AE", f"answered {answer['code']}")
        places = [line.split("|")[2].split("^") for line in answer["errors"] if line.count("|") >= 3]
        right = [place for place in places if place[0] == segment and (not field or place[2:3] == [field])]
        step.require(right, "no ERR names that segment and field")


def _parked(scene: Scene, booking: Booking) -> None:
    parked = scene.messages("parked")
    if not parked:
        return
    with scene.step("readable, not applicable: AA; the next ones right behind: AA", "MLLP") as step:
        answers = scene.send(step, booking.site, *scene.files("parked"), *scene.files("next"))
        step.require([answer["code"] for answer in answers] == ["AA"] * len(answers), "one was not answered AA")
    with scene.step("it waits on the operator's list with its reason", "HTTP OpenID") as step:
        operator = scene.login(step, "operator")
        address = f"/sites/{booking.site}/messages"
        for message in parked:
            control_id = message.value("MSH-10")
            rows = until("the message on the list", lambda c=control_id: operator.open(address).page.rows("reason", control_id=c))
            step.require(rows[0]["reason"], "no reason")


def _next_pass(scene: Scene, person: Browser, booking: Booking) -> None:
    following = scene.messages("next")
    if not following:
        return
    with scene.step("the next ones passed: the other patient is found", "HTTP") as step:
        patient_id = until("the other patient among the patients", lambda: find_patient(step, person, following[0].ipp))
    with scene.step("the other patient on the same slot: 409 with the rule", "HTTP") as step:
        refused = submit_booking(step, person, person.open(f"/sites/{booking.site}/booking?patient={patient_id}"), booking)
        rules = [row["rule"] for row in refused.page.rows("rule")]
        step.require((refused.status, rules) == (409, ["slot_taken"]), f"HTTP {refused.status} {rules}")
