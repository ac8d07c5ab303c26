"""A hospital's platform (PFI): takes reports and says later what became of them. `python -m infra.local.services.hospital_platform`.

It listens as `hl7_listener` does (same faults), for MDM^T02, T04, T10 and ORU^R01, and sends ZAM^Z01 (the DMP answered), Z02 (mail received)
and Z03 (mail read or treated) to the site's gateway over MLLP, when and as it is told. Evidence: `NNN-out-MDM_T02.hl7`,
`NNN-in-ZAM_Z02.hl7`, each with its `-ack.hl7`.

Settings: `{"status_file", "evidence", "name"?, "gateway"?: {"host"?, "port"}, "port": 0}`. Status: `{"port", "control", "pid"}`.

Control, `POST`:

- `{"gateway": {"port"}}` where ZAM go;
- `{"zam": {"event": "Z01" | "Z02" | "Z03", "answer": "Y" | "N", "message_id"?, "recipient"?, "code"?, "label"?, "times"?, "after_s"?, "accent"?,
  "control_id"?, "anyway"?}}`: one business acknowledgement of the last report taken, or of the one with that control id; Z02 and Z03 go to
  each recipient asked for unless one is named; what was not asked for (flags) is refused unless `anyway`; a list of such objects keeps its order;
- `{"answers": [the same without message_id, …]}`: from now on after each report that asks for it; `[]` for none.

`GET` also shows the reports taken (`reports`) and the ZAM sent with their acknowledgements (`zam`).
"""

from __future__ import annotations

import hashlib
import itertools
import queue
import socket
import threading
from datetime import UTC, datetime
from typing import Any

from infra.local.services.control import ControlDoor
from infra.local.services.er7 import Message
from infra.local.services.his_sender import send
from infra.local.services.hl7_listener import Application, Listener
from infra.local.services.mllp import FrameReader
from infra.local.services.process import serve_until_told, settings, tell
from infra.local.services.recorder import Recorder
from infra.local.services.report_rules import Report, read_report

TYPES = frozenset({"MDM^T02", "MDM^T04", "MDM^T10", "ORU^R01"})
PROFILE = "2.1^CISIS_CDA_HL7_V2"
EVENTS = {
    "Z01": ("ACK_RECEPTION_DMP", "", "DMP_ERROR_CODE", "XDSRepositoryError"),
    "Z02": ("ACK_RECEPTION_MSS", "DESTINATAIRE_MSS", "SMTPERRORCODE", "550"),
    "Z03": ("ACK_LECTURE_MSS", "LECTEUR_MSS", "applicationErrorCondition", "906"),
}
CONTROL_ID_MAXIMUM = 20
TIMEOUT_S = 10
SOON_S = 0.1
"""After the acknowledgement of the report itself, when nobody says otherwise."""


class Platform(Application):
    """The platform behind its listener.

    Args:
        gateway: Host and port of the site's gateway, where ZAM go; may be told later.
    """

    def __init__(self, *, recorder: Recorder, name: str = "PFI", gateway: tuple[str, int] | None = None) -> None:
        super().__init__(name=name, types=TYPES, recorder=recorder)
        self._evidence, self._gateway = recorder, gateway
        self._reports: dict[str, tuple[Message, Report]] = {}
        self._answers: list[dict[str, Any]] = []
        self._sent: list[dict[str, Any]] = []
        self._turns = itertools.count(1)
        self._waiting: queue.Queue[tuple[float, bytes, dict[str, Any]]] = queue.Queue()
        self.script.extra = lambda: {"reports": list(self._reports), "zam": list(self._sent)}
        threading.Thread(target=self._send_all, name="zam", daemon=True).start()

    def taken(self, message: Message) -> None:
        """Keep a report, and answer it as told."""
        report = read_report(message)
        self._reports.pop(report.control_id, None)
        self._reports[report.control_id] = (message, report)
        for answer in self._answers:
            self._plan({**answer, "message_id": report.control_id, "skip": True})

    def command(self, body: dict[str, Any]) -> None:
        """Do what the control door was asked."""
        if "gateway" in body:
            told = body.pop("gateway")
            self._gateway = (told.get("host", "127.0.0.1"), int(told["port"]))
        if "answers" in body:
            answers = [dict(one) for one in body.pop("answers")]
            _check_events(answers)
            self._answers = answers
        if "zam" in body:
            asked = body.pop("zam")
            for one in asked if isinstance(asked, list) else [asked]:
                self._plan(dict(one))
        if body:
            raise ValueError(f"the platform knows no {sorted(body)}")

    def _plan(self, asked: dict[str, Any]) -> None:
        """Put the ZAM of one request in the row."""
        _check_events([asked])
        if not self._reports:
            raise ValueError("no report was taken yet")
        known = str(asked.get("message_id") or next(reversed(self._reports)))
        message, report = self._reports.get(known) or next(reversed(self._reports.values()))
        if known not in self._reports and not asked.get("anyway"):
            raise ValueError("no such report was taken")
        recipients = self._recipients(asked, report)
        if not recipients and not asked.get("skip"):
            raise ValueError("the report did not ask for this acknowledgement")
        for recipient in recipients:
            number = next(self._turns)
            content = zam(asked, message, report, about=known, recipient=recipient, number=number, name=self.name)
            facts = {"event": asked["event"], "message_id": known, "recipient": recipient, "answer": asked.get("answer", "Y")}
            for _ in range(int(asked.get("times", 1))):
                self._waiting.put((float(asked.get("after_s", SOON_S if asked.get("skip") else 0)), content, facts))

    def _recipients(self, asked: dict[str, Any], report: Report) -> list[str]:
        """Return whom a ZAM speaks of: one empty text for the DMP; nothing when the report did not ask."""
        event, flags = asked["event"], report.flags
        if event == "Z01":
            wanted = flags["DESTDMP"] == flags["ACK_RECEPTION"] == "Y"
            return [""] if wanted or asked.get("anyway") else []
        if asked.get("recipient") and asked.get("anyway"):
            return [str(asked["recipient"])]
        wanted = flags["ACK_RECEPTION" if event == "Z02" else "ACK_LECTURE_MSS"] == "Y"
        named = [asked["recipient"]] if asked.get("recipient") else report.recipients
        return [one for one in named if wanted and one in report.recipients]

    def _send_all(self) -> None:
        """Send what waits, one after the other, each after its time."""
        pause = threading.Event()
        while True:
            after_s, content, facts = self._waiting.get()
            pause.wait(after_s)
            self._sent.append({**facts, **self._send(content)})

    def _send(self, content: bytes) -> dict[str, Any]:
        if self._gateway is None:
            return {"code": "none", "why": "no gateway was told"}
        try:
            with socket.create_connection(self._gateway, TIMEOUT_S) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return send(connection, FrameReader(connection), content, self._evidence)
        except OSError as failed:
            return {"code": "none", "why": type(failed).__name__}


