"""Modalities that stay switched on: each operation over an association of its own. `python -m infra.local.services.modality_console`.

`POST /operation` takes the arguments of `modality` as a JSON list and answers what `modality` prints. Settings: `{"status_file"}`. Status:
`{"control", "pid"}`.
"""

from __future__ import annotations

import json

from infra.local.services.http_door import HttpDoor, Reply, Request, json_reply
from infra.local.services.modality import perform
from infra.local.services.process import serve_until_told, settings, tell

PATH = "/operation"


def answer(request: Request) -> Reply:
    """Run what is asked for; 400 when it is no operation."""
    if (request.method, request.path) != ("POST", PATH):
        return json_reply({"error": "not_found"}, 404)
    try:
        return json_reply(perform(json.loads(request.body)))
    except (SystemExit, ValueError) as refused:
        return json_reply({"error": f"no such operation: {refused}"}, 400)


def main() -> None:
    """Serve until told to stop."""
    config = settings("modalities")
    door = HttpDoor(answer)
    tell(config["status_file"], {"control": f"{door.url}{PATH}"})
    serve_until_told()


if __name__ == "__main__":
    main()
