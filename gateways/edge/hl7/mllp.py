"""MLLP framing, sans-IO: bytes in, events out; no socket, no clock.

Theory of operation. A frame is VT, payload, FS and an optional CR. Outside a frame every byte but VT is ignored, so the CR after FS
needs no state of its own. Inside a frame three things can happen:

    FS   the frame is complete                                            -> Frame
    VT   the peer began again without an end: a peer error                -> Fault(NESTED_START), and the new frame begins
    more than `max_frame` bytes: a peer error                             -> Fault(TOO_LARGE), then everything up to FS or VT is skipped

and the connection can end first (`finish`), which is a peer error too    -> Fault(UNFINISHED).

Two promises: however the bytes are cut, the events are the same; and never more than `max_frame` bytes are held.

Source: HL7 v2.5 appendix C.4 (minimal lower layer protocol).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

START = 0x0B
END = 0x1C
CARRIAGE_RETURN = 0x0D
_FIRST, _LAST = bytes((START,)), bytes((END, CARRIAGE_RETURN))
HEAD_BYTES = 4096
MAX_FRAME_BYTES = 16 * 1024 * 1024


class FaultKind(Enum):
    """What the peer did wrong with a frame."""

    NESTED_START = "nested_start"
    UNFINISHED = "unfinished"
    TOO_LARGE = "too_large"


class Frame(NamedTuple):
    """One complete frame.

    Args:
        payload: The bytes between VT and FS.
        resumed: It follows a nested start block or an oversized frame, so it may be the rest of one already refused.
    """

    payload: bytes
    resumed: bool = False


@dataclass(frozen=True)
class Fault:
    """A frame that will never be complete.

    Args:
        head: Its first bytes, at most `HEAD_BYTES`, enough to read the message header from.
    """

    kind: FaultKind
    head: bytes


Event = Frame | Fault


class _State(Enum):
    OUTSIDE = "outside"
    INSIDE = "inside"
    SKIPPING = "skipping"


class Decoder:
    """Cuts one connection's bytes into frames.

    Args:
        max_frame: Most payload bytes of one frame that are kept.
    """

    def __init__(self, max_frame: int = MAX_FRAME_BYTES) -> None:
        self._max_frame = max_frame
        self._buffer = bytearray()
        self._state = _State.OUTSIDE
        self._resumed = False

    @property
    def held(self) -> int:
        """Bytes of an unfinished frame kept in memory."""
        return len(self._buffer)

    @property
    def inside(self) -> bool:
        """Whether a frame was begun and has not ended."""
        return self._state is not _State.OUTSIDE

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they came and return the events they complete."""
        if self._state is _State.OUTSIDE and _is_whole_frame(data, self._max_frame):
            return [Frame(data[1:-2])]
        events: list[Event] = []
        marks = _Marks(data)
        position = 0
        while position < len(data):
            outside = self._state is _State.OUTSIDE
            position = self._find_start(marks, position) if outside else self._inside(marks, position, events)
        return events

    def finish(self) -> list[Event]:
        """Tell that the peer will send nothing more."""
        unfinished = self._state is _State.INSIDE
        head = self._head()
        self._leave()
        return [Fault(FaultKind.UNFINISHED, head)] if unfinished else []

    def _find_start(self, marks: _Marks, position: int) -> int:
        found = marks.start(position)
        if found < len(marks.data):
            self._state, self._resumed = _State.INSIDE, False
        return found + 1

    def _inside(self, marks: _Marks, position: int, events: list[Event]) -> int:
        stop = min(marks.start(position), marks.end(position))
        if self._state is _State.INSIDE:
            room = self._max_frame - len(self._buffer)
            if stop - position > room:
                self._buffer += marks.data[position : position + room]
                events.append(Fault(FaultKind.TOO_LARGE, self._head()))
                self._buffer.clear()
                self._state = _State.SKIPPING
                return position + room
            self._buffer += marks.data[position:stop]
        if stop < len(marks.data):
            self._mark(marks.data[stop], events)
        return stop + 1

    def _mark(self, byte: int, events: list[Event]) -> None:
        if byte == START:
            if self._state is _State.INSIDE:
                events.append(Fault(FaultKind.NESTED_START, self._head()))
            self._buffer.clear()
            self._state, self._resumed = _State.INSIDE, True
            return
        if self._state is _State.INSIDE:
            events.append(Frame(bytes(self._buffer), self._resumed))
        self._leave()

    def _head(self) -> bytes:
        return bytes(self._buffer[:HEAD_BYTES])

    def _leave(self) -> None:
        self._buffer.clear()
        self._state, self._resumed = _State.OUTSIDE, False


def _is_whole_frame(data: bytes, max_frame: int) -> bool:
    """Tell whether these bytes are one frame and nothing else, as most come."""
    end = len(data) - 2
    return (
        data[:1] == _FIRST and data.find(END) == end and data.endswith(_LAST) and data.find(START, 1) < 0 and end - 1 <= max_frame
    )


class _Marks:
    """Where VT and FS stand in one chunk; each search goes on from the last, so a chunk of marks costs no more than its bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._next = {START: -1, END: -1}

    def start(self, position: int) -> int:
        return self._at(START, position)

    def end(self, position: int) -> int:
        return self._at(END, position)

    def _at(self, mark: int, position: int) -> int:
        if self._next[mark] < position:
            found = self.data.find(mark, position)
            self._next[mark] = len(self.data) if found < 0 else found
        return self._next[mark]


def encode(payload: bytes) -> bytes:
    """Wrap a payload into VT … FS CR."""
    return _FIRST + payload + _LAST
