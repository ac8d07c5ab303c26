"""The simulators of a run: started with what the input knows, told what to do, asked what they received."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from typing import Any

import urllib3

from infra.local.children import Child, Children, python
from infra.local.cloud.client import ROOT
from infra.local.demo import group, national
from infra.local.demo.evidence import EvidenceFolder
from infra.local.demo.journey import StepFailed, until
from infra.local.demo.national import Input
from infra.local.demo.remotes import FILES, SERVICES, Remote

PROVIDERS = {"group": "oidc_group", "psc": "psc"}
LISTENERS = {"PACS": ["ORM^O01", "ADT^A31", "ADT^A47", "ORU^R01"], "HIS": ["MDM^T02", "MDM^T04", "MDM^T10"]}
MODALITIES = "modality"
START_S = 60.0
ADDRESSES = {"insi": "url", "dmp": "url", "mss": "autoconfig", "directory": "extract"}
"""What a service's status calls the address that the product is given."""


def platform_of(site: str) -> str:
    """Return the name of the hospital platform that feeds DMP and mail for a site, or an empty text: the site does it."""
    row = group.site(site)
    return str(row.get("platform", "HIS")) if row.get("who_sends") == "platform" else ""


def surroundings() -> dict[str, str]:
    """Return this process's environment without what would lead the product elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RIS_", "TABLE_"))}


class Simulators:
    """Those of a run, each a process.

    Args:
        out: Where evidence and the run's own files go.
        remotes: `group`, `psc`, `insi`, `dmp`, `mss`, `directory`; those of somebody else are not started.
        sites: Sites that get two HL7 peers.
        given: What the national services know.
    """

    def __init__(self, out: EvidenceFolder, remotes: Mapping[str, Remote], sites: list[str], given: Input = Input()) -> None:  # noqa: B008 - frozen
        self.out, self.work = out, out.work
        self.children = Children()
        self.control: dict[str, str] = {}
        self._remotes, self._sites, self._given = remotes, sites, given
        self._servers: set[str] = set()
        self._issuers: dict[str, str] = {}
        self._urls: dict[str, str] = {}
        self._secrets: dict[str, str] = {}
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=3.0, read=15.0))

    def start_simulators(self, tls: dict[str, dict[str, str]]) -> None:
        """Start them and wait until they listen.

        Args:
            tls: Paths of certificates and keys, by the name of each remote that we play.
        """
        for name, files in tls.items():
            self._start_remote(name, files)
        for site in self._sites:
            for name, types in LISTENERS.items():
                facts = {"evidence": str(self.out.folder / "hl7"), "name": name}
                if name == platform_of(site):
                    self._simulator(f"{name}-{site}", "hospital_platform", facts)
                else:
                    self._simulator(f"{name}-{site}", "hl7_listener", {**facts, "types": types})
        self._simulator(MODALITIES, "modality_console", {})
        for name in tls:
            status = self._status(name)
            self.control[name] = status["control"]
            (self._urls if name in ADDRESSES else self._issuers)[name] = status[ADDRESSES.get(name, "issuer")]
        for name, remote in self._remotes.items():
            if not remote.simulated:
                (self._urls if name in ADDRESSES else self._issuers)[name] = remote.url
                self._secrets[name] = remote.client_secret
        self.control[MODALITIES] = self._status(MODALITIES)["control"]

    def _start_remote(self, name: str, tls: dict[str, str]) -> None:
        if name in FILES:
            self._simulator(name, name, national.directory_simulator(tls, self._given))
            return
        if name in SERVICES:
            described = {"insi": national.insi_simulator, "dmp": national.dmp_simulator, "mss": national.mss_simulator}[name]
            self._simulator(name, name, described(self.out.folder, tls, self._given))
            return
        self._secrets[name] = secrets.token_urlsafe(24)
        client = {"client_id": self._remotes[name].client_id, "client_secret": self._secrets[name], "redirect_uris": []}
        self._simulator(name, PROVIDERS[name], {"evidence": str(self.out.folder / "psc"), "tls": tls, "clients": [client]})

    def _simulator(self, name: str, module: str, facts: dict[str, Any]) -> None:
        settings = self.work / f"{name}.json"
        settings.write_text(json.dumps({"status_file": str(self.work / f"{name}.status"), **facts}))
        self._servers.add(name)
        self._spawn(name, f"infra.local.services.{module}", "--config", str(settings))

    def _spawn(self, name: str, module: str, *arguments: str, env: Mapping[str, str] | None = None) -> Child:
        return self.children.spawn(name, python(module, *arguments), env, cwd=ROOT, output=self.work / f"{name}.log")

    def _status(self, name: str) -> dict[str, Any]:
        file = self.work / f"{name}.status"
        until(f"{name} listens", lambda: file.exists() or self._ended(name), START_S)
        return dict(json.loads(file.read_text()))

    def _ended(self, name: str) -> bool:
        if any(child.name == name for child in self.children.dead()):
            raise StepFailed(f"{name} ended; see {self.work / f'{name}.log'}")
        return False

    # --- while they run ---

    def tell(self, name: str, command: dict[str, Any]) -> None:
        """Send a command to a simulator's control door."""
        answer = self._http.request("POST", self.control[name], body=json.dumps(command))
        if answer.status != 200:
            raise StepFailed(f"{name} does not take the command")

    def received(self, name: str) -> list[dict[str, Any]]:
        """Return what a simulator has received so far."""
        return list(self.report(name)["received"])

    def report(self, name: str) -> dict[str, Any]:
        """Return all that a simulator's control door shows."""
        return dict(json.loads(self._http.request("GET", self.control[name]).data))

    def forget_faults(self, name: str) -> None:
        """Let a simulator forget the faults that were not used."""
        self._http.request("DELETE", self.control[name])

    def operate_modality(self, *arguments: str) -> Any:
        """Let a modality do one thing, as `modality` on a command line, and return what came of it."""
        answer = self._http.request("POST", self.control[MODALITIES], body=json.dumps(arguments))
        if answer.status != 200:
            raise StepFailed("the modality knows no such operation")
        return answer.json()

    def run(self, name: str, module: str, *arguments: str) -> Any:
        """Run a peer that does one thing as a process of its own, and return the JSON of its last line."""
        log = self.work / f"{name}.log"
        log.unlink(missing_ok=True)
        text = self._finish(name, self._spawn(name, module, *arguments))
        return json.loads(text.strip().rsplit("\n", 1)[-1])

    def _finish(self, name: str, child: Child) -> str:
        """Wait for a process that does one thing, and return what it printed."""
        until(f"{name} has ended", lambda: not child.alive(), START_S)
        self.children.forget(child)
        log = self.work / f"{name}.log"
        if child.process.returncode:
            raise StepFailed(f"{name} failed; see {log}")
        return log.read_text()

    def simulated(self, name: str) -> bool:
        """Tell whether we play a remote."""
        return self._remotes[name].simulated

    @property
    def given(self) -> Input:
        """Return what our national services know."""
        return self._given

    @property
    def addresses(self) -> dict[str, str]:
        """Return where the national services are, ours or somebody else's."""
        return dict(self._urls)
