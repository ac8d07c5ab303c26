"""The DMP: existence, feeding, search and deletion of one's own documents, over mutual TLS 1.2. `python -m infra.local.services.dmp`.

Settings: `{"status_file", "evidence": folder of the calls, "cda", "pdf": folders (beside `evidence` when left out),
"tls": {"certificate", "key", "ca", "crl"}, "records": [csv, …], "port": 0, "options": {…}}`. Options and their defaults:
`unknown_record` "none" (or "open"), `vihf_max_age_s` 300, `vihf_versions` ["3.0", "4.0"], `accept_client_auth_vihf` false,
`accept_sha1` false, `hash_required` true, `first_version_only` false.
Status: `{"url", "control", "pid"}`; `url` is the base that `/patients`, `/repository` and `/registry` follow.

Control: points `td0.2`, `iti-41`, `iti-18`, `td3.3c`, faults of `soap_faults`, and `{"fault": "busy"}`, `{"fault": "registry_error", "code",
"context"}` (both store nothing). `POST {"record": {"matricule", "oid", "status": "closed", "closed_on", "reason"}}` changes a record,
`{"options": {…}}` an option. `GET` shows the calls (`received`, counted in `calls`) and the documents stored with their submissions.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.services import dmp_delete, dmp_existence, dmp_feed, dmp_mime, dmp_search
from infra.local.services.control import ControlDoor
from infra.local.services.dmp_envelope import addressed
from infra.local.services.dmp_evidence import Received
from infra.local.services.dmp_objects import RegistryError
from infra.local.services.dmp_registry import Registry
from infra.local.services.dmp_trust import SigningTrust, now
from infra.local.services.dmp_vihf import VihfRules, believe
from infra.local.services.process import serve_until_told, settings, tell
from infra.local.services.recorder import Recorder
from infra.local.services.soap import Fault, answer_envelope, content_type_parameters, fault_envelope, message_id, parse, parts
from infra.local.services.soap_door import Answer, Call, Rules, SoapDoor, Trust
from infra.local.services.soap_faults import BEFORE, SoapScript, afterwards, instead

BASE = "/si-dmp-server/v2/services"
SOAP_TYPE = "application/soap+xml; charset=UTF-8"
RECORDS = [str(Path(__file__).with_name("data") / "dmp_records.csv")]


@dataclass(frozen=True)
class Operation:
    """One transaction: its point and evidence name, its actions; `mtom` when it comes and goes in parts."""

    name: str
    action: str
    answer_action: str
    mtom: bool = False


OPERATIONS = {
    f"{BASE}/patients": Operation("td0.2", f"urn:hl7-org:v3:{dmp_existence.REQUEST}", f"urn:hl7-org:v3:{dmp_existence.ANSWER}"),
    f"{BASE}/repository": Operation("iti-41", dmp_feed.ACTION, f"{dmp_feed.ACTION}Response", mtom=True),
    f"{BASE}/registry": Operation("iti-18", dmp_search.ACTION, f"{dmp_search.ACTION}Response"),
}
DELETION = Operation("td3.3c", dmp_delete.ACTION, dmp_delete.ANSWER_ACTION)
"""Comes to the registry's address too; its Content-Type says which it is."""
UNKNOWN = Operation("unknown", "", "")
DEFAULTS: dict[str, Any] = {
    "unknown_record": "none",
    "vihf_max_age_s": 300,
    "vihf_versions": ["3.0", "4.0"],
    "accept_client_auth_vihf": False,
    "accept_sha1": False,
    "hash_required": True,
    "first_version_only": False,
}


