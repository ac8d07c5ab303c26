"""What each service answers: Verification, the worklist, performed procedure steps, what an archive says. No network.

A request is answered at once, by a stream of responses, or by work that waits for the disk; the connection knows how to carry each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeAlias
from uuid import uuid4

from pydicom.dataset import Dataset

from gateways.edge.config import DicomSettings
from gateways.edge.dicom import datasets, negotiation, pdu
from gateways.edge.dicom.archive import ArchiveDesk
from gateways.edge.dicom.dimse import SUCCESS, Command, Field, Message, Outcome, encode_response
from gateways.edge.dicom.matching import Query, QueryFault, read_query
from gateways.edge.dicom.mpps import MppsDesk
from gateways.edge.dicom.negotiation import Accepted, Context
from gateways.edge.dicom.stations import Service, Stations
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.log import Log, emit

PENDING, PENDING_UNSUPPORTED = 0xFF00, 0xFF01
CANCELLED, OUT_OF_RESOURCES, MISMATCH, FAILED = 0xFE00, 0xA700, 0xA900, 0xC001
MAX_IDENTIFIER = 64 * 1024
_CACHED_IDENTIFIER = 4096
_CACHED = 512
BLOCK = 64
SAY_AGAIN = timedelta(minutes=1)
_UID = re.compile(r"[0-9.]{0,64}")


@dataclass(frozen=True)
class Stream:
    """Responses as P-DATA-TF PDUs, made while they are taken; an empty one lets others go first."""

    parts: Iterator[bytes]


@dataclass(frozen=True)
class Later:
    """Work that waits for the disk; in a thread, it returns the response."""

    work: Callable[[], bytes]


Reply: TypeAlias = "bytes | Stream | Later"


@dataclass
class Request:
    """One request on its association."""

    message: Message
    association: Accepted
    context: Context
    cancelled: bool = False

    @property
    def command(self) -> Command:
        """Its command set."""
        return self.message.command

    def response(self, outcome: Outcome) -> bytes:
        """Write the final response."""
        return self.write(encode_response(self.command, outcome, sop_class=self.context.sop_class), is_command=True)

    def write(self, data: bytes, *, is_command: bool) -> bytes:
        """Write a command or a data set as the peer can take it."""
        return pdu.encode_data(self.message.context_id, data, is_command=is_command, max_length=self.association.max_length)


class Services:
    """Answers requests.

    Args:
        desk: None when nothing can be kept.
        archive: The same.
    """

    def __init__(
        self,
        settings: DicomSettings,
        *,
        worklist: Worklist,
        desk: MppsDesk | None,
        archive: ArchiveDesk | None,
        stations: Stations,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings, self._worklist, self._desk, self._archive = settings, worklist, desk, archive
        self._stations, self._clock = stations, clock
        self._said: dict[str, tuple[int, datetime]] = {}
        self._read = lru_cache(_CACHED)(_read)
        self._handlers: dict[tuple[int, str], Callable[[Request], Reply]] = {
            (Field.C_ECHO, negotiation.VERIFICATION): self._echo,
            (Field.C_FIND, negotiation.WORKLIST): self._find,
            (Field.N_CREATE, negotiation.MPPS): self._create,
            (Field.N_SET, negotiation.MPPS): self._set,
            (Field.N_CREATE, negotiation.INSTANCE_AVAILABILITY): self._instances_available,
            (Field.N_EVENT_REPORT, negotiation.STORAGE_COMMITMENT): self._storage_committed,
        }

    def answer(self, request: Request) -> Reply:
        """Answer one request; nothing a handler raises comes out."""
        handler = self._handlers.get((request.command.field, request.context.sop_class))
        if handler is None:
            return request.response(Outcome(0x0211, "operation not of this SOP class"))
        if request.command.sop_class not in ("", request.context.sop_class):
            return request.response(Outcome(0x0122, "SOP class not of this context"))
        try:
            return handler(request)
        except Exception as error:  # the outermost shell: the modality gets a status, the server lives
            return self._failed(request, error)

    def _failed(self, request: Request, error: Exception) -> bytes:
        emit(Log.DICOM_FAILED, ae_title=request.association.calling, error=type(error).__name__)
        return request.response(Outcome(FAILED if request.command.field == Field.C_FIND else 0x0110, "not processed"))

    def _echo(self, request: Request) -> Reply:
        self._stations.seen(request.association.calling, "echo")
        return request.response(SUCCESS)

    def _find(self, request: Request) -> Reply:
        calling = request.association.calling
        self._stations.seen(calling, "find")
        try:
            query = self._query(request)
        except QueryFault as fault:
            emit(Log.FIND_REFUSED, ae_title=calling, status=f"{fault.status:04X}", reason=fault.comment)
            return request.response(Outcome(fault.status, fault.comment, fault.tag))
        return Stream(self._answers(request, query))

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

    def _answers(self, request: Request, query: Query) -> Iterator[bytes]:
        """Yield the responses, some at a time, the last with the final status."""
        parts: list[bytes] = []
        count, status = 0, SUCCESS
        for encoded in self._encoded(request, query):
            if request.cancelled:
                status = Outcome(CANCELLED)
                break
            if encoded is None:
                yield b"".join(parts)
                parts.clear()
                continue
            if encoded is _TOO_MANY:
                status = Outcome(OUT_OF_RESOURCES, "more steps than the limit")
                break
            parts.append(encoded)
            count += 1
            if count % BLOCK == 0:
                yield b"".join(parts)
                parts.clear()
        self._say(request.association.calling, count)
        yield b"".join(parts) + request.response(status)

    def _encoded(self, request: Request, query: Query) -> Iterator[bytes | None]:
        """Yield each response, None where others may go first, and `_TOO_MANY` where the limit is reached."""
        station, now = self._stations.get(request.association.calling), self._clock()
        most = station.max_answers or self._settings.max_answers
        form = (station.charset, request.context.implicit)
        flagged = query.unsupported and not station.echo_unknown_keys
        pending = request.write(
            encode_response(
                request.command,
                Outcome(PENDING_UNSUPPORTED if flagged else PENDING),
                sop_class=request.context.sop_class,
                has_dataset=True,
            ),
            is_command=True,
        )
        own = station.ae_title if station.own_steps_only and not query.names_station else ""
        steps = self._worklist.walk(query, called=request.association.called, now=now, overdue=self._stations.overdue(now))
        count = 0
        for item in steps:
            if item is not None and own and own not in item.stations:
                continue
            if item is None:
                yield None
                continue
            if count == most:
                yield _TOO_MANY
                return
            count += 1
            yield pending + request.write(query.shape.answer(item.forms[form]), is_command=False)

    def _say(self, calling: str, count: int) -> None:
        """Log a query when its count is not the one said last, or was said a while ago: stations ask every few seconds."""
        now, before = self._clock(), self._said.get(calling)
        if before is None or before[0] != count or now - before[1] >= SAY_AGAIN:
            if len(self._said) > _CACHED:
                self._said.clear()
            self._said[calling] = (count, now)
            emit(Log.FIND_ANSWERED, ae_title=calling, count=count)

    def _create(self, request: Request) -> Reply:
        given = request.command.sop_instance
        uid = given or f"2.25.{uuid4().int}"

        def act(dataset: Dataset, calling: str) -> Outcome:
            assert self._desk is not None
            return self._desk.create(uid, dataset, calling)

        return self._keep(request, act, "mpps", uid if not given else "")

    def _set(self, request: Request) -> Reply:
        def act(dataset: Dataset, calling: str) -> Outcome:
            assert self._desk is not None
            return self._desk.update(request.command.sop_instance, dataset, calling)

        return self._keep(request, act, "mpps")

    def _instances_available(self, request: Request) -> Reply:
        uid = request.command.sop_instance or f"2.25.{uuid4().int}"

        def act(dataset: Dataset, calling: str) -> Outcome:
            assert self._archive is not None
            return self._archive.instances_available(uid, dataset, calling)

        return self._keep(request, act, "other", uid if not request.command.sop_instance else "")

    def _storage_committed(self, request: Request) -> Reply:
        def act(dataset: Dataset, calling: str) -> Outcome:
            assert self._archive is not None
            return self._archive.storage_committed(request.command.event_type, dataset, calling)

        return self._keep(request, act, "other")

    def _keep(self, request: Request, act: Callable[[Dataset, str], Outcome], service: Service, new_uid: str = "") -> Reply:
        calling = request.association.calling
        self._stations.seen(calling, service)
        if not _UID.fullmatch(request.command.sop_instance):
            return request.response(Outcome(0x0117, "SOP Instance UID is none"))

        def work() -> bytes:
            try:
                outcome = act(self._decode(request), calling)
            except datasets.Undecodable:
                outcome = Outcome(0x0110, "attribute list cannot be decoded")
            except Exception as error:  # as in `answer`
                return self._failed(request, error)
            if new_uid and outcome.status == 0:
                outcome = Outcome(0, sop_instance=new_uid)
            emit(Log.MPPS_ANSWERED, ae_title=calling, status=f"{outcome.status:04X}", reason=outcome.comment)
            return request.response(outcome)

        return Later(work)

    def _decode(self, request: Request) -> Dataset:
        return datasets.decode(
            request.message.dataset,
            implicit=request.context.implicit,
            default_charset=self._stations.get(request.association.calling).charset,
            liberal=True,
        )


_TOO_MANY = b"too many"


def _read(identifier: bytes, implicit: bool, charset: str, echo_unknown: bool) -> Query | QueryFault:
    try:
        return read_query(identifier, implicit=implicit, station_charset=charset, echo_unknown=echo_unknown)
    except QueryFault as fault:
        return fault
