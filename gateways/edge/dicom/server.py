"""The DICOM door, carried by pynetdicom: Verification, Modality Worklist C-FIND, MPPS N-CREATE and N-SET.

Only what a transport needs is here: associations, primitives, statuses. Matching, data sets and MPPS rules are in modules of their
own, so that another upper layer can carry them.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeAlias
from uuid import uuid4

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, _config, evt
from pynetdicom.pdu import A_ASSOCIATE_RQ
from pynetdicom.sop_class import ModalityPerformedProcedureStep, ModalityWorklistInformationFind, Verification

from gateways.edge.config import DicomSettings
from gateways.edge.dicom import datasets
from gateways.edge.dicom.matching import Query, QueryFault, read_query
from gateways.edge.dicom.mpps import MppsDesk, Reply
from gateways.edge.dicom.stations import Stations
from gateways.edge.dicom.values import trim
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.log import Log, emit

BLANK_TITLE = "(blank)"
BACKLOG = 256
_SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
Status: TypeAlias = "int | Dataset"

logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False


def _title(raw: Any) -> str:
    """Return an AE title as it is compared: padding of spaces or NUL dropped, what is no printable ASCII replaced."""
    text = raw.decode("latin-1") if isinstance(raw, bytes) else str(raw)
    text = "".join(character if " " <= character <= "~" and character != "\\" else "_" for character in trim(text))
    return text[:16] or BLANK_TITLE


def _read_titles_as_sent() -> None:
    """Let an association request with NUL-padded or blank titles reach the acceptor, who answers it by rule."""
    for name, attribute in (("calling_ae_title", "_calling_aet"), ("called_ae_title", "_called_aet")):
        original = getattr(A_ASSOCIATE_RQ, name)

        def assign(pdu: Any, value: Any, attribute: str = attribute, original: Any = original) -> None:
            if isinstance(value, bytes):
                setattr(pdu, attribute, _title(value))
            else:
                original.fset(pdu, value)

        setattr(A_ASSOCIATE_RQ, name, property(original.fget, assign))


class DicomServer:
    """Serves the site's modalities.

    Args:
        desk: None when nothing can be kept: MPPS is not offered then.
    """

    def __init__(
        self,
        settings: DicomSettings,
        *,
        worklist: Worklist,
        desk: MppsDesk | None,
        stations: Stations,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings, self._worklist, self._desk = settings, worklist, desk
        self._stations, self._clock = stations, clock
        self._server: Any = None

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._server.socket.getsockname()[1]
        return port

    def start(self) -> None:
        """Open the port."""
        _read_titles_as_sent()
        self._server = self._entity().start_server(
            (self._settings.host, self._settings.port), block=False, ae_title=self._settings.ae_title, evt_handlers=self._handlers()
        )
        self._server.socket.listen(BACKLOG)  # the library's own is 5: a port scan would keep modalities waiting

    def stop(self) -> None:
        """Close the port and end the associations."""
        if self._server is not None:
            self._server.shutdown()

    def _entity(self) -> AE:
        entity = AE(ae_title=self._settings.ae_title)
        entity.add_supported_context(Verification, _SYNTAXES)
        entity.add_supported_context(ModalityWorklistInformationFind, _SYNTAXES)
        if self._desk is not None:
            entity.add_supported_context(ModalityPerformedProcedureStep, _SYNTAXES)
        entity.require_called_aet = not self._settings.any_called
        if self._settings.unknown_calling == "reject":
            # A list without any title would let everybody in, so it holds one that nobody can have.
            entity.require_calling_aet = self._stations.titles or ["-"]
        entity.maximum_associations = self._settings.max_associations
        entity.acse_timeout = self._settings.association_timeout_s
        entity.dimse_timeout = entity.network_timeout = self._settings.idle_timeout_s
        entity.maximum_pdu_size = 64 * 1024
        return entity

    def _handlers(self) -> list[tuple[Any, Any]]:
        return [
            (evt.EVT_CONN_OPEN, _no_delay),
            (evt.EVT_REJECTED, _rejected),
            (evt.EVT_C_ECHO, self._echo),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_N_CREATE, self._create),
            (evt.EVT_N_SET, self._set),
        ]

    def _calling(self, event: Any) -> str:
        title: str = trim(event.assoc.requestor.ae_title)
        self._stations.seen(title)
        return title

    def _echo(self, event: Any) -> int:
        self._calling(event)
        return 0x0000

    def _find(self, event: Any) -> Iterator[tuple[Status, Dataset | None]]:
        title = self._calling(event)
        station = self._stations.get(title)
        try:
            query = read_query(
                event.request.Identifier.getvalue(),
                implicit=event.context.transfer_syntax == ImplicitVRLittleEndian,
                station_charset=station.charset,
            )
            called = trim(event.assoc.requestor.primitive.called_ae_title)
            items = self._worklist.find(query, called=called, now=self._clock())
        except QueryFault as fault:
            emit(Log.FIND_REFUSED, ae_title=title, status=f"{fault.status:04X}", reason=fault.comment)
            yield _find_status(fault), None
            return
        except Exception as error:  # the outermost shell: the modality gets a status, the server lives
            emit(Log.DICOM_FAILED, error=type(error).__name__)
            yield 0xC001, None
            return
        emit(Log.FIND_ANSWERED, ae_title=title, count=len(items))
        pending = 0xFF01 if query.unsupported and not station.echo_unknown_keys else 0xFF00
        for count, item in enumerate(items):
            if event.is_cancelled:
                yield 0xFE00, None
                return
            if count == self._settings.max_answers:
                yield 0xA700, None
                return
            answer = _answer(query, item, station.charset, echo_unknown=station.echo_unknown_keys)
            if answer is not None:
                yield pending, answer

    def _create(self, event: Any) -> tuple[Status, Dataset | None]:
        uid = str(event.request.AffectedSOPInstanceUID or "")
        given = bool(uid)
        uid = uid or f"2.25.{uuid4().int}"
        reply = self._perform(event, event.request.AttributeList, lambda desk, dataset, title: desk.create(uid, dataset, title))
        answer = Dataset()
        if not given:
            answer.AffectedSOPInstanceUID = uid
        return _status(reply), answer

    def _set(self, event: Any) -> tuple[Status, Dataset | None]:
        uid = str(event.request.RequestedSOPInstanceUID or "")
        reply = self._perform(event, event.request.ModificationList, lambda desk, dataset, title: desk.update(uid, dataset, title))
        return _status(reply), Dataset()

    def _perform(self, event: Any, encoded: Any, act: Callable[[MppsDesk, Dataset, str], Reply]) -> Reply:
        title = self._calling(event)
        try:
            if self._desk is None:
                return Reply(0x0122)
            dataset = datasets.decode(
                encoded.getvalue() if encoded else b"",
                implicit=event.context.transfer_syntax == ImplicitVRLittleEndian,
                default_charset=self._stations.get(title).charset,
                liberal=True,
            )
            reply = act(self._desk, dataset, title)
        except datasets.Undecodable:
            reply = Reply(0x0110, "attribute list cannot be decoded")
        except Exception as error:  # the outermost shell: the modality gets a status, the server lives
            emit(Log.DICOM_FAILED, error=type(error).__name__)
            reply = Reply(0x0110, "not processed")
        emit(Log.MPPS_ANSWERED, ae_title=title, status=f"{reply.status:04X}", reason=reply.comment)
        return reply


def _answer(query: Query, item: Any, charset: str, *, echo_unknown: bool) -> Dataset | None:
    """Return one answer that surely can be written; None for a step that cannot, which hides no other."""
    try:
        answer = datasets.readable(query.answer(item, echo_unknown=echo_unknown), charset)
        datasets.encode(answer, implicit=True)
    except Exception as error:  # one odd step must not end the list
        emit(Log.STEP_UNREADABLE, sps_id=item.sps_id, error=type(error).__name__)
        return None
    return answer


def _find_status(fault: QueryFault) -> Dataset:
    status = Dataset()
    status.Status, status.ErrorComment = fault.status, fault.comment
    if fault.tag:
        status.OffendingElement = [fault.tag]
    return status


def _status(reply: Reply) -> Status:
    if not reply.comment:
        return reply.status
    status = Dataset()
    status.Status, status.ErrorComment = reply.status, reply.comment[:64]
    if reply.error_id is not None:
        status.ErrorID = reply.error_id
    return status


def _no_delay(event: Any) -> None:
    with contextlib.suppress(Exception):
        event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _rejected(event: Any) -> None:
    emit(Log.ASSOCIATION_REFUSED, ae_title=trim(event.assoc.requestor.ae_title or "")[:16])
