"""For the DICOM door's tests: a server on a loop of its own, pynetdicom as a modality, and PDUs written by hand."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pynetdicom import AE

from gateways.edge.config import DicomSettings, ModalitySettings
from gateways.edge.dicom.archive import ArchiveDesk
from gateways.edge.dicom.items import Item
from gateways.edge.dicom.matching import Query
from gateways.edge.dicom.mpps import MppsDesk
from gateways.edge.dicom.server import DicomServer
from gateways.edge.dicom.stations import Stations
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.spool import Spool
from tests.support.gateway import Clock, a_store
from tests.support.worklist import an_item

logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
MWL = "1.2.840.10008.5.1.4.31"
MPPS = "1.2.840.10008.3.1.2.3.3"
ECHO = "1.2.840.10008.1.1"
IAN = "1.2.840.10008.5.1.4.33"
COMMITMENT = "1.2.840.10008.1.20.1"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
SYNTAXES = (EXPLICIT, IMPLICIT)
CT1 = ModalitySettings(ae_title="CT1")
Result = TypeVar("Result")
_LAST = tuple(bytes((kind, 0, 0, 0, 0, 4)) for kind in (6, 7))
"""How the PDUs begin after which an association is over: A-RELEASE-RP and A-ABORT, both of ten bytes."""


@dataclass
class Door:
    """A DICOM server that runs, and what it serves."""

    server: DicomServer
    worklist: Worklist
    stations: Stations
    spool: Spool
    clock: Clock
    loop: asyncio.AbstractEventLoop

    @property
    def port(self) -> int:
        return self.server.port

    def call(self, work: Callable[[], Result]) -> Result:
        """Do something in the server's loop."""

        async def run() -> Result:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(20)

    def tasks(self) -> int:
        """Return how many tasks the loop has, this question's own left out."""
        return self.call(lambda: len(asyncio.all_tasks())) - 1


@contextlib.contextmanager
def a_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


