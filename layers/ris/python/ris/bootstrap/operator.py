"""Composition of what the group's IT needs, at the command and on its pages: the reference table and its book, the cockpit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ris.bootstrap.dispatch import table

if TYPE_CHECKING:
    from ris.application.dispatch.cockpit import CockpitServices
    from ris.application.load_reference import ReferenceTable
    from ris.application.reference import ReferenceBook


def reference_table() -> ReferenceTable:
    """Return the loader's side of the reference table."""
    from ris.adapters.reference.dynamodb import DynamoReferenceTable

    return DynamoReferenceTable(table("REFERENCE"))


def reference_book() -> ReferenceBook:
    """Return the readers' side of the reference table."""
    from ris.adapters.reference.dynamodb import DynamoReferenceBook

    return DynamoReferenceBook(table("REFERENCE"))


def cockpit_services() -> CockpitServices:
    """Return the ports of the cockpit: `TABLE_EXAMS`, `TABLE_MESSAGES`."""
    from ris.adapters.breaker import DynamoBreakerStore
    from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore, DynamoStrangeAnswers
    from ris.application.dispatch.cockpit import CockpitServices
    from ris.bootstrap.agenda import gateways
    from ris.bootstrap.audit import certificate_register

    return CockpitServices(
        deliveries=DynamoDeliveryStore(table("EXAMS")),
        breakers=DynamoBreakerStore(table("MESSAGES")),
        gateways=gateways(),
        certificates=certificate_register(),
        strange=DynamoStrangeAnswers(table("EXAMS")),
    )
