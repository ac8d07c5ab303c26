"""Apply one recorded event to a patient's row: read it, make one transition, write under the condition of what was read.

event RECORDED ── row, history, announcement and event APPLIED in one write ── delivery rows of the announcement ── done
     │ killed here: run again                            │ killed here: run again, or the sweep plans them
     └ a rule says no: event REFUSED with its code, the row as it was
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.dmp_facts import OPPOSED
from ris.application.identity.announce import plan_announcement
from ris.application.identity.records import EventState, RecordedEvent, Transition
from ris.application.identity.services import ApplyServices
from ris.domain.dispatch.delivery import Delivery
from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.announcing import announced
from ris.domain.identity.events import (
    ComplementaryTraitEdited,
    IdentityEvent,
    InformationRecorded,
    InsiAccepted,
    InsiAnswered,
    InsiFailed,
    StrictTraitEdited,
    VitaleApplicationRead,
)
from ris.domain.identity.insi import InsiState
from ris.domain.identity.patient import Patient
from ris.domain.identity.rniv import apply

MAY_BE_ASKED_LATER = frozenset({"RemoteUnavailable", "Lambda.TooManyRequestsException"})
SOMEBODY_ACTS = frozenset({"InvalidInput", "Refused", "NotAllowed", "RemoteRejected"})


@dataclass(frozen=True)
class QueryOutcome:
    """What the question to INSi came to.

    Args:
        answer_id: Of the answer kept, or empty.
        error: Name of the error as the state machine saw it, or empty; `code` is the precise code of its cause.
    """

    answer_id: str = ""
    error: str = ""
    code: str = ""


@dataclass(frozen=True)
class AppliedEvent:
    """What became of an event.

    Args:
        deliveries: Rows that tell the partners, to be sent.
    """

    patient: Patient
    event: RecordedEvent
    deliveries: tuple[Delivery, ...] = ()


def apply_identity_event(
    s: ApplyServices, patient_id: str, event_id: str, now: datetime, query: QueryOutcome | None = None
) -> AppliedEvent:
    """Apply one event once, however often it is asked for, and plan what the partners must be told.

    Args:
        s: The ports.
        patient_id: Whose row.
        event_id: The recorded event.
        now: Aware UTC instant.
        query: For a question to INSi: what it came to.

    Raises:
        InvalidInput: `unknown_event`, `unknown_patient`, `unknown_answer`.
        RemoteUnavailable: `too_busy`, or an outage.
    """
    patient, recorded = decide(lambda: _attempt(s, patient_id, event_id, now, query))
    if isinstance(recorded.event, InformationRecorded) and recorded.state is EventState.APPLIED:
        _inform_exam(s, recorded.event)
        if s.reissues is not None and recorded.event.feeding != OPPOSED:
            s.reissues.lifted(patient_id, now)
    if isinstance(recorded.event, _MAY_CHANGE_TRAITS) or recorded.event is None:
        _tell_worklists(s, patient, recorded, now)
    rows = plan_announcement(s, patient_id, recorded.announcement, now) if recorded.announcement else []
    return AppliedEvent(patient, recorded, tuple(rows))


_MAY_CHANGE_TRAITS = (InsiAccepted, StrictTraitEdited, ComplementaryTraitEdited, VitaleApplicationRead)
"""Of the events of a person; a question to INSi, which is no event yet when it is recorded, may fill traits too."""


def _tell_worklists(s: ApplyServices, patient: Patient, recorded: RecordedEvent, now: datetime) -> None:
    """Have the patient's exams published again; it is done again with each run, since the run before may have ended before this line."""
    answered = recorded.event is not None or (patient.insi is not None and patient.insi.state is InsiState.ACCEPTED)
    if s.republish is not None and recorded.state is EventState.APPLIED and answered:
        s.republish(patient.patient_id, now)


def _attempt(
    s: ApplyServices, patient_id: str, event_id: str, now: datetime, query: QueryOutcome | None
) -> tuple[Patient, RecordedEvent]:
    recorded, patient = s.patients.event(patient_id, event_id), s.patients.get(patient_id)
    if recorded is None:
        raise InvalidInput("unknown_event", field="event_id")
    if patient is None:
        raise InvalidInput("unknown_patient", field="patient_id")
    if recorded.state is not EventState.RECORDED:
        return patient, recorded
    event = recorded.event or _fact_of(s, recorded, query or QueryOutcome(error="States.ALL", code="insi_not_asked"), now)
    try:
        after, changes = apply(patient, event, s.settings.rules_of(recorded.site))
    except (Refused, InvalidInput) as error:
        refused = replace(recorded, state=EventState.REFUSED, code=error.code, due_at=None)
        return patient, s.patients.save_event(refused)
    after, announcement = announced(patient, after, at=event.at, site=recorded.site)
    settled = replace(
        recorded,
        state=EventState.APPLIED,
        due_at=None,
        announcement=announcement.number if announcement else 0,
        code=_code_of(event),
    )
    if after == patient:
        return patient, s.patients.save_event(settled)
    return s.patients.save(after, Transition(tuple(changes), announcement, settled)), settled


def _code_of(event: IdentityEvent) -> str:
    return event.error if isinstance(event, InsiFailed) else ""


def _fact_of(s: ApplyServices, recorded: RecordedEvent, query: QueryOutcome, now: datetime) -> IdentityEvent:
    """Return the fact of a question: INSi's answer, or that there was none."""
    if query.error:
        # Whatever nobody named (a killed function, a timeout) may be asked again: a question does no harm.
        later = query.error not in SOMEBODY_ACTS
        code = query.code or ("insi_unavailable" if later else "insi_refused")
        return InsiFailed(at=now, by=recorded.by, site=recorded.site, error=code, temporary=later)
    answer = s.patients.answer(recorded.patient_id, query.answer_id)
    if answer is None:
        raise InvalidInput("unknown_answer", field="answer_id")
    return InsiAnswered(at=answer.asked_at, by=recorded.by, site=recorded.site, code=answer.code, found=answer.found)


def _inform_exam(s: ApplyServices, event: InformationRecorded) -> None:
    """Write on the episode's exam what its patient was told."""
    if not event.accession:
        return

    def attempt() -> None:
        exam = s.exams.get(event.accession)
        if exam is not None and exam.information != event.feeding:
            s.exams.save(replace(exam, information=event.feeding))

    decide(attempt)
