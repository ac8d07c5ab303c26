"""Journey A, first half: from the hospital's order to the finished exam; what is beside it is in `order_to_modality_beside`.

Every expected value comes from the input: the messages sent, what the receptionist typed, the group's reference data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from infra.local.demo import er7, group
from infra.local.demo.journey import Step, StepFailed, until
from infra.local.demo.journeys import order_to_modality_beside as beside
from infra.local.demo.portal_client import Answer, Browser
from infra.local.demo.scene import Booking, Scene, read_booking

HTTP = "HTTP"


@dataclass(frozen=True)
class Booked:
    """The exam as its page first showed it."""

    accession: str
    study_uid: str
    patient_id: str


def run(scene: Scene) -> None:
    """Take the patient from the order to the exam's end."""
    booking = read_booking(scene.folder / "booking.json")
    order = announce(scene, booking.site)
    with scene.step("the receptionist logs in", "HTTP OpenID") as step:
        receptionist = scene.login(step, "receptionist")
    exam = _book(scene, receptionist, booking, order)
    _confirmed(scene, receptionist, booking, order, exam)
    _pacs_knows(scene, receptionist, booking, order, exam)
    _perform(scene, receptionist, booking, order, exam)
    with scene.step("the radiologist logs in and opens the finished exam", "HTTP OpenID") as step:
        radiologist = scene.login(step, "radiologist")
        _exam_holds(step, radiologist, booking, order, exam, "completed")
    beside.messages_beside(scene, receptionist, booking, order, exam.patient_id)
    with scene.step("the receptionist logs out; the session is over", HTTP) as step:
        _log_out(step, receptionist, booking)


def announce(scene: Scene, site: str) -> er7.Sent:
    """Send the input's messages to the gateway; return the order among them."""
    sent = scene.messages()
    for message in sent:
        with scene.step(f"the hospital sends {message.kind.replace('_', '^')}; AA once durable", "MLLP") as step:
            taken(step, scene.send(step, site, message.file)[0], message)
    order = next((message for message in reversed(sent) if message.value("ORC-1") == "NW"), None)
    if order is None:
        raise StepFailed("the input holds no new order")
    return order


def taken(step: Step, answer: dict[str, Any], message: er7.Sent) -> None:
    """Require AA for that very message."""
    step.require(answer["code"] == "AA", f"answered {answer['code']}")
    step.same("MSA-2", message.value("MSH-10"), answer["control_id"])


def _book(scene: Scene, person: Browser, booking: Booking, order: er7.Sent) -> Booked:
    with scene.step("the order waits among the requests to book", HTTP) as step:
        address = f"/sites/{booking.site}/requests"
        row = until("the request on the list", lambda: _request_row(person.open(address), order))
        step.same("the patient's number", order.ipp, row["patient-ipp"])
        step.same("the exam asked for", order.value("OBR-4.1"), row["exam-code"])
    with scene.step("the receptionist books the room; rules and hold answer at once", HTTP) as step:
        form_page = person.open(f"/sites/{booking.site}/booking?request={row['request']}")
        shown = beside.submit_booking(step, person, form_page, booking)
        step.require(shown.status == 200 and shown.path.startswith("/exams/"), f"HTTP {shown.status}{_rule(shown)}")
        found = shown.page.rows("exam", "accession")[0]
        return Booked(found["accession"], found["study-uid"], found["patient"])


def _request_row(shown: Answer, order: er7.Sent) -> dict[str, str] | None:
    rows = shown.page.rows("request", placer_order=order.value("ORC-2.1"))
    return rows[0] if rows else None


def _rule(shown: Answer) -> str:
    rules = [row["rule"] for row in shown.page.rows("rule")] + [row["error-code"] for row in shown.page.rows("error-code")]
    return f" {', '.join(rules)}" if rules else ""


# --- what the pages must hold ---


def pages_hold(scene: Scene, person: Browser, booking: Booking, order: er7.Sent, exam: Booked, state: str) -> None:
    """Require agenda, worklist of the day and exam page to hold the exam's time and state."""
    with scene.step(f"agenda, worklist of the day and exam page say {state.replace('_', ' ')}", HTTP) as step:
        _exam_holds(step, person, booking, order, exam, state)
        facts = {"accession": exam.accession, "room": booking.room, "start": booking.start, "patient_ipp": order.ipp}
        for page in ("agenda", "worklist"):
            address = f"/sites/{booking.site}/{page}?day={booking.day}"
            until(f"the {page} says {state}", lambda a=address: person.open(a).page.rows(**facts, state=state), 15)


def _exam_holds(step: Step, person: Browser, booking: Booking, order: er7.Sent, exam: Booked, state: str) -> None:
    facts = {"accession": exam.accession, "day": booking.day, "start": booking.start, "room": booking.room, "site": booking.site}
    address = f"/exams/{exam.accession}"
    rows = until(f"the exam's page says {state}", lambda: person.open(address).page.rows("exam", **facts, state=state))
    step.same("the patient's number on the exam's page", order.ipp, rows[0]["patient-ipp"])


def _confirmed(scene: Scene, person: Browser, booking: Booking, order: er7.Sent, exam: Booked) -> None:
    with scene.step("the booking machine confirms, publishes and sends", "Step Functions") as step:
        cloud = scene.system.cloud
        machine = cloud.state_machines["BookingStateMachine"]
        arn = machine.replace(":stateMachine:", ":execution:") + f":booking-{exam.accession}"
        status = cloud.wait_execution(arn, 30)["status"]
        step.require(status == "SUCCEEDED", f"the execution ended {status}")
        step.left("history", [f"booking-{exam.accession}.json"])
    pages_hold(scene, person, booking, order, exam, "booked")


