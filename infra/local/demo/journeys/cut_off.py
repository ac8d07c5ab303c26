"""Journey F, a site cut off: in the middle of the day its cable to the cloud is cut, and returns.

Modalities, MPPS and the hospital's messages go on, over a `kill -9` of the gateway too; nothing of it is in the cloud, all of it lies sealed in
the spool. The cable comes back, and everything drains once and in order: that is read at the receiving side (`cut_off_cloud`).
"""

from __future__ import annotations

import json
import time
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
        exam: Performed while the site is cut off; `other` only waits on the worklist.
        before: What the cloud had applied before.
    """

    scene: Scene
    receptionist: Browser
    operator: Browser
    exam: Visit
    other: Visit
    before: cloud.Applied

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

    def health(self) -> dict[str, Any]:
        """Return what the gateway says of itself at the site."""
        return self.scene.system.health(self.site)


def run(scene: Scene) -> None:
    """Take the site through its day."""
    day = _begun(scene)
    _started_again(day)
    planned = _worklist(day, "the worklist of the day, as the portal has it", cloud.planned(day.receptionist, day.exam))
    cut_at = _cut(day)
    _worklist(day, "cut off: the whole worklist all the same", planned, *BOTH)
    begun = _begins_the_exam(day)
    first = _messages(day, WHILE_CUT, waiting=1)
    _silent(day, cut_at)
    _killed(day, waiting=1 + len(first))
    _worklist(day, "the worklist is whole", planned, *BOTH)
    _ends_the_exam(day, begun)
    sent = [*first, *_messages(day, AFTER_THE_KILL, waiting=2 + len(first))]
    _not_in_the_cloud(day, sent)
    _sealed(day, sent)
    _drained(day, sent, begun)


# --- before ---


def _begun(scene: Scene) -> Day:
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
        before = cloud.applied(scene)
    return Day(scene, receptionist, operator, exam, other, before)


def _started_again(day: Day) -> None:
    system, site = day.scene.system, day.site
    with day.scene.step("the gateway is started again: KMS opens the key of its spool", "KMS") as step:
        opened = cloud.calls(system, site, "kms:Decrypt")
        system.stop_gateway(site)
        system.start_gateway(site, status_every_s=BEAT_S)
        system.gateway_ready(site)
        step.same("how often KMS made a key", 1, cloud.calls(system, site, "kms:GenerateDataKey"))
        step.same("how often KMS opened it", opened + 1, cloud.calls(system, site, "kms:Decrypt"))
        # For starts without the cloud.
        system.give_credential(site)
    with day.scene.step("the cockpit says: the gateway is well", HTTP) as step:
        _cockpit_says(step, day, "")


# --- cut off ---


def _cut(day: Day) -> float:
    """Cut the cable and return when, on this process's monotonic clock."""
    with day.scene.step("the cable is cut: what was on its way hangs, and nobody is told", "TCP"):
        day.scene.system.tell(day.cable, {"cut": "silent"})
    return time.monotonic()


def _worklist(day: Day, what: str, planned: set[str], *clients: str) -> set[str]:
    """Require the clients (without any, the console) to get exactly the steps that were planned; return these."""
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
    return planned


def _begins_the_exam(day: Day) -> str:
    """Begin the exam; return the SOP Instance UID of its performed step."""
    scene = day.scene
    kind = group.exam(day.exam.booking.exam)["dicom_modality"]
    keys = {"Modality": kind, "StationAETitle": day.station, "Date": day.exam.booking.day.replace("-", "")}
    with scene.step("the exam begins: MPPS IN PROGRESS", "DICOM N-CREATE") as step:
        found = scene.dicom(step, day.site, day.station, "find", "--keys", json.dumps(keys))
        items = [item for item in found["items"] if visit.dicom_value(item, "00080050") == day.exam.accession]
        step.require(len(items) == 1, f"{len(items)} items of the exam")
        file = scene.system.work / "worklist-item.json"
        file.write_text(json.dumps(items[0]))
        begun = scene.dicom(step, day.site, day.station, "mpps-create", "--item", str(file))
        step.require(begun["status"] == "0000", f"status {begun['status']}")
    return str(begun["sop_instance_uid"])


def _ends_the_exam(day: Day, begun: str) -> None:
    with day.scene.step("the exam that began before the kill is done: MPPS COMPLETED", "DICOM N-SET") as step:
        done = day.scene.dicom(step, day.site, day.station, "mpps-set", "--sop-instance-uid", begun)
        step.require(done["status"] == "0000", f"status {done['status']}")


def _messages(day: Day, subfolder: str, *, waiting: int) -> list[er7.Sent]:
    """Send the messages of a folder; each is answered AA and waits in the spool.

    Args:
        waiting: How many rows wait there before.
    """
    sent = day.scene.messages(subfolder)
    kinds = ", ".join(message.kind.replace("_", "^") for message in sent)
    with day.scene.step(f"the hospital goes on: {kinds}; AA each, once in the spool", "MLLP") as step:
        answers = day.scene.send(step, day.site, *day.scene.files(subfolder))
        for answer, message in zip(answers, sent, strict=True):
            visit.taken(step, answer, message)
        step.same("how many rows wait in the spool", waiting + len(sent), day.health()["spool"]["waiting"])
    return sent


def _silent(day: Day, cut_at: float) -> None:
    """Wait until the cloud misses the gateway, which says itself how old its news is."""
    with day.scene.step("the cockpit says: the gateway is silent", HTTP) as step:
        _cockpit_says(step, day, "silent")
    with day.scene.step("the gateway says: no news of the worklist since the cut, and what waits", HTTP) as step:
        found, since = day.health(), time.monotonic() - cut_at
        age = found["worklist"]["feed_age_s"]
        step.require(age >= since, f"news {age:.1f} s old, and the cut is {since:.1f} s ago")
        step.said.append(
            {"feed_age_s": f"{age:.1f}", "spool": str(found["spool"]["waiting"]), "steps": str(found["worklist"]["steps"])}
        )


