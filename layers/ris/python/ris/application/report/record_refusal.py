"""Record that a patient wants no mail: to themselves, or to one professional; what has not left yet does not leave any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol

from ris.application.conflicts import decide
from ris.application.report.services import ReportServices
from ris.domain.dispatch.channels import PATIENT
from ris.domain.dispatch.delivery import Delivery
from ris.domain.errors import InvalidInput
from ris.domain.identity.patient import Patient
from ris.domain.report.succession import refused


class PatientRows(Protocol):
    """Reads and writes patients."""

    def get(self, patient_id: str) -> Patient | None:
        """Return the patient, read consistently, or None."""

    def save(self, patient: Patient) -> Patient:
        """Write under the version read; raise Conflict when it no longer stands."""


def record_refusal(patients: PatientRows, s: ReportServices, patient_id: str, who: str, *, on: bool, now: datetime) -> Patient:
    """Record a refusal, or that it is over; a second time changes nothing.

    A refusal that is over lets what comes next leave; what was withdrawn stays withdrawn.

    Args:
        patients: The store.
        s: Where reports and their rows are.
        patient_id: Whose refusal.
        who: `PATIENT`, or the RPPS of the professional who gets no mail.
        on: Whether it is refused.
        now: Aware UTC instant.

    Raises:
        InvalidInput: `unknown_patient`, `unknown_recipient`.
        RemoteUnavailable: `too_busy`.
    """
    if who != PATIENT and not (len(who) == 11 and who.isascii() and who.isdecimal()):
        raise InvalidInput("unknown_recipient", field="who")

    def attempt() -> Patient:
        patient = patients.get(patient_id)
        if patient is None:
            raise InvalidInput("unknown_patient", field="patient_id")
        wanted = patient.refusals | {who} if on else patient.refusals - {who}
        return patient if wanted == patient.refusals else patients.save(replace(patient, refusals=wanted))

    patient = decide(attempt)
    if on:
        exams, _ = s.exams.of_patient(patient_id)
        for exam in exams:
            for row in refused(s.deliveries.of_owner(exam.accession_number), now, refusals=frozenset({who})):
                decide(partial(_withdrawn, s, row, now, who))
    return patient


def _withdrawn(s: ReportServices, seen: Delivery, now: datetime, who: str) -> None:
    row = s.deliveries.get(seen.owner, seen.channel, seen.recipient, seen.report_version)
    for after in refused([row] if row else [], now, refusals=frozenset({who})):
        s.deliveries.save(after)
