"""What a journey acts with: its input, the peers, the people's browsers, and the record of its steps."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from infra.local.demo import er7, group
from infra.local.demo.journey import DEADLINE_S, Journal, Step, StepFailed, until
from infra.local.demo.portal_client import Browser
from infra.local.demo.supervisor import System


@dataclass(frozen=True)
class Booking:
    """`booking.json`: what the receptionist types.

    Args:
        day: `YYYY-MM-DD`, worked out from the relative day at the start.
        start: `HH:MM` on the site's clocks.
    """

    site: str
    room: str
    day: str
    start: str
    exam: str


def read_booking(file: Path) -> Booking:
    """Read `booking.json`; `day` is `+N` days from today at the site."""
    typed = json.loads(file.read_text())
    zone = ZoneInfo(group.site(typed["site"])["time_zone"])
    day = (datetime.now(zone).date() + timedelta(days=int(typed["day"]))).isoformat()
    return Booking(typed["site"], typed["room"], day, typed["start"], typed["exam"])


class Scene:
    """One journey's means.

    Args:
        name: The journey's name, that of its folder.
        folder: Its input.
    """

    def __init__(self, name: str, folder: Path, system: System, journal: Journal) -> None:
        self.name, self.folder, self.system = name, folder, system
        self._journal = journal
        self._people: dict[str, dict[str, Any]] = json.loads((folder / "people.json").read_text())
        self._browsers: dict[str, Browser] = {}
        self._ipp_authority: str = group.site(read_booking(folder / "booking.json").site)["ipp_authority"]

    @contextmanager
    def step(self, what: str, protocol: str, deadline_s: float = DEADLINE_S) -> Iterator[Step]:
        """Run the body as one step of this journey."""
        with self._journal.step(self.name, what, protocol, deadline_s) as step:
            yield step

    def part(self, name: str) -> Scene:
        """Return the same scene, whose steps are noted under another name."""
        other = copy.copy(self)
        other.name = name
        return other

    def messages(self, subfolder: str = "") -> list[er7.Sent]:
        """Return the readable messages of a folder of the input, in the order of their names."""
        return [er7.read(file, self._ipp_authority) for file in self.files(subfolder)]

    def files(self, subfolder: str = "") -> list[Path]:
        """Return the message files of a folder of the input, in the order of their names."""
        return sorted((self.folder / subfolder).glob("*.hl7"))

    # --- peers ---

    def send(self, step: Step, site: str, *files: Path) -> list[dict[str, Any]]:
        """Send files to a site's gateway as the hospital does; return what was answered to each."""
        port = str(self.system.gateways[site].mllp_port)
        hl7 = str(self.system.out.folder / "hl7")
        module = "infra.local.services.his_sender"
        answers = self.system.run("his_sender", module, "--port", port, "--evidence", hl7, *map(str, files))
        for answer in answers:
            step.left("hl7", answer["evidence"])
        return list(answers)

    def dicom(self, step: Step, site: str, station: str, operation: str, *arguments: str) -> dict[str, Any]:
        """Let a modality do one operation against a site's gateway: `echo find mpps-create mpps-set`, or `findscu`, dcmtk's."""
        doors = self.system.gateways[site]
        who = ["--port", str(doors.dicom_port), "--calling", station, "--called", doors.ae_title]
        asked = [*arguments, *who, "--evidence", str(self.system.out.folder / "dicom")]
        if operation == "findscu":
            result = self.system.run(operation, "infra.local.services.dcmtk_findscu", *asked)
        else:
            result = self.system.operate_modality(operation, *asked)
        step.left("dicom", result["evidence"])
        return dict(result)

    # --- the cloud ---

    def ended(self, step: Step, machine: str, name: str, timeout_s: float = 45.0) -> None:
        """Wait until an execution has succeeded; its history will be among the evidence.

        Args:
            name: Its name, or that of the first start of what may have been started again: `signing-26…-2` finds `signing-26…-2-2`.
        """
        cloud = self.system.cloud

        def started() -> str:
            names = [each["name"] for each in cloud.executions(machine)]
            return name if name in names else next((each for each in names if each.startswith(f"{name}-")), "")

        found = until(f"{machine} has started", started, timeout_s)
        arn = f"{cloud.state_machines[machine].replace(':stateMachine:', ':execution:')}:{found}"
        status = cloud.wait_execution(arn, timeout_s)["status"]
        step.require(status == "SUCCEEDED", f"the execution ended {status}")
        step.left("history", [f"{found}.json"])

    # --- people ---

    def login(self, step: Step, role: str) -> Browser:
        """Let a person of `people.json` log in through their provider."""
        person = self._people[role]
        folder = self.system.out.folder / "psc"
        before = {file.name for file in folder.glob("*.json")} if folder.exists() else set()
        browser = Browser(self.system.cloud.portal_url, self.system.provider_ca(person["provider"]))
        browser.login(person["provider"], person["fields"])
        hostly = {name for name in browser.cookie_names() if name.startswith("__Host-")}
        step.require(hostly, "the session has no __Host- cookie")
        step.left("psc", sorted(file.name for file in folder.glob("*.json") if file.name not in before) if folder.exists() else [])
        self._browsers[role] = browser
        return browser

    def account(self, role: str) -> str:
        """Return the account id of a person of `people.json`."""
        person = self._people[role]
        login = {"provider": person["provider"], "subject": person["fields"]["subject"]}
        return next(str(row["account_id"]) for row in group.table("accounts") if login in row["logins"])

    def browser(self, role: str) -> Browser:
        """Return the browser of somebody who logged in."""
        if role not in self._browsers:
            raise StepFailed(f"the {role} has not logged in")
        return self._browsers[role]