class Dmp:
    """The platform, without its door.

    Args:
        ca, crl: What signing certificates are checked against.
        options: As in the settings.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        received: Received,
        ca: str,
        crl: str,
        records: list[str],
        options: dict[str, Any] | None = None,
    ) -> None:
        self.script = SoapScript()
        self._recorder, self._received = recorder, received
        self._ca, self._crl = ca, crl
        self._registry = Registry()
        self._registry.load(records)
        self._options: dict[str, Any] = {}
        self._outcome = threading.local()
        self._set_options({**DEFAULTS, **(options or {})})
        self.script.extra = lambda: {"documents": self._registry.documents()}

    def rules(self) -> Rules:
        """Return what the door asks."""
        return Rules(answer=self.answer, refuse_unread=self._refuse_unread, finished=self._finished, refused=self._refused)

    def command(self, body: dict[str, Any]) -> None:
        """Change a record or an option."""
        if "record" in body:
            self._registry.set_record(**body.pop("record"))
        if "options" in body:
            self._set_options(body.pop("options"))
        if body:
            raise ValueError(f"the DMP knows no {sorted(body)}")

    def answer(self, call: Call) -> Answer:
        """Answer one call."""
        operation = _operation(call)
        fault = self.script.next_fault(operation.name)
        self._outcome.said = fault.get("fault", "")
        refused = instead(fault)
        if refused is not None:
            return refused
        if operation is UNKNOWN or call.method != "POST":
            self._outcome.said = "404"
            return Answer(404, "text/plain; charset=utf-8", b"Not Found\n")
        return afterwards(fault, self._answer(operation, call, fault), self.script)

    def _answer(self, operation: Operation, call: Call, fault: dict[str, Any]) -> Answer:
        """Read, believe, do; a refusal is an answer too."""
        related = ""
        try:
            mtom = _in_parts(operation, call)
            related = str(uuid.uuid4()) if fault.get("fault") == "other_request" else message_id(mtom.root)
            body = self._done(operation, call, mtom, fault)
            self._outcome.said = self._outcome.said or "ok"
            return _reply(operation, 200, answer_envelope(body, action=operation.answer_action, related=related))
        except RegistryError as refused:
            self._outcome.said = self._outcome.said or refused.code
            body = dmp_search.failure(refused) if operation.name == "iti-18" else dmp_feed.failure(refused)
            return _reply(operation, 200, answer_envelope(body, action=operation.answer_action, related=related))
        except Fault as raised:
            self._outcome.said = self._outcome.said or (raised.subcode.rpartition(":")[2] or raised.code)
            self._outcome.reason = raised.reason
            return _reply(operation, 500, fault_envelope(raised, related=related))

    def _done(self, operation: Operation, call: Call, mtom: dmp_mime.Mtom, fault: dict[str, Any]) -> str:
        """Return the body of a good answer."""
        root = parse(mtom.root)
        header, body = parts(root)
        addressed(header, action=operation.action, said=mtom.action, path=call.path)
        vihf = believe(root, header, structure=call.structure, rules=self._vihf_rules, now=now())
        _raise(fault)
        if operation.name == "td0.2":
            asked = dmp_existence.read(body)
            if vihf.patient != f"{asked.matricule}^^^&{asked.oid}&ISO^NH":
                raise Fault("Sender", "Le patient demandé n'est pas celui du VIHF")
            return dmp_existence.answer(asked, self._registry.record(asked.matricule, asked.oid))
        if operation.name == "iti-18":
            return dmp_search.find(body, vihf, self._registry)
        if operation is DELETION:
            dmp_delete.take(body, vihf, self._registry)
            return dmp_feed.success()
        feed = dmp_feed.Feed(
            registry=self._registry,
            trust=self._vihf_rules.trust,
            hash_required=self._options["hash_required"],
            sha1=self._options["accept_sha1"],
        )
        for unique_id, cda, pdf in feed.take(body, mtom.parts, vihf, now=now()):
            self._received.keep(unique_id, cda, pdf)
        return dmp_feed.success()

    def _set_options(self, options: dict[str, Any]) -> None:
        if unknown := sorted(set(options) - set(DEFAULTS)):
            raise ValueError(f"the DMP knows no option {unknown}")
        self._options.update(options)
        said = self._options
        self._registry.unknown_record = said["unknown_record"]
        self._registry.first_version_only = said["first_version_only"]
        self._vihf_rules = VihfRules(
            SigningTrust(ca=self._ca, crl=self._crl, client_certificates=said["accept_client_auth_vihf"]),
            float(said["vihf_max_age_s"]),
            frozenset(said["vihf_versions"]),
            said["accept_sha1"],
        )

    def _refuse_unread(self, path: str) -> bool:
        """Tell whether to close before the body was read."""
        name = OPERATIONS.get(path, UNKNOWN).name
        if self.script.peek(name).get("fault") not in BEFORE:
            return False
        self.script.next_fault(name)
        self.script.count("calls", f"{name} unread")
        return True

    def _finished(self, call: Call, sent: bytes) -> None:
        """Keep what crossed the wire, and count."""
        name = _operation(call).name
        number = self._recorder.number()
        self._recorder.write(number, f"{name}-request.http", call.raw)
        if sent:
            self._recorder.write(number, f"{name}-response.http", sent)
        self.script.count("calls", name)
        outcome, reason = self._outcome.said, getattr(self._outcome, "reason", "")
        self._outcome.reason = ""
        self.script.note(number=number, operation=name, structure=call.structure, outcome=outcome, reason=reason)

    def _refused(self, reason: str) -> None:
        """Note a handshake that failed."""
        self.script.count("calls", "tls_refused")
        self.script.note(outcome="tls_refused", reason=reason)


def _operation(call: Call) -> Operation:
    """Return which transaction a call is."""
    found = OPERATIONS.get(call.path, UNKNOWN)
    if (
        found.name == "iti-18"
        and content_type_parameters(call.headers.get("content-type", ""))[1].get("action") == dmp_delete.ACTION
    ):
        return DELETION
    return found


def _in_parts(operation: Operation, call: Call) -> dmp_mime.Mtom:
    """Return the request's envelope, its parts when it has some, and the action that its Content-Type says."""
    kind = call.headers.get("content-type", "")
    if operation.mtom:
        return dmp_mime.read(kind, call.body)
    media, said = content_type_parameters(kind)
    if media != "application/soap+xml":
        raise Fault("Sender", "Content-Type is not application/soap+xml")
    return dmp_mime.Mtom(call.body, {}, said.get("action", ""))


