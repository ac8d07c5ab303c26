"""The whole system once, watched: every journey of the demo, then everything that they leave out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.cloud.grants import Right
from infra.local.demo.evidence import EvidenceFolder
from infra.local.demo.journey import Journal, Step
from infra.local.demo.journeys import JOURNEYS, figures
from infra.local.demo.national import Input
from infra.local.demo.remotes import from_environment
from infra.local.demo.scene import Scene, read_booking
from infra.local.demo.supervisor import System
from tests.support.everything import INPUTS, NAME, Everything

GIVEN = ("insi", "dmp", "mailboxes", "directory")


class Silent:
    """Shows no progress."""

    def begins(self, journey: str, what: str, protocol: str, deadline_s: float) -> None: ...

    def ended(self, step: Step) -> None: ...


@dataclass
class Whole:
    """The running system.

    Args:
        calls: What every caller did, and `grants` what it may do, once all was played.
    """

    system: System
    journal: Journal
    calls: list[dict[str, Any]] = field(default_factory=list)
    grants: dict[str, set[Right]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def take(self, name: str) -> None:
        """Take a journey, unless it was taken."""
        if name not in self.taken:
            self.taken.add(name)
            JOURNEYS[name](self.scene(name))

    def play_everything_else(self) -> None:
        """Do what no journey does, behind them all."""
        for name in JOURNEYS:
            self.take(name)
        figures.counted(self.system, self.journal, figures.began())
        Everything(self.system, self.scene(NAME)).play()
        self.calls, self.grants = self.system.cloud.calls(), self.system.cloud.grants()

    def scene(self, name: str) -> Scene:
        """Return the means of a journey."""
        return Scene(name, INPUTS / name, self.system, self.journal)


@contextmanager
def running(folder: Path) -> Iterator[Whole]:
    """Run the system with what every journey's folder lets the national services know.

    Args:
        folder: Gets the evidence.
    """
    known = (tuple(sorted(INPUTS.glob(f"*/{name}.csv"))) for name in GIVEN)
    sites = sorted({read_booking(INPUTS / name / "booking.json").site for name in JOURNEYS})
    with System(EvidenceFolder(folder), from_environment({}), sites, Input(*known)) as system:
        journal = Journal(folder / "journey.json", Silent())
        system.start(journal)
        yield Whole(system, journal)
