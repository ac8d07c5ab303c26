"""Journey F, a site cut off: in the middle of the day its cable to the cloud is cut, and returns.

Modalities, MPPS and the hospital's messages go on, over a `kill -9` of the gateway too; nothing of it is in the cloud, all of it lies sealed in
the spool. The cable comes back, and everything drains once and in order: that is read at the receiving side (`cut_off_cloud`).
"""

from __future__ import annotations

import json
import time

from infra.local.demo import er7, group
from infra.local.demo.journey import Step, until
from infra.local.demo.journeys import cut_off_cloud as cloud
from infra.local.demo.journeys import cut_off_day, visit
from infra.local.demo.journeys.cut_off_day import AFTER_THE_KILL, BEAT_S, BOTH, WHILE_CUT, Day, cockpit_says, worklist
from infra.local.demo.journeys.forms import answered
from infra.local.demo.journeys.visit import HTTP
from infra.local.demo.scene import Scene

ARRIVING_S = 1.0
NEWS_S = 5
"""News of the worklist that is no older than this is news."""


def run(scene: Scene) -> None:
    """Take the site through its day."""
    day = cut_off_day.begun(scene)
    cut_off_day.started_again(day)
    planned = cloud.planned(day.receptionist, day.exam)
    worklist(day, "the worklist of the day, as the portal has it", planned)
    cut_at = _cut(day)
    worklist(day, "cut off: the whole worklist all the same", planned, *BOTH)
    uid = _begins_the_exam(day)
    first = _messages(day, WHILE_CUT, waiting=1)
    _silent(day, cut_at)
    _cancelled_at_the_desk(day)
    _killed(day, cut_at, waiting=1 + len(first))
    worklist(day, "the worklist is whole", planned, *BOTH)
    _ends_the_exam(day, uid)
    sent = [*first, *_messages(day, AFTER_THE_KILL, waiting=2 + len(first))]
    _not_in_the_cloud(day, sent)
    _sealed(day, sent)
    _drained(day, sent, uid)
    _known_everywhere(day, sent, uid)


# --- cut off ---


def _cut(day: Day) -> float:
    """Cut the cable and return when, on this process's monotonic clock."""
    with day.scene.step("the cable is cut: what was on its way hangs, and nobody is told", "TCP"):
        day.scene.system.tell(day.cable, {"cut": "silent"})
    return time.monotonic()


def _begins_the_exam(day: Day) -> str:
    """Begin the exam; return the SOP Instance UID of its performed step."""
    scene = day.scene
    kind = group.exam(day.exam.booking.exam)["dicom_modality"]
    keys = {"Modality": kind, "StationAETitle": day.station, "Date": day.exam.booking.day.replace("-", "")}
    with scene.step("the exam begins: MPPS IN PROGRESS", "DICOM N-CREATE") as step:
        found = scene.dicom(step, day.site, day.station, "find", "--keys", json.dumps(keys))
        items = [item for item in found["items"] if visit.dicom_value(item, "00080050") == day.exam.accession]
        step.require(len(items) == 1, f"{len(items)} items of the exam")
        return visit.begun(scene, step, day.site, day.station, items[0])


def _ends_the_exam(day: Day, uid: str) -> None:
    with day.scene.step("the exam that began before the kill is done: MPPS COMPLETED", "DICOM N-SET") as step:
        visit.ended(day.scene, step, day.site, day.station, uid)


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
        _waits(step, day, waiting + len(sent))
    return sent


def _silent(day: Day, cut_at: float) -> None:
    """Wait until the cloud misses the gateway, which says itself how old its news is."""
    with day.scene.step("the cockpit says: the gateway is silent", HTTP) as step:
        cockpit_says(step, day, "silent")
    with day.scene.step("the gateway says: no news of the worklist since the cut, and what waits", HTTP) as step:
        _no_news_since(step, day, cut_at)


def _cancelled_at_the_desk(day: Day) -> None:
    """Cancel once no receive of before the cut is open: what SQS hands to a line that is dead comes again a minute later only."""
    with day.scene.step("the desk cancels the other exam: the site cannot know yet", HTTP) as step:
        address = f"/exams/{day.other.accession}"
        shown = day.receptionist.open(f"{address}/cancel")
        form = shown.page.form_with("reason")
        step.require(form is not None, f"no form to cancel (HTTP {shown.status})")
        assert form is not None
        answered(step, day.receptionist.submit(shown, form, {"reason": "patient"}))
        until("the exam's page says cancelled", lambda: day.receptionist.open(address).page.rows("exam", state="cancelled"))


