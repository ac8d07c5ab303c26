"""One visit: announced and ordered by the hospital, booked, on the modality's worklist, performed.

Every expected value comes from the input: the messages sent, what the receptionist typed, the group's reference data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.demo import er7, group
from infra.local.demo.identities import expected
from infra.local.demo.journey import Step, StepFailed, until
from infra.local.demo.portal_client import Answer, Browser
from infra.local.demo.scene import Booking, Scene, read_booking

HTTP = "HTTP"


@dataclass(frozen=True)
class Ordered:
    """What the hospital asked for, and what the receptionist will type.

    Args:
        folder: Of the input: messages, `booking.json` and, perhaps, `desk.json` and `report.json`.
        patient: The last message that announces the patient.
    """

    folder: Path
    booking: Booking
    patient: er7.Sent
    order: er7.Sent


@dataclass(frozen=True)
class Visit(Ordered):
    """The exam as its page first showed it."""

    accession: str
    study_uid: str
    patient_id: str

    def typed(self, name: str) -> Any:
        """Return what a person types, out of a JSON file of the folder; None when it is not there."""
        file = self.folder / f"{name}.json"
        return json.loads(file.read_text()) if file.exists() else None


def announce(scene: Scene, subfolder: str = "") -> Ordered:
    """Send the messages of a folder of the input to the gateway; return what they ordered."""
    folder = scene.folder / subfolder
    booking = read_booking(folder / "booking.json")
    sent = scene.messages(subfolder)
    for message in sent:
        with scene.step(f"the hospital sends {message.kind.replace('_', '^')}; AA once durable", "MLLP") as step:
            taken(step, scene.send(step, booking.site, message.file)[0], message)
    order = next((message for message in reversed(sent) if message.value("ORC-1") == "NW"), None)
    if order is None:
        raise StepFailed("the input holds no new order")
    patient = next((message for message in reversed(sent) if message.kind.startswith("ADT_")), order)
    return Ordered(folder, booking, patient, order)


def taken(step: Step, answer: dict[str, Any], message: er7.Sent) -> None:
    """Require AA for that very message."""
    step.require(answer["code"] == "AA", f"answered {answer['code']}")
    step.same("MSA-2", message.value("MSH-10"), answer["control_id"])


# --- booking ---


def book(scene: Scene, person: Browser, ordered: Ordered) -> Visit:
    """Find the request on its list and book it."""
    booking, order = ordered.booking, ordered.order
    with scene.step("the order waits among the requests to book", HTTP) as step:
        address = f"/sites/{booking.site}/requests"
        row = until("the request on the list", lambda: _request_row(person.open(address), order))
        step.same("the patient's number", order.ipp, row["patient-ipp"])
        step.same("the exam asked for", order.value("OBR-4.1"), row["exam-code"])
    with scene.step("the receptionist books the room; rules and hold answer at once", HTTP) as step:
        form_page = person.open(f"/sites/{booking.site}/booking?request={row['request']}")
        shown = submit_booking(step, person, form_page, booking)
        step.require(shown.status == 200 and shown.path.startswith("/exams/"), f"HTTP {shown.status}{_rule(shown)}")
        found = shown.page.rows("exam", "accession")[0]
        parts = (ordered.folder, booking, ordered.patient, order)
        return Visit(*parts, accession=found["accession"], study_uid=found["study-uid"], patient_id=found["patient"])


def _request_row(shown: Answer, order: er7.Sent) -> dict[str, str] | None:
    rows = shown.page.rows("request", placer_order=order.value("ORC-2.1"))
    return rows[0] if rows else None


def _rule(shown: Answer) -> str:
    rules = [row["rule"] for row in shown.page.rows("rule")] + [row["error-code"] for row in shown.page.rows("error-code")]
    return f" {', '.join(rules)}" if rules else ""


def submit_booking(step: Step, person: Browser, shown: Answer, booking: Booking) -> Answer:
    """Fill the booking form as a person does and send it."""
    form = shown.page.form_with("exam", "day", "room", "start")
    step.require(form is not None, f"no booking form (HTTP {shown.status})")
    assert form is not None
    return person.submit(shown, form, {"exam": booking.exam, "day": booking.day, "room": booking.room, "start": booking.start})


def confirmed(scene: Scene, person: Browser, visit: Visit) -> None:
    """Wait for the booking machine; the pages then say so."""
    with scene.step("the booking machine confirms, publishes and sends", "Step Functions") as step:
        scene.ended(step, "BookingStateMachine", f"booking-{visit.accession}")
    pages_hold(scene, person, visit, "booked")


def pacs_knows(scene: Scene, person: Browser, visit: Visit) -> None:
    """Require the PACS's copy of the order to say what was booked, and its acknowledgement on the exam's page."""
    booking, order = visit.booking, visit.order
    with scene.step("the PACS has the order, and its acknowledgement is on the exam's page", "MLLP") as step:
        row = until("the PACS's acknowledgement on its row", lambda: delivered(person, visit, "PACS"))
        arrived = [note for note in scene.system.received(f"PACS-{booking.site}") if note["control_id"] == row["message-id"]]
        step.require(len(arrived) == 1, f"the PACS got the message {len(arrived)} times")
        step.left("hl7", arrived[0]["evidence"])
        got = er7.read(scene.system.out.folder / "hl7" / arrived[0]["evidence"][0])
        step.same("PID-3", order.ipp, got.ipp)
        step.same("PID-5", order.birth_name, got.birth_name)
        step.same("ORC-2", order.value("ORC-2.1"), got.value("ORC-2.1"))
        step.same("OBR-18", visit.accession, got.value("OBR-18.1"))
        step.same("OBR-24", group.exam(booking.exam)["dicom_modality"], got.value("OBR-24"))
        step.same("ZDS-1", visit.study_uid, got.value("ZDS-1.1"))


def delivered(person: Browser, visit: Visit, recipient: str) -> dict[str, str] | None:
    """Return the delivered row of a recipient on the exam's page, or None."""
    rows = person.open(f"/exams/{visit.accession}").page.rows("delivery", recipient=recipient, state="delivered")
    return rows[0] if rows else None


