"""A modality (CT, MR …), as a SCU: one DICOM operation an association. `python -m infra.local.services.modality OPERATION …`.

`modality_console` is the same, left switched on. Operations: `echo`; `find` (modality worklist); `mpps-create` and `mpps-set`, about the item of an earlier `find`. Evidence: Part 10
files of the data sets got or sent: `NNN-mwl.dcm`, `NNN-mpps-create.dcm`, `NNN-mpps-set.dcm`; after the file's header the bytes are
those of the association. Prints one JSON object: `{"status", "milliseconds", "evidence", …}`, for `find` with `items` (DICOM JSON).

Source: DICOM PS3.4 Annex A (echo), Annex K (worklist), Annex F (MPPS), PS3.10 (files).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE, Association, evt
from pynetdicom.sop_class import ModalityPerformedProcedureStep, ModalityWorklistInformationFind, Verification

from infra.local.children import follow_life_pipe
from infra.local.services.recorder import Recorder

CLASSES = {
    "echo": Verification,
    "find": ModalityWorklistInformationFind,
    "mpps-create": ModalityPerformedProcedureStep,
    "mpps-set": ModalityPerformedProcedureStep,
}
RETURNED = (
    "SpecificCharacterSet",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "RequestedProcedureID",
    "RequestedProcedureDescription",
    "RequestingPhysician",
    "PlacerOrderNumberImagingServiceRequest",
    "IssuerOfPatientID",
)
STEP = (
    "Modality",
    "ScheduledStationAETitle",
    "ScheduledProcedureStepStartDate",
    "ScheduledProcedureStepStartTime",
    "ScheduledProcedureStepDescription",
    "ScheduledProcedureStepID",
    "ScheduledStationName",
    "ScheduledPerformingPhysicianName",
)


def main() -> None:
    """Run one operation and print what came of it."""
    follow_life_pipe()
    print(json.dumps(perform(sys.argv[1:])))


def perform(arguments: list[str]) -> dict[str, Any]:
    """Run one operation over an association of its own, and return what came of it.

    Args:
        arguments: As on the command line.

    Raises:
        SystemExit: They are not such arguments.
    """
    asked = _arguments(arguments)
    operation = asked.operation
    ae = AE(ae_title=asked.calling)
    ae.add_requested_context(CLASSES[operation], ExplicitVRLittleEndian)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = asked.timeout_s
    started = time.monotonic()
    wire = Wire()
    association = ae.associate("127.0.0.1", asked.port, ae_title=asked.called, evt_handlers=wire.handlers)
    if not association.is_established:
        return {"status": "rejected" if association.is_rejected else "no association", "evidence": []}
    try:
        result = OPERATIONS[operation](association, asked)
        evidence = wire.record(
            Recorder(asked.evidence), f"{EVIDENCE[operation]}.dcm", CLASSES[operation], result.get("sop_instance_uid", "")
        )
    finally:
        association.release()
    return {**result, "evidence": evidence, "milliseconds": round((time.monotonic() - started) * 1000, 1)}


class Wire:
    """The data sets of one association, as they were encoded: those of worklist answers, those of MPPS requests."""

    def __init__(self) -> None:
        self.datasets: list[bytes] = []
        self.handlers = [(evt.EVT_DIMSE_RECV, self._received), (evt.EVT_DIMSE_SENT, self._sent)]

    def _received(self, event: evt.Event) -> None:
        if type(event.message).__name__ == "C_FIND_RSP":
            self._keep(event.message)

    def _sent(self, event: evt.Event) -> None:
        if type(event.message).__name__ in {"N_CREATE_RQ", "N_SET_RQ"}:
            self._keep(event.message)

    def _keep(self, message: Any) -> None:
        content = message.data_set.getvalue() if message.data_set else b""
        if content:
            self.datasets.append(content)

    def record(self, recorder: Recorder, name: str, sop_class: str, uid: str) -> list[str]:
        """Write each data set as a Part 10 file; return the files' names."""
        return [recorder.record(name, _part10(content, sop_class, uid or generate_uid())).name for content in self.datasets]


def _part10(dataset: bytes, sop_class: str, uid: str) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian  # the only one we propose
    file = BytesIO()
    file.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(file, meta, enforce_standard=True)
    return file.getvalue() + dataset


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operation", choices=sorted(CLASSES))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--calling", required=True, help="our AE title")
    parser.add_argument("--called", required=True, help="the worklist server's AE title")
    parser.add_argument("--evidence", type=Path, required=True)
    parser.add_argument("--timeout-s", type=float, default=10.0)
    parser.add_argument("--keys", type=json.loads, default={}, help='find: {"Modality", "Date", "StationAETitle", "PatientID" …}')
    parser.add_argument("--item", type=Path, help="mpps: DICOM JSON of a worklist item")
    parser.add_argument("--sop-instance-uid", default="", help="mpps: the performed step; mpps-create makes one when absent")
    parser.add_argument("--status", default="COMPLETED", help="mpps-set: COMPLETED or DISCONTINUED")
    return parser.parse_args(given)


def echo(association: Association, _: argparse.Namespace) -> dict[str, Any]:
    """C-ECHO."""
    return {"status": _status(association.send_c_echo())}