def _no_news_since(step: Step, day: Day, cut_at: float) -> None:
    """Require the gateway to say so; what was just arriving when the cable was cut is not news."""
    since, found = time.monotonic() - cut_at, day.health()
    age = found["worklist"]["feed_age_s"]
    step.require(age is not None and age > since - ARRIVING_S, f"news {age} s old, and the cut is {since:.1f} s ago")
    step.said.append(
        {"feed_age_s": f"{age:.1f}", "spool": str(found["spool"]["waiting"]), "steps": str(found["worklist"]["steps"])}
    )


def _waits(step: Step, day: Day, rows: int) -> None:
    found = day.health()["spool"]["waiting"]
    step.require(found == rows, f"{found} rows wait in the spool, and {rows} were taken")


def _killed(day: Day, cut_at: float, *, waiting: int) -> None:
    system, site = day.scene.system, day.site
    with day.scene.step(
        "kill -9 of the gateway; it starts while every line is refused, with the machine's credential", "SIGKILL"
    ) as step:
        system.tell(day.cable, {"cut": "refused"})
        system.kill_gateway(site)
        system.start_gateway(site, status_every_s=BEAT_S)
        system.gateway_ready(site)
        _waits(step, day, waiting)
        _no_news_since(step, day, cut_at)


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


def _drained(day: Day, sent: list[er7.Sent], uid: str) -> None:
    """Mend the cable; require what was done meanwhile to be applied, as the cloud says."""
    scene = day.scene
    with scene.step("the cable returns: every message is applied, once, in the order of its source", "SQS") as step:
        scene.system.tell(day.cable, {"mend": True})
        step.said += [{name: str(value) for name, value in note.items()} for note in scene.system.received(day.cable)]
        rows = until("every message in the ledger", lambda: cloud.rows(scene, day.site, sent))
        until("an empty spool", lambda: day.health()["spool"]["waiting"] == 0)
        step.same("the states in the ledger", {"applied"}, {row["state"] for row in rows})
        since = until("the functions' lines", lambda: _whole(cloud.applied(scene).since(day.before), len(sent)))
        step.said += rows
        _judge(step, rows, since, uid)


def _known_everywhere(day: Day, sent: list[er7.Sent], uid: str) -> None:
    """Require the portal to know what the site did, and the site to know what was done in the portal."""
    with day.scene.step("the exam is done, the new requests wait, the cancelled one does not", HTTP) as step:
        visit.exam_holds(step, day.receptionist, day.exam, "completed")
        shown = day.receptionist.open(f"/exams/{day.exam.accession}").page.rows("mpps")
        step.same("the performed steps", [(uid, "COMPLETED")], [(row["mpps"], row["status"]) for row in shown])
        step.same("the requests to book", cloud.left_to_book(sent), cloud.to_book(day.receptionist, day.site, sent))
    with day.scene.step("the PACS hears of the exam that the desk cancelled, once", "MLLP") as step:
        found = until("the cancellation", lambda: cut_off_day.told_the_pacs(day, "CA"))
        step.require(len(found) == 1, f"the PACS got it {len(found)} times")
        step.left("hl7", found[0]["evidence"])
    with day.scene.step("the cockpit says: the gateway is well; its worklist has news again", HTTP) as step:
        cockpit_says(step, day, "")
        until("news of the worklist", lambda: (day.health()["worklist"]["feed_age_s"] or NEWS_S) < NEWS_S)
        until("the steps that are over to leave", lambda: day.health()["worklist"]["steps"] == day.steps_before - len(day.over))
    worklist(day, "what is still to do, as the portal has it", cloud.planned(day.receptionist, day.exam))


def _judge(step: Step, rows: list[dict[str, str]], since: cloud.Applied, uid: str) -> None:
    """Require every message to have been applied once, in the order of its source, and the exam to have begun and ended once."""
    step.same("what was applied, and how often,", sorted(row["ledger_key"] for row in rows), sorted(since.messages))
    for source in sorted({row["source"] for row in rows}):
        expected = [row["ledger_key"] for row in rows if row["source"] == source]
        step.same("the order of a source", expected, [key for key in since.messages if key in expected])
    step.same("what was applied of the exam", [("mpps_create", uid, ""), ("mpps_set", uid, "")], list(since.performed))
    step.require(not since.again, f"{len(since.again)} came a second time")


def _whole(since: cloud.Applied, messages: int) -> cloud.Applied | None:
    """Return what was applied once it is no less than those messages and an exam's begin and end."""
    return since if len(since.messages) >= messages and len(since.performed) >= len(("begin", "end")) else None
