"""What every delivery row of an exam said, from moment to moment: a thread looks at the table while the journey goes on."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from infra.local.demo.journey import Step, until
from infra.local.demo.journeys.visit import Visit
from infra.local.demo.scene import Scene

PAUSE_S = 0.15
TEXTS = ("channel", "recipient", "state", "reason", "remote_code")


class Diary:
    """Watches the rows of a report; a context manager.

    Args:
        scene: Knows the cloud.
        visit: Whose exam.
    """

    def __init__(self, scene: Scene, visit: Visit) -> None:
        cloud = scene.system.cloud
        self._client = cloud.client("dynamodb", "operator")
        self._asked = {
            "TableName": cloud.function_env("SendToDmpFunction")["TABLE_EXAMS"],
            "KeyConditionExpression": "pk = :exam AND begins_with(sk, :row)",
            "ExpressionAttributeValues": {":exam": {"S": f"EXAM#{visit.accession}"}, ":row": {"S": "DELIVERY#"}},
            "ConsistentRead": True,
        }
        self._moments: list[dict[str, str]] = []
        self._last: dict[str, dict[str, str]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="diary", daemon=True)

    def __enter__(self) -> Diary:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(5)

    def said(self, **facts: str) -> list[dict[str, str]]:
        """Return the moments in which a row said that, in their order; each with its instant `at`."""
        return [one for one in list(self._moments) if all(one[name] == value for name, value in facts.items())]

    def tell(self, step: Step, what: str, *, timeout_s: float = 45.0, **facts: str) -> dict[str, str]:
        """Wait until a row said that, at whatever moment; the step keeps all that this row said so far."""
        found = until(what, lambda: self.said(**facts), timeout_s)
        row = {name: found[0][name] for name in ("channel", "recipient", "version")}
        step.said += [one for one in self.said(**row) if one not in step.said]
        return found[0]

    def _watch(self) -> None:
        while not self._over.is_set():
            try:
                items = self._client.query(**self._asked)["Items"]
            except Exception:
                return  # the cloud has ended: the step that runs says so
            for item in items:
                self._note(item)
            self._over.wait(PAUSE_S)

    def _note(self, item: dict[str, Any]) -> None:
        version = item.get("report_version", {}).get("N", "")
        now = {name: item.get(name, {}).get("S", "") for name in TEXTS}
        now |= {"version": version, "unknown": "yes" if item.get("unknown", {}).get("BOOL") else "no"}
        now |= {"accepted": "yes" if "accepted_at" in item else "no"}
        if version and self._last.get(item["sk"]["S"]) != now:
            self._last[item["sk"]["S"]] = now
            self._moments.append({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **now})
