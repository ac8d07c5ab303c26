"""A deployed product, and in its tables and bucket what its signing machine leaves: what a dispatch begins with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.cloud.client import ROOT, Cloud
from ris.adapters.agenda.dynamodb import DynamoAgendaStore
from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dynamodb import Table
from ris.adapters.identity.dynamodb import DynamoPatientStore
from ris.adapters.reference.dynamodb import DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.adapters.report.dynamodb import DynamoReportStore
from ris.adapters.report.frozen_json import FrozenJson
from ris.adapters.report.s3 import S3DocumentStore
from ris.application.agenda.ports import Booking
from ris.application.load_reference import load_reference
from ris.domain.agenda.exam import Appointment, Exam, ExamState
from ris.domain.dispatch.delivery import Delivery
from ris.domain.identity.patient import Identifier, IdentityStatus, Patient
from ris.domain.report.draft import Draft, DraftStatus
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.plan import plan_of
from ris.domain.report.version import StoredFile, Version, VersionState

PUBLIC = {"OidcUrl": "https://oidc.invalid", "PscUrl": "https://psc.invalid", "PublicUrl": "{portal_url}"}
"""Parameters of a stack that nobody logs in to."""


@dataclass
class SignedExams:
    """Exams of `nord`, each with its own qualified patient and a signed version 1.

    Args:
        cloud: The running product.
        legal_entity: Whose versions they are.
    """

    cloud: Cloud
    legal_entity: str

    def __post_init__(self) -> None:
        self.names = self.cloud.function_env("PortalFunction")
        self.rows = DynamoDeliveryStore(self.table("EXAMS"), self.table("USAGE"))

    def table(self, name: str) -> Table:
        """Return one table of the product."""
        return Table(self.cloud.client("dynamodb"), self.names[f"TABLE_{name}"])

    def load_group(self) -> None:
        """Load the demo's group."""
        folder = read_folder(ROOT / "infra/local/demo/reference")
        load_reference(DynamoReferenceTable(self.table("REFERENCE")), folder, now=datetime(2026, 1, 1, tzinfo=UTC))

    def add(self, number: int, report: FrozenReport, files: Mapping[str, bytes], rows: Sequence[Delivery], **patient: Any) -> str:
        """Leave an exam, its patient and its version with these files and delivery rows, and return its Accession Number.

        Args:
            number: Of the exam: its patient's and its hour's too.
            report: Frozen, with a qualified identity.
            files: Of the version, by name.
            rows: Planned.
            patient: What is otherwise about the patient.
        """
        self._exam(number, report)
        self._patient(number, report, **patient)
        self._version(report, files, rows)
        return report.accession_number

    def run(self, accession: str, rows: Sequence[Delivery], attempt: int = 1) -> dict[str, Any]:
        """Run the dispatch of these rows to its end."""
        named = [{"channel": row.channel, "recipient": row.recipient} for row in rows]
        given = {"accession_number": accession, "version": 1, "rows": named}
        started = self.cloud.start("ReportDispatchStateMachine", f"dispatch-{accession}-1-{attempt}", given)
        return self.cloud.wait_execution(started)

    def put_secret(self, name: str, content: Mapping[str, str]) -> None:
        """Put a secret in, whether or not the stack has made it."""
        client = self.cloud.client("secretsmanager")
        secret, text = f"{self.cloud.function_env('SendToDmpFunction')['SECRET_PREFIX']}/{name}", json.dumps(content)
        try:
            client.put_secret_value(SecretId=secret, SecretString=text)
        except client.exceptions.ResourceNotFoundException:
            client.create_secret(Name=secret, SecretString=text)

    def _exam(self, number: int, report: FrozenReport) -> None:
        start = datetime(2026, 11, 26, 8, 0, tzinfo=UTC) + timedelta(hours=number)
        place = Appointment("nord", f"{start:%Y-%m-%d}", start, start, "scanner", "ct1", ("scanner", "ct1"))
        exam = Exam(
            report.accession_number,
            report.study_instance_uid,
            "nord",
            f"p-{number}",
            "",
            "ZBQK001",
            "CT",
            place,
            ExamState.COMPLETED,
        )
        DynamoAgendaStore(agenda=self.table("AGENDA"), exams=self.table("EXAMS")).commit(Booking((), exam))

    def _patient(self, number: int, report: FrozenReport, **said: Any) -> None:
        identity = report.identity
        assert identity is not None
        kept = Patient(
            f"p-{number}", report.traits, (Identifier(f"IPP-{number}", "1.2.250.1.99999.1", "PI"),),
            status=IdentityStatus.QUALIFIEE, ins=identity.ins, strict=identity.traits,
        )  # fmt: skip
        DynamoPatientStore(self.table("PATIENTS")).save(replace(kept, **said))

    def _version(self, report: FrozenReport, files: Mapping[str, bytes], rows: Sequence[Delivery]) -> None:
        version = Version(
            report.accession_number, "nord", self.legal_entity, 1, report.document_id, report.set_id, "", report.validated_at, "dr",
            "89990001234", VersionState.SIGNED, plan=plan_of(rows),
        )  # fmt: skip
        documents = S3DocumentStore(lambda: self.cloud.client("s3"), self.names["BUCKET_DOCUMENTS"])
        stored = {}
        for name, content in files.items():
            documents.keep(version.key_of(name), content, content_type="text/xml")
            stored[name] = StoredFile(version.key_of(name), hashlib.sha256(content).hexdigest(), len(content))
        DynamoReportStore(self.table("EXAMS")).commit(
            Draft(report.accession_number, "nord", status=DraftStatus.VALIDATED),
            replace(version, files=stored, changed_at=datetime.now(UTC)), deliveries=tuple(rows), content=FrozenJson().dump(report),
        )  # fmt: skip