def zam(asked: dict[str, Any], message: Message, report: Report, *, about: str, recipient: str, number: int, name: str) -> bytes:
    """Return one business acknowledgement.

    Args:
        asked: `event`, `answer`, `code`, `label`, `accent`, `control_id`.
        message: The report it answers: its header says who sent it.
        about: Control id in OBX-4; `recipient` its mail address, or empty for the DMP.
    """
    said, named, system, usual = EVENTS[asked["event"]]
    answer, now = str(asked.get("answer", "Y")), datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    own = str(asked.get("control_id") or hashlib.sha256(f"{about}{number}{now}".encode()).hexdigest()[:CONTROL_ID_MAXIMUM].upper())
    coding = "AckMétierZAM" if asked.get("accent") else "AckMetierZAM"
    to_app, to_place = message.field("MSH", 3), message.field("MSH", 4)
    kind = f"ZAM^{asked['event']}^ZAM_Z01"
    lines = [
        f"MSH|^~\\&|{name}|{message.field('MSH', 6)}|{to_app}|{to_place}|{now}||{kind}|{own}|{message.field('MSH', 11)}|2.6|||||FRA|UNICODE UTF-8|||{PROFILE}",
        f"EVN||{now}",
        report.pid,
        f"OBX|1|CWE|{said}^^{coding}|{about}|{answer}^^expandedYes-NoIndicator||||||F",
    ]
    if named:
        lines.append(f"OBX|2|XTN|{named}^^{coding}||^^X.400^{recipient}||||||F")
    if answer == "N":
        code, label = asked.get("code", usual), asked.get("label", "Refus")
        lines.append(f"ERR|||207^Application error^messageErrorCondition|E|{code}^{label}^{system}")
    return ("\r".join(lines) + "\r").encode()


def _check_events(asked: list[dict[str, Any]]) -> None:
    for one in asked:
        if one.get("event") not in EVENTS or one.get("answer", "Y") not in {"Y", "N"}:
            raise ValueError(f"a ZAM has an event of {sorted(EVENTS)} and answers Y or N")


class PlatformDoors:
    """The platform, its listener and its control door."""

    def __init__(self, platform: Platform, *, port: int = 0) -> None:
        self.platform, self._listener = platform, Listener(platform, port)
        self._control = ControlDoor(platform.script, platform.command)
        self.status: dict[str, Any] = {"port": self._listener.port, "control": f"{self._control.url}/control"}

    def close(self) -> None:
        """Close both doors."""
        self._listener.close()
        self._control.close()


def main() -> None:
    """Serve until told to stop."""
    config = settings("Hospital platform")
    told = config.get("gateway")
    gateway = (told.get("host", "127.0.0.1"), int(told["port"])) if told else None
    platform = Platform(recorder=Recorder(config["evidence"]), name=config.get("name", "PFI"), gateway=gateway)
    doors = PlatformDoors(platform, port=config.get("port", 0))
    tell(config["status_file"], doors.status)
    serve_until_told()


if __name__ == "__main__":
    main()