# --- what the pages must hold ---


def pages_hold(scene: Scene, person: Browser, visit: Visit, state: str) -> None:
    """Require agenda, worklist of the day and exam page to hold the exam's time and state."""
    booking = visit.booking
    with scene.step(f"agenda, worklist of the day and exam page say {state.replace('_', ' ')}", HTTP) as step:
        exam_holds(step, person, visit, state)
        facts = {"accession": visit.accession, "room": booking.room, "start": booking.start, "patient_ipp": visit.order.ipp}
        for page in ("agenda", "worklist"):
            address = f"/sites/{booking.site}/{page}?day={booking.day}"
            until(f"the {page} says {state}", lambda a=address: person.open(a).page.rows(**facts, state=state), 15)


def exam_holds(step: Step, person: Browser, visit: Visit, state: str) -> None:
    """Require the exam's page to hold its place, time and state."""
    booking = visit.booking
    facts = {"accession": visit.accession, "day": booking.day, "start": booking.start, "room": booking.room, "site": booking.site}
    address = f"/exams/{visit.accession}"
    rows = until(f"the exam's page says {state}", lambda: person.open(address).page.rows("exam", **facts, state=state))
    step.same("the patient's number on the exam's page", visit.order.ipp, rows[0]["patient-ipp"])


# --- the modality ---


def perform(scene: Scene, person: Browser, visit: Visit, *, second_opinion: bool = True) -> None:
    """Take the exam from the worklist to its end, as the modality does it.

    Args:
        second_opinion: Ask with dcmtk too, after an echo.
    """
    site = visit.booking.site
    kind = group.exam(visit.booking.exam)["dicom_modality"]
    station = group.machine_for(site, visit.booking.room, kind)["ae_title"]
    if second_opinion:
        with scene.step(f"{station} says hello", "DICOM C-ECHO") as step:
            echo = scene.dicom(step, site, station, "echo")
            step.require(echo["status"] == "0000", f"status {echo['status']}")
    keys = json.dumps({"Modality": kind, "StationAETitle": station, "Date": visit.booking.day.replace("-", "")})
    with scene.step("the worklist holds exactly this patient", "DICOM C-FIND") as step:
        item = _right_item(step, scene, scene.dicom(step, site, station, "find", "--keys", keys), visit)
    if second_opinion:
        _asked_with_dcmtk(scene, visit, station, keys)
    with scene.step("the exam begins: MPPS IN PROGRESS", "DICOM N-CREATE") as step:
        uid = begun(scene, step, site, station, item)
    if second_opinion:
        pages_hold(scene, person, visit, "in_progress")
    with scene.step("the exam is done: MPPS COMPLETED", "DICOM N-SET") as step:
        ended(scene, step, site, station, uid)
    pages_hold(scene, person, visit, "completed")


