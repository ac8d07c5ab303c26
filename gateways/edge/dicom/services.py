"""What each service answers: Verification, the worklist, performed procedure steps, what an archive says. No network.

A request is answered at once, by a stream of responses, or by work that waits for the disk; the connection knows how to carry each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from pydicom.dataset import Dataset

from gateways.edge.config import DicomSettings
from gateways.edge.dicom import datasets, negotiation
from gateways.edge.dicom.archive import ArchiveDesk
from gateways.edge.dicom.dimse import SUCCESS, Field, Outcome
from gateways.edge.dicom.finding import Finder
from gateways.edge.dicom.mpps import MppsDesk
from gateways.edge.dicom.request import Later, Reply, Request
from gateways.edge.dicom.stations import Service, Stations
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.log import Log, emit

FAILED = 0xC001
MAX_ELEMENTS = 100_000
"""Of a data set that is kept: a study of 30,000 images names them in fewer."""
_UID = re.compile(r"(?=.{0,64}$)([0-9]+(\.[0-9]+)*)?")


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
        self._desk, self._archive, self._stations = desk, archive, stations
        self._finder = Finder(settings, worklist=worklist, stations=stations, clock=clock)
        self._handlers: dict[tuple[int, str], Callable[[Request], Reply]] = {
            (Field.C_ECHO, negotiation.VERIFICATION): self._echo,
            (Field.C_FIND, negotiation.WORKLIST): self._finder.answer,
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
            most=MAX_ELEMENTS,
        )
