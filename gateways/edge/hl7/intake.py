"""What one frame is answered: AA once it is durable, AE when it cannot be read, AR when we cannot keep it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from gateways.edge.hl7 import charsets, mllp, msh
from gateways.edge.hl7.acknowledgement import build
from gateways.edge.log import Log, emit
from gateways.edge.spool import NewRow, Spool
from gateways.edge.store import StoreUnavailable

_STORE_FAULT = msh.Fault("MSH", 0, 207, "message non enregistre, a renvoyer")
_FRAME_FAULTS = {
    mllp.FaultKind.NESTED_START: msh.Fault("MSH", 0, 100, "trame sans fin avant la suivante, rien n'a ete pris"),
    mllp.FaultKind.UNFINISHED: msh.Fault("MSH", 0, 100, "trame sans fin, rien n'a ete pris"),
    mllp.FaultKind.TOO_LARGE: msh.Fault("MSH", 0, 207, "trame trop longue, rien n'a ete pris"),
}
_STARTS = (b"MSH", b"FHS", b"BHS")


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
        self.counts: Counter[str] = Counter()
        self.last_taken: datetime | None = None

    async def answer(self, event: mllp.Event) -> bytes | None:
        """Return the acknowledgement of one event of the codec; None where nothing is answered.

        Nothing is answered to an empty start block, nor to the rest of a frame that was already refused.
        """
        if isinstance(event, mllp.Fault):
            self.counts["fault"] += 1
            if not event.head:
                return None
            emit(Log.FRAME_FAULT, kind=event.kind.value)
            return self._refuse(msh.read_head(event.head), _FRAME_FAULTS[event.kind])
        if event.resumed and not event.payload.lstrip(b"\r\n").startswith(_STARTS):
            return None
        return await self._frame(event.payload)

    def out_of_memory(self) -> bytes:
        """Return the answer to a frame that all unfinished frames together leave no room for."""
        return build(None, "AR", now=self._clock(), control_id=self._new_id(), fault=_STORE_FAULT)

    async def _frame(self, frame: bytes) -> bytes:
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
        try:
            row_id = await asyncio.wrap_future(self._spool.append(row))
        except StoreUnavailable as error:
            emit(Log.FRAME_NOT_STORED, error=type(error).__name__, bytes=len(frame))
            self.counts["AR"] += 1
            return build(reading.header, "AR", now=self._clock(), control_id=self._new_id(), fault=_STORE_FAULT)
        emit(Log.FRAME_TAKEN, row=row_id, bytes=len(frame))
        self.counts["AA"] += 1
        self.last_taken = row.received_at
        return build(reading.header, "AA", now=self._clock(), control_id=self._new_id())

    def _refuse(self, header: msh.Header | None, fault: msh.Fault | None) -> bytes:
        fault = fault or _STORE_FAULT
        emit(Log.FRAME_REFUSED, segment=fault.segment, field=fault.field, error_code=fault.code)
        self.counts["AE"] += 1
        return build(header, "AE", now=self._clock(), control_id=self._new_id(), fault=fault)
