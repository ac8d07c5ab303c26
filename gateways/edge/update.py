"""An update of the gateway by the digest of its image, with a way back of its own.

Theory of operation. What is done is on the disk before it is done, so a loss of power at any moment leaves one of three places:

    fetch ──▶ journal ──▶ .env names the new one ──▶ start, look ──▶ journal away          the new one runs
                 |                  |                     └─ not well ──▶ .env names the old one, start, journal away
      no journal: nothing began     |
      journal, .env still (or again) old: undone by `resume`
      journal, .env new: `resume` starts and looks as if the power had not gone

The new one is well when everything that was well before is so again: a PACS that is switched off, or a cloud that is away, is not its
fault and hides none of its own. The gateway itself must answer in any case. Of the spool an older version reads what a newer one wrote.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from gateways.edge.check import GATEWAY, Finding
from gateways.edge.durable import remove_durably, write_durably
from gateways.edge.engine import NO_DIGEST, Engine, EngineFailed, is_digest

JOURNAL, LOCK = "update.json", "update.lock"
EVERY_S = 2.0


class CannotUpdate(Exception):
    """Nothing was changed; the text says why."""


@dataclass(frozen=True)
class Outcome:
    """How an update ended.

    Args:
        state: `updated`, `same` (it ran already), `went_back`, or `unwell`: it went back, and the old one is not well either.
        why: What was not well, no patient value.
    """

    state: Literal["updated", "same", "went_back", "unwell"]
    old: str
    new: str
    why: str = ""


@dataclass(frozen=True)
class _Journal:
    old: str
    new: str
    well: tuple[str, ...]


class Updater:
    """Updates the gateway of one machine.

    Args:
        folder: Where the journal lies, beside the engine's own file.
        look: Looks at the gateway as `ris site check` does.
        within_s: Time for an image to be well, from its start.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        look: Callable[[], Sequence[Finding]],
        *,
        within_s: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._engine, self._folder, self._look = engine, folder, look
        self._within_s, self._clock, self._pause = within_s, clock, pause

    def update(self, image: str) -> Outcome:
        """Run this image instead, or what ran before; an update that was cut short is settled first.

        Raises:
            CannotUpdate: It is no digest, or another update is under way.
            EngineFailed: The image cannot be had; what ran runs on.
        """
        if not is_digest(image):
            raise CannotUpdate(NO_DIGEST)
        with self._alone():
            self._settle()
            old = self._engine.image()
            if old == image:
                return Outcome("same", old, image)
            self._engine.fetch(image)
            well = tuple(one.what for one in self._look() if one.fine)
            journal = _Journal(old, image, well)
            write_durably(self._journal, json.dumps(asdict(journal)).encode())
            self._engine.set_image(image)
            return self._judge(journal)

    def resume(self) -> Outcome | None:
        """Finish or undo an update that a loss of power cut short; None when there is none.

        Raises:
            CannotUpdate: Another update is under way.
        """
        with self._alone():
            return self._settle()

    def _settle(self) -> Outcome | None:
        try:
            read = json.loads(self._journal.read_bytes())
        except FileNotFoundError:
            return None
        journal = _Journal(read["old"], read["new"], tuple(read["well"]))
        if self._engine.image() == journal.new:
            return self._judge(journal)
        return self._go_back(journal, "arrêtée en chemin")

    def _judge(self, journal: _Journal) -> Outcome:
        why = self._start(journal)
        if why:
            return self._go_back(journal, why)
        remove_durably(self._journal)
        return Outcome("updated", journal.old, journal.new)

    def _go_back(self, journal: _Journal, why: str) -> Outcome:
        self._engine.set_image(journal.old)
        unwell = self._start(journal)
        remove_durably(self._journal)
        if unwell:
            return Outcome("unwell", journal.old, journal.new, f"{why} ; puis {unwell}")
        return Outcome("went_back", journal.old, journal.new, why)

    def _start(self, journal: _Journal) -> str:
        """Start the image that is named and return what is not well once its time is over; empty when all is."""
        deadline = self._clock() + self._within_s
        try:
            self._engine.start(self._within_s)
        except EngineFailed as error:
            return str(error)
        while True:
            wrong = _wrong(self._look(), journal.well)
            if not wrong or self._clock() >= deadline:
                return wrong
            self._pause(EVERY_S)

    @property
    def _journal(self) -> Path:
        return self._folder / JOURNAL

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with open(self._folder / LOCK, "w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CannotUpdate("une autre mise à jour est en cours") from error
            yield


def _wrong(found: Sequence[Finding], well: Sequence[str]) -> str:
    """Say what was well and is so no more, and the gateway itself when it does not answer."""
    wanted = {GATEWAY, *well}
    wrong = [f"{one.what} : {one.said}" for one in found if one.what in wanted and not one.fine]
    gone = sorted(wanted - {one.what for one in found})
    return ", ".join([*wrong, *(f"{what} : absent" for what in gone)])
