"""Record what happened at the desk, then start the machine that applies it: the event first, so that a start that failed loses nothing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from ris.application.identity.records import EventState, RecordedEvent
from ris.application.identity.services import RecordServices
from ris.domain.errors import InvalidInput, Refused, RemoteUnavailable
from ris.domain.identity.attempts import attempts
from ris.domain.identity.events import IdentityEvent, StrictTraitEdited
from ris.domain.identity.insi import InsiState
from ris.domain.identity.patient import Patient
from ris.domain.identity.rniv import apply, is_blocked, is_locked

START_WITHIN = timedelta(minutes=3)
"""An event that is not applied after this time lost its execution; longer than the machine's own retries."""


def record_identity_event(
    s: RecordServices, patient_id: str, event: IdentityEvent, *, event_id: str, may_correct: bool = False
) -> Patient:
    """Record one fact and start its execution.

    Args:
        s: The ports.
        patient_id: Whose identity.
        event: The fact.
        event_id: `[A-Za-z0-9_.-]{1,40}`, the same for the same click: recorded twice is recorded once.
        may_correct: Whether who did it is a super-user of the strict traits (right `correct_strict_traits`).

    Returns:
        The patient as the event will leave them.

    Raises:
        InvalidInput, Refused: What `rniv.apply` says, at once; `unknown_patient`, `strict_traits_locked`.
    """
    patient = _known(s, patient_id)
    if isinstance(event, StrictTraitEdited) and is_locked(patient) and not may_correct:
        raise Refused("strict_traits_locked", field="patient_id")
    after, _ = apply(patient, event, s.settings.rules_of(event.site))
    recorded = RecordedEvent(
        patient_id=patient_id,
        event_id=event_id,
        site=event.site,
        by=event.by,
        recorded_at=event.at,
        event=event,
        due_at=event.at + START_WITHIN,
    )
    _begin(s, recorded)
    return after


def ask_insi(
    s: RecordServices, patient_id: str, *, site: str, by: str, event_id: str, now: datetime, by_person: bool = True
) -> RecordedEvent:
    """Record a question to INSi and start its execution.

    Args:
        s: The ports.
        patient_id: Whose identity.
        site: Whose legal entity asks.
        by: Account id, or the machine that asks.
        event_id: As for `record_identity_event`.
        now: Aware UTC instant.
        by_person: A person asks (INSI-MANU), else a machine does (INSI-AUTO).

    Raises:
        InvalidInput: `unknown_patient`, or a trait that INSi cannot be asked with: the field names it, the detail the code point.
        Refused: `identity_blocked`.
    """
    patient = _known(s, patient_id)
    if is_blocked(patient):
        raise Refused("identity_blocked", field="patient_id")
    attempts(patient.traits, place=s.settings.place)
    question = RecordedEvent(
        patient_id=patient_id,
        event_id=event_id,
        site=site,
        by=by,
        recorded_at=now,
        by_person=by_person,
        due_at=now + START_WITHIN,
    )
    _begin(s, question)
    return question


def ask_on_booking(s: RecordServices, patient_id: str, *, site: str, by: str, accession: str, now: datetime) -> bool:
    """Ask INSi because an exam was booked, if the identity needs it; a booking never fails for it.

    Returns:
        Whether the question was recorded: not when the INS is known, an answer waits for a person, the identity is doubtful, or it
        cannot be asked with its traits, which the patient's page says.
    """
    patient = s.patients.get(patient_id)
    if patient is None or not needs_insi(patient):
        return False
    with suppress(InvalidInput, Refused):
        ask_insi(s, patient_id, site=site, by=by, event_id=f"booking-{accession}", now=now)
        return True
    return False


def ask_on_arrival(s: RecordServices, patient_id: str, *, site: str, by: str, accession: str, now: datetime) -> bool:
    """Ask INSi because the patient is there, if nobody has had its answer yet; an arrival never fails for it.

    Returns:
        Whether the question was recorded; one that was answered, even by nobody found, is asked again by a person only.
    """
    patient = s.patients.get(patient_id)
    if patient is None or not needs_insi(patient) or (patient.insi is not None and patient.insi.state is not InsiState.FAILED):
        return False
    with suppress(InvalidInput, Refused, RemoteUnavailable):
        ask_insi(s, patient_id, site=site, by=by, event_id=f"arrival-{accession}", now=now)
        return True
    return False


def needs_insi(patient: Patient) -> bool:
    """Say whether INSi should be asked: no INS, no mark that forbids it, no answer that waits for a person."""
    waits = patient.insi is not None and patient.insi.state is InsiState.PENDING
    return patient.ins is None and not is_blocked(patient) and not waits


def start_again(s: RecordServices, patient_id: str, event_id: str, now: datetime) -> bool:
    """Start the execution of an event that nobody applied, under the next name; False when it is settled."""
    recorded = s.patients.event(patient_id, event_id)
    if recorded is None or recorded.state is not EventState.RECORDED:
        return False
    again = s.patients.save_event(replace(recorded, attempt=recorded.attempt + 1, due_at=now + START_WITHIN))
    s.workflows.start_identity(again)
    return True


def _known(s: RecordServices, patient_id: str) -> Patient:
    patient = s.patients.get(patient_id)
    if patient is None:
        raise InvalidInput("unknown_patient", field="patient")
    return patient


def _begin(s: RecordServices, recorded: RecordedEvent) -> None:
    s.patients.add_event(recorded)
    with suppress(RemoteUnavailable):
        s.workflows.start_identity(recorded)
