"""Takes the segments that functions send to the X-Ray daemon."""

import collections
import contextlib
import json
import socket
import threading
from typing import Any

from infra.local.cloud.names import HOST


class Daemon:
    """A UDP socket that keeps the last segments."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._segments: collections.deque[dict[str, Any]] = collections.deque(maxlen=10_000)
        self.address = f"{HOST}:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._listen, name="x-ray", daemon=True).start()

    def segments(self) -> list[dict[str, Any]]:
        """Return the segments received."""
        return list(self._segments)

    def _listen(self) -> None:
        while True:
            packet = self._socket.recv(65_535)
            with contextlib.suppress(ValueError):
                self._segments.append(json.loads(packet.partition(b"\n")[2]))
