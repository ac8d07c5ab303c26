"""The national directory (Annuaire Sante): FHIR search and the extracts as files. `python -m infra.local.services.directory`.

| path | what |
|---|---|
| `/fhir/v2/{Practitioner,PractitionerRole,Organization}` | search by GET, or POST on `/_search`; `/{id}` reads one |
| `/extract/PS_LibreAcces_Personne_activite.txt` | one line an activity |
| `/extract/Extraction_Correspondance_MSSante.txt` | one line a mailbox; red-listed ones are not in it |
| `/extract/PS_LibreAcces.zip`, `/extract/Extraction_Correspondance_MSSante.zip` | the same, zipped under a dated name |

The search wants the header `ESANTE-API-KEY` of a known key; the extracts are free. Parameters that are not exposed (`mailbox-mss-type`) are
refused, batches too.

Settings: `{"status_file", "keys": ["…"], "people"?: [csv, …], "tls"?: {"certificate", "key"}, "page_size"?: 50, "port": 0}`. Status: `{"url",
"extract", "control", "pid"}`. Control, points `search` and `extract`: `{"fault": "429", "retry_after": 1}`, `"503"`, `"cut"`,
`{"fault": "slow", "seconds": n}`, and `"half"` (an extract that stops in the middle of a line); `POST {"people": [csv, …]}` changes what is
known. `GET` counts searches by resource and outcome.

Source: Annuaire Sante, API FHIR v2 and extracts; NOS TRE_R256, TRE_R257; FHIR R4 §3.1.1 (search), §2.36 (OperationOutcome).
"""

from __future__ import annotations

import io
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from infra.local.services.control import ControlDoor
from infra.local.services.directory_people import Known, extract_of_activities, extract_of_mailboxes
from infra.local.services.directory_search import BadSearch, search
from infra.local.services.http_door import HttpDoor, Reply, Request, json_reply, server_tls
from infra.local.services.process import serve_until_told, settings, tell
from infra.local.services.soap_faults import SoapScript

BASE, EXTRACT = "/fhir/v2", "/extract"
RESOURCES = ("Practitioner", "PractitionerRole", "Organization")
PEOPLE = [str(Path(__file__).with_name("data") / "directory.csv")]
ACTIVITIES, MAILBOXES = "PS_LibreAcces_Personne_activite", "Extraction_Correspondance_MSSante"


