"""The health door: liveness, readiness and figures as JSON over HTTP, one short answer a connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

from gateways.edge.config import HealthSettings

_TIMEOUT_S = 5.0
_MAX_REQUEST = 4096


class HealthDoor:
    """Answers `/live`, `/ready` and `/` (all figures).

    Args:
        figures: Called in a thread for each question; its `live` and `ready` decide the status codes.
    """

    def __init__(self, settings: HealthSettings, figures: Callable[[], Mapping[str, Any]]) -> None:
        self._settings, self._figures = settings, figures
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Open the port."""
        self._server = await asyncio.start_server(
            self._serve, self._settings.host, self._settings.port, family=socket.AF_INET, limit=_MAX_REQUEST
        )

    async def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_TIMEOUT_S):
                request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                status, body = await self._answer(request)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                    "Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        writer.close()

    async def _answer(self, request: str) -> tuple[str, bytes]:
        method, _, rest = request.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method != "GET" or path not in ("/", "/live", "/ready"):
            return "404 Not Found", b"{}"
        figures = await asyncio.to_thread(self._figures)
        fine = figures["ready"] if path == "/ready" else figures["live"]
        shown = figures if path == "/" else {path[1:]: fine}
        return "200 OK" if fine else "503 Service Unavailable", json.dumps(shown, default=str).encode()
