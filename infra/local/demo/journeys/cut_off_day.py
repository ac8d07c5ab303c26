"""The day of a site that will be cut off: two exams booked, nothing on its way, and what the gateway, the machines and the cockpit say of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from infra.local.demo import er7, group
from infra.local.demo.journey import Step, until
from infra.local.demo.journeys import cut_off_cloud as cloud
from infra.local.demo.journeys import visit
from infra.local.demo.journeys.visit import HTTP, Visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene

ALSO_BOOKED, WHILE_CUT, AFTER_THE_KILL = "also_booked", "while_cut", "after_the_kill"
BOTH = ("find", "findscu")
"""The machine's own console, and dcmtk's."""
BEAT_S = 1.0
"""How often the gateway of this journey says how it is."""


@dataclass(frozen=True)
class Day:
    """The day that is interrupted.

    Args:
        exam: Performed while the site is cut off; `other` is cancelled at the desk meanwhile.
        before: What the cloud had applied before.
        steps_before: How many steps the gateway's worklist had.
    """

    scene: Scene
    receptionist: Browser
    operator: Browser
    exam: Visit
    other: Visit
    before: cloud.Applied
    steps_before: int

    @property
    def site(self) -> str:
        """Return the site."""
        return self.exam.booking.site

    @property
    def station(self) -> str:
        """Return the AE title of the machine of the exam."""
        kind = group.exam(self.exam.booking.exam)["dicom_modality"]
        return str(group.machine_for(self.site, self.exam.booking.room, kind)["ae_title"])

    @property
    def cable(self) -> str:
        """Return the name of the site's cable."""
        return f"cable-{self.site}"

    @property
    def over(self) -> tuple[Visit, Visit]:
        """Return the exams that no machine has to be told of in the end."""
        return self.exam, self.other

    def health(self) -> dict[str, Any]:
        """Return what the gateway says of itself at the site."""
        return self.scene.system.health(self.site)


def begun(scene: Scene) -> Day:
    """Book two exams, and wait until nothing is on its way."""
    if missing := [name for name in (ALSO_BOOKED, WHILE_CUT, AFTER_THE_KILL) if not scene.files(name)]:
        with scene.step("the input holds what the site does", "files") as step:
            step.require(False, f"no messages in {', '.join(missing)}")
    first, second = visit.announce(scene), visit.announce(scene, ALSO_BOOKED)
    with scene.step("the receptionist and the group's IT log in", "HTTP OpenID") as step:
        receptionist, operator = scene.login(step, "receptionist"), scene.login(step, "operator")
    exam, other = (visit.book(scene, receptionist, ordered) for ordered in (first, second))
    for each in (exam, other):
        visit.confirmed(scene, receptionist, each)
    with scene.step("the PACS has both orders; nothing is on its way", "MLLP") as step:
        until("the PACS's acknowledgements", lambda: all(visit.delivered(receptionist, each, "PACS") for each in (exam, other)))
        until("an empty spool", lambda: scene.system.health(exam.booking.site)["spool"]["waiting"] == 0)
        until("empty queues", lambda: scene.system.waiting_messages() == 0)
        until("an empty feed", lambda: scene.system.waiting_messages(f"{exam.booking.site}-worklist-feed") == 0)
        before = cloud.applied(scene)
        steps = scene.system.health(exam.booking.site)["worklist"]["steps"]
    return Day(scene, receptionist, operator, exam, other, before, steps)


def started_again(day: Day) -> None:
    """Stop the gateway and start it with a quicker beat: the key of its spool comes from KMS; then keep it for starts without the cloud."""
    system, site = day.scene.system, day.site
    with day.scene.step("the gateway is started again: KMS opens the key of its spool", "KMS") as step:
        opened = cloud.calls(system, site, "kms:Decrypt")
        system.stop_gateway(site)
        system.start_gateway(site, status_every_s=BEAT_S)
        system.gateway_ready(site)
        step.same("how often KMS made a key", 1, cloud.calls(system, site, "kms:GenerateDataKey"))
        step.same("how often KMS opened it", opened + 1, cloud.calls(system, site, "kms:Decrypt"))
        system.give_credential(site)
    with day.scene.step("the cockpit says: the gateway is well", HTTP) as step:
        cockpit_says(step, day, "")


def worklist(day: Day, what: str, planned: set[str], *clients: str) -> None:
    """Require the clients (without any, the console) to get exactly the steps that were planned."""
    keys = json.dumps({"Date": day.exam.booking.day.replace("-", "")})
    for client in clients or BOTH[:1]:
        with day.scene.step(f"{what}{' (dcmtk)' if client == BOTH[1] else ''}", "DICOM C-FIND") as step:
            found = day.scene.dicom(step, day.site, day.station, client, "--keys", keys)
            if found["status"] == "absent":
                step.what += " (not installed: skipped)"
                continue
            step.require(found["status"] == "0000", f"status {found['status']}")
            step.same("the worklist", planned, {visit.dicom_value(item, "00080050") for item in found["items"]})
            step.same("how many steps there are", len(planned), len(found["items"]))


def cockpit_says(step: Step, day: Day, wrong: str) -> None:
    """Wait until the cockpit says that of the gateway."""
    address, gateway = f"/sites/{day.site}/cockpit", f"{day.site}-1"
    found = until(
        f"the cockpit says {wrong or 'well'}", lambda: day.operator.open(address).page.rows("wrong", gateway=gateway, wrong=wrong)
    )
    step.said += [{"gateway": row["gateway"], "wrong": row["wrong"]} for row in found]


def told_the_pacs(day: Day, control: str) -> list[dict[str, Any]]:
    """Return the orders about the other exam that the PACS has got with that ORC-1."""
    folder = day.scene.system.out.folder / "hl7"
    notes = [note for note in day.scene.system.received(f"PACS-{day.site}") if note.get("kind") == "ORM_O01"]
    sent = [(note, er7.read(folder / note["evidence"][0])) for note in notes]
    return [note for note, got in sent if (got.value("OBR-18.1"), got.value("ORC-1")) == (day.other.accession, control)]
