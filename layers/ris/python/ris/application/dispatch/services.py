"""The ports of dispatch, in one typed value that every use case takes first."""

from __future__ import annotations

from dataclasses import dataclass

from ris.application.dispatch.ports import DeliveryStore, Exams, Hl7Gate, OrderWriter, Patients, Sites


@dataclass(frozen=True)
class DispatchServices:
    """Everything outside the use cases of dispatch."""

    deliveries: DeliveryStore
    exams: Exams
    patients: Patients
    sites: Sites
    gate: Hl7Gate
    writer: OrderWriter
