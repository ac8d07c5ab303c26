"""A second site whose clock shows a morning whenever the tests run, and what the people of the tests do not do themselves there.

Patients are announced and ordered by the hospital's HL7, machines speak DICOM, colleagues use the portal without a browser: what a page shows
then is never what the page itself has written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from infra.local.demo import group
from infra.local.demo.journey import until
from infra.local.demo.journeys import visit
from infra.local.demo.portal_client import Answer, Browser
from infra.local.demo.scene import Scene
from infra.local.demo.supervisor import System
from tests.support.browser import Keyboard
from tests.support.second_site_patients import Patient

SITE = "sud"
RECEPTIONIST, RADIOGRAPHER, SECRETARY, RADIOLOGIST = "accueil.sud", "manip.nord", "secretariat.nord", "99900012347"
SCANNER = "CT_SUD"
_MORNING = 9
_REPORT = {
    "Indication": "Céphalées.",
    "Technique": "Sans injection.",
    "Résultats": "Pas d’anomalie.",
    "Conclusion": "Examen normal.",
}


def at_work(keyboard: Keyboard, person: str, first_page: str) -> Keyboard:
    """Let somebody of two sites log in and choose the second one, where their first page is this."""
    keyboard.login("group", person)
    keyboard.work_at(SITE)
    assert f"/sites/{SITE}/{first_page}" == keyboard.path
    return keyboard


def zone_of_a_morning() -> str:
    """Return a zone whose clocks show the day of this machine's, in the morning where any zone does."""
    now = datetime.now().astimezone()
    offset = now.utcoffset() or timedelta()
    ahead = min(max(round(offset / timedelta(hours=1)) + _MORNING - now.hour, -12), 14)
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


def reference(folder: Path, zone: str) -> Path:
    """Write the group's files with a second site on those clocks, open every day, whose receptionist works at the first one too."""
    folder.mkdir()
    for file in group.REFERENCE.glob("*.json"):
        rows = json.loads(file.read_text())
        for row in rows:
            if file.stem == "sites" and row["site"] == SITE:
                week = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
                row.update(time_zone=zone, opening={key: ["05:00", "23:00"] for key in week})
            if row.get("account_id") == RECEPTIONIST:
                row["roles"] = {site: ["receptionist"] for site in ("nord", SITE)}
        (folder / file.name).write_text(json.dumps(rows))
    return folder


