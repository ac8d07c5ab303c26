"""Exams that wait for somebody: ordered by the hospital, booked at the desk and done at the modality, over the real protocols, while nobody looks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from infra.local.demo import group
from infra.local.demo.__main__ import INPUT
from infra.local.demo.journey import Journal
from infra.local.demo.journeys import visit
from infra.local.demo.portal_client import Browser
from infra.local.demo.scene import Scene
from infra.local.demo.supervisor import System

JOURNEY = INPUT / "order_to_modality"
ROOMS = {"CT": "salle-scanner", "US": "salle-echo", "MG": "salle-sein"}
FIRST_DAY = 30
"""Days ahead: each exam has one of its own, where the worklist holds nothing else."""


@dataclass
class FinishedExams:
    """Makes exams of the journey's first patient at her own site; at another one she is somebody new there each time.

    Args:
        system: That runs.
        journal: Takes the steps.
        folder: Gets the messages: the journey's own, under other numbers.
    """

    system: System
    journal: Journal
    folder: Path
    made: int = 0
    _desks: dict[str, Browser] = field(default_factory=dict)

    def ordered(self, exam: str, *, site: str = "nord", priority: str = "", placer: str = "") -> visit.Ordered:
        """Let the hospital ask for an exam.

        Args:
            exam: Code of the catalogue.
            priority: ORC-7.6: `S`, `A`, or nothing.
            placer: ORC-2.1, else a number of its own.
        """
        self.made += 1
        part = self._part(exam, site, {"priority": priority, "control": "NW", "placer": placer})
        return visit.announce(part)

    def cancelled(self, placer: str) -> str:
        """Let the hospital cancel an order; return the message's control id."""
        self.made += 1
        part = self._part("ZBQK001", "nord", {"priority": "", "control": "CA", "placer": placer})
        with part.step("the hospital cancels an order", "MLLP") as step:
            (message,) = part.messages()
            visit.taken(step, part.send(step, "nord", message.file)[0], message)
        return message.value("MSH-10")

    def booked(self, exam: str, *, site: str = "nord", priority: str = "") -> visit.Visit:
        """Let it be booked as well."""
        ordered = self.ordered(exam, site=site, priority=priority)
        person, part = self._desk(site), self._scene(ordered.folder)
        done = visit.book(part, person, ordered)
        visit.confirmed(part, person, done)
        return done

    def done(self, exam: str, *, site: str = "nord", priority: str = "") -> visit.Visit:
        """Let it be done as well: it has no report."""
        booked = self.booked(exam, site=site, priority=priority)
        visit.perform(self._scene(booked.folder), self._desk(site), booked, second_opinion=False)
        return booked

    def _scene(self, folder: Path) -> Scene:
        return Scene("waiting", folder, self.system, self.journal)

    def _desk(self, site: str) -> Browser:
        if site not in self._desks:
            browser = Browser(self.system.cloud.portal_url)
            browser.login("group", {"subject": f"accueil.{site}"})
            self._desks[site] = browser
        return self._desks[site]

    def _part(self, exam: str, site: str, order: dict[str, str]) -> Scene:
        """Write the input of one more visit: the journey's messages, with numbers of their own."""
        folder = self.folder / str(self.made)
        folder.mkdir(parents=True)
        row, at = group.exam(exam), group.site(site)
        other = f"26-9{self.made:03d}"
        known = at["ipp_authority"] == group.site("nord")["ipp_authority"]
        for name in ("02-ORM_O01.hl7",) if known else ("01-ADT_A04.hl7", "02-ORM_O01.hl7"):
            text = (JOURNEY / name).read_bytes().decode()
            text = text.replace("ADT00101", f"ADT{other}").replace("ORM00101", f"ORM{other}").replace("26-0101", other)
            text = text.replace("ZBQK001^Scanner du thorax sans injection", f"{exam}^{row['label']}")
            text = text.replace("ISO|||||||2026", f"ISO|||||^^^^^{order['priority']}||2026").replace(
                "|NW|", f"|{order['control']}|"
            )
            text = text.replace(f"OPN-{other}", order["placer"] or f"OPN-{other}")
            if not known:
                text = text.replace("1.2.250.1.99999.1&", f"{at['ipp_authority']}&").replace(
                    "IPP-63-0001", f"IPP-63-9{self.made:03d}"
                )
            (folder / name).write_bytes(text.encode())
        room = "salle-sein" if site == "sud" and row["dicom_modality"] == "US" else ROOMS[row["dicom_modality"]]
        booking = {"site": site, "room": room, "day": f"+{self._ahead(at)}", "start": "09:00", "exam": exam}
        (folder / "booking.json").write_text(json.dumps(booking))
        (folder / "people.json").write_text((JOURNEY / "people.json").read_text())
        return self._scene(folder)

    def _ahead(self, at: dict[str, object]) -> int:
        """Return how many days ahead this exam is: a weekday, since every site is open then."""
        first = FIRST_DAY - datetime.now(UTC).weekday()
        weeks, day = divmod(self.made, 5)
        return first + weeks * 7 + day
