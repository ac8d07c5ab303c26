"""One execution environment of a function: a child process, its limits, and what its end means to the caller."""

import json
import os
import signal
import time
import uuid
from multiprocessing import Pipe
from pathlib import Path
from typing import NamedTuple, Protocol

from infra.local.children import Children
from infra.local.cloud import function_logs
from infra.local.cloud.nursery import Nursery

INITIALISATION_S = 60
"""How long a function may take to load, in seconds; generous, since the machine is shared."""


class Answer(NamedTuple):
    """What an invocation gave: the payload and whether the function failed."""

    payload: bytes
    failed: bool


class Described(Protocol):
    """What an environment needs to know of its function."""

    logical_id: str
    arn: str
    timeout_s: float
    memory_mb: int
    traced: bool
    log_group: str
    code: Path
    environment: dict[str, str]


def _error(kind: str, message: str) -> Answer:
    return Answer(json.dumps({"errorType": kind, "errorMessage": message}).encode(), True)


def _trace(sampled: bool) -> str:
    return f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled={int(sampled)}"


class Environment:
    """One child process that serves one invocation at a time."""

    def __init__(self, function: Described, nursery: Nursery, children: Children) -> None:
        self._function = function
        self._children = children
        self._ready = False
        self._logs = function_logs.Stream(function.log_group)
        self._connection, theirs = Pipe()
        reader, writer = os.pipe()
        self._child = nursery.fork(function.logical_id, function.environment, function.code, [theirs.fileno(), writer])
        os.close(writer)
        theirs.close()
        self._logs.follow(reader)

    def invoke(self, request_id: str, event: bytes) -> Answer:
        """Run the handler once; a dead or late environment ends here and must not be used again."""
        function = self._function
        self._logs.begin(request_id)
        started = time.monotonic()
        try:
            answer = self._load() or self._run(request_id, event)
        except (EOFError, OSError):
            self.end()
            answer = _error("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited with error: {self._exit()}")
        self._logs.finish(request_id, time.monotonic() - started, function.memory_mb, self.alive)
        return answer

    def _load(self) -> Answer | None:
        """Wait until the child asks for work; return why it cannot."""
        if self._ready:
            return None
        if not self._connection.poll(INITIALISATION_S):
            self.end()
            return _error("Sandbox.Timedout", f"Error: initialisation timed out after {INITIALISATION_S}.00 seconds")
        if self._connection.recv_bytes() == b"ready":
            self._ready = True
            return None
        payload = self._connection.recv_bytes()
        self.end()
        return Answer(payload, True)

    def _run(self, request_id: str, event: bytes) -> Answer:
        function = self._function
        deadline = time.time() + function.timeout_s
        headers = {
            "id": request_id,
            "arn": function.arn,
            "deadline_ms": int(deadline * 1000),
            "trace": _trace(function.traced),
        }
        self._ready = False
        self._connection.send_bytes(json.dumps(headers).encode())
        self._connection.send_bytes(event)
        if not self._connection.poll(function.timeout_s):
            self.end()
            return _error(
                "Sandbox.Timedout", f"RequestId: {request_id} Error: Task timed out after {function.timeout_s:.2f} seconds"
            )
        kind = self._connection.recv_bytes()
        return Answer(self._connection.recv_bytes(), kind != b"ok")

    def _exit(self) -> str:
        status = self._child.returncode or 0
        return f"signal: {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"

    @property
    def alive(self) -> bool:
        """Tell whether the environment may serve again."""
        return self._child.alive()

    def end(self) -> None:
        """Kill the environment's whole process group."""
        self._child.kill()
        self._children.forget(self._child)
