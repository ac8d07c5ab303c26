"""The control door of a simulator: what was received, and failures to come.

`GET /control` answers `{"received": […], "scheduled": {point: […]}}`. `POST /control` takes `{"schedule": {point: [fault, …]}}`:
the faults are used up one a time, in order, by the point they name (`token`, `message` …); `{"reply": true}` lets go the
answers that wait to be told (`silent` of them); whatever else the body holds goes to the simulator (`rotate`, `enrol` …).
`DELETE /control` forgets the faults that were not used, and lets go too.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from infra.local.services.http_door import HttpDoor, Reply, Request, json_reply

Command = Callable[[dict[str, Any]], None]


class Script:
    """Faults to come and things received; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, deque[Any]] = defaultdict(deque)
        self._received: list[dict[str, Any]] = []
        self._silent: list[threading.Event] = []

    def schedule(self, point: str, faults: list[Any]) -> None:
        """Add faults behind those that wait at a point."""
        with self._lock:
            self._faults[point].extend(faults)

    def take(self, point: str) -> Any:
        """Return the next fault of a point, or None."""
        with self._lock:
            return self._faults[point].popleft() if self._faults[point] else None

    def note(self, **facts: Any) -> None:
        """Remember one thing received."""
        with self._lock:
            self._received.append(facts)

    def wait_to_be_told(self) -> None:
        """Return once `reply` is called: what was asked is done, and not answered until then."""
        told = threading.Event()
        with self._lock:
            self._silent.append(told)
        told.wait()

    def reply(self) -> None:
        """Let every answer go that waits."""
        with self._lock:
            while self._silent:
                self._silent.pop().set()

    def clear(self) -> None:
        """Forget the faults that wait, and let every answer go."""
        with self._lock:
            self._faults.clear()
        self.reply()

    def report(self) -> dict[str, Any]:
        """Return what `GET /control` answers."""
        with self._lock:
            scheduled = {point: list(faults) for point, faults in self._faults.items() if faults}
            return {"received": list(self._received), "scheduled": scheduled, "silent": len(self._silent)}


class ControlDoor(HttpDoor):
    """Serves `/control` on a free port of 127.0.0.1.

    Args:
        script: The simulator's faults and notes.
        command: What a POST asks besides faults; raises ValueError when it cannot be.
    """

    def __init__(self, script: Script, command: Command | None = None) -> None:
        self._script = script
        self._command = command
        super().__init__(self._answer)

    def _answer(self, request: Request) -> Reply:
        if request.path != "/control":
            return json_reply({"error": "not_found"}, 404)
        if request.method == "GET":
            return json_reply(self._script.report())
        if request.method == "DELETE":
            self._script.clear()
            return json_reply({})
        try:
            self._apply(json.loads(request.body))
        except (ValueError, KeyError, AttributeError, TypeError) as refused:
            return json_reply({"error": str(refused)}, 400)
        return json_reply({})

    def _apply(self, body: dict[str, Any]) -> None:
        for point, faults in body.pop("schedule", {}).items():
            self._script.schedule(point, faults)
        if body.pop("reply", False):
            self._script.reply()
        if body and self._command is None:
            raise ValueError(f"this simulator knows no {sorted(body)}")
        if body and self._command is not None:
            self._command(body)
