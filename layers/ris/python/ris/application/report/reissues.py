"""Over the report's stores: make again what waits for a qualified identity, each as its next version, and wake what an opposition kept."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ris.application.dispatch.lifted_opposition import wake_opposed
from ris.application.report.held_rows import wake_held
from ris.application.report.remake_report import reissue_for_identity
from ris.application.report.services import ReportServices
from ris.domain.errors import RemoteUnavailable


@dataclass(frozen=True)
class StoredReissues:
    """Implements the port `Reissues` of identity qualification over the report's stores."""

    reports: ReportServices

    def lifted(self, patient_id: str, now: datetime) -> int:
        """See the port."""
        patient = self.reports.patients.get(patient_id)
        return wake_opposed(self.reports.deliveries, self.reports.exams, patient, now) if patient else 0

    def wake(self, patient_id: str, now: datetime) -> int:
        """See the port."""
        exams, _ = self.reports.exams.of_patient(patient_id)
        waiting = [exam.accession_number for exam in exams if wake_held(self.reports, exam.accession_number, now)]
        for accession in waiting:
            with suppress(RemoteUnavailable):  # its rows are due: the sweep comes back to them
                reissue_for_identity(self.reports, accession, now)
        return len(waiting)
