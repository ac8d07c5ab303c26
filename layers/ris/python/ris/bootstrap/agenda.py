"""Composition root of the agenda's functions; adapters are imported when first needed, clients are made once a process.

A function's environment names only the tables and queues it has rights to; what it lacks is not missed until it is used.
"""

from __future__ import annotations

import functools
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ris.application.agenda.gateways import GatewayBook
    from ris.application.agenda.services import Services
    from ris.domain.agenda.exam import Exam
    from ris.domain.dispatch.delivery import Delivery


@functools.cache
def services() -> Services:
    """Return the agenda's services over AWS, from this function's environment."""
    import boto3

    from ris.adapters.agenda.dynamodb import DynamoAgendaStore, DynamoExamStore
    from ris.adapters.agenda.ledger import DynamoMessageLedger
    from ris.adapters.agenda.step_functions import StepFunctionsWorkflows
    from ris.adapters.agenda.worklist_queue import QueueWorklistPublisher
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.adapters.dynamodb import Table
    from ris.adapters.identity.dynamodb import DynamoPatientStore
    from ris.adapters.reference.dynamodb import DynamoReferenceBook
    from ris.application.agenda.services import AgendaSettings, Services

    dynamodb = boto3.client("dynamodb")

    def table(name: str) -> Table:
        return Table(dynamodb, os.environ.get(f"TABLE_{name}", ""))

    booking = os.environ.get("BOOKING_STATE_MACHINE_ARN", "")
    return Services(
        exams=DynamoExamStore(table("EXAMS")),
        agenda=DynamoAgendaStore(agenda=table("AGENDA"), exams=table("EXAMS")),
        patients=DynamoPatientStore(table("PATIENTS")),
        reference=DynamoReferenceBook(table("REFERENCE")),
        deliveries=DynamoDeliveryStore(table("EXAMS")),
        orders=DispatchOrders(),
        messages=DynamoMessageLedger(table("MESSAGES")),
        workflows=StepFunctionsWorkflows(boto3.client("stepfunctions"), booking=booking),
        feed=QueueWorklistPublisher(boto3.client("sqs"), prefix=os.environ.get("SITE_QUEUE_PREFIX", "")),
        # The machine's ARN names account, region and prefix: no two deployments have the same.
        settings=AgendaSettings(
            uid_namespace=booking,
            study_uid_root=os.environ.get("STUDY_UID_ROOT") or "2.25",
            horizon=timedelta(days=int(os.environ.get("BOOKING_HORIZON_DAYS") or "550")),
        ),
        new_token=functools.partial(secrets.token_hex, 16),
    )


@functools.cache
def gateways() -> GatewayBook:
    """Return what gateways say of themselves over AWS, from this function's environment."""
    from ris.adapters.agenda.gateways import DynamoGatewayBook
    from ris.bootstrap.dispatch import table

    return DynamoGatewayBook(table("MESSAGES"))


@dataclass(frozen=True)
class DispatchOrders:
    """Implements the agenda's port `Orders` with the use cases of dispatch."""

    def plan(self, exam: Exam, now: datetime) -> None:
        """See the port."""
        from ris.application.dispatch.plan_order import plan_order

        plan_order(services().deliveries, exam, now)

    def send_again(self, delivery: Delivery, now: datetime) -> None:
        """See the port: a report's row is started again as an execution, which decides on the facts; an order goes out from here.

        A row that waits for an identity is due once there is one: its report is made again with the INS. One that an opposition withdrew
        is due once that is over.
        """
        from ris.application.dispatch.restart_dispatch import restart_dispatch
        from ris.application.dispatch.send_hl7 import send_again
        from ris.application.report.feed_again import feed_again
        from ris.application.report.held_rows import held_for_identity
        from ris.application.report.remake_report import reissue_for_identity
        from ris.bootstrap import documents
        from ris.bootstrap.dispatch import restart_services
        from ris.bootstrap.dispatch import services as dispatch
        from ris.domain.dispatch.dmp import withdrawn_for_opposition

        if held_for_identity(delivery) and documents.may_start():
            reissue_for_identity(documents.services(), delivery.owner, now)
        elif withdrawn_for_opposition(delivery) and documents.may_start():
            feed_again(documents.services(), delivery, now)
        elif delivery.report_version:
            restart_dispatch(restart_services(), delivery, now)
        else:
            send_again(dispatch(), delivery, now)
