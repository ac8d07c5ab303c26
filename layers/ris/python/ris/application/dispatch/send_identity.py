"""Send one announcement of a change of identity, in the order of the changes, and never with an INS that is not qualified now.

A row belongs to a patient, a site and the number of the announcement. What a later announcement made pointless is withdrawn; an A47 that has
not left goes before the A31 that follows it, in one group of the queue, so that it cannot delete what the A31 brings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ris.application.conflicts import Conflict, decide
from ris.application.dispatch.ports import DeliveryStore, Hl7Gate, Patients
from ris.application.reference import Site
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.transitions import answer_awaited, handed_over, sending, withdrawn
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.announcing import Announcement, Trigger, is_superseded
from ris.domain.identity.ins import QualifiedIdentity, qualified
from ris.domain.identity.patient import Patient

IDENTITY_CHANNEL = "hl7_pacs_identity"
IDENTITY_RECIPIENT = "PACS"


@dataclass(frozen=True)
class IdentityFacts:
    """All that an identity message says.

    Args:
        message_id: MSH-10.
        destination: MSH-5.
        announcement: The change, with the patient as it left them.
        identity: The INS that may leave, or None.
    """

    message_id: str
    destination: str
    site: Site
    announcement: Announcement
    identity: QualifiedIdentity | None


class IdentityWriter(Protocol):
    """Makes the bytes of identity messages."""

    def identity(self, facts: IdentityFacts) -> bytes:
        """Return an ADT^A31 or ADT^A47; the same facts give the same bytes."""


class Announcements(Protocol):
    """What sending reads of announcements."""

    def announcement(self, patient_id: str, number: int) -> Announcement | None:
        """Return one announcement, read consistently, or None."""


class SitesById(Protocol):
    """What sending reads of reference data."""

    def site(self, site: str) -> Site | None:
        """Return one site, or None."""


@dataclass(frozen=True)
class IdentitySending:
    """Everything outside this use case."""

    deliveries: DeliveryStore
    patients: Patients
    announcements: Announcements
    sites: SitesById
    gate: Hl7Gate
    writer: IdentityWriter


def owner_of(patient_id: str, site: str, number: int) -> str:
    """Return the owner of the rows of one announcement at one site."""
    return f"{patient_id}.{site}.{number}"


def announcement_of(owner: str) -> tuple[str, str, int]:
    """Return patient, site and number of an owner.

    Raises:
        InvalidInput: `unknown_delivery`.
    """
    parts = owner.rsplit(".", 2)
    if len(parts) != 3 or not parts[2].isdigit():
        raise InvalidInput("unknown_delivery", field="owner")
    return parts[0], parts[1], int(parts[2])


def send_identity(s: IdentitySending, owner: str, recipient: str, now: datetime) -> Delivery:
    """Send the message of one row, unless it is settled, pointless, or its answer is still awaited.

    Args:
        s: The ports.
        owner: See `owner_of`.
        recipient: Name of the destination in the gateway's settings, `PACS`.
        now: Aware UTC instant.

    Returns:
        The row.

    Raises:
        InvalidInput: `unknown_delivery`, `unknown_patient`, `unknown_site`.
        RemoteUnavailable: Surely not queued.
        OutcomeUnknown: Perhaps queued.
    """
    patient_id, site_id, number = announcement_of(owner)
    announcement, site = s.announcements.announcement(patient_id, number), s.sites.site(site_id)
    if announcement is None or s.deliveries.get(owner, IDENTITY_CHANNEL, recipient) is None:
        raise InvalidInput("unknown_delivery", field="owner")
    if site is None:
        raise InvalidInput("unknown_site", field="site")
    _deletion_first(s, announcement, owner_of(patient_id, site_id, announcement.patient.deleted), recipient, now)
    row, leaves = decide(lambda: _before_sending(s, announcement, owner, recipient, now))
    if not leaves:
        return row
    facts = IdentityFacts(
        row.message_id, row.recipient, site, announcement, _may_leave(announcement.patient, _patient(s, patient_id))
    )
    frame = s.writer.identity(facts)
    s.gate.send(
        site=row.site, destination=recipient, message_id=row.message_id, frame=frame, owner=patient_id, attempt=row.attempts
    )
    return after_sending(s.deliveries, row, now)


def _patient(s: IdentitySending, patient_id: str) -> Patient:
    patient = s.patients.get(patient_id)
    if patient is None:
        raise InvalidInput("unknown_patient", field="patient_id")
    return patient


def _may_leave(then: Patient, now: Patient) -> QualifiedIdentity | None:
    """Return the INS that the announcement was about, if the identity is qualified with it at this instant."""
    if then.ins is None or then.ins != now.ins:
        return None
    try:
        qualified(then.ins, then.strict, then.status)
        return qualified(now.ins, now.strict, now.status)
    except Refused:
        return None


def _deletion_first(s: IdentitySending, announcement: Announcement, owner: str, recipient: str, now: datetime) -> None:
    if announcement.trigger is Trigger.CHANGE_IDENTIFIERS or not announcement.patient.deleted:
        return
    row = s.deliveries.get(owner, IDENTITY_CHANNEL, recipient)
    if row is not None and row.state is DeliveryState.PENDING:
        send_identity(s, owner, recipient, now)


def _before_sending(
    s: IdentitySending, announcement: Announcement, owner: str, recipient: str, now: datetime
) -> tuple[Delivery, bool]:
    row = s.deliveries.get(owner, IDENTITY_CHANNEL, recipient)
    assert row is not None
    if row.state is not DeliveryState.PENDING:
        return row, False
    if is_superseded(announcement, _patient(s, announcement.patient.patient_id)):
        return s.deliveries.save(withdrawn(row, now, reason="superseded")), False
    if answer_awaited(row, now):
        return row, False
    return s.deliveries.save(sending(row, now)), True


def after_sending(deliveries: DeliveryStore, row: Delivery, now: datetime) -> Delivery:
    """Write that the gateway's queue has the message."""
    try:
        return deliveries.save(handed_over(row, now))
    except Conflict:
        # The answer was faster than we are, or the sweep looked at it: what they wrote stands.
        return deliveries.get(row.owner, row.channel, row.recipient) or row
