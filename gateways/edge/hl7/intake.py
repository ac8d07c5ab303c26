"""What one frame is answered: AA once it is durable, AE when it cannot be read, AR when we cannot keep it.

Theory of operation. Frames that came in one turn of the loop are judged at once and handed to the spool together, so the cost of a
sync and of the way to the writer's thread and back is shared. Refusals travel with them, so that answers leave in the order in
which the frames came.

    take(event, reply) ... take(event, reply)      one turn of the loop
            |  end of the turn
    spool.append_all(rows) --- durable ---> reply(acknowledgement) ...
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from gateways.edge.hl7 import charsets, mllp, msh
from gateways.edge.hl7.acknowledgement import build
from gateways.edge.log import Log, emit
from gateways.edge.spool import NewRow, Spool

Reply = Callable[[bytes | None], None]
_STORE_FAULT = msh.Fault("MSH", 0, 207, "message non enregistre, a renvoyer")
_FRAME_FAULTS = {
    mllp.FaultKind.NESTED_START: msh.Fault("MSH", 0, 100, "trame sans fin avant la suivante, rien n'a ete pris"),
    mllp.FaultKind.UNFINISHED: msh.Fault("MSH", 0, 100, "trame sans fin, rien n'a ete pris"),
    mllp.FaultKind.TOO_LARGE: msh.Fault("MSH", 0, 207, "trame trop longue, rien n'a ete pris"),
}
_STARTS = (b"MSH", b"FHS", b"BHS")


class _Taken(NamedTuple):
    """A frame that can be read: it waits for the disk."""

    header: msh.Header
    row: NewRow


Judgement = _Taken | bytes | None


class Intake:
    """Judges frames and makes them durable.

    Args:
        new_id: Makes our own MSH-10, at most 20 characters.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
        sources: Sequence[msh.Source] = (),
        default_charset: str = charsets.DEFAULT_CHARSET,
    ) -> None:
        self._spool, self._clock, self._new_id = spool, clock, new_id
        self._sources, self._default_charset = sources, default_charset
        self._turn: list[tuple[Judgement, Reply]] = []
        self.counts: Counter[str] = Counter()
        self.last_taken: datetime | None = None

    def take(self, event: mllp.Event, reply: Reply) -> None:
        """Judge one event of the codec.

        Args:
            reply: Called once, later, in the loop, with the acknowledgement; with None where nothing is answered: an empty start
                block, or the rest of a frame that was already refused.
        """
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._turn.append((self._judge(event), reply))

    def out_of_memory(self) -> bytes:
        """Return the answer to a frame that all unfinished frames together leave no room for."""
        return build(None, "AR", now=self._clock(), control_id=self._new_id(), fault=_STORE_FAULT)

    def _judge(self, event: mllp.Event) -> Judgement:
        if isinstance(event, mllp.Fault):
            self.counts["fault"] += 1
            if not event.head:
                return None
            emit(Log.FRAME_FAULT, kind=event.kind.value)
            return self._refuse(msh.read_head(event.head), _FRAME_FAULTS[event.kind])
        if event.resumed and not event.payload.lstrip(b"\r\n").startswith(_STARTS):
            return None
        return self._judge_frame(event.payload)

    def _judge_frame(self, frame: bytes) -> Judgement:
        reading = msh.read(frame, self._sources, self._default_charset)
        if reading.fault is not None or reading.header is None:
            return self._refuse(reading.header, reading.fault)
        row = NewRow(
            kind="message",
            source="|".join(reading.header.source),
            received_at=self._clock(),
            facts={"default_charset": reading.default_charset},
            body=frame,
        )
        return _Taken(reading.header, row)

    def _hand_over(self) -> None:
        """Give the frames of this turn to the spool; their answers come back through the loop."""
        turn, self._turn = self._turn, []
        loop = asyncio.get_running_loop()

        def settled(outcomes: list[int | Exception]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be answered
                loop.call_soon_threadsafe(self._reply, turn, outcomes)

        self._spool.append_all([judged.row for judged, _ in turn if isinstance(judged, _Taken)], settled)

    def _reply(self, turn: list[tuple[Judgement, Reply]], outcomes: list[int | Exception]) -> None:
        stored = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
        if stored:
            emit(Log.FRAME_TAKEN, row=stored[-1], count=len(stored))
        waiting, now = iter(outcomes), self._clock()
        for judged, reply in turn:
            reply(self._acknowledge(judged, next(waiting), now) if isinstance(judged, _Taken) else judged)

    def _acknowledge(self, taken: _Taken, outcome: int | Exception, now: datetime) -> bytes:
        if isinstance(outcome, Exception):
            emit(Log.FRAME_NOT_STORED, error=type(outcome).__name__, bytes=len(taken.row.body))
            self.counts["AR"] += 1
            return build(taken.header, "AR", now=now, control_id=self._new_id(), fault=_STORE_FAULT)
        self.counts["AA"] += 1
        self.last_taken = taken.row.received_at
        return build(taken.header, "AA", now=now, control_id=self._new_id())

    def _refuse(self, header: msh.Header | None, fault: msh.Fault | None) -> bytes:
        fault = fault or _STORE_FAULT
        emit(Log.FRAME_REFUSED, segment=fault.segment, field=fault.field, error_code=fault.code)
        self.counts["AE"] += 1
        return build(header, "AE", now=self._clock(), control_id=self._new_id(), fault=fault)
