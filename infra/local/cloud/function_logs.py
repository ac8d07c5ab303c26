"""Writes log streams: what a function prints, with the lines that Lambda adds, and the API's access log."""

import contextlib
import os
import threading
import time
import uuid

from moto.logs.models import logs_backends

from infra.local.cloud.lambda_child import END_OF_LOGS
from infra.local.cloud.names import ACCOUNT, REGION


class Stream:
    """A log stream of its own in a log group."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._name = f"{time.strftime('%Y/%m/%d')}/[$LATEST]{uuid.uuid4().hex}"
        self._finished = threading.Event()
        backend = logs_backends[ACCOUNT][REGION]
        backend.ensure_log_group(group)
        backend.create_log_stream(group, self._name)

    def follow(self, descriptor: int) -> None:
        """Copy the output that arrives on a descriptor, in a thread, until its end."""
        threading.Thread(target=self._copy, args=(descriptor,), name="function-logs", daemon=True).start()

    def begin(self, request_id: str) -> None:
        """Mark the start of an invocation."""
        self._finished.clear()
        self.write(f"START RequestId: {request_id} Version: $LATEST")

    def finish(self, request_id: str, duration_s: float, memory_mb: int, alive: bool) -> None:
        """Mark the end of an invocation, after its last line has arrived."""
        self._finished.wait(1.0 if alive else 0.2)
        self.write(f"END RequestId: {request_id}")
        self.write(f"REPORT RequestId: {request_id} Duration: {duration_s * 1000:.2f} ms Memory Size: {memory_mb} MB")

    def _copy(self, descriptor: int) -> None:
        with os.fdopen(descriptor, "rb") as lines, contextlib.suppress(ValueError):
            for line in lines:
                if line.startswith(END_OF_LOGS):
                    self._finished.set()
                elif text := line.decode(errors="replace").rstrip("\n"):
                    self.write(text)
        self._finished.set()

    def write(self, message: str) -> None:
        """Write a line."""
        event = {"timestamp": int(time.time() * 1000), "message": message}
        logs_backends[ACCOUNT][REGION].put_log_events(self._group, self._name, [event])
