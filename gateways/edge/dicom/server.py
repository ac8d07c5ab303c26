"""The DICOM door: ports, connections, their deadlines and their bounds, on one asyncio loop.

The upper layer, DIMSE, negotiation and services are modules without network; a `Connection` puts them on a transport.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from gateways.edge.config import DicomSettings, TlsSettings
from gateways.edge.dicom.archive import ArchiveDesk
from gateways.edge.dicom.connection import Connection
from gateways.edge.dicom.mpps import MppsDesk
from gateways.edge.dicom.negotiation import LIMIT_REACHED, Accepted, Negotiator, Rejected
from gateways.edge.dicom.pdu import AssociateRequest
from gateways.edge.dicom.plain import PlainListener, Poller
from gateways.edge.dicom.services import Services
from gateways.edge.dicom.stations import Stations
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.tls import server_context

BACKLOG = 1024
LOOK_S = 0.25
THREADS = 4


class DicomServer:
    """Serves the site's modalities and its archive.

    Args:
        desk: None when nothing can be kept: performed procedure steps and the archive's services are not offered then.
    """

    def __init__(
        self,
        settings: DicomSettings,
        *,
        worklist: Worklist,
        desk: MppsDesk | None,
        stations: Stations,
        clock: Callable[[], datetime],
        archive: ArchiveDesk | None = None,
    ) -> None:
        self.settings = settings
        self.services = Services(settings, worklist=worklist, desk=desk, archive=archive, stations=stations, clock=clock)
        self._negotiator = Negotiator(settings, stations, keeps=desk is not None and archive is not None)
        self._connections: dict[Connection, None] = {}
        self._associated = 0
        self._held = 0
        self._doors: list[PlainListener | asyncio.Server] = []
        self._pool: ThreadPoolExecutor | None = None
        self._looking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poller: Poller | None = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port_of(0)

    @property
    def tls_port(self) -> int | None:
        """The port it listens on over TLS."""
        return self._port_of(1) if len(self._doors) > 1 else None

    @property
    def connections(self) -> int:
        """Connections open now."""
        return len(self._connections)

    @property
    def held(self) -> int:
        """Bytes of unfinished messages."""
        return self._held

    async def start(self) -> None:
        """Open the ports.

        Raises:
            OSError: A port is taken, or a certificate cannot be read.
        """
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self.soon = self._loop.call_soon
        self._poller = Poller(self._loop)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="dicom")
        await self._open(self.settings.port)
        if self.settings.tls is not None:
            await self._open_tls(self.settings.tls)
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Close the ports and end the associations."""
        for door in self._doors:
            door.close()
        for connection in list(self._connections):
            connection.end()
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        if self._pool is not None:
            await asyncio.to_thread(self._pool.shutdown)
        for connection in list(self._connections):
            connection.drop()
        if self._poller is not None:
            self._poller.close()

    def negotiate(self, request: AssociateRequest, address: str) -> Accepted | Rejected:
        """Answer an association request, by the settings and by how many there are."""
        answer = self._negotiator.negotiate(request, address)
        if isinstance(answer, Accepted):
            if self._associated >= self.settings.max_associations:
                return Rejected(answer.calling, "too many associations", LIMIT_REACHED)
            self._associated += 1
        return answer

    def enter(self, connection: Connection) -> bool:
        """Note a new connection, and make room for it: the one that has been silent for longest goes.

        Returns:
            False when its address may not connect.
        """
        if not self._negotiator.admits(connection.address):
            return False
        if len(self._connections) - self._associated >= self.settings.max_waiting:
            longest = next((one for one in self._connections if not one.is_associated), None)
            if longest is not None:
                self.leave(longest)
                longest.drop()
        self._connections[connection] = None
        return True

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        if connection in self._connections:
            del self._connections[connection]
            self._associated -= connection.is_associated

    def hold(self, more: int) -> bool:
        """Account for bytes of unfinished messages; False when there are too many, those of this call included."""
        self._held += more
        return more <= 0 or self._held <= self.settings.memory_bytes

    def in_thread(self, work: Callable[[], bytes], done: Callable[[bytes], None]) -> None:
        """Do work that waits for the disk, and hand over its answer in the loop."""
        assert self._loop is not None
        assert self._pool is not None
        future = self._loop.run_in_executor(self._pool, work)
        future.add_done_callback(lambda finished: None if finished.cancelled() else done(finished.result()))

    async def _open(self, port: int) -> None:
        """Open a plain port on every address of the host."""
        assert self._loop is not None
        assert self._poller is not None
        host = self.settings.host
        found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        doors = [_listening(family, address) for family, address in dict.fromkeys((one[0], one[4]) for one in found)]
        self._doors.append(PlainListener(self._poller, doors, lambda: Connection(self)))

    async def _open_tls(self, settings: TlsSettings) -> None:
        assert self._loop is not None
        patience = self.settings.association_timeout_s
        door = await self._loop.create_server(
            lambda: Connection(self),
            self.settings.host,
            settings.port,
            backlog=BACKLOG,
            ssl=server_context(settings),
            ssl_handshake_timeout=patience,
            ssl_shutdown_timeout=patience,
        )
        self._doors.append(door)

    def _port_of(self, number: int) -> int:
        port: int = self._doors[number].sockets[0].getsockname()[1]
        return port

    async def _look(self) -> None:
        """End the waits that have lasted too long."""
        while True:
            await asyncio.sleep(LOOK_S)
            now = self.now()
            for connection in [one for one in self._connections if one.deadline <= now]:
                connection.expire()


def _listening(family: int, address: Any) -> socket.socket:
    door = socket.socket(family, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            door.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        door.bind(address)
        door.listen(BACKLOG)
    except OSError:
        door.close()
        raise
    return door
