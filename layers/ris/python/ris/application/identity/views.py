"""What the desk sees of an identity: typed and returned traits side by side, history, questions to INSi, messages to the partners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ris.application.dispatch.ports import DeliveryStore
from ris.application.dispatch.send_identity import owner_of
from ris.application.identity.ports import IdentityStore
from ris.application.identity.record_identity_event import needs_insi
from ris.application.identity.records import KeptAnswer
from ris.domain.dispatch.delivery import Delivery
from ris.domain.identity.insi import InsiFound, InsiState
from ris.domain.identity.patient import Patient
from ris.domain.identity.rniv import StatusChange, is_blocked, is_locked

LINES = 20


@dataclass(frozen=True)
class TraitPair:
    """One strict trait, as it is here and as INSi returned it."""

    name: str
    typed: str
    returned: str
    differs: bool


@dataclass(frozen=True)
class IdentityPanel:
    """One patient's identity.

    Args:
        pairs: Typed and returned traits, while an answer waits for a person; else empty.
        locked: The strict traits are closed to everybody but a super-user.
        blocked: The identity is doubtful or fictitious.
        may_ask: Asking INSi makes sense.
        history: Changes of status, newest first; `answers` of INSi and `deliveries` to the partners likewise.
    """

    patient: Patient
    pairs: tuple[TraitPair, ...]
    locked: bool
    blocked: bool
    may_ask: bool
    history: tuple[StatusChange, ...]
    answers: tuple[KeptAnswer, ...]
    deliveries: tuple[Delivery, ...]


class PanelServices(Protocol):
    """What the panel reads."""

    @property
    def patients(self) -> IdentityStore:
        """Return the patients."""

    @property
    def deliveries(self) -> DeliveryStore:
        """Return the delivery rows."""


def identity_panel(s: PanelServices, patient_id: str) -> IdentityPanel | None:
    """Return the panel of a patient, or None when nobody is known."""
    patient = s.patients.get(patient_id)
    if patient is None:
        return None
    numbers = range(patient.announced, max(0, patient.announced - LINES), -1)
    owners = [owner_of(patient_id, site, number) for number in numbers for site in sorted(patient.sites)]
    record = patient.insi
    waits = record is not None and record.state is InsiState.PENDING
    return IdentityPanel(
        patient=patient,
        pairs=_pairs(patient, record.found, record.differences) if waits and record and record.found else (),
        locked=is_locked(patient),
        blocked=is_blocked(patient),
        may_ask=needs_insi(patient),
        history=tuple(s.patients.history(patient_id, limit=LINES)),
        answers=tuple(s.patients.answers(patient_id, limit=LINES)),
        deliveries=tuple(row for owner in owners for row in s.deliveries.of_owner(owner)),
    )


def _pairs(patient: Patient, found: InsiFound, differences: tuple[str, ...]) -> tuple[TraitPair, ...]:
    traits = patient.traits
    born = traits.birth_date.isoformat() if traits.birth_date else traits.birth_date_text
    rows = {
        "birth_family": (traits.birth_family, found.birth_family),
        "birth_given": (traits.birth_given, found.birth_given),
        "birth_given_all": (traits.birth_given_all, found.birth_given_all),
        "birth_date": (born, found.birth_date),
        "sex": (traits.sex, found.sex),
        "birth_place_insee": (traits.birth_place_insee, found.birth_place_insee),
    }
    return tuple(TraitPair(name, typed, returned, name in differences) for name, (typed, returned) in rows.items())
