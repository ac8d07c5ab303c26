"""What every journey begins with: the order, the booking, the identity at the desk, the exam, and who will read it."""

from __future__ import annotations

from infra.local.demo.journeys import desk, visit
from infra.local.demo.journeys.visit import Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene


def skipped(scene: Scene) -> bool:
    """Tell whether INSi is somebody else's, who need not know the patient; a step says so."""
    if scene.system.simulated("insi"):
        return False
    with scene.step("skipped: INSi is somebody else's, and need not know this patient", visit.HTTP):
        return True


def done(scene: Scene, subfolder: str = "", receptionist: Browser | None = None) -> tuple[Browser, Visit]:
    """Take the patient from the order to the finished exam; return the receptionist and the visit.

    Args:
        subfolder: Of the input, where the journey has several exams.
        receptionist: Who has logged in already, if anybody.
    """
    ordered = visit.announce(scene, subfolder)
    if receptionist is None:
        with scene.step("the receptionist logs in", "HTTP OpenID") as step:
            receptionist = scene.login(step, "receptionist")
    asked = len(desk.calls(scene, desk.MANU))
    booked = visit.book(scene, receptionist, ordered)
    visit.confirmed(scene, receptionist, booked)
    if booked.typed("desk") is not None:
        desk.asked_on_booking(scene, booked, asked)
        desk.qualified(scene, receptionist, booked)
    visit.perform(scene, receptionist, booked, second_opinion=False)
    return receptionist, booked


def reader(scene: Scene, booked: Visit) -> Browser:
    """Let the radiologist log in and open the finished exam."""
    with scene.step("the radiologist logs in and opens the finished exam", "HTTP OpenID") as step:
        radiologist = scene.login(step, "radiologist")
        visit.exam_holds(step, radiologist, booked, "completed")
    return radiologist
