"""The floor of an MLLP listener: it parses nothing, appends to one preallocated log, syncs once per turn of the loop, answers.

Run as `python tests/support/mllp_floor.py FOLDER`; prints its port.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

ACKNOWLEDGEMENT = b"\x0bMSH|^~\\&|RIS|CIM|AGENDA|CIM|20260302081500||ACK|1|P|2.5\rMSA|AA|1\r\x1c\r"
LOG_BYTES = 1 << 30


class Log:
    """One file of a fixed size, written in turns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.posix_fallocate(self._file, 0, LOG_BYTES)
        self._end = 0
        self._waiting: list[tuple[bytes, asyncio.Transport]] = []

    def add(self, frame: bytes, transport: asyncio.Transport) -> None:
        """Write a frame with the others of this turn."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append((frame, transport))

    def _flush(self) -> None:
        group, self._waiting = self._waiting, []
        data = b"".join(frame for frame, _ in group)
        if self._end + len(data) > LOG_BYTES:
            self._end = 0
        os.pwrite(self._file, data, self._end)
        self._end += len(data)
        os.fdatasync(self._file)
        for _, transport in group:
            transport.write(ACKNOWLEDGEMENT)


class Line(asyncio.Protocol):
    """A connection: cuts at FS, nothing else."""

    def __init__(self, log: Log) -> None:
        self._log, self._held = log, bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\x1c\r")) >= 0:
            self._log.add(bytes(self._held[: end + 2]), self._transport)
            del self._held[: end + 2]


async def serve(folder: Path) -> None:
    log = Log(folder / "floor.log")
    server = await asyncio.get_running_loop().create_server(lambda: Line(log), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
