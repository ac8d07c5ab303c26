"""Composition root of mail: sending it, reading the mailbox, taking up the directory; adapters are imported when first needed."""

from __future__ import annotations

import functools
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ris.bootstrap.dispatch import client, stored_versions, table

if TYPE_CHECKING:
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
    from ris.adapters.dispatch.mss.access import MailboxesOfSites
    from ris.application.dispatch.import_directory import DirectoryServices
    from ris.application.dispatch.mail_rows import MailServices
    from ris.application.dispatch.reconcile_mail import MailboxServices
    from ris.application.reference import ReferenceBook
    from ris.contracts.dispatch import MailSettingsText
    from ris.domain.dispatch.mail import MailRules


@functools.cache
def _settings() -> MailSettingsText | None:
    """Return the settings of mail, or None where the group has not been given any."""
    from ris.contracts.dispatch import MailSettingsText

    text = os.environ.get("MSS_SETTINGS", "")
    return MailSettingsText.model_validate_json(text) if text else None


def rules() -> MailRules:
    """Return how long is waited, and how much a mail may weigh."""
    from ris.domain.dispatch.mail import MailRules

    said = _settings()
    if said is None:
        return MailRules()
    return MailRules(
        workflow=timedelta(seconds=said.workflow_s),
        unknown_for=timedelta(seconds=said.unknown_for_s),
        receipt_within=timedelta(seconds=said.receipt_within_s),
        receipt_until=timedelta(seconds=said.receipt_until_s),
        largest_professional=said.largest_professional_bytes,
        largest_patient=said.largest_patient_bytes,
        patient_domain=said.patient_domain,
        patient_may_answer=said.patient_may_answer,
    )


@functools.cache
def _access() -> MailboxesOfSites:
    from ris.adapters.dispatch.mss.access import MailboxesOfSites

    said = _settings()
    return MailboxesOfSites(
        secrets=client("secretsmanager"),
        secret_prefix=os.environ.get("SECRET_PREFIX", ""),
        url=os.environ.get("MSS_URL", "") if said else "",
        product=said.product if said else "",
        timeout_s=said.timeout_s if said else 30.0,
    )


def deliveries() -> DynamoDeliveryStore:
    """Return the rows, with the figures they make true."""
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore

    return DynamoDeliveryStore(table("EXAMS"), table("USAGE"))


def reference() -> ReferenceBook:
    """Return the reference data."""
    from ris.adapters.reference.dynamodb import DynamoReferenceBook

    return DynamoReferenceBook(table("REFERENCE"))


@functools.cache
def mail_services() -> MailServices:
    """Return the ports of sending a mail over AWS and SMTP, from this function's environment."""
    from ris.adapters.agenda.dynamodb import DynamoExamStore
    from ris.adapters.breaker import DynamoBreakerStore
    from ris.adapters.dispatch.directory import DynamoDirectory
    from ris.adapters.dispatch.dmp.settings import DmpSettings
    from ris.adapters.dispatch.mss.mail import XdmMailWriter
    from ris.adapters.dispatch.mss.smtp import SmtpOperator
    from ris.adapters.identity.dynamodb import DynamoPatientStore
    from ris.application.breaker import BreakerSettings
    from ris.application.dispatch.dmp_breaker import StoredBreaker
    from ris.application.dispatch.mail_rows import MailServices

    said = _settings()
    breaker = (
        BreakerSettings(said.breaker_failures, said.breaker_pause_s, said.breaker_longest_pause_s) if said else BreakerSettings()
    )
    software = DmpSettings(
        url="",
        lps_name=said.lps_name if said else "",
        lps_version=said.lps_version if said else "",
        lps_homologation="",
        lps_oid=said.lps_oid if said else "",
        class_code=said.class_code if said else "31",
        class_label=said.class_label if said else "",
        content_type_scheme=said.content_type_scheme if said else "",
    )
    return MailServices(
        deliveries=deliveries(),
        exams=DynamoExamStore(table("EXAMS")),
        patients=DynamoPatientStore(table("PATIENTS")),
        reports=stored_versions(),
        directory=DynamoDirectory(table("REFERENCE")),
        reference=reference(),
        writer=XdmMailWriter(software),
        operator=SmtpOperator(_access(), timeout_s=said.timeout_s if said else 30.0),
        breaker=StoredBreaker(DynamoBreakerStore(table("MESSAGES")), breaker),
        clock=lambda: datetime.now(UTC),
        rules=rules(),
    )


@functools.cache
def mailbox_services() -> MailboxServices:
    """Return the ports of reading a mailbox over AWS and IMAP."""
    from ris.adapters.agenda.ledger import DynamoMessageLedger
    from ris.adapters.dispatch.mss.imap import ImapMailboxes
    from ris.adapters.dispatch.mss.places import DynamoMailboxPlaces
    from ris.adapters.dispatch.mss.receipts import MailReceipts
    from ris.adapters.dispatch.mss.smtp import SmtpOperator
    from ris.application.dispatch.reconcile_mail import MailboxServices

    return MailboxServices(
        deliveries=deliveries(),
        ledger=DynamoMessageLedger(table("MESSAGES")),
        operator=SmtpOperator(_access()),
        mailboxes=ImapMailboxes(_access()),
        reader=MailReceipts(),
        places=DynamoMailboxPlaces(table("MESSAGES")),
        rules=rules(),
    )


@functools.cache
def directory_services() -> DirectoryServices:
    """Return the ports of an import over HTTPS and AWS."""
    from ris.adapters.dispatch.directory import DynamoDirectory
    from ris.adapters.dispatch.extract import PipedExtract, WebExtract
    from ris.application.dispatch.import_directory import DirectoryServices

    return DirectoryServices(
        extracts=WebExtract(os.environ.get("DIRECTORY_URL", ""), os.environ.get("DIRECTORY_CA", "")),
        reader=PipedExtract(),
        table=DynamoDirectory(table("REFERENCE")),
    )