class SecondSite:
    """The running site.

    Args:
        scene: Knows the system, which has a gateway for the site.
        zone: Of its clocks.
        patients: Those who are announced and ordered at once.
    """

    def __init__(self, scene: Scene, zone: str, patients: Sequence[Patient]) -> None:
        self._scene, self._zone = scene, ZoneInfo(zone)
        self.system: System = scene.system
        folder = self.system.work / "second-site"
        folder.mkdir()
        for number, text in enumerate(text for patient in patients for text in patient.messages()):
            (folder / f"{number:03d}.hl7").write_text(text)
        with scene.step("the second site's hospital sends its patients", "MLLP") as step:
            answers = scene.send(step, SITE, *sorted(folder.glob("*.hl7")))
            step.require({answer["code"] for answer in answers} == {"AA"}, "one was not answered AA")
        self.colleague = self.browser("group", RECEPTIONIST)

    @property
    def now(self) -> datetime:
        """Return what the site's clocks show."""
        return datetime.now(self._zone)

    def day(self, ahead: int = 0) -> str:
        """Return today at the site, or a later day."""
        return (self.now.date() + timedelta(days=ahead)).isoformat()

    def browser(self, provider: str, subject: str) -> Browser:
        """Let somebody log in without a browser of their own."""
        browser = Browser(self.system.cloud.portal_url, self.system.provider_ca(provider))
        browser.login(provider, {"subject": subject})
        return browser

    # --- colleagues ---

    def request(self, patient: Patient) -> str:
        """Wait for a patient's order; return its id."""

        def asked() -> list[dict[str, str]]:
            return self.colleague.open(f"/sites/{SITE}/requests").page.rows("request", placer_order=patient.placer_order)

        return until("the request", asked)[0]["request"]

    def booked(self, patient: Patient, day: str, start: str, room: str = "salle-scanner") -> str:
        """Let a colleague book what was ordered; return the accession number once it is on the worklist."""
        shown = self.colleague.open(f"/sites/{SITE}/booking?request={self.request(patient)}")
        form = shown.page.form_with("exam", "day", "room", "start")
        assert form is not None, shown.status
        made = self.colleague.submit(shown, form, {"exam": patient.exam, "day": day, "room": room, "start": start})
        assert made.path.startswith("/exams/"), made.page.rows("error-code")
        accession = made.path.rsplit("/", 1)[-1]
        until("the exam is booked", lambda: self.exam(accession)["state"] == "booked")
        return accession

    def exam(self, accession: str) -> dict[str, str]:
        """Return what the exam's page says of it to a colleague: `state day start room patient …`."""
        return self.colleague.open(f"/exams/{accession}").page.rows("exam", "accession")[0]

    def validated(self, accession: str, radiologist: Browser) -> None:
        """Let the radiologist write and validate; wait until it is signed."""
        address = f"/exams/{accession}/report"
        shown = radiologist.open(address)
        form = shown.page.form_of("validate")
        assert form is not None, shown.status
        typed = {"title": "Scanner"}
        for rank, (heading, text) in enumerate(_REPORT.items()):
            typed |= {f"heading-{rank}": heading, f"text-{rank}": text}
        radiologist.submit(shown, form, typed, action="validate")
        until("the report is signed", lambda: radiologist.open(address).page.rows("report", report_status="validated"), 60)

    def given_to_the_secretary(self, accession: str, radiologist: Browser, turn: str, note: str) -> None:
        """Let the radiologist confide a report: `typing correction`."""
        shown = radiologist.open(f"/exams/{accession}/report")
        form = shown.page.form_with("turn", "note")
        assert form is not None, shown.status
        way = shown.page.found("turn-to", turn_to=turn)[0].attributes["formaction"]
        form.ways["turn"] = way
        answer: Answer = radiologist.submit(shown, form, {"note": note, "turn": turn}, action="turn")
        assert answer.status == 200, answer.page.rows("error-code")

    # --- machines ---

    def worklist(self, day: str, station: str = SCANNER) -> dict[str, str]:
        """Let a machine ask for its worklist (C-FIND); return the time `HH:MM` of each accession number."""
        items = self._find(day, station)
        return {visit.dicom_value(item, "00080050"): _time_of(item) for item in items}

    def begun(self, accession: str, day: str, station: str = SCANNER, *, typed_by_hand: bool = False) -> str:
        """Let a machine say that an exam has begun (N-CREATE); return the SOP Instance UID.

        Args:
            typed_by_hand: The patient was typed at the machine: it knows none of the numbers of the worklist.
        """

        def asked() -> dict[str, Any] | None:
            return next((one for one in self._find(day, station) if visit.dicom_value(one, "00080050") == accession), None)

        item = until("the exam on the machine's worklist", asked)
        if typed_by_hand:
            scheduled = item["00400100"]["Value"][0]
            for known, tag in ((item, "00080050"), (item, "00401001"), (scheduled, "00400009")):
                known[tag]["Value"] = []
            item["0020000D"]["Value"] = [f"2.25.{uuid4().int}"]
        with self._scene.step("an exam begins", "DICOM N-CREATE") as step:
            return visit.begun(self._scene, step, SITE, station, item)

    def ended(self, uid: str, station: str = SCANNER) -> None:
        """Let a machine say that an exam is done (N-SET)."""
        with self._scene.step("an exam is done", "DICOM N-SET") as step:
            visit.ended(self._scene, step, SITE, station, uid)

    def performed(self, patient: Patient, day: str, start: str) -> str:
        """Book an exam and let the machine do it; return its accession number."""
        accession = self.booked(patient, day, start)
        self.ended(self.begun(accession, day))
        until("the exam is completed", lambda: self.exam(accession)["state"] == "completed")
        return accession

    def _find(self, day: str, station: str) -> list[dict[str, Any]]:
        with self._scene.step("a machine asks for its worklist", "DICOM C-FIND") as step:
            keys = json.dumps({"StationAETitle": station, "Date": day.replace("-", "")})
            answer = self._scene.dicom(step, SITE, station, "find", "--keys", keys)
            step.require(answer["status"] == "0000", f"status {answer['status']}")
        return list(answer["items"])


class SecondSiteSystem(System):
    """A system whose reference is a folder of one's own."""

    folder: Path

    def _load_reference(self) -> Any:
        return self._operator("reference", "reference", "load", str(self.folder))


def _time_of(item: dict[str, Any]) -> str:
    text = str(visit.dicom_value(visit.dicom_value(item, "00400100"), "00400003"))
    return f"{text[:2]}:{text[2:4]}"


def instant(text: str) -> datetime:
    """Read an instant that a page carries; the beginning of time where it is empty."""
    return datetime.fromisoformat(text) if text else datetime.min.replace(tzinfo=UTC)
