"""What is true of one row of the DMP at this instant: who the patient is, what they want, whose document it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ris.application.conflicts import decide
from ris.application.dispatch.ports import DeliveryStore
from ris.application.dispatch.services import DmpServices
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.dispatch.dmp import CHANNEL, RECIPIENT
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.ins import QualifiedIdentity, qualified
from ris.domain.identity.patient import Patient
from ris.domain.report.frozen import FrozenReport

REMOTE = "dmp"
OPPOSED = "IO"
"""ZFA-9: informed, and opposed."""


@dataclass(frozen=True)
class DmpFacts:
    """All that decides on a row, read when it is decided."""

    report: FrozenReport
    legal_entity: str
    exam: Exam
    patient: Patient

    @property
    def opposed(self) -> bool:
        """Whether the patient was informed and opposed, for this episode or as last announced; one opposition is enough.

        One that was recorded after validation counts until the document left.
        """
        return OPPOSED in (self.exam.information, self.patient.consents.get("ZFA-9", ""))

    @property
    def identity(self) -> QualifiedIdentity | None:
        """The identity the document carries, if the patient is qualified now with that very INS; else None."""
        try:
            now = qualified(self.patient.ins, self.patient.strict, self.patient.status)
        except Refused:
            return None
        frozen = self.report.identity
        return frozen if frozen is not None and frozen.ins == now.ins else None


def row_of(deliveries: DeliveryStore, accession: str, version: int) -> Delivery:
    """Return the row of a version.

    Raises:
        InvalidInput: `unknown_delivery`.
    """
    row = deliveries.get(accession, CHANNEL, RECIPIENT, version)
    if row is None:
        raise InvalidInput("unknown_delivery", field="version")
    return row


def facts_of(s: DmpServices, row: Delivery) -> DmpFacts:
    """Return the facts of a row.

    Raises:
        InvalidInput: `unknown_exam`, `unknown_version`, `unknown_patient`.
    """
    exam = s.exams.get(row.owner)
    if exam is None:
        raise InvalidInput("unknown_exam", field="accession_number")
    frozen = s.versions.frozen(row.owner, row.report_version)
    if frozen is None:
        raise InvalidInput("unknown_version", field="version")
    patient = s.patients.get(exam.patient_id)
    if patient is None:
        raise InvalidInput("unknown_patient", field="patient_id")
    return DmpFacts(frozen.report, frozen.legal_entity, exam, patient)


def own_structure(s: DmpServices, facts: DmpFacts) -> None:
    """Check that the document is one that this legal entity's certificate may speak for (EX_2.1-1140).

    The VIHF and the author's institution are both made from the structure of the document, so that one comparison holds for both.

    Raises:
        Refused: `structure_not_certificates`, or `dmp_not_configured`.
    """
    if facts.report.structure.struct_idnat != s.dmp.structure(facts.legal_entity):
        raise Refused("structure_not_certificates", field="structure")


def replaced_document(s: DmpServices, row: Delivery, facts: DmpFacts) -> tuple[str, bool]:
    """Return the document of this set that stands in the DMP (empty when there is none), and whether an earlier one is still on its way.

    Raises:
        Refused: `another_structures_document`: only the legal entity that wrote a document may replace it.
    """
    for version in range(row.report_version - 1, 0, -1):
        before, earlier = s.versions.frozen(row.owner, version), s.deliveries.get(row.owner, CHANNEL, RECIPIENT, version)
        if before is not None and before.report.structure.struct_idnat != facts.report.structure.struct_idnat:
            raise Refused("another_structures_document", field="structure")
        if earlier is not None and earlier.state is DeliveryState.PENDING:
            return "", True
        if earlier is not None and earlier.state is DeliveryState.DELIVERED:
            return ("" if earlier.operation == DELETE else earlier.document_id), False
    return "", False


def moved(s: DmpServices, row: Delivery, change: Callable[[Delivery], Delivery]) -> Delivery:
    """Apply one transition to the row as it now is, and write it if it changed anything."""

    def attempt() -> Delivery:
        current = row_of(s.deliveries, row.owner, row.report_version)
        after = change(current)
        return current if after == current else s.deliveries.save(after)

    return decide(attempt)