def _pacs_knows(scene: Scene, person: Browser, booking: Booking, order: er7.Sent, exam: Booked) -> None:
    with scene.step("the PACS has the order, and its acknowledgement is on the exam's page", "MLLP") as step:
        row = until("the PACS's acknowledgement on its row", lambda: _delivered(person, exam))
        arrived = [note for note in scene.system.received(f"PACS-{booking.site}") if note["control_id"] == row["message-id"]]
        step.require(len(arrived) == 1, f"the PACS got the message {len(arrived)} times")
        step.left("hl7", arrived[0]["evidence"])
        got = er7.read(scene.system.out.folder / "hl7" / arrived[0]["evidence"][0])
        step.same("PID-3", order.ipp, got.ipp)
        step.same("PID-5", order.birth_name, got.birth_name)
        step.same("ORC-2", order.value("ORC-2.1"), got.value("ORC-2.1"))
        step.same("OBR-18", exam.accession, got.value("OBR-18.1"))
        step.same("OBR-24", group.exam(booking.exam)["dicom_modality"], got.value("OBR-24"))
        step.same("ZDS-1", exam.study_uid, got.value("ZDS-1.1"))


def _delivered(person: Browser, exam: Booked) -> dict[str, str] | None:
    rows = person.open(f"/exams/{exam.accession}").page.rows("delivery", recipient="PACS", state="delivered")
    return rows[0] if rows else None


# --- the modality ---


def _perform(scene: Scene, person: Browser, booking: Booking, order: er7.Sent, exam: Booked) -> None:
    kind = group.exam(booking.exam)["dicom_modality"]
    station = group.machine_for(booking.site, booking.room, kind)["ae_title"]
    with scene.step(f"{station} says hello", "DICOM C-ECHO") as step:
        echo = scene.dicom(step, booking.site, station, "modality", "echo")
        step.require(echo["status"] == "0000", f"status {echo['status']}")
    keys = json.dumps({"Modality": kind, "StationAETitle": station, "Date": booking.day.replace("-", "")})
    with scene.step("the worklist holds exactly this patient", "DICOM C-FIND") as step:
        found = scene.dicom(step, booking.site, station, "modality", "find", "--keys", keys)
        item = _right_item(step, found, booking, order, exam)
    with scene.step("dcmtk's findscu sees the same", "DICOM C-FIND") as step:
        found = scene.dicom(step, booking.site, station, "dcmtk_findscu", "--keys", keys)
        if found["status"] == "absent":
            step.what += " (not installed: skipped)"
        else:
            _right_item(step, found, booking, order, exam, timed=False)
    file = scene.system.work / "worklist-item.json"
    file.write_text(json.dumps(item))
    with scene.step("the exam begins: MPPS IN PROGRESS", "DICOM N-CREATE") as step:
        begun = scene.dicom(step, booking.site, station, "modality", "mpps-create", "--item", str(file))
        step.require(begun["status"] == "0000", f"status {begun['status']}")
    pages_hold(scene, person, booking, order, exam, "in_progress")
    with scene.step("the exam is done: MPPS COMPLETED", "DICOM N-SET") as step:
        uid = ("--sop-instance-uid", begun["sop_instance_uid"])
        done = scene.dicom(step, booking.site, station, "modality", "mpps-set", *uid)
        step.require(done["status"] == "0000", f"status {done['status']}")
    pages_hold(scene, person, booking, order, exam, "completed")


def _right_item(
    step: Step, found: dict[str, Any], booking: Booking, order: er7.Sent, exam: Booked, *, timed: bool = True
) -> dict[str, Any]:
    step.require(found["status"] == "0000", f"status {found['status']}")
    step.require(len(found["items"]) == 1, f"{len(found['items'])} items")
    item: dict[str, Any] = found["items"][0]
    name = dicom_value(item, "00100010")
    step.same("(0010,0010)", "^".join(order.birth_name), name.get("Alphabetic", "").rstrip("^") if isinstance(name, dict) else "")
    step.same("(0010,0020)", order.ipp, dicom_value(item, "00100020"))
    step.same("(0008,0050)", exam.accession, dicom_value(item, "00080050"))
    step.same("(0020,000D)", exam.study_uid, dicom_value(item, "0020000D"))
    if timed:
        step_item = dicom_value(item, "00400100")
        step.same("(0010,0030)", order.value("PID-7")[:8], dicom_value(item, "00100030"))
        step.same("(0040,0002)", booking.day.replace("-", ""), dicom_value(step_item, "00400002"))
        step.same("(0040,0003)", booking.start.replace(":", ""), str(dicom_value(step_item, "00400003"))[:4])
    return item


def dicom_value(item: Any, tag: str) -> Any:
    """Return the first value of an element of DICOM JSON, or an empty string."""
    values = item.get(tag, {}).get("Value", []) if isinstance(item, dict) else []
    return values[0] if values else ""


def _log_out(step: Step, person: Browser, booking: Booking) -> None:
    shown = person.open(f"/sites/{booking.site}/agenda?day={booking.day}")
    form = next((form for form in shown.page.forms if form.action.endswith("/logout")), None)
    step.require(form is not None, "no page offers the logout")
    assert form is not None
    gone = person.submit(shown, form, {})
    step.require(gone.status == 200, f"HTTP {gone.status}")
    after = person.open(f"/sites/{booking.site}/agenda?day={booking.day}", as_json=True)
    step.require(after.status == 401, f"HTTP {after.status} after the logout")
