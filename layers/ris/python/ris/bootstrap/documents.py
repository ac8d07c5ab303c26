"""Composition root of reports: writing them (portal), and making, keeping and signing their documents (the signing machine).

Adapters are imported when first needed: the portal never imports a PDF library, and a function only what its own state calls.
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from ris.bootstrap.dispatch import client, table

if TYPE_CHECKING:
    from ris.application.report.services import ReportServices


def may_start() -> bool:
    """Say whether this function is one that may start the signing machine."""
    return bool(os.environ.get("SIGNING_STATE_MACHINE_ARN"))


@functools.cache
def services() -> ReportServices:
    """Return the ports of reports over AWS, from this function's environment."""
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.dispatch.directory import DynamoDirectory
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.adapters.identity.dynamodb import DynamoPatientStore
    from ris.adapters.reference.dynamodb import DynamoAccountBook, DynamoReferenceBook
    from ris.adapters.report.dynamodb import DynamoReportStore
    from ris.adapters.report.frozen_json import FrozenJson
    from ris.adapters.report.makers import CdaMaker, PdfMaker
    from ris.adapters.report.s3 import S3DocumentStore
    from ris.adapters.report.signer import LegalEntityKeys, LotSigner
    from ris.adapters.report.step_functions import StepFunctionsSigning
    from ris.application.report.services import ReportServices, ReportSettings

    return ReportServices(
        reports=DynamoReportStore(table("EXAMS"), table("USAGE")),
        documents=S3DocumentStore(functools.partial(client, "s3"), os.environ.get("BUCKET_DOCUMENTS", "")),
        exams=DynamoExamStore(table("EXAMS")),
        patients=DynamoPatientStore(table("PATIENTS")),
        reference=DynamoReferenceBook(table("REFERENCE")),
        directory=DynamoDirectory(table("REFERENCE")),
        accounts=DynamoAccountBook(table("REFERENCE")),
        deliveries=DynamoDeliveryStore(table("EXAMS")),
        workflows=StepFunctionsSigning(
            functools.partial(client, "stepfunctions"),
            os.environ.get("SIGNING_STATE_MACHINE_ARN", ""),
            os.environ.get("RELEASE_STATE_MACHINE_ARN", ""),
        ),
        codec=FrozenJson(),
        renderer=PdfMaker(),
        builder=CdaMaker(),
        signer=LotSigner(
            LegalEntityKeys(
                secrets=functools.partial(client, "secretsmanager"),
                kms=functools.partial(client, "kms"),
                secret_prefix=os.environ.get("SECRET_PREFIX", ""),
                key_alias_prefix=os.environ.get("SIGN_KEY_ALIAS_PREFIX", ""),
            )
        ),
        settings=ReportSettings(psc_required=os.environ.get("VALIDATION_NEEDS_PSC", "true") != "false"),
    )
