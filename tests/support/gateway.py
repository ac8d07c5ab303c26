"""For the gateway's tests: a cloud in memory, HL7 peers that follow a script, a clock, frames, and a gateway as a process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateways.edge.cloud import Entry, Received
from gateways.edge.config import Settings
from gateways.edge.gateway import SCHEMA, Gateway
from gateways.edge.hl7 import mllp
from gateways.edge.spool import Spool
from gateways.edge.store import Store
from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)


class Clock:
    """An aware UTC instant, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class MemoryCloud:
    """Implements `gateways.edge.cloud.Cloud`; `refuse` is asked before each send, `down` fails everything."""

    queues: dict[str, deque[Entry]] = field(default_factory=lambda: defaultdict(deque))
    sent: list[tuple[str, Entry]] = field(default_factory=list)
    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    refuse: Callable[[Entry], bool] = lambda entry: False
    down: bool = False
    calls: int = 0
    clock_skew_s: float | None = None
    keys: dict[bytes, tuple[bytes, dict[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: set[tuple[str, str]] = set()
        self._in_flight: dict[str, tuple[str, Entry]] = {}

    def send(self, queue_url: str, entries: Sequence[Entry]) -> set[str]:
        with self._lock:
            self._reach()
            failed = {entry.entry_id for entry in entries if self.refuse(entry)}
            for entry in entries:
                key = (queue_url, entry.deduplication_id)
                if entry.entry_id not in failed and key not in self._seen:
                    self._seen.add(key)
                    self.queues[queue_url].append(entry)
                    self.sent.append((queue_url, entry))
            return failed

    def receive(self, queue_url: str, wait_s: int) -> list[Received]:
        with self._lock:
            self._reach()
            messages = []
            while self.queues[queue_url] and len(messages) < 10:
                entry = self.queues[queue_url].popleft()
                receipt = f"{queue_url}#{entry.deduplication_id}"
                self._in_flight[receipt] = (queue_url, entry)
                messages.append(Received(receipt, entry.body))
            return messages

    def delete(self, queue_url: str, receipt: str) -> None:
        with self._lock:
            self._reach()
            self.deleted.append(receipt)
            self._in_flight.pop(receipt, None)

    def bring_back(self) -> None:
        """Let the visibility timeout of what was not deleted pass."""
        with self._lock:
            for queue_url, entry in self._in_flight.values():
                self.queues[queue_url].append(entry)
            self._in_flight.clear()

    def put_object(self, bucket: str, key: str, body: bytes) -> None:
        with self._lock:
            self._reach()
            self.objects[bucket, key] = body

    def get_object(self, bucket: str, key: str) -> bytes:
        with self._lock:
            self._reach()
            return self.objects[bucket, key]

    def new_data_key(self, key_id: str, context: dict[str, str]) -> tuple[bytes, bytes]:
        with self._lock:
            self._reach()
            key = os.urandom(32)
            sealed = f"{key_id}|{sorted(context.items())}|{len(self.keys)}".encode()
            self.keys[sealed] = (key, context)
            return key, sealed

    def open_data_key(self, sealed: bytes, context: dict[str, str]) -> bytes:
        with self._lock:
            self._reach()
            key, made_for = self.keys[sealed]
            assert made_for == context
            return key

    def bodies(self, queue_url: str) -> list[dict[str, Any]]:
        """Return what was sent to a queue, as JSON."""
        with self._lock:
            return [json.loads(entry.body) for url, entry in self.sent if url == queue_url]

    def _reach(self) -> None:
        self.calls += 1
        if self.down:
            raise ConnectionError("the cable is cut")


@contextlib.contextmanager
def a_store(folder: Path, limit_bytes: int = 0) -> Iterator[Store]:
    """Open a store with the gateway's whole schema."""
    store = Store(folder / "spool.sqlite3", schema=SCHEMA, limit_bytes=limit_bytes)
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def a_spool(folder: Path, limit_bytes: int = 0) -> Iterator[Spool]:
    """Open a spool of its own."""
    with a_store(folder, limit_bytes) as store:
        yield Spool(store)


@contextlib.asynccontextmanager
async def running(settings: Settings, cloud: MemoryCloud, clock: Clock | None = None) -> AsyncIterator[Gateway]:
    """Start a gateway in this process, and stop it."""
    gateway = Gateway(settings, cloud=cloud, clock=clock or Clock())
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


def adt(message_id: str = "A1", *, charset: str = "UNICODE UTF-8", name: str = "ESSAI^LOU", sender: str = "AGENDA") -> bytes:
    """Return an ADT^A28 of an invented patient."""
    encoding = {"UNICODE UTF-8": "utf-8", "8859/1": "latin-1", "8859/15": "iso8859-15", "": "ascii", "ASCII": "ascii"}[charset]
    text = (
        f"MSH|^~\\&|{sender}|CIM|RIS|CIM|20260302081500||ADT^A28^ADT_A05|{message_id}|T|2.5^FRA^2.11|||||FRA|{charset}\r"
        f"EVN||20260302081500\rPID|||1^^^CIM&1.2.3&ISO^PI||{name}\r"
    )
    return text.encode(encoding)


def segments(acknowledgement: bytes) -> dict[str, list[str]]:
    """Return an acknowledgement's segments by name, each as its fields; MSH-n is at index n - 1."""
    assert acknowledgement.endswith(b"\r")
    return {line[:3]: line.split("|") for line in acknowledgement.decode("latin-1").split("\r") if line}


class MllpClient:
    """A blocking sender."""

    def __init__(self, port: int, timeout_s: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._decoder = mllp.Decoder()
        self._frames: deque[bytes] = deque()

    def __enter__(self) -> MllpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def raw(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> bytes | None:
        """Return the next acknowledgement; None when the other side closed."""
        while not self._frames:
            data = self.socket.recv(65536)
            if not data:
                return None
            self._frames.extend(event.payload for event in self._decoder.feed(data) if isinstance(event, mllp.Frame))
        return self._frames.popleft()

    def exchange(self, payload: bytes) -> bytes:
        self.raw(mllp.encode(payload))
        answer = self.answer()
        assert answer is not None
        return answer


def ack(frame: bytes, code: str = "AA", message_id: str | None = None) -> bytes:
    """Write a peer's acknowledgement of one of our messages."""
    own = frame.split(b"|")[9].decode()
    return f"MSH|^~\\&|PACS|CIM|RIS|CIM|20260302||ACK|{own}-ack|P|2.5\rMSA|{code}|{own if message_id is None else message_id}\r".encode()


class ScriptedPeer:
    """An HL7 receiver that answers as told: each step takes a frame and returns bytes to send, or None for silence.

    Args:
        script: Used one by one; the last one for ever.
    """

    def __init__(self, *script: Callable[[bytes], bytes | None]) -> None:
        self.script = deque(script)
        self.received: list[bytes] = []
        self.connections = 0

    async def __aenter__(self) -> ScriptedPeer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, family=socket.AF_INET)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        decoder = mllp.Decoder()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                for event in decoder.feed(data):
                    assert isinstance(event, mllp.Frame)
                    self.received.append(event.payload)
                    step = self.script.popleft() if len(self.script) > 1 else self.script[0]
                    answer = step(event.payload)
                    if answer is not None:
                        writer.write(answer)
                        await writer.drain()
        writer.close()


async def eventually(predicate: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Let the loop run until the predicate holds, and leave it the processor between two looks."""
    pause = threading.Event()
    async with asyncio.timeout(timeout_s):
        while not predicate():
            await asyncio.to_thread(pause.wait, 0.005)


class GatewayProcess:
    """`python -m gateways.edge` as a child that dies with the test.

    Args:
        arguments: Of the command, without ports and status file.
        tree: Where its code stands.
    """

    def __init__(self, folder: Path, *arguments: str, tree: Path = ROOT) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._status = folder / "status.json"
        self._status.unlink(missing_ok=True)
        self._log = open(folder / "gateway.log", "ab")  # noqa: SIM115 - closed in `end`
        reading, self._life = os.pipe()
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT / "layers/ris/python"), str(tree))),
            "RIS_LIFE_FD": str(reading),
        }
        command = [sys.executable, "-m", "gateways.edge", *arguments, "--status-file", str(self._status)]
        self.process = subprocess.Popen(
            command, cwd=tree, env=environment, pass_fds=(reading,), stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL
        )
        os.close(reading)

    def __enter__(self) -> GatewayProcess:
        until(lambda: self._status.exists() or self.process.poll() is not None, 30)
        assert self._status.exists(), "the gateway did not start"
        self.ports = json.loads(self._status.read_text())
        return self

    def __exit__(self, *_: object) -> None:
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(20)
        with contextlib.suppress(OSError):
            os.close(self._life)
        self._log.close()
        return code
