"""INSi: the search by traits over SOAP 1.2 and mutual TLS 1.2. `python -m infra.local.services.insi`.

Settings: `{"status_file", "evidence", "tls": {"certificate", "key", "ca", "crl"}, "profile": "production" | "vendor-test",
"identities": [csv, …], "idams": ["…"], "port": 0}`; identities may be left out: the simulator knows the vendors' test identities.
Status: `{"url", "control", "pid"}`. In the profile `vendor-test` whoever is not found gives the fault `insi_101`, never 01 or 02.

Control (point `search`): the faults of `soap_faults`, and `{"fault": "insi_102"}` (any code), `{"fault": "result", "code": "01"}`,
`{"fault": "change", "elements": {"Sexe": "M", "Prenom": null}}`. `POST {"profile": …}` changes the profile, `{"identities": [csv]}`
what is known. `GET` shows each call and how many there were by certificate (`calls`).
"""

from __future__ import annotations

import itertools
import threading
import uuid
from pathlib import Path
from typing import Any

from infra.local.services import insi_answers, insi_people, insi_rules
from infra.local.services.control import ControlDoor
from infra.local.services.process import serve_until_told, settings, tell
from infra.local.services.recorder import Recorder
from infra.local.services.soap import Fault, fault_envelope, message_id
from infra.local.services.soap_door import Answer, Call, Rules, SoapDoor, Trust
from infra.local.services.soap_faults import BEFORE, SoapScript, afterwards, instead

PATH = "/lps"
POINT = "search"
SOAP_TYPE = "application/soap+xml; charset=UTF-8"
PROFILES = frozenset({"production", "vendor-test"})
KNOWN = [str(Path(__file__).with_name("data") / "insi_identities.csv")]


class Insi:
    """The service, without its door.

    Args:
        idams: Authorisation numbers of software that are known.
    """

    def __init__(self, *, recorder: Recorder, identities: list[str], idams: list[str], profile: str = "production") -> None:
        self.script = SoapScript()
        self._recorder = recorder
        self._people = insi_people.load(identities)
        self._idams = frozenset(idams)
        self._turns = itertools.count()
        self._outcome = threading.local()
        self._profile = _profile(profile)

    def rules(self) -> Rules:
        """Return what the door asks."""
        return Rules(answer=self.answer, refuse_unread=self._refuse_unread, finished=self._finished, refused=self._refused)

    def command(self, body: dict[str, Any]) -> None:
        """Change the profile or what is known."""
        if "profile" in body:
            self._profile = _profile(body.pop("profile"))
        if "identities" in body:
            self._people = insi_people.load(body.pop("identities"))
        if body:
            raise ValueError(f"INSi knows no {sorted(body)}")

    def answer(self, call: Call) -> Answer:
        """Answer one call."""
        fault = self.script.next_fault(POINT)
        self._outcome.said = fault.get("fault", "")
        refused = instead(fault)
        if refused is not None:
            return refused
        if call.path != PATH:
            self._outcome.said = "404"
            return Answer(404, "text/plain; charset=utf-8", b"Not Found\n")
        related = str(uuid.uuid4()) if fault.get("fault") == "other_request" else message_id(call.body)
        try:
            question = insi_rules.accept(call, idams=self._idams)
            return afterwards(fault, self._result(question, fault, related), self.script)
        except Fault as raised:
            self._outcome.said = raised.detail.partition('code="')[2].partition('"')[0] or raised.code
            return afterwards(fault, Answer(500, SOAP_TYPE, fault_envelope(raised, related=related)), self.script)

    def _result(self, question: insi_rules.Question, fault: dict[str, Any], related: str) -> Answer:
        """Search and answer; a scheduled fault of INSi comes first."""
        name = str(fault.get("fault", ""))
        if name == "soap_fault":
            raise Fault(fault.get("code", "Receiver"), fault.get("reason", ""), fault.get("subcode", ""), fault.get("detail", ""))
        if name.startswith(("insi_", "desir_", "siram_")):
            raise insi_rules.known_fault(name)
        code, person = insi_people.search(self._people, question.traits)
        if name == "result":
            code, person = str(fault["code"]), None
        elif person is None and self._profile == "vendor-test":
            raise insi_rules.known_fault("insi_101")
        self._outcome.said = self._outcome.said or code
        changed = fault.get("elements") if name == "change" else None
        return Answer(200, SOAP_TYPE, insi_answers.answer(code, person, related=related, turn=next(self._turns), changed=changed))

    def _refuse_unread(self, _: str) -> bool:
        """Tell whether to close before the body was read."""
        if self.script.peek(POINT).get("fault") not in BEFORE:
            return False
        self.script.next_fault(POINT)
        self.script.count("calls", "unread")
        return True

    def _finished(self, call: Call, sent: bytes) -> None:
        """Keep what crossed the wire, and count."""
        number = self._recorder.number()
        self._recorder.write(number, f"{insi_rules.OPERATION}-request.http", call.raw)
        if sent:
            self._recorder.write(number, f"{insi_rules.OPERATION}-response.http", sent)
        self.script.count("calls", call.common_name)
        self.script.note(number=number, common_name=call.common_name, structure=call.structure, outcome=self._outcome.said)

    def _refused(self, reason: str) -> None:
        """Note a handshake that failed."""
        self.script.count("calls", "tls_refused")
        self.script.note(outcome="tls_refused", reason=reason)


class InsiDoors:
    """INSi behind its two doors."""

    def __init__(self, service: Insi, trust: Trust, *, port: int = 0) -> None:
        self._door = SoapDoor(service.rules(), trust, port)
        self._control = ControlDoor(service.script, service.command)
        self.status = {"url": self._door.url + PATH, "control": f"{self._control.url}/control"}

    def close(self) -> None:
        """Close both."""
        self._door.close()
        self._control.close()


def _profile(name: str) -> str:
    if name not in PROFILES:
        raise ValueError(f"a profile of INSi is one of {sorted(PROFILES)}")
    return name


def main() -> None:
    """Serve INSi until told to stop."""
    config = settings("INSi")
    service = Insi(
        recorder=Recorder(config["evidence"]),
        identities=config.get("identities") or KNOWN,
        idams=config["idams"],
        profile=config.get("profile", "production"),
    )
    doors = InsiDoors(service, Trust(**config["tls"]), port=config.get("port", 0))
    tell(config["status_file"], doors.status)
    serve_until_told()


if __name__ == "__main__":
    main()
