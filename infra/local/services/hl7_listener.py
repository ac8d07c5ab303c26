"""An HL7 listener over MLLP: the PACS or the hospital's system. `python -m infra.local.services.hl7_listener`.

It takes what a real one takes and refuses the rest with AE and ERR; orders by `hl7_rules`, reports (MDM, ORU) by `report_rules`. Evidence,
per message: `NNN-out-ORM_O01.hl7` and `NNN-out-ORM_O01-ack.hl7` (out: from the product). Scheduled faults, at the point `message`: `"AE"`,
`"AR"` (an answer with a reason), `"silence"` (taken, never answered), `"cut"` (taken, connection closed), `"other_message"` (AA for another
control id, then the right one is never said), or `{"fault": "AE", "condition": "207", "application": "902", "why": "…"}` (ERR-3, ERR-5), `times`
of it. With `"wait": true` the acknowledgement comes when the control door says `{"reply": true}`. At the point `connection`: closed unread.

Settings: `{"status_file", "evidence", "name", "types": ["ORM^O01", "ORU^R01"], "port": 0}`. Status: `{"port", "control", "pid"}`.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import socketserver
import threading

from infra.local.services.control import ControlDoor
from infra.local.services.er7 import Message, Unreadable, read
from infra.local.services.hl7_rules import acknowledgement, check_header, check_imaging_order, check_patient
from infra.local.services.mllp import BrokenFrame, FrameReader, framed
from infra.local.services.process import serve_until_told, settings, tell
from infra.local.services.recorder import Recorder
from infra.local.services.report_rules import read_report
from infra.local.services.soap_faults import SoapScript

KIND = re.compile(r"[A-Z0-9]{3}_[A-Z0-9]{3}\Z")
IDLE_S = 120


class Application:
    """What the listener knows: the messages taken, and its faults to come."""

    def __init__(self, *, name: str, types: frozenset[str], recorder: Recorder) -> None:
        self.name, self.script = name, SoapScript()
        self._types, self._recorder = types, recorder
        self._bodies: dict[str, str] = {}
        self._lock = threading.Lock()

    def answer(self, frame: bytes) -> tuple[bytes, str]:
        """Take a frame; return its acknowledgement and the fault to play, if any (`silence`, `cut` or nothing)."""
        said = self.script.next_fault("message")
        fault = said.get("fault", "")
        message, refused = self._judge(frame)
        if fault in {"AE", "AR"}:
            why = said.get("why", "scheduled by the control door")
            code, refused = fault, Unreadable("MSH^1", said.get("condition", "207"), why)
        else:
            code = "AE" if refused else "AA"
        ack = acknowledgement(frame, code, refused, application=said.get("application", ""))
        if fault == "other_message":
            ack = re.sub(rb"(?m)^MSA\|AA\|[^|\r]*", b"MSA|AA|NOT-THIS-ONE", ack.replace(b"\r", b"\n")).replace(b"\n", b"\r")
        if said.get("wait"):
            self.script.wait_to_be_told()
        self._record(frame, ack, message, code)
        if message is not None and code == "AA":
            self.taken(message)
        return ack, fault if fault in {"silence", "cut"} else ""

    def check(self, message: Message) -> None:
        """Check a whole message of a type that is received here.

        Raises:
            Unreadable: The first thing that is wrong.
        """
        check_header(message, self._types)
        kind = message.component("MSH", 9, 1)
        if kind == "ORM":
            check_imaging_order(message)
        elif kind in {"MDM", "ORU"}:
            read_report(message)
        elif message.all("PID"):
            check_patient(message)

    def taken(self, message: Message) -> None:
        """Do what follows from a message that was taken: nothing here."""

    def _judge(self, frame: bytes) -> tuple[Message | None, Unreadable | None]:
        message = None
        try:
            message = read(frame)
            self.check(message)
            digest = hashlib.sha256(frame).hexdigest()
            with self._lock:
                known = self._bodies.setdefault(message.field("MSH", 10), digest)
            if known != digest:
                raise Unreadable("MSH^1^10", "205", "this control id came with another body")
        except Unreadable as refused:
            return message, refused
        return message, None

    def _record(self, frame: bytes, ack: bytes, message: Message | None, code: str) -> None:
        kind = f"{message.component('MSH', 9, 1)}_{message.component('MSH', 9, 2)}" if message else ""
        name = f"out-{kind if KIND.match(kind) else 'unreadable'}"
        number = self._recorder.number()
        self._recorder.write(number, f"{name}.hl7", frame)
        self._recorder.write(number, f"{name}-ack.hl7", ack)
        self.script.note(
            control_id=message.field("MSH", 10) if message else "",
            kind=kind,
            code=code,
            evidence=[f"{number:03d}-{name}.hl7", f"{number:03d}-{name}-ack.hl7"],
        )


class Listener(socketserver.ThreadingTCPServer):
    """The MLLP door."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, application: Application, port: int = 0) -> None:
        self._application = application
        super().__init__(("127.0.0.1", port), socketserver.BaseRequestHandler)
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.1,), name=f"mllp-{application.name}", daemon=True).start()

    def finish_request(self, request: socket.socket, client_address: object) -> None:  # noqa: ARG002 (socketserver's signature)
        """Answer one connection until it ends."""
        request.settimeout(IDLE_S)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        script = self._application.script
        if script.take("connection") is not None:
            return
        reader = FrameReader(request)
        try:
            while (frame := reader.next()) is not None:
                ack, fault = self._application.answer(frame)
                if fault == "cut":
                    return
                if fault != "silence":
                    request.sendall(framed(ack))
        except BrokenFrame as broken:
            script.note(broken=str(broken))
        except OSError:
            return

    def handle_error(self, *_: object) -> None:
        """A peer that hangs up is not our fault."""

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self.shutdown()
            self.server_close()


def main() -> None:
    """Serve until told to stop."""
    config = settings("HL7 listener")
    application = Application(name=config["name"], types=frozenset(config["types"]), recorder=Recorder(config["evidence"]))
    listener = Listener(application, config.get("port", 0))
    control = ControlDoor(application.script)
    tell(config["status_file"], {"port": listener.port, "control": f"{control.url}/control"})
    serve_until_told()


if __name__ == "__main__":
    main()
