"""Composition root of sending; adapters are imported when first needed, clients are made once a process."""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ris.adapters.dispatch.dmp.access import KeysOfLegalEntities
    from ris.adapters.dynamodb import Table
    from ris.application.breaker import BreakerStore
    from ris.application.dispatch.ports import Hl7Gate
    from ris.application.dispatch.record_outcome import OutcomeServices
    from ris.application.dispatch.send_report_hl7 import ReportSending
    from ris.application.dispatch.services import DispatchServices, DmpServices, RestartServices
    from ris.application.dispatch.signed_versions import StoredVersions
    from ris.contracts.dispatch import DmpSettingsText
    from ris.domain.dispatch.dmp import DmpRules


@functools.cache
def client(service: str) -> Any:
    """Return the client of one AWS service, made at its first use."""
    import boto3

    return boto3.client(service)


def table(name: str) -> Table:
    """Return one table of this function's environment; a table it has no right to has no name."""
    from ris.adapters.dynamodb import Table

    return Table(client("dynamodb"), os.environ.get(f"TABLE_{name}", ""))


@functools.cache
def _group_key() -> bytes:
    from ris.adapters.dynamodb import by_who_must_act

    with by_who_must_act():
        secret = client("secretsmanager").get_secret_value(SecretId=os.environ["GROUP_KEY_SECRET_ARN"])
    return str(secret["SecretString"]).encode()


@functools.cache
def services() -> DispatchServices:
    """Return the ports of sending over AWS, from this function's environment."""
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.agenda.hl7_outbound import Hl7OrderWriter
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.adapters.dispatch.sqs import SqsHl7Gate
    from ris.adapters.identity.dynamodb import DynamoPatientStore
    from ris.adapters.identity.hl7_identity import Hl7IdentityWriter
    from ris.adapters.reference.dynamodb import DynamoReferenceBook
    from ris.application.dispatch.send_identity import IdentitySending
    from ris.application.dispatch.services import DispatchServices

    # Handing a message over makes nothing count: that is the answer's.
    deliveries, patients = DynamoDeliveryStore(table("EXAMS")), DynamoPatientStore(table("PATIENTS"))
    sites = DynamoReferenceBook(table("REFERENCE"))
    gate = SqsHl7Gate(
        sqs=client("sqs"),
        s3=functools.partial(client, "s3"),
        queue_prefix=os.environ.get("SITE_QUEUE_PREFIX", ""),
        bucket=os.environ.get("BUCKET_MESSAGES", ""),
        group_key=_group_key,
    )
    return DispatchServices(
        deliveries=deliveries,
        exams=DynamoExamStore(table("EXAMS")),
        patients=patients,
        sites=sites,
        gate=gate,
        writer=Hl7OrderWriter(),
        identity=IdentitySending(deliveries, patients, patients, sites, gate, Hl7IdentityWriter()),
        reports=_report_sending(gate) if os.environ.get("BUCKET_DOCUMENTS") else None,
    )


def stored_versions() -> StoredVersions:
    """Return the signed versions and their files: `TABLE_EXAMS`, `BUCKET_DOCUMENTS`."""
    from ris.adapters.report.dynamodb import DynamoReportStore
    from ris.adapters.report.frozen_json import FrozenJson
    from ris.adapters.report.s3 import S3DocumentStore
    from ris.application.dispatch.signed_versions import StoredVersions

    return StoredVersions(
        reports=DynamoReportStore(table("EXAMS")),
        documents=S3DocumentStore(functools.partial(client, "s3"), os.environ.get("BUCKET_DOCUMENTS", "")),
        codec=FrozenJson(),
    )


def _report_sending(gate: Hl7Gate) -> ReportSending:
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.dispatch.directory import DynamoDirectory
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.adapters.dispatch.hl7_report_writer import Hl7ReportWriter
    from ris.adapters.reference.dynamodb import DynamoReferenceBook
    from ris.application.dispatch.send_report_hl7 import ReportSending
    from ris.bootstrap.mail import rules

    return ReportSending(
        deliveries=DynamoDeliveryStore(table("EXAMS")),
        exams=DynamoExamStore(table("EXAMS")),
        reports=stored_versions(),
        directory=DynamoDirectory(table("REFERENCE")),
        reference=DynamoReferenceBook(table("REFERENCE")),
        writer=Hl7ReportWriter(),
        gate=gate,
        patient_domain=rules().patient_domain,
    )