def within(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run_coroutine_threadsafe(work, loop).result(20)


@contextlib.contextmanager
def a_door(
    folder: Path, *modalities: ModalitySettings, steps: int = 3, keeps: bool = True, known: bool = True, **settings: Any
) -> Iterator[Door]:
    """Serve some steps of an invented patient to `CT1` or to these modalities; `known=False` to none."""
    chosen = (modalities or (CT1,)) if known else ()
    with a_store(folder) as store, a_loop() as loop:
        worklist, clock, spool = Worklist(), Clock(), Spool(store)
        for number in range(1, steps + 1):
            worklist.put(
                an_item(
                    number, PatientName="LEFÈVRE^HÉLÈNE", RequestedProcedureDescription="Cœur", SpecificCharacterSet="ISO_IR 192"
                )
            )
        wanted = DicomSettings(modalities=chosen, **settings)
        stations = Stations(chosen, clock, expire_after_h=wanted.expire_after_h, zone=wanted.timezone)
        server = DicomServer(
            wanted,
            worklist=worklist,
            desk=MppsDesk(store, spool, worklist, clock) if keeps else None,
            archive=ArchiveDesk(spool, clock) if keeps else None,
            stations=stations,
            clock=clock,
        )
        within(loop, server.start())
        try:
            yield Door(server, worklist, stations, spool, clock, loop)
        finally:
            within(loop, server.stop())


@contextlib.contextmanager
def associated(
    port: int,
    calling: str = "CT1",
    called: str = "RISMWL",
    syntaxes: tuple[str, ...] = SYNTAXES,
    *,
    max_pdu: int = 16384,
    **options: Any,
) -> Iterator[Any]:
    """Open an association as a modality does, with pynetdicom."""
    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    for abstract in (MWL, MPPS, ECHO, IAN, COMMITMENT):
        entity.add_requested_context(abstract, list(syntaxes))
    association = entity.associate("127.0.0.1", port, ae_title=called, max_pdu=max_pdu, **options)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def find(association: Any, key: Dataset) -> tuple[int, list[tuple[int, Dataset]], Dataset]:
    """Return the final status, the answers with theirs, and the last status as a data set."""
    answers, last = [], Dataset()
    for status, dataset in association.send_c_find(key, MWL):
        last = status
        if status.Status in (0xFF00, 0xFF01):
            answers.append((status.Status, dataset))
    return last.Status, answers, last


def answered(query: Query, item: Item, charset: str = "ISO_IR 192") -> Dataset:
    """Return what an item answers a query, as a peer reads it."""
    encoded = query.shape.answer(item.forms[charset, query.shape.implicit])
    return read_dataset(io.BytesIO(encoded), query.shape.implicit, True)


def pdu(kind: int, body: bytes) -> bytes:
    return bytes((kind, 0)) + len(body).to_bytes(4, "big") + body


def item(kind: int, body: bytes) -> bytes:
    return bytes((kind, 0)) + len(body).to_bytes(2, "big") + body


def associate(
    called: bytes = b"RISMWL".ljust(16),
    calling: bytes = b"CT1".ljust(16),
    *,
    contexts: tuple[tuple[int, str], ...] = ((1, MWL), (3, MPPS), (5, ECHO)),
    max_length: int = 16384,
    version: int = 1,
    more: bytes = b"",
) -> bytes:
    """Write an A-ASSOCIATE-RQ, implicit VR only."""
    written = b"".join(
        item(0x20, bytes((number, 0, 0, 0)) + item(0x30, abstract.encode()) + item(0x40, IMPLICIT.encode()))
        for number, abstract in contexts
    )
    user = item(0x50, item(0x51, max_length.to_bytes(4, "big")) + item(0x52, b"1.2.3") + more)
    body = version.to_bytes(2, "big") + b"\0\0" + called + calling + bytes(32)
    return pdu(1, body + item(0x10, b"1.2.840.10008.3.1.1.1") + written + user)


def reply_to(port: int, calling: str = "CT1", called: str = "RISMWL") -> bytes:
    """Ask for an association and return the beginning of the answer: its type, and of a rejection result, source and reason."""
    with socket.create_connection(("127.0.0.1", port), 10) as peer:
        peer.sendall(associate(called.encode().ljust(16), calling.encode().ljust(16)))
        answer = peer.recv(10)
    return answer[:1] + answer[7:10] if answer[0] == 3 else answer[:1]


def rest(peer: socket.socket, *, stays: bool = False) -> bytes:
    """Return what comes until the other side closes; who was released or aborted closes too, as a modality does, unless it `stays`."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while more := peer.recv(65536):
            data += more
            if data[-10:-4] in _LAST and not stays:
                with contextlib.suppress(OSError):
                    peer.shutdown(socket.SHUT_WR)
    return data


def element(group: int, number: int, value: bytes) -> bytes:
    """Write an implicit VR element, padded with NUL."""
    value += b"\0" * (len(value) % 2)
    return group.to_bytes(2, "little") + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value


def command(field: int, sop_class: str, *more: bytes, message_id: int = 1, has_dataset: bool = True) -> bytes:
    """Write the command set of a request."""
    parts = element(0, 2, sop_class.encode()) + element(0, 0x100, field.to_bytes(2, "little"))
    parts += element(0, 0x120 if field == 0x0FFF else 0x110, message_id.to_bytes(2, "little"))
    parts += element(0, 0x700, b"\0\0") + element(0, 0x800, b"\1\0" if has_dataset else b"\1\1") + b"".join(more)
    return element(0, 0, len(parts).to_bytes(4, "little")) + parts


def pdata(data: bytes, control: int, context: int = 1) -> bytes:
    """Write one P-DATA-TF: control 0 or 2 (last) of a data set, 1 or 3 (last) of a command."""
    return pdu(4, (len(data) + 2).to_bytes(4, "big") + bytes((context, control)) + data)


def find_request(identifier: bytes, message_id: int = 1) -> bytes:
    return pdata(command(0x20, MWL, message_id=message_id), 3) + pdata(identifier, 2)


def echo_request() -> bytes:
    return pdata(command(0x30, ECHO, has_dataset=False), 3, 5)
