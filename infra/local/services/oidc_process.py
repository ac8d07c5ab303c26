"""A provider as a process: two doors, a control door, a status file.

Settings: `{"status_file", "evidence", "tls": {"certificate", "key"}, "clients": [{"client_id", "client_secret", "redirect_uris",
"post_logout_redirect_uris"}], "people": file}`; `people` may be left out: the simulator has its own.
Status: `{"issuer", "front", "control", "pid"}`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from infra.local.services.control import ControlDoor
from infra.local.services.http_door import HttpDoor, Reply, Request, server_tls
from infra.local.services.oidc_provider import Profile, Provider
from infra.local.services.process import serve_until_told, settings, tell
from infra.local.services.recorder import Recorder

DATA = Path(__file__).with_name("data")


class ProviderDoors:
    """A provider behind its three doors.

    Args:
        profile: Which provider.
        tls: Certificate chain and key of the back channel, PEM files; plain HTTP without, for a test of the rules alone.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        clients: list[dict[str, object]],
        people: list[dict[str, object]],
        recorder: Recorder,
        tls: tuple[str, str] | None = None,
    ) -> None:
        self._back = HttpDoor(lambda request: self._serve("back", request), tls=server_tls(*tls) if tls else None)
        self._front = HttpDoor(lambda request: self._serve("front", request))
        self.provider = Provider(
            profile,
            issuer=self._back.url + profile.realm,
            front=self._front.url,
            clients=clients,
            people=people,
            recorder=recorder,
            now=time.time,
        )
        self._control = ControlDoor(self.provider.script, self.provider.command)
        self.status = {"issuer": self.provider.issuer, "front": self._front.url, "control": f"{self._control.url}/control"}

    def _serve(self, door: str, request: Request) -> Reply:
        return self.provider.back_channel(request) if door == "back" else self.provider.pages(request)

    def close(self) -> None:
        """Close all doors."""
        for door in (self._back, self._front, self._control):
            door.close()


def run(profile: Profile, people_file: str) -> None:
    """Serve one provider until told to stop."""
    config = settings(profile.title)
    people = json.loads(Path(config.get("people") or DATA / people_file).read_text())
    doors = ProviderDoors(
        profile,
        clients=config["clients"],
        people=people,
        recorder=Recorder(config["evidence"]),
        tls=(config["tls"]["certificate"], config["tls"]["key"]),
    )
    tell(config["status_file"], doors.status)
    serve_until_told()
