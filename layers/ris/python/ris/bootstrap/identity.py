"""Composition root of identity qualification; adapters are imported when first needed, clients are made once a process."""

from __future__ import annotations

import functools
import os
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ris.bootstrap.dispatch import client, table

if TYPE_CHECKING:
    from ris.adapters.identity.dynamodb import DynamoPatientStore
    from ris.application.identity.services import ApplyServices, IdentitySettings, QueryServices, RecordServices
    from ris.contracts.identity import InsiSettingsText, RulesText
    from ris.domain.identity.rniv import IdentityRules


@functools.cache
def settings_text() -> InsiSettingsText:
    """Return `INSI_SETTINGS`; the standard ones where nothing was set."""
    from ris.contracts.identity import InsiSettingsText

    text = os.environ.get("INSI_SETTINGS", "")
    return InsiSettingsText.model_validate_json(text) if text.strip() else InsiSettingsText()


@functools.cache
def settings() -> IdentitySettings:
    """Return the rules of identity, by site."""
    from ris.application.identity.services import IdentitySettings
    from ris.domain.identity.attempts import PlaceUse

    said = settings_text()
    return IdentitySettings(
        rules={site: _rules(text) for site, text in said.sites.items()}, standard=_rules(said.rules), place=PlaceUse(said.place)
    )


def _rules(text: RulesText) -> IdentityRules:
    from ris.domain.identity.rniv import STANDARD, IdentityRules

    return IdentityRules(
        high_trust=STANDARD.high_trust if text.high_trust is None else frozenset(text.high_trust),
        automatic_acceptance=text.automatic_acceptance,
        ask_again_after=timedelta(seconds=text.ask_again_after_s),
        ask_again_after_none=timedelta(seconds=text.ask_again_after_none_s),
    )


def patients() -> DynamoPatientStore:
    """Return the patients, with what stands beside them."""
    from ris.adapters.identity.dynamodb import DynamoPatientStore

    return DynamoPatientStore(table("PATIENTS"))


@functools.cache
def query_services() -> QueryServices:
    """Return the ports of `query_insi` over AWS and SOAP."""
    from ris.adapters.breaker import DynamoBreakerStore
    from ris.adapters.identity.insi_access import CertifiedInsi
    from ris.adapters.reference.dynamodb import DynamoReferenceBook
    from ris.application.breaker import BreakerSettings, RemoteBreakers
    from ris.application.identity.services import QueryServices

    said = settings_text()
    return QueryServices(
        patients=patients(),
        sites=DynamoReferenceBook(table("REFERENCE")),
        insi=CertifiedInsi(
            url=os.environ.get("INSI_URL", ""),
            said=said,
            secrets=client("secretsmanager"),
            prefix=os.environ.get("SECRET_PREFIX", ""),
            new_id=lambda: str(uuid.uuid4()),
        ),
        breakers=RemoteBreakers(
            DynamoBreakerStore(table("MESSAGES")),
            BreakerSettings(said.breaker_failures, said.breaker_pause_s, said.breaker_longest_pause_s),
        ),
        settings=settings(),
    )


@functools.cache
def apply_services() -> ApplyServices:
    """Return the ports of `apply_identity_event` over AWS."""
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.adapters.reference.dynamodb import DynamoReferenceBook
    from ris.application.identity.services import ApplyServices
    from ris.application.report.reissues import StoredReissues
    from ris.bootstrap import documents

    return ApplyServices(
        patients=patients(),
        sites=DynamoReferenceBook(table("REFERENCE")),
        deliveries=DynamoDeliveryStore(table("EXAMS")),
        exams=DynamoExamStore(table("EXAMS")),
        settings=settings(),
        reissues=StoredReissues(documents.services()) if documents.may_start() else None,
        republish=_republish,
    )


def _republish(patient_id: str, now: datetime) -> object:
    from ris.application.agenda.publish_worklist import republish_patient
    from ris.bootstrap.agenda import services

    return republish_patient(services(), patient_id, now)


def may_start() -> bool:
    """Say whether this function may start the machine of identity qualification."""
    return bool(os.environ.get("IDENTITY_STATE_MACHINE_ARN", ""))


@functools.cache
def record_services() -> RecordServices:
    """Return the ports of recording events and starting their executions over AWS."""
    from ris.adapters.identity.step_functions import StepFunctionsIdentity
    from ris.application.identity.services import RecordServices

    machine = os.environ.get("IDENTITY_STATE_MACHINE_ARN", "")
    return RecordServices(patients(), StepFunctionsIdentity(client("stepfunctions"), machine=machine), settings())
