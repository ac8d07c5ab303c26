"""Journey A: from the hospital's order to the finished exam, and on to the report in the national record.

The identity is proven where the folder has `desk.json`, the report written where it has `report.json`. What is beside the journey is in
`order_to_modality_beside`, a day on which services fail in `bad_day`.
"""

from __future__ import annotations

from infra.local.demo.journeys import bad_day, desk, record, visit
from infra.local.demo.journeys import order_to_modality_beside as beside
from infra.local.demo.journeys.visit import Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene


def run(scene: Scene) -> None:
    """Take the patient from the order to the record."""
    ordered = visit.announce(scene)
    with scene.step("the receptionist logs in", "HTTP OpenID") as step:
        receptionist = scene.login(step, "receptionist")
    asked = len(desk.calls(scene, desk.MANU))
    booked = visit.book(scene, receptionist, ordered)
    visit.confirmed(scene, receptionist, booked)
    desk.asked_on_booking(scene, booked, asked)
    if booked.typed("desk") is not None:
        desk.qualified(scene, receptionist, booked)
    visit.pacs_knows(scene, receptionist, booked)
    visit.perform(scene, receptionist, booked, second_opinion="-" not in scene.name)
    radiologist = _read(scene, booked)
    beside.messages_beside(scene, receptionist, booked)
    with scene.step("the receptionist logs out; the session is over", visit.HTTP) as step:
        visit.log_out(step, receptionist, booked.booking)
    bad_day.run(scene, radiologist)


def _read(scene: Scene, booked: Visit) -> Browser:
    """Let the radiologist open the finished exam, and write the report that the input holds."""
    with scene.step("the radiologist logs in and opens the finished exam", "HTTP OpenID") as step:
        radiologist = scene.login(step, "radiologist")
        visit.exam_holds(step, radiologist, booked, "completed")
    if booked.typed("report") is not None:
        before = len(scene.system.received("dmp")) if scene.system.simulated("dmp") else 0
        record.validated(scene, radiologist, booked)
        record.dispatched(scene, radiologist, booked, before)
    return radiologist