def find(association: Association, asked: argparse.Namespace) -> dict[str, Any]:
    """C-FIND on the worklist, broad query: date, modality, station; every item got becomes a file."""
    items, final = [], "none"
    for status, item in association.send_c_find(_query(asked.keys), ModalityWorklistInformationFind):
        final = _status(status)
        if item is not None:
            items.append(item.to_json_dict())
    return {"status": final, "items": items}


def mpps_create(association: Association, asked: argparse.Namespace) -> dict[str, Any]:
    """N-CREATE, IN PROGRESS, with what the worklist item gave."""
    step = performed(Dataset.from_json(asked.item.read_text()), asked.calling)
    uid = asked.sop_instance_uid or generate_uid()
    status, _ = association.send_n_create(step, ModalityPerformedProcedureStep, uid)
    return {"status": _status(status), "sop_instance_uid": uid}


def mpps_set(association: Association, asked: argparse.Namespace) -> dict[str, Any]:
    """N-SET to a final status, with the series performed."""
    changes = Dataset()
    changes.PerformedProcedureStepStatus = asked.status
    changes.PerformedProcedureStepEndDate = time.strftime("%Y%m%d")
    changes.PerformedProcedureStepEndTime = time.strftime("%H%M%S")
    changes.PerformedSeriesSequence = [_series()]
    uid = asked.sop_instance_uid
    status, _ = association.send_n_set(changes, ModalityPerformedProcedureStep, uid)
    return {"status": _status(status), "sop_instance_uid": uid}


OPERATIONS: dict[str, Callable[[Association, argparse.Namespace], dict[str, Any]]] = {
    "echo": echo,
    "find": find,
    "mpps-create": mpps_create,
    "mpps-set": mpps_set,
}
EVIDENCE = {"echo": "echo", "find": "mwl", "mpps-create": "mpps-create", "mpps-set": "mpps-set"}


def _query(keys: dict[str, str]) -> Dataset:
    query, step = Dataset(), Dataset()
    for name in RETURNED:
        setattr(query, name, keys.get(name, ""))
    query.SpecificCharacterSet = "ISO_IR 192"
    query.RequestedProcedureCodeSequence = []
    for name in STEP:
        setattr(step, name, "")
    step.Modality = keys.get("Modality", "")
    step.ScheduledStationAETitle = keys.get("StationAETitle", "")
    step.ScheduledProcedureStepStartDate = keys.get("Date", "")
    step.ScheduledProtocolCodeSequence = []
    query.ScheduledProcedureStepSequence = [step]
    return query


def performed(item: Dataset, station: str) -> Dataset:
    """Return the N-CREATE data set of a worklist item (PS3.4 table F.7.2-1)."""
    scheduled = item.ScheduledProcedureStepSequence[0]
    reference = Dataset()
    for name in ("AccessionNumber", "StudyInstanceUID", "RequestedProcedureID", "RequestedProcedureDescription"):
        setattr(reference, name, item.get(name, ""))
    for name in ("ScheduledProcedureStepID", "ScheduledProcedureStepDescription"):
        setattr(reference, name, scheduled.get(name, ""))
    reference.ScheduledProtocolCodeSequence = []
    reference.ReferencedStudySequence = []
    reference.PlacerOrderNumberImagingServiceRequest = item.get("PlacerOrderNumberImagingServiceRequest", "")
    step = Dataset()
    step.SpecificCharacterSet = item.get("SpecificCharacterSet", "ISO_IR 100")
    step.ScheduledStepAttributesSequence = [reference]
    for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
        setattr(step, name, item.get(name, ""))
    step.ReferencedPatientSequence = []
    step.PerformedProcedureStepID = "P" + str(scheduled.get("ScheduledProcedureStepID", ""))[:15]
    step.PerformedStationAETitle = station
    step.PerformedStationName = scheduled.get("ScheduledStationName", "")
    step.PerformedLocation = ""
    step.PerformedProcedureStepStartDate = time.strftime("%Y%m%d")
    step.PerformedProcedureStepStartTime = time.strftime("%H%M%S")
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    step.PerformedProcedureStepDescription = scheduled.get("ScheduledProcedureStepDescription", "")
    step.PerformedProcedureTypeDescription = ""
    step.ProcedureCodeSequence = []
    step.PerformedProcedureStepEndDate = ""
    step.PerformedProcedureStepEndTime = ""
    step.Modality = scheduled.get("Modality", "")
    step.StudyID = item.get("RequestedProcedureID", "")
    step.PerformedProtocolCodeSequence = []
    step.PerformedSeriesSequence = []
    return step


def _series() -> Dataset:
    series = Dataset()
    series.PerformingPhysicianName = ""
    series.ProtocolName = "STANDARD"
    series.OperatorsName = ""
    series.SeriesInstanceUID = generate_uid()
    series.SeriesDescription = ""
    series.RetrieveAETitle = ""
    series.ReferencedImageSequence = []
    series.ReferencedNonImageCompositeSOPInstanceSequence = []
    return series


def _status(status: Dataset) -> str:
    return f"{status.Status:04X}" if "Status" in status else "none"


if __name__ == "__main__":
    main()
