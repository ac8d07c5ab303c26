"""MLLP framing for the simulators: VT, message, FS CR, and nothing between frames (HL7 v2.5 Appendix C)."""

from __future__ import annotations

import socket

START, END = b"\x0b", b"\x1c\r"
MAX_FRAME_BYTES = 64 << 20


class BrokenFrame(Exception):
    """The peer does not speak MLLP."""


class FrameReader:
    """Reads frames from one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()

    def next(self) -> bytes | None:
        """Return the bytes of the next frame, or None when the peer closed between two.

        Raises:
            BrokenFrame: Bytes outside a frame, a connection closed inside one, or a frame above 64 MiB.
            TimeoutError: The socket's own time-out.
        """
        seen = 0
        while (end := self._buffer.find(END, max(seen - 1, 0))) < 0:
            seen = len(self._buffer)
            if self._buffer and self._buffer[:1] != START:
                raise BrokenFrame("bytes outside a frame")
            if seen > MAX_FRAME_BYTES:
                raise BrokenFrame("frame too long")
            chunk = self._connection.recv(65536)
            if not chunk:
                if self._buffer:
                    raise BrokenFrame("connection closed inside a frame")
                return None
            self._buffer += chunk
        frame = bytes(self._buffer[:end])
        del self._buffer[: end + len(END)]
        if frame[:1] != START:
            raise BrokenFrame("bytes outside a frame")
        return frame[1:]


def framed(message: bytes) -> bytes:
    """Return a message between its block characters."""
    return START + message + END
