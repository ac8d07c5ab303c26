"""A second site whose clock shows a morning whenever the tests run, and what the people of the tests do not do themselves there.

Patients are announced and ordered by the hospital's HL7, machines speak DICOM, colleagues use the portal without a browser: what a page shows
then is never what the page itself has written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
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

SITE = "sud"
RECEPTIONIST, RADIOGRAPHER, SECRETARY, RADIOLOGIST = "accueil.sud", "manip.nord", "secretariat.nord", "99900012347"
SCANNER, SKULL, BREAST = "CT_SUD", "ACQK001", "QEQM001"
"""A machine of the site; an exam of the scanner that asks nothing; one of the other room."""
UNREACHABLE = "99900090038^PAPIER^SIMONE"
"""A requester whom the directory has no address for, as `RPPS^family^given`."""
INSI_COLUMNS = (
    "birth_family;birth_given;birth_given_all;sex;birth_date;birth_place;number;key;oid;answers_to;outcome;history;leaves_out"
)
_NIR, _PLACE = "1.2.250.1.213.1.4.8", "63113"
_DOMAIN = "CIM-SUD&1.2.250.1.99999.2&ISO"
_MORNING = 9
_REPORT = {
    "Indication": "Céphalées.",
    "Technique": "Sans injection.",
    "Résultats": "Pas d’anomalie.",
    "Conclusion": "Examen normal.",
}


@dataclass(frozen=True)
class Patient:
    """A woman whom the hospital sends and INSi knows.

    Args:
        number: Makes her numbers.
        born: `YYYY-MM-DD`.
        exam: What was ordered for her.
        requester: `RPPS^family^given` of who ordered.
    """

    number: int
    family: str
    given: str
    born: str
    exam: str = SKULL
    requester: str = "99999999990^EXEMPLE^LUC"

    @property
    def ipp(self) -> str:
        """Return her number at the site."""
        return f"IPP-SUD-{self.number:04d}"

    @property
    def placer_order(self) -> str:
        """Return the number of her order."""
        return f"OPN-SUD-{self.number:04d}"

    @property
    def matricule(self) -> str:
        """Return her INS: number and key."""
        number = f"2{self.born[2:4]}{self.born[5:7]}{_PLACE}{self.number:03d}"
        return f"{number}{97 - int(number) % 97:02d}"

    @property
    def insi_row(self) -> str:
        """Return her line in a file of INSi."""
        number, key = self.matricule[:13], self.matricule[13:]
        return f"{self.family};{self.given};{self.given};F;{self.born};{_PLACE};{number};{key};{_NIR};;00;;"

    @property
    def datamatrix(self) -> tuple[str, ...]:
        """Return the INS code of a document of hers, in pieces: GS stands between them."""
        born = date.fromisoformat(self.born)
        return (
            f"IS01{'0' * 22}S1{self.matricule}S2{_NIR}",
            f"S3{self.given}",
            f"S4{self.family}",
            f"S5FS6{born:%d-%m-%Y}S7{_PLACE}",
        )

    def messages(self) -> tuple[str, str]:
        """Return ADT^A04 and ORM^O01."""
        n, code, born = self.number, group.exam(self.exam), self.born.replace("-", "")
        who = f"8{self.requester}^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
        adt = (
            f"MSH|^~\\&|DPI-SUD|CH-SUD|RIS|CIM|20260112081500||ADT^A04^ADT_A01|ADTSUD{n:04d}|P|2.5^FRA^2.11|||||FRA|UNICODE UTF-8|FR||2.11^IHE_FRANCE-2.11-PAM",
            "EVN||20260112081500||||20260112081500",
            f"PID|1||{self.ipp}^^^{_DOMAIN}^PI||{self.family}^{self.given}^{self.given}^^^^L||{born}|F|||1 RUE DU TEST^^ESSAI^^63500^FRA^H~^^^^^^BDL^^{_PLACE}||^PRN^PH^^^^^^^^^01990000{n:02d}|||||NDA-SUD-{n:04d}^^^{_DOMAIN}^AN|||||||||||||N|VIDE",
            f"PV1|1|O|IMAGERIE^^^CIM-SUD|||||{who}|||||||||||V-SUD-{n:04d}^^^{_DOMAIN}^VN|||||||||||||||||||||||||20260112081500",
            f"ZBE|MV-SUD-{n}^CIM-SUD^1.2.250.1.99999.2^ISO|20260112081500||INSERT|N||IMAGERIE^^^^^CIM-SUD^UF^^^6200|IMAGERIE^^^^^CIM-SUD^UF^^^6200|HMS",
        )
        order = f"{self.placer_order}^^1.2.250.1.99999.8^ISO"
        orm = (
            f"MSH|^~\\&|DPI-SUD|CH-SUD|RIS|CIM|20260112090000||ORM^O01^ORM_O01|ORMSUD{n:04d}|P|2.5.1|||||FRA|UNICODE UTF-8",
            f"PID|||{self.ipp}^^^{_DOMAIN}^PI||{self.family}^{self.given}^^^^^L||{born}|F||||||||||||||||||||||||VIDE",
            "PV1||O",
            f"ORC|NW|{order}|||||||20260112090000|||{who}",
            f"OBR|1|{order}||{self.exam}^{code['label']}^CCAM|||||||||Céphalées (fictif)|||8{self.requester}",
        )
        return "\r".join(adt) + "\r", "\r".join(orm) + "\r"


PATIENTS = {
    name: Patient(number, f"ESSAI-{name.upper()}", given, born, **more)
    for number, (name, given, born, more) in enumerate(
        (
            ("place", "ANNE", "1961-02-03", {}),
            ("absente", "BERTHE", "1962-03-04", {}),
            ("arrivee", "CELINE", "1963-04-05", {"exam": "ZBQK001"}),
            ("passante", "DENISE", "1964-05-06", {"exam": BREAST}),
            ("disputee", "EDITH", "1965-06-07", {"requester": UNREACHABLE}),
            ("rivale", "KARINE", "1971-12-13", {}),
            ("appelee", "FANNY", "1966-07-08", {}),
            ("faite", "LAURE", "1972-01-14", {}),
            ("inconnue", "GILDA", "1967-08-09", {}),
            ("panne", "HELENE", "1968-09-10", {}),
            ("dictee", "IRENE", "1969-10-11", {}),
            ("lettre", "JULIE", "1970-11-12", {"requester": UNREACHABLE}),
        ),
        1,
    )
}
"""One for each thing that is done, by its name."""


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
        file = self.system.work / "second-site" / "item.json"
        file.write_text(json.dumps(item))
        with self._scene.step("an exam begins", "DICOM N-CREATE") as step:
            answer = self._scene.dicom(step, SITE, station, "mpps-create", "--item", str(file))
            step.require(answer["status"] == "0000", f"status {answer['status']}")
        return str(answer["sop_instance_uid"])

    def ended(self, uid: str, station: str = SCANNER) -> None:
        """Let a machine say that an exam is done (N-SET)."""
        with self._scene.step("an exam is done", "DICOM N-SET") as step:
            answer = self._scene.dicom(step, SITE, station, "mpps-set", "--sop-instance-uid", uid)
            step.require(answer["status"] == "0000", f"status {answer['status']}")

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