def _raise(fault: dict[str, Any]) -> None:
    """Raise a scheduled refusal, once the caller was believed."""
    name = fault.get("fault", "")
    if name == "busy":
        raise RegistryError("XDSRepositoryBusy", "try again later")
    if name == "registry_error":
        raise RegistryError(str(fault["code"]), str(fault.get("context", "")))
    if name == "soap_fault":
        raise Fault(fault.get("code", "Sender"), fault.get("reason", ""), fault.get("subcode", ""), fault.get("detail", ""))


def _reply(operation: Operation, status: int, envelope: bytes) -> Answer:
    """Return an answer, in parts where the request came in parts, even for a fault."""
    if not operation.mtom:
        return Answer(status, SOAP_TYPE, envelope)
    content_type, body = dmp_mime.answer(envelope, action=operation.answer_action, boundary=f"uuid:{uuid.uuid4()}")
    return Answer(status, content_type, body)


class DmpDoors:
    """The DMP behind its two doors."""

    def __init__(self, service: Dmp, trust: Trust, *, port: int = 0) -> None:
        self._door = SoapDoor(service.rules(), trust, port)
        self._control = ControlDoor(service.script, service.command)
        self.status = {"url": self._door.url + BASE, "control": f"{self._control.url}/control"}

    def close(self) -> None:
        """Close both."""
        self._door.close()
        self._control.close()


def main() -> None:
    """Serve the DMP until told to stop."""
    config = settings("DMP")
    evidence = Path(config["evidence"])
    service = Dmp(
        recorder=Recorder(evidence),
        received=Received(cda=config.get("cda") or evidence.with_name("cda"), pdf=config.get("pdf") or evidence.with_name("pdf")),
        ca=config["tls"]["ca"],
        crl=config["tls"]["crl"],
        records=config.get("records") or RECORDS,
        options=config.get("options"),
    )
    doors = DmpDoors(service, Trust(**config["tls"]), port=config.get("port", 0))
    tell(config["status_file"], doors.status)
    serve_until_told()


if __name__ == "__main__":
    main()
