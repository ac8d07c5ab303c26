"""Composition root of sending; adapters are imported when first needed, clients are made once a process."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ris.adapters.dynamodb import Table
    from ris.application.dispatch.record_outcome import OutcomeServices
    from ris.application.dispatch.services import DispatchServices


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
    from ris.adapters.reference.dynamodb import DynamoReferenceBook
    from ris.application.dispatch.services import DispatchServices

    return DispatchServices(
        deliveries=DynamoDeliveryStore(table("EXAMS")),
        exams=DynamoExamStore(table("EXAMS")),
        patients=DynamoPatientStore(table("PATIENTS")),
        sites=DynamoReferenceBook(table("REFERENCE")),
        gate=SqsHl7Gate(
            sqs=client("sqs"),
            s3=functools.partial(client, "s3"),
            queue_prefix=os.environ.get("SITE_QUEUE_PREFIX", ""),
            bucket=os.environ.get("BUCKET_MESSAGES", ""),
            group_key=_group_key,
        ),
        writer=Hl7OrderWriter(),
    )


@functools.cache
def outcome_services() -> OutcomeServices:
    """Return the ports of recording an outcome over AWS."""
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.application.dispatch.record_outcome import OutcomeServices

    return OutcomeServices(deliveries=DynamoDeliveryStore(table("EXAMS")), exams=DynamoExamStore(table("EXAMS")))