def _killed(day: Day, *, waiting: int) -> None:
    system, site = day.scene.system, day.site
    with day.scene.step(
        "kill -9 of the gateway; it starts while every line is refused, with the machine's credential", "SIGKILL"
    ) as step:
        system.tell(day.cable, {"cut": "refused"})
        system.kill_gateway(site)
        system.start_gateway(site, status_every_s=BEAT_S)
        system.gateway_ready(site)
        step.same("how many rows wait in the spool", waiting, day.health()["spool"]["waiting"])


def _not_in_the_cloud(day: Day, sent: list[er7.Sent]) -> None:
    with day.scene.step("nothing of it is in the cloud: queues, ledger, requests, the exam's page", "AWS HTTP") as step:
        until("empty queues", lambda: day.scene.system.waiting_messages() == 0, 5)
        step.same("what the cloud applied since", cloud.Applied(), cloud.applied(day.scene).since(day.before))
        step.require(not [row for message in sent if (row := cloud.row(day.scene, day.site, message))], "the ledger has a message")
        visit.exam_holds(step, day.receptionist, day.exam, "booked")
        step.require(not cloud.to_book(day.receptionist, day.site, sent), "a request is on the list")


def _sealed(day: Day, sent: list[er7.Sent]) -> None:
    """Require the spool's files to hold the rows and no patient's value in clear."""
    with day.scene.step("all of it lies in the spool, and no name, number or birth date of a patient in clear", "disk") as step:
        files = [file for file in day.scene.system.spool(day.site).iterdir() if file.is_file()]
        content = b"".join(file.read_bytes() for file in files)
        step.require(sent[0].value("MSH-3.1").encode() in content, "the sender's name is not there: these are other files")
        values = {value for one in (day.exam.patient, day.other.patient, *sent) for value in _values(one) if value}
        clear = sum(any(value.encode(charset, "replace") in content for charset in ("utf-8", "latin-1")) for value in values)
        step.require(not clear, f"{clear} values of patients are readable")
        step.said.append({"files": ", ".join(sorted(file.name for file in files)), "bytes": str(len(content))})


def _values(message: er7.Sent) -> list[str]:
    """Return what tells a patient: names, number, birth date."""
    return [*message.birth_name, message.ipp, message.value("PID-7")]


# --- the cable returns ---


def _drained(day: Day, sent: list[er7.Sent], begun: str) -> None:
    scene = day.scene
    with scene.step("the cable returns: every message is applied, once, in the order of its source", "SQS") as step:
        scene.system.tell(day.cable, {"mend": True})
        step.said += [{name: str(value) for name, value in note.items()} for note in scene.system.received(day.cable)]
        rows = until("every message in the ledger", lambda: cloud.rows(scene, day.site, sent))
        until("an empty spool", lambda: day.health()["spool"]["waiting"] == 0)
        since = until("the functions' lines", lambda: _whole(cloud.applied(scene).since(day.before), len(sent)))
        step.said += rows
        _judge(step, rows, since, begun)
    with scene.step("the exam is done, the new requests wait, the cancelled one does not", HTTP) as step:
        visit.exam_holds(step, day.receptionist, day.exam, "completed")
        shown = day.receptionist.open(f"/exams/{day.exam.accession}").page.rows("mpps")
        step.same("the performed steps", [(begun, "COMPLETED")], [(row["mpps"], row["status"]) for row in shown])
        step.same("the requests to book", cloud.left_to_book(sent), cloud.to_book(day.receptionist, day.site, sent))
    with scene.step("the cockpit says: the gateway is well; its worklist has news again", HTTP) as step:
        _cockpit_says(step, day, "")
        until("news of the worklist", lambda: (day.health()["worklist"]["feed_age_s"] or 0) < 5)
    _worklist(day, "what is still to do", cloud.planned(day.receptionist, day.exam))


def _judge(step: Step, rows: list[dict[str, str]], since: cloud.Applied, begun: str) -> None:
    """Require every message to have been applied once, in the order of its source, and the exam to have begun and ended once."""
    step.same("the states in the ledger", {"applied"}, {row["state"] for row in rows})
    step.same("what was applied, and how often,", sorted(row["ledger_key"] for row in rows), sorted(since.messages))
    for source in sorted({row["source"] for row in rows}):
        expected = [row["ledger_key"] for row in rows if row["source"] == source]
        step.same("the order of a source", expected, [key for key in since.messages if key in expected])
    step.same("what was applied of the exam", [("mpps_create", begun), ("mpps_set", begun)], list(since.performed))
    step.require(not since.again, f"{len(since.again)} came a second time")


def _whole(since: cloud.Applied, messages: int) -> cloud.Applied | None:
    """Return what was applied once it is no less than those messages and an exam's begin and end."""
    return since if len(since.messages) >= messages and len(since.performed) >= len(("begin", "end")) else None


def _cockpit_says(step: Step, day: Day, wrong: str) -> None:
    """Wait until the cockpit says that of the gateway."""
    address, gateway = f"/sites/{day.site}/cockpit", f"{day.site}-1"
    found = until(
        f"the cockpit says {wrong or 'well'}", lambda: day.operator.open(address).page.rows("wrong", gateway=gateway, wrong=wrong)
    )
    step.said += [{"gateway": row["gateway"], "wrong": row["wrong"]} for row in found]
