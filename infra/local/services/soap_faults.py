"""Failures of a SOAP service on command: each is a word, or an object with a word and its parameters.

| fault | what happens |
|---|---|
| `cut_before_reading`, `cut_after_reading` | the connection is closed: the request was not read; was read, and nothing was done |
| `lost_answer` | everything was done (a document is stored), and the connection is closed without an answer |
| `http_503`, `http_503_html` | 503 with a text; with a page that is well-formed XML; nothing was done |
| `http_504` | everything was done, and a gateway says 504 |
| `delay` `seconds` | the answer comes that much later |
| `wait` | everything was done, and the answer comes when the control door says `{"reply": true}` |
| `not_xml`, `dtd`, `cut_xml`, `cut_answer` | the answer is a text; has a DTD; is XML cut short; stops in the middle of its body |
| `other_request` | the answer relates to another request |
| `soap_fault` `code subcode reason detail` | this fault, and nothing was done |

`"times": n` beside `"fault"` makes n of it. A service may know more faults.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from infra.local.services.control import Script
from infra.local.services.soap_door import CUT, Answer

XHTML = '<?xml version="1.0" encoding="UTF-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><head><title>503</title></head><body><p>Service indisponible</p></body></html>'
BEFORE = {"cut_before_reading"}


class SoapScript(Script):
    """Faults with repetition, and the calls counted."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, dict[str, int]] = {}
        self.extra: Callable[[], dict[str, Any]] = dict
        self._counting = threading.Lock()

    def schedule(self, point: str, faults: list[Any]) -> None:
        """Add faults behind those that wait; `times` repeats one."""
        for fault in faults:
            described = fault if isinstance(fault, dict) else {"fault": str(fault)}
            super().schedule(point, [described] * int(described.get("times", 1)))

    def peek(self, point: str) -> dict[str, Any]:
        """Return the next fault of a point and leave it there; empty when there is none."""
        waiting = super().report()["scheduled"].get(point) or [{}]
        return dict(waiting[0])

    def next_fault(self, point: str) -> dict[str, Any]:
        """Return the next fault of a point; empty when there is none."""
        return dict(self.take(point) or {})

    def count(self, table: str, key: str) -> None:
        """Add one to a count that `GET /control` shows."""
        with self._counting:
            row = self.counts.setdefault(table, {})
            row[key] = row.get(key, 0) + 1

    def report(self) -> dict[str, Any]:
        """Return what `GET /control` answers."""
        with self._counting:
            counted = {table: dict(row) for table, row in self.counts.items()}
        return {**super().report(), **counted, **self.extra()}


def instead(fault: dict[str, Any]) -> Answer | None:
    """Return the answer of a fault that does nothing of what was asked; None when the service works on."""
    name = fault.get("fault", "")
    if name == "cut_after_reading":
        return CUT
    if name == "http_503":
        return Answer(503, "text/plain; charset=utf-8", b"Service Unavailable\n")
    if name == "http_503_html":
        return Answer(503, "text/html; charset=utf-8", XHTML.encode())
    return None


def afterwards(fault: dict[str, Any], answer: Answer, script: Script) -> Answer:
    """Return what becomes of an answer once everything was done."""
    name = fault.get("fault", "")
    if name == "delay":
        threading.Event().wait(float(fault.get("seconds", 1)))
    if name == "wait":
        script.wait_to_be_told()
    changes: dict[str, Any] = {
        "lost_answer": {"cut": "none"},
        "cut_answer": {"cut": "half"},
        "http_504": {"status": 504, "content_type": "text/plain", "body": b"Gateway Timeout\n"},
        "not_xml": {"body": b"Service en cours de maintenance", "content_type": "text/plain; charset=utf-8"},
        "dtd": {"body": _with_dtd(answer.body), "content_type": "application/soap+xml; charset=UTF-8"},
        "cut_xml": {"body": _envelope_of(answer.body)[:-40], "content_type": "application/soap+xml; charset=UTF-8"},
    }.get(name, {})
    return replace(answer, **changes)


def _envelope_of(body: bytes) -> bytes:
    """Return the envelope of an answer, alone or the first of its parts."""
    start = max(body.find(b"<?xml"), 0)
    end = body.rfind(b"Envelope>")
    return body[start : end + len(b"Envelope>")]


def _with_dtd(body: bytes) -> bytes:
    """Return the envelope with a document type that declares an entity."""
    declaration, _, rest = _envelope_of(body).partition(b"?>\n")
    return declaration + b'?>\n<!DOCTYPE x [<!ENTITY e "entity">]>\n' + rest
