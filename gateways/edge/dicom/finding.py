"""The worklist's C-FIND: a query read once, the steps that answer it walked, responses as bytes (PS3.4 annex K). No network.

Stations ask the same every few seconds. A short reply is kept, and given again for the same bytes on an association agreed the same
way, for as long as it would be made the same: the list has not changed, and the clock has taken none of its steps away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from gateways.edge.config import DicomSettings
from gateways.edge.dicom.dimse import SUCCESS, Command, Outcome, encode_response
from gateways.edge.dicom.items import Item
from gateways.edge.dicom.matching import Query, QueryFault, read_query
from gateways.edge.dicom.negotiation import Accepted
from gateways.edge.dicom.request import Reply, Request, Stream
from gateways.edge.dicom.stations import Stations
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.log import Log, emit

PENDING, PENDING_UNSUPPORTED = 0xFF00, 0xFF01
CANCELLED, OUT_OF_RESOURCES, MISMATCH = 0xFE00, 0xA700, 0xA900
MAX_IDENTIFIER = 64 * 1024
_CACHED_IDENTIFIER = 4096
_CACHED = 512
BLOCK = 64
KEPT, KEPT_BYTES = 256, 32 * 1024
SAY_AGAIN = timedelta(minutes=1)


class Kept(NamedTuple):
    """A reply, and what it was made of.

    Args:
        changes: Of the list when it was made.
        until: When the first of its steps expires; None for never.
    """

    encoded: bytes
    items: tuple[Item, ...]
    changes: int
    until: datetime | None


_Asked = tuple[Accepted, int, Command, Query]


class Finder:
    """Answers worklist queries."""

    def __init__(self, settings: DicomSettings, *, worklist: Worklist, stations: Stations, clock: Callable[[], datetime]) -> None:
        self._settings, self._worklist, self._stations, self._clock = settings, worklist, stations, clock
        self._said: dict[str, tuple[int, datetime]] = {}
        self._read = lru_cache(_CACHED)(_read)
        self._kept: dict[_Asked, Kept] = {}

    def answer(self, request: Request) -> Reply:
        """Answer one query."""
        calling = request.association.calling
        self._stations.seen(calling, "find")
        try:
            query = self._query(request)
        except QueryFault as fault:
            emit(Log.FIND_REFUSED, ae_title=calling, status=f"{fault.status:04X}", reason=fault.comment)
            return request.response(Outcome(fault.status, fault.comment, fault.tag))
        asked = (request.association, request.message.context_id, request.command, query)
        kept = self._kept.get(asked)
        if kept is not None and not request.cancelled and self._holds(kept):
            self._say(calling, len(kept.items))
            return kept.encoded
        return Stream(self._answers(request, query, asked))

    def _holds(self, kept: Kept) -> bool:
        """Return whether a reply would be made the same now."""
        if kept.changes != self._worklist.changes:
            return False
        now = self._clock()
        overdue = self._stations.overdue(now)
        return (kept.until is None or now < kept.until) and (overdue is None or not any(map(overdue, kept.items)))

    def _keep(self, asked: _Asked, kept: Kept) -> None:
        if len(kept.encoded) <= KEPT_BYTES:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            self._kept[asked] = kept

    def _query(self, request: Request) -> Query:
        identifier, station = request.message.dataset, self._stations.get(request.association.calling)
        if not identifier:
            raise QueryFault(MISMATCH, "no identifier")
        if len(identifier) > MAX_IDENTIFIER:
            raise QueryFault(OUT_OF_RESOURCES, "identifier too large")
        read = self._read if len(identifier) <= _CACHED_IDENTIFIER else _read
        found = read(identifier, request.context.implicit, station.charset, station.echo_unknown_keys)
        if isinstance(found, QueryFault):
            raise found
        return found

    def _answers(self, request: Request, query: Query, asked: _Asked) -> Iterator[bytes]:
        """Yield the responses, some at a time, the last with the final status; an empty one where others may go first."""
        changes, now = self._worklist.changes, self._clock()
        station = self._stations.get(request.association.calling)
        form, most = (station.charset, request.context.implicit), station.max_answers or self._settings.max_answers
        pending = _pending(request, flagged=bool(query.unsupported) and not station.echo_unknown_keys)
        parts: list[bytes] = []
        items: list[Item] = []
        status = SUCCESS
        for item in self._steps(request, query, now):
            if request.cancelled:
                status = Outcome(CANCELLED)
                break
            if item is None:
                yield b""
                continue
            if len(items) == most:
                status = Outcome(OUT_OF_RESOURCES, "more steps than the limit")
                break
            items.append(item)
            parts.append(pending + request.write(query.shape.answer(item.forms[form]), is_command=False))
            if len(items) % BLOCK == 0:
                yield b"".join(parts)
                parts.clear()
        self._say(request.association.calling, len(items))
        last = b"".join(parts) + request.response(status)
        if len(items) < BLOCK and not request.cancelled:
            until = min((item.expires_at for item in items if item.expires_at is not None), default=None)
            self._keep(asked, Kept(last, tuple(items), changes, until))
        yield last

    def _steps(self, request: Request, query: Query, now: datetime) -> Iterator[Item | None]:
        """Yield the steps that answer, and None now and then while none is found."""
        station = self._stations.get(request.association.calling)
        own = station.ae_title if station.own_steps_only and not query.names_station else ""
        for item in self._worklist.walk(query, called=request.association.called, now=now, overdue=self._stations.overdue(now)):
            if item is None or not own or own in item.stations:
                yield item

    def _say(self, calling: str, count: int) -> None:
        """Log a query when its count is not the one said last, or was said a while ago: stations ask every few seconds."""
        now, before = self._clock(), self._said.get(calling)
        if before is None or before[0] != count or now - before[1] >= SAY_AGAIN:
            if len(self._said) > _CACHED:
                self._said.clear()
            self._said[calling] = (count, now)
            emit(Log.FIND_ANSWERED, ae_title=calling, count=count)


def _pending(request: Request, *, flagged: bool) -> bytes:
    """Write the command of every answer but the last."""
    outcome = Outcome(PENDING_UNSUPPORTED if flagged else PENDING)
    written = encode_response(request.command, outcome, sop_class=request.context.sop_class, has_dataset=True)
    return request.write(written, is_command=True)


def _read(identifier: bytes, implicit: bool, charset: str, echo_unknown: bool) -> Query | QueryFault:
    try:
        return read_query(identifier, implicit=implicit, station_charset=charset, echo_unknown=echo_unknown)
    except QueryFault as fault:
        return fault
