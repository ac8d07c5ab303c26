"""The cable between a site and the cloud: a TCP relay that can be cut. `python -m infra.local.services.cable`.

`POST /control` takes `{"cut": "silent"}`: nothing passes any more and nobody is told; connections stay open, new ones are taken and lead
nowhere, and what was on its way arrives when the cable is back, since TCP sends it again. `{"cut": "refused"}`: every connection is reset,
new ones too, as by a router that has no way. `{"mend": true}`: it is whole. `received` notes each of them, with how many connections were
`open` then and how many had `asked` since the note before.

Settings: `{"status_file", "to"}`, a port of 127.0.0.1. Status: `{"port", "control", "pid"}`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import Any

from infra.local.services.control import ControlDoor, Script
from infra.local.services.process import serve_until_told, settings, tell

CUTS = ("silent", "refused")
CHUNK = 1 << 16
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: closing sends RST."""


class Cable:
    """Relays connections to one port of 127.0.0.1, in a loop and thread of its own.

    Args:
        to: The port at the other end.
    """

    def __init__(self, to: int) -> None:
        self.script = Script()
        self._to = to
        self._refused = False
        self._asked = 0
        self._relays: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="cable", daemon=True).start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    def command(self, asked: dict[str, Any]) -> None:
        """Cut or mend.

        Raises:
            ValueError: It is neither.
        """
        if asked == {"mend": True}:
            how = ""
        elif asked.keys() == {"cut"} and asked["cut"] in CUTS:
            how = asked["cut"]
        else:
            raise ValueError(f'a cable takes {{"cut": one of {", ".join(CUTS)}}} or {{"mend": true}}')
        asyncio.run_coroutine_threadsafe(self._become(how), self._loop).result()

    def close(self) -> None:
        """Reset what is open and listen no more."""
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _open(self) -> int:
        self._whole = asyncio.Event()
        self._whole.set()
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _shut(self) -> None:
        self._server.close()
        await self._reset()

    async def _become(self, how: str) -> None:
        self.script.note(event="cut" if how else "mended", how=how, open=len(self._relays), asked=self._asked)
        self._asked = 0
        self._refused = how == "refused"
        if self._refused:
            await self._reset()
        if how:
            self._whole.clear()
        else:
            self._whole.set()

    async def _reset(self) -> None:
        relays = list(self._relays)
        for relay in relays:
            relay.cancel()
        await asyncio.gather(*relays, return_exceptions=True)

    def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._asked += 1
        if self._refused:
            _drop(writer)
            return
        relay = self._loop.create_task(self._relay(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either end closes it."""
        ends = [writer]
        try:
            await self._whole.wait()
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
            ends.append(back)
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
        except (OSError, asyncio.CancelledError):
            for end in ends:
                _drop(end)
        else:
            for end in ends:
                end.close()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        """Carry one direction to its end, which the other side is told too."""
        while data := await source.read(CHUNK):
            await self._whole.wait()
            target.write(data)
            await target.drain()
        await self._whole.wait()
        with contextlib.suppress(OSError):
            target.write_eof()


def _drop(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def main() -> None:
    """Relay until told to stop."""
    config = settings("The cable between a site and the cloud")
    cable = Cable(int(config["to"]))
    control = ControlDoor(cable.script, cable.command)
    tell(config["status_file"], {"port": cable.port, "control": f"{control.url}/control"})
    serve_until_told()


if __name__ == "__main__":
    main()
