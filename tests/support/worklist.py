"""Invented worklist steps and queries, as data sets and as DICOM JSON."""

from __future__ import annotations

import io
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import dcmwrite, write_dataset
from pydicom.sequence import Sequence

from gateways.edge.dicom.items import Item, read_items

MWL = "1.2.840.10008.5.1.4.31"


def step(number: int = 1, **values: Any) -> Dataset:
    """Return one worklist data set; keywords of the step's own attributes go into its sequence item."""
    dataset = Dataset()
    charset = values.pop("SpecificCharacterSet", None)
    if charset:
        dataset.SpecificCharacterSet = charset
    top = {
        "AccessionNumber": f"ACC{number}",
        "PatientName": "ESSAI^LOU",
        "PatientID": f"IPP-{number}",
        "PatientBirthDate": "19800101",
        "PatientSex": "F",
        "StudyInstanceUID": f"1.2.250.1.99999.{number}",
        "RequestedProcedureID": f"RP{number}",
        "RequestedProcedureDescription": "Scanner thorax",
        "ReferringPhysicianName": "EXEMPLE^LUC",
    }
    inner = {
        "Modality": "CT",
        "ScheduledStationAETitle": "CT1",
        "ScheduledProcedureStepStartDate": "20260302",
        "ScheduledProcedureStepStartTime": "083000",
        "ScheduledPerformingPhysicianName": "",
        "ScheduledProcedureStepDescription": "Scanner thorax",
        "ScheduledProcedureStepID": f"SPS{number}",
        "ScheduledStationName": "SALLE 1",
    }
    item = Dataset()
    for keyword, value in {**top, **inner, **values}.items():
        target = item if keyword in inner else dataset
        if value is not None:
            setattr(target, keyword, value)
    dataset.ScheduledProcedureStepSequence = Sequence([item])
    return dataset


def an_item(number: int = 1, **values: Any) -> Item:
    """Return one step as the list holds it."""
    return read_items(step(number, **values))[0]


def query(sps: dict[str, Any] | None = None, **top: Any) -> Dataset:
    """Return a query; without `sps` its step sequence is absent."""
    dataset = Dataset()
    for keyword, value in top.items():
        setattr(dataset, keyword, value)
    if sps is not None:
        item = Dataset()
        for keyword, value in sps.items():
            setattr(item, keyword, value)
        dataset.ScheduledProcedureStepSequence = Sequence([item])
    return dataset


def encoded(dataset: Dataset, *, implicit: bool = False) -> bytes:
    """Write a data set as a peer would."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = implicit, True
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def part_10(dataset: Dataset) -> bytes:
    """Return a worklist file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MWL, "1.2.250.1.99999.1.1"
    meta.TransferSyntaxUID, meta.ImplementationClassUID = "1.2.840.10008.1.2.1", "1.2.250.1.99999.9"
    dataset.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def performed(*references: Dataset, status: str = "IN PROGRESS", **values: Any) -> Dataset:
    """Return the attribute list of an N-CREATE that names these worklist steps."""
    dataset = Dataset()
    items = []
    for one in references:
        reference = Dataset()
        reference.StudyInstanceUID, reference.AccessionNumber = one.StudyInstanceUID, one.AccessionNumber
        reference.ScheduledProcedureStepID = one.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID
        items.append(reference)
    dataset.ScheduledStepAttributesSequence = Sequence(items)
    dataset.PerformedProcedureStepID, dataset.PerformedStationAETitle = "P1", "CT1"
    dataset.PerformedProcedureStepStartDate, dataset.PerformedProcedureStepStartTime = "20260302", "084000"
    dataset.PerformedProcedureStepStatus, dataset.Modality = status, "CT"
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def ended(status: str, reason: str = "") -> Dataset:
    """Return the modification list of an N-SET."""
    dataset = Dataset()
    dataset.PerformedProcedureStepStatus = status
    dataset.PerformedProcedureStepEndDate, dataset.PerformedProcedureStepEndTime = "20260302", "090000"
    if reason:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = reason, "DCM", "reason"
        dataset.PerformedProcedureStepDiscontinuationReasonCodeSequence = Sequence([code])
    return dataset
