"""A patient who had opposed the feeding of their DMP does so no more: the rows that this kept from leaving are due.

What becomes of each is decided by the sweep, on the facts of then (`ris.application.report.feed_again`).
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Protocol

from ris.application.conflicts import decide
from ris.application.dispatch.dmp_facts import OPPOSED
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.request import ImagingRequest
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.dmp import CHANNEL, opposition_lifted
from ris.domain.identity.patient import Patient


class ExamsOf(Protocol):
    """The exams of a patient."""

    def of_patient(self, patient_id: str) -> tuple[list[Exam], list[ImagingRequest]]:
        """Return a patient's exams and requests."""


class Rows(Protocol):
    """What is read and written of delivery rows."""

    def get(self, owner: str, channel: str, recipient: str, report_version: int = 0) -> Delivery | None:
        """Return one row, read consistently, or None."""

    def of_owner(self, owner: str) -> list[Delivery]:
        """Return every row of an exam, read consistently."""

    def save(self, delivery: Delivery) -> Delivery:
        """Write under the version read; raise Conflict when it no longer stands."""


def opposes(patient: Patient, exam: Exam) -> bool:
    """Say whether the patient opposed, for this episode or as last announced; one opposition is enough."""
    return OPPOSED in (exam.information, patient.consents.get("ZFA-9", ""))


def wake_opposed(deliveries: Rows, exams: ExamsOf, patient: Patient, now: datetime) -> int:
    """Make due the newest row of the DMP of each exam that only an opposition withdrew which is over; a second time changes nothing.

    Args:
        deliveries: The store; `exams` those of the patient.
        patient: As they are now.
        now: Aware UTC instant.

    Returns:
        How many wait for the sweep.
    """
    woken = 0
    found, _ = exams.of_patient(patient.patient_id)
    for exam in found:
        rows = [row for row in deliveries.of_owner(exam.accession_number) if row.channel == CHANNEL]
        if rows and not opposes(patient, exam):
            newest = max(rows, key=lambda row: row.report_version)
            woken += decide(partial(_woken, deliveries, newest, now))
    return woken


def _woken(deliveries: Rows, seen: Delivery, now: datetime) -> bool:
    row = deliveries.get(seen.owner, seen.channel, seen.recipient, seen.report_version)
    if row is None:
        return False
    after = opposition_lifted(row, now)
    if after != row:
        deliveries.save(after)
    return after.due_at is not None and after != row
