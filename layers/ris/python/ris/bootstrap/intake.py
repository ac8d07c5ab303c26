"""Composition root of inbound HL7 and of the operator's list; adapters are imported when first needed."""

from __future__ import annotations

import functools
import os
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from ris.bootstrap.dispatch import client, table

if TYPE_CHECKING:
    from ris.application.agenda.apply_hl7 import IntakeServices
    from ris.application.dispatch.apply_acknowledgement import AcknowledgementServices
    from ris.application.dispatch.apply_zam import BusinessAcknowledgement
    from ris.domain.identity.patient import Patient


@functools.cache
def intake_services() -> IntakeServices:
    """Return the ports of inbound messages over AWS, from this function's environment."""
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.agenda.frames import S3Frames
    from ris.adapters.agenda.hl7_inbound import Hl7MessageReader
    from ris.adapters.agenda.ledger import DynamoMessageLedger
    from ris.adapters.identity.dynamodb import DynamoPatientStore
    from ris.adapters.reference.dynamodb import DynamoReferenceBook
    from ris.application.agenda.apply_hl7 import IntakeServices

    return IntakeServices(
        ledger=DynamoMessageLedger(table("MESSAGES")),
        frames=S3Frames(functools.partial(client, "s3"), os.environ.get("BUCKET_MESSAGES", "")),
        reader=Hl7MessageReader(),
        patients=DynamoPatientStore(table("PATIENTS")),
        requests=DynamoExamStore(table("EXAMS")),
        reference=DynamoReferenceBook(table("REFERENCE")),
        cancel_exam=_cancel_exam,
        new_patient_id=new_patient_id,
        republish=_republish,
        apply_answer=_apply_answer,
        opposition_over=_opposition_over,
    )


def new_patient_id() -> str:
    """Return 128 random bits, which say nothing of anybody and are safe in an address."""
    return "P" + secrets.token_hex(16)


def _cancel_exam(accession: str, reason: str, actor: str, now: datetime) -> object:
    from ris.application.agenda.cancel_exam import cancel_exam
    from ris.bootstrap.agenda import services

    return cancel_exam(services(), accession, reason, actor, now)


def _republish(patient_id: str, now: datetime) -> object:
    from ris.application.agenda.publish_worklist import republish_patient
    from ris.bootstrap.agenda import services

    return republish_patient(services(), patient_id, now)


def _opposition_over(patient: Patient, now: datetime) -> object:
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.application.dispatch.lifted_opposition import wake_opposed

    return wake_opposed(DynamoDeliveryStore(table("EXAMS")), DynamoExamStore(table("EXAMS")), patient, now)


def _apply_answer(said: BusinessAcknowledgement, site: str, now: datetime) -> object:
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.application.dispatch.apply_zam import apply_zam
    from ris.bootstrap.mail import rules

    return apply_zam(DynamoDeliveryStore(table("EXAMS"), table("USAGE")), said, site, now, rules())


@functools.cache
def acknowledgement_services() -> AcknowledgementServices:
    """Return the ports of answers to our messages over AWS."""
    from ris.adapters.agenda.hl7_outbound import Hl7OrderWriter
    from ris.adapters.agenda.ledger import DynamoMessageLedger
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.application.dispatch.apply_acknowledgement import AcknowledgementServices

    return AcknowledgementServices(
        deliveries=DynamoDeliveryStore(table("EXAMS"), table("USAGE")),
        ledger=DynamoMessageLedger(table("MESSAGES")),
        reader=Hl7OrderWriter(),
    )