class Directory:
    """The directory, without its doors.

    Args:
        keys: API keys that are known.
        page_size: Entries of a page where `_count` asks for none; also the most it gives.
    """

    def __init__(self, *, people: list[str], keys: list[str], page_size: int = 50) -> None:
        self.script = SoapScript()
        self._known, self._keys, self._page = Known.read(people), frozenset(keys), page_size
        self.base = ""

    def command(self, body: dict[str, Any]) -> None:
        """Change what is known."""
        if "people" in body:
            self._known = Known.read(body.pop("people"))
        if body:
            raise ValueError(f"the directory knows no {sorted(body)}")

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        point = "extract" if request.path.startswith(f"{EXTRACT}/") else "search"
        fault = self.script.next_fault(point)
        if fault.get("fault") == "slow":
            threading.Event().wait(float(fault.get("seconds", 1)))
        scheduled = _scheduled(fault)
        reply = scheduled or (self._extract(request, fault) if point == "extract" else self._fhir(request))
        self.script.count(point, f"{request.path.rpartition('/')[2]} {'cut' if reply.cut else reply.status}")
        return reply

    def _extract(self, request: Request, fault: dict[str, Any]) -> Reply:
        """Return one of the files."""
        name = request.path.removeprefix(f"{EXTRACT}/")
        texts = {ACTIVITIES: extract_of_activities(self._known), MAILBOXES: extract_of_mailboxes(self._known)}
        zips = {"PS_LibreAcces.zip": ACTIVITIES, f"{MAILBOXES}.zip": MAILBOXES}
        wanted = zips.get(name) or name.removesuffix(".txt")
        if request.method != "GET" or wanted not in texts or not name.endswith((".txt", ".zip")):
            return Reply(404)
        content = texts[wanted].encode()
        content = content[: len(content) // 2] if fault.get("fault") == "half" else content
        if name in zips:
            return Reply(200, _zipped(f"{wanted}_{datetime.now(UTC):%Y%m%d%H%M}.txt", content), {"Content-Type": "application/zip"})
        return Reply(200, content, {"Content-Type": "text/plain; charset=utf-8"})

    def _fhir(self, request: Request) -> Reply:
        """Answer a search, or refuse by status and outcome."""
        if request.headers.get("esante-api-key", "") not in self._keys:
            return _outcome(401, "login", "the API key is missing or unknown")
        kind, _, rest = request.path.removeprefix(f"{BASE}/").partition("/")
        if not request.path.startswith(f"{BASE}/") or kind not in RESOURCES:
            return _outcome(404, "not-supported", "no such resource")
        if request.method == "GET" and rest:
            found = next((one for one in self._known.resources(kind) if one["id"] == rest), None)
            return _fhir_reply(found) if found else _outcome(404, "not-found", "no such id")
        if (request.method, rest) not in {("GET", ""), ("POST", "_search")}:
            return _outcome(405, "not-supported", "search only: no batch, no writing")
        try:
            return _fhir_reply(self._bundle(kind, [*request.query, *request.form]))
        except BadSearch as refused:
            return _outcome(400, "invalid", str(refused))

    def _bundle(self, kind: str, asked: list[tuple[str, str]]) -> dict[str, Any]:
        page, size, parameters = _paging(asked, self._page)
        found, included = search(self._known, kind, parameters)
        shown = found[(page - 1) * size : page * size]
        links = [{"relation": "self", "url": self._url(kind, asked)}]
        if page * size < len(found):
            links.append(
                {"relation": "next", "url": self._url(kind, [*parameters, ("_count", str(size)), ("_page", str(page + 1))])}
            )
        entries = [self._entry(one, "match") for one in shown] + [self._entry(one, "include") for one in included(shown)]
        return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links, "entry": entries}

    def _url(self, kind: str, asked: list[tuple[str, str]]) -> str:
        return f"{self.base}/{kind}?{urlencode(asked)}"

    def _entry(self, resource: dict[str, Any], mode: str) -> dict[str, Any]:
        url = f"{self.base}/{resource['resourceType']}/{resource['id']}"
        return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def _paging(asked: list[tuple[str, str]], most: int) -> tuple[int, int, list[tuple[str, str]]]:
    """Return page, size and the other parameters."""
    said = dict(asked)
    if not all(said.get(name, "1").isdigit() and int(said.get(name, "1")) for name in ("_page", "_count")):
        raise BadSearch("_count and _page are numbers from 1")
    rest = [(name, value) for name, value in asked if name not in {"_page", "_count"}]
    return int(said.get("_page", "1")), min(int(said.get("_count", most)), most), rest


def _scheduled(fault: dict[str, Any]) -> Reply | None:
    name = fault.get("fault", "")
    if name == "cut":
        return Reply(cut=True)
    if name == "429":
        refused = _outcome(429, "throttled", "too many requests")
        return Reply(429, refused.body, {**refused.headers, "Retry-After": str(fault.get("retry_after", 1))})
    if name == "503":
        return Reply(503, b"Service Unavailable\n", {"Content-Type": "text/plain"})
    return None


def _outcome(status: int, code: str, why: str) -> Reply:
    issue = {"severity": "error", "code": code, "diagnostics": why}
    return _fhir_reply({"resourceType": "OperationOutcome", "issue": [issue]}, status)


def _fhir_reply(content: Any, status: int = 200) -> Reply:
    reply = json_reply(content, status)
    return Reply(status, reply.body, {**reply.headers, "Content-Type": "application/fhir+json; charset=utf-8"})


def _zipped(name: str, content: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return written.getvalue()


class DirectoryDoors:
    """The directory behind its two doors."""

    def __init__(self, directory: Directory, *, tls: dict[str, str] | None = None, port: int = 0) -> None:
        self._door = HttpDoor(directory.answer, port, tls=server_tls(**tls) if tls else None)
        self._control = ControlDoor(directory.script, directory.command)
        directory.base = self._door.url + BASE
        self.status = {"url": directory.base, "extract": self._door.url + EXTRACT, "control": f"{self._control.url}/control"}

    def close(self) -> None:
        """Close both."""
        self._door.close()
        self._control.close()


def main() -> None:
    """Serve until told to stop."""
    config = settings("Directory")
    directory = Directory(people=config.get("people") or PEOPLE, keys=config["keys"], page_size=config.get("page_size", 50))
    tls = {name: config["tls"][name] for name in ("certificate", "key")} if config.get("tls") else None
    doors = DirectoryDoors(directory, tls=tls, port=config.get("port", 0))
    tell(config["status_file"], doors.status)
    serve_until_told()


if __name__ == "__main__":
    main()
