"""The record of a journey: each step, over which protocol, how long, what it left, and whether it happened.

`journey.json` is a list, written anew after each step, so that a run that is killed leaves what had happened.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

T = TypeVar("T")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 0.25
DEADLINE_S = 75.0
WATCHED_EVERY_S = 0.5


class StepFailed(Exception):
    """A step did not happen; the text says why, without any patient value."""


class Display(Protocol):
    """Shows steps as they go."""

    def begins(self, journey: str, what: str, protocol: str, deadline_s: float) -> None:
        """A step starts."""

    def ended(self, step: Step) -> None:
        """A step is over, well or not."""


@dataclass
class Step:
    """One step.

    Args:
        journey: Name of the journey's folder, `start` for what precedes the journeys.
        what: What is done, without any patient value.
        protocol: `MLLP`, `DICOM C-FIND`, `HTTP` …
        start: ISO 8601 UTC instant.
        milliseconds: Wall time of the step.
        evidence: Files below the evidence folder that this step left.
        said: What rows, pages or peers said at this moment, without any patient value.
        deadline_s: Within this time the step is over, one way or the other.
    """

    journey: str
    what: str
    protocol: str
    start: str = ""
    milliseconds: float = 0.0
    evidence: list[str] = field(default_factory=list)
    said: list[dict[str, str]] = field(default_factory=list)
    deadline_s: float = DEADLINE_S
    ok: bool = False
    why: str = ""

    def require(self, condition: object, why: str) -> None:
        """Fail the step unless the condition holds."""
        if not condition:
            raise StepFailed(why)

    def same(self, what: str, expected: object, found: object) -> None:
        """Fail the step unless both are equal; the values stay out of the text."""
        if expected != found:
            raise StepFailed(f"{what} is not what the input says")

    def left(self, folder: str, names: list[str]) -> None:
        """Note evidence files of a folder."""
        self.evidence.extend(f"{folder}/{name}" for name in names)


class Journal:
    """Writes `journey.json` and tells the display.

    Args:
        file: The file to write.
        display: Shows each step.
        watch: Names what must live and does not, or an empty text.
    """

    def __init__(self, file: Path, display: Display, watch: Callable[[], str] = str) -> None:
        self._file = file
        self._display = display
        self._watch = watch
        self.steps: list[Step] = []

    @contextmanager
    def step(self, journey: str, what: str, protocol: str, deadline_s: float = DEADLINE_S) -> Iterator[Step]:
        """Run the body as one step; whatever it raises makes the step red, and goes on to the caller.

        Args:
            deadline_s: When it is over, the step is red, whatever the body waits for; so it is as soon as a peer has ended.
        """
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        step = Step(journey, what, protocol, start=now, deadline_s=deadline_s)
        self.steps.append(step)
        self._display.begins(journey, what, protocol, deadline_s)
        started = time.monotonic()
        try:
            with _deadline(deadline_s, self._watch):
                yield step
            step.ok = True
        except StepFailed as failed:
            step.why = str(failed)
            raise
        except BaseException as error:
            # The text of an unknown exception may hold a patient's value.
            step.why = type(error).__name__
            raise
        finally:
            step.milliseconds = round((time.monotonic() - started) * 1000, 1)
            self._write()
            self._display.ended(step)

    def _write(self) -> None:
        beside = self._file.with_suffix(".part")
        beside.write_text(json.dumps([asdict(step) for step in self.steps], ensure_ascii=False, indent=1) + "\n")
        beside.rename(self._file)


@contextmanager
def _deadline(seconds: float, watch: Callable[[], str]) -> Iterator[None]:
    """Interrupt the body at its deadline, or when somebody who must live has ended: a signal interrupts whatever it waits for."""
    end = time.monotonic() + seconds

    def look(*_: object) -> None:
        if ended := watch():
            raise StepFailed(f"{ended} ended")
        if time.monotonic() > end:
            raise StepFailed(f"not within {seconds:g} s")

    if threading.current_thread() is not threading.main_thread():
        yield
        look()
        return
    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, min(WATCHED_EVERY_S, seconds), WATCHED_EVERY_S)
    try:
        yield
        look()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def until(what: str, look: Callable[[], T | None], timeout_s: float = 30.0) -> T:
    """Return the first thing found; the longer it takes, the less often it is looked for: who looks takes time from who works.

    Args:
        what: What is waited for, in the failure's text.
        look: Returns None or something false while it is not there.
        timeout_s: In seconds.

    Raises:
        StepFailed: It was not there in time.
    """
    end, pause = time.monotonic() + timeout_s, FIRST_PAUSE_S
    while not (found := look()):
        if time.monotonic() > end:
            raise StepFailed(f"not within {timeout_s:g} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.3, LONGEST_PAUSE_S)
    return found