def begun(scene: Scene, step: Step, site: str, station: str, item: dict[str, Any]) -> str:
    """Let a modality begin what an item of its worklist asks for; return the SOP Instance UID of the performed step."""
    file = scene.system.work / "worklist-item.json"
    file.write_text(json.dumps(item))
    answer = scene.dicom(step, site, station, "mpps-create", "--item", str(file))
    step.require(answer["status"] == "0000", f"status {answer['status']}")
    return str(answer["sop_instance_uid"])


def ended(scene: Scene, step: Step, site: str, station: str, uid: str) -> None:
    """Let a modality complete a performed step that it began."""
    answer = scene.dicom(step, site, station, "mpps-set", "--sop-instance-uid", uid)
    step.require(answer["status"] == "0000", f"status {answer['status']}")


def _asked_with_dcmtk(scene: Scene, visit: Visit, station: str, keys: str) -> None:
    with scene.step("dcmtk's findscu sees the same", "DICOM C-FIND") as step:
        found = scene.dicom(step, visit.booking.site, station, "findscu", "--keys", keys)
        if found["status"] == "absent":
            step.what += " (not installed: skipped)"
        else:
            _right_item(step, scene, found, visit, timed=False)


def _right_item(step: Step, scene: Scene, found: dict[str, Any], visit: Visit, *, timed: bool = True) -> dict[str, Any]:
    booking, order = visit.booking, visit.order
    step.require(found["status"] == "0000", f"status {found['status']}")
    step.require(len(found["items"]) == 1, f"{len(found['items'])} items")
    item: dict[str, Any] = found["items"][0]
    value = dicom_value(item, "00100010")
    name = value.get("Alphabetic", "").rstrip("^") if isinstance(value, dict) else ""
    step.require(_latin_1(name) in _names(scene, visit), "(0010,0010) is not what the input says")
    step.same("(0010,0020)", order.ipp, dicom_value(item, "00100020"))
    step.same("(0008,0050)", visit.accession, dicom_value(item, "00080050"))
    step.same("(0020,000D)", visit.study_uid, dicom_value(item, "0020000D"))
    if timed:
        step_item = dicom_value(item, "00400100")
        step.same("(0010,0030)", order.value("PID-7")[:8], dicom_value(item, "00100030"))
        step.same("(0040,0002)", booking.day.replace("-", ""), dicom_value(step_item, "00400002"))
        step.same("(0040,0003)", booking.start.replace(":", ""), str(dicom_value(step_item, "00400003"))[:4])
    return item


def _names(scene: Scene, visit: Visit) -> set[str]:
    """Return the birth name as the hospital sent it and, once accepted, as INSi spells it; in the characters of the stations."""
    known = expected(scene.system.given.identities, visit.patient)
    insi = [f"{known.family}^{known.given}"] if known is not None and visit.typed("desk") is not None else []
    return {_latin_1(name) for name in ("^".join(visit.order.birth_name), *insi)}


def _latin_1(name: str) -> str:
    """Return a name as a station of ISO_IR 100 gets it, which has no ligatures."""
    return name.replace("Œ", "OE").replace("œ", "oe")


def dicom_value(item: Any, tag: str) -> Any:
    """Return the first value of an element of DICOM JSON, or an empty string."""
    values = item.get(tag, {}).get("Value", []) if isinstance(item, dict) else []
    return values[0] if values else ""


def log_out(step: Step, person: Browser, booking: Booking) -> None:
    """Log out; the pages are closed afterwards."""
    shown = person.open(f"/sites/{booking.site}/agenda?day={booking.day}")
    form = next((form for form in shown.page.forms if form.action.endswith("/logout")), None)
    step.require(form is not None, "no page offers the logout")
    assert form is not None
    gone = person.submit(shown, form, {})
    step.require(gone.status == 200, f"HTTP {gone.status}")
    after = person.open(f"/sites/{booking.site}/agenda?day={booking.day}", as_json=True)
    step.require(after.status == 401, f"HTTP {after.status} after the logout")
