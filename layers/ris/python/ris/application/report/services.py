"""The ports of the report's use cases, in one typed value that every one of them takes first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ris.application.dispatch.mail_port import Directory
from ris.application.reference import ReferenceBook
from ris.application.report.ports import (
    Accounts,
    CdaBuilder,
    Deliveries,
    DocumentStore,
    Exams,
    FrozenCodec,
    Patients,
    PdfRenderer,
    ReportStore,
    SigningWorkflows,
    SubmissionSigner,
)


@dataclass(frozen=True)
class ReportSettings:
    """What a deployment may choose.

    Args:
        psc_required: Validating needs an open Pro Sante Connect session (design, decision 20).
        remade_again_after: From a refusal of a version that came by itself to the next try.
        restart_after: How long a signing may be late before the sweep starts it again; longer than the machine's retries.
    """

    psc_required: bool = True
    remade_again_after: timedelta = timedelta(hours=1)
    restart_after: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class ReportServices:
    """Everything outside the report's use cases; a function gets those ports only that its use case calls."""

    reports: ReportStore
    documents: DocumentStore
    exams: Exams
    patients: Patients
    reference: ReferenceBook
    directory: Directory
    accounts: Accounts
    deliveries: Deliveries
    workflows: SigningWorkflows
    codec: FrozenCodec
    renderer: PdfRenderer
    builder: CdaBuilder
    signer: SubmissionSigner
    settings: ReportSettings = ReportSettings()
