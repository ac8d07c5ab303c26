"""The operator's way in: a socket in the spool's folder, for whoever may read that folder; no port.

One line of JSON each way: `{"do": "resync"}` asks the cloud for the whole worklist, `{"do": "replay", "since": …, "until": …}`
(instants, ISO 8601) puts what had left between them on the queues again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from gateways.edge.log import Log, emit

SOCKET = "control.sock"
TIMEOUT_S = 30.0
_MAX_LINE = 4096


class ControlDoor:
    """Answers on the socket of one spool folder.

    Args:
        resynchronise: Asks for the whole worklist; False when there is no cloud to ask.
        replay: Puts what left between two instants on the queues again and returns how many rows; called in a thread.
    """

    def __init__(self, folder: Path, *, resynchronise: Callable[[], bool], replay: Callable[[datetime, datetime], int]) -> None:
        self._path = folder / SOCKET
        self._resynchronise, self._replay = resynchronise, replay
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Open the socket; a folder that cannot hold one (its path is too long) leaves the gateway without."""
        self._path.unlink(missing_ok=True)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=_MAX_LINE)
        except OSError as error:
            emit(Log.CONTROL_CLOSED, error=type(error).__name__)
            return
        os.chmod(self._path, 0o600)

    async def stop(self) -> None:
        """Close the socket."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError, asyncio.IncompleteReadError):
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._answer(await reader.readline())
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            if asked["do"] == "resync":
                return {"done": "resync"} if self._resynchronise() else {"error": "sans nuage : aucune file n'est réglée"}
            if asked["do"] == "replay":
                since, until = _instant(asked["since"]), _instant(asked["until"])
                return {"done": "replay", "rows": await asyncio.to_thread(self._replay, since, until)}
        except (ValueError, TypeError, KeyError):
            return {"error": "not understood"}
        except Exception as error:  # the outermost shell: the operator is told, the gateway lives
            return {"error": type(error).__name__}
        return {"error": "not understood"}


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs its offset")
    return instant


def ask(folder: Path, question: dict[str, str], timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
    """Ask the gateway that holds this folder.

    Raises:
        OSError: None is running, or this user may not.
    """
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(timeout_s)
        line.connect(str(folder / SOCKET))
        line.sendall(json.dumps(question).encode() + b"\n")
        with line.makefile("rb") as answers:
            answer: dict[str, Any] = json.loads(answers.readline() or b'{"error": "no answer"}')
    return answer