@functools.cache
def outcome_services() -> OutcomeServices:
    """Return the ports of recording an outcome over AWS."""
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.application.dispatch.record_outcome import OutcomeServices
    from ris.bootstrap.mail import rules

    return OutcomeServices(
        deliveries=DynamoDeliveryStore(table("EXAMS"), table("USAGE")), exams=DynamoExamStore(table("EXAMS")), mail_rules=rules()
    )


@functools.cache
def _dmp_settings() -> DmpSettingsText | None:
    """Return the settings of the DMP, or None where the group has not been given any."""
    from ris.contracts.dispatch import DmpSettingsText

    text = os.environ.get("DMP_SETTINGS", "")
    return DmpSettingsText.model_validate_json(text) if text else None


def _dmp_rules() -> DmpRules:
    from ris.domain.dispatch.dmp import DmpRules

    said = _dmp_settings()
    if said is None:
        return DmpRules()
    return DmpRules(
        settle=timedelta(seconds=said.settle_s),
        sending_for=timedelta(seconds=said.sending_for_s),
        workflow=timedelta(seconds=said.workflow_s),
        no_dmp_again=timedelta(seconds=said.no_dmp_again_s),
        no_dmp_until=timedelta(seconds=said.no_dmp_until_s),
    )


def _dmp_access() -> KeysOfLegalEntities:
    import uuid

    from ris.adapters.dispatch.dmp.access import KeysOfLegalEntities
    from ris.adapters.dispatch.dmp.settings import DmpSettings
    from ris.adapters.dispatch.dynamodb import DynamoStrangeAnswers

    url, said = os.environ.get("DMP_URL", ""), _dmp_settings()
    return KeysOfLegalEntities(
        settings=DmpSettings(url=url, **said.of_the_remote) if url and said else None,
        secrets=client("secretsmanager"),
        kms=client("kms"),
        secret_prefix=os.environ.get("SECRET_PREFIX", ""),
        key_alias_prefix=os.environ.get("SIGN_KEY_ALIAS_PREFIX", ""),
        new_id=lambda: str(uuid.uuid4()),
        strange=DynamoStrangeAnswers(table("EXAMS")),
    )


@functools.cache
def dmp_services() -> DmpServices:
    """Return the ports of the DMP's use cases over AWS and SOAP."""
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.breaker import DynamoBreakerStore
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.adapters.identity.dynamodb import DynamoPatientStore
    from ris.application.breaker import BreakerSettings
    from ris.application.dispatch.dmp_breaker import StoredBreaker
    from ris.application.dispatch.services import DmpServices

    said = _dmp_settings()
    breaker = (
        BreakerSettings(said.breaker_failures, said.breaker_pause_s, said.breaker_longest_pause_s) if said else BreakerSettings()
    )
    return DmpServices(
        deliveries=DynamoDeliveryStore(table("EXAMS"), table("USAGE")),
        exams=DynamoExamStore(table("EXAMS")),
        patients=DynamoPatientStore(table("PATIENTS")),
        versions=stored_versions(),
        dmp=_dmp_access(),
        breaker=StoredBreaker(DynamoBreakerStore(table("MESSAGES")), breaker),
        clock=lambda: datetime.now(UTC),
        rules=_dmp_rules(),
    )


def breakers() -> BreakerStore:
    """Return the breakers' rows."""
    from ris.adapters.breaker import DynamoBreakerStore

    return DynamoBreakerStore(table("MESSAGES"))


@functools.cache
def restart_services() -> RestartServices:
    """Return the ports of starting a dispatch again over AWS."""
    from ris.adapters.breaker import DynamoBreakerStore
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.adapters.dispatch.step_functions import StepFunctionsDispatches
    from ris.application.dispatch.dmp_breaker import KnownOutages
    from ris.application.dispatch.services import RestartServices
    from ris.bootstrap.mail import rules

    return RestartServices(
        deliveries=DynamoDeliveryStore(table("EXAMS")),
        workflows=StepFunctionsDispatches(client("stepfunctions"), os.environ.get("DISPATCH_STATE_MACHINE_ARN", "")),
        outages=KnownOutages(DynamoBreakerStore(table("MESSAGES"))),
        rules=_dmp_rules(),
        mail_rules=rules(),
    )
