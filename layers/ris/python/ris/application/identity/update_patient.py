"""Make a patient known, or change what is known, as another system announces it. No automatic merge, ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.identity.ports import PatientStore
from ris.domain.identity.announcement import PatientSaid
from ris.domain.identity.patient import Change, Erased, Patient
from ris.domain.identity.traits import apply_change


def update_patient(
    patients: PatientStore,
    said: PatientSaid,
    *,
    site: str,
    new_id: Callable[[], str],
    now: datetime,
    unless_changed_since: datetime | None = None,
) -> Patient | None:
    """Apply one announcement; doing it twice is doing it once.

    Args:
        patients: The store.
        said: What the message says.
        site: Where it was received; the patient becomes one of that site.
        new_id: Gives the id of somebody new.
        now: Aware UTC instant.
        unless_changed_since: For a message applied late: when the patient was changed after this instant, newer words stand.

    Returns:
        The patient as it now is, or None when nobody is known and this event makes nobody known.

    Raises:
        InvalidInput: `birth_name_missing` (PID-5).
        RemoteUnavailable: `too_busy`.
    """

    def attempt() -> Patient | None:
        known = patients.find_by_identifier(said.ipp)
        if known is None and not said.creates:
            return None
        if known and unless_changed_since and known.updated_at and known.updated_at > unless_changed_since:
            return known
        after = _after(known, said, site, new_id)
        if after == known:
            return known
        return patients.save(replace(after, updated_at=now))

    return decide(attempt)


def _after(known: Patient | None, said: PatientSaid, site: str, new_id: Callable[[], str]) -> Patient:
    traits = apply_change(known.traits if known else None, said.traits)
    before = known or Patient(patient_id=new_id(), traits=traits, identifiers=(said.ipp,))
    return replace(
        before,
        traits=traits,
        sites=before.sites | {site},
        consents=_changed(before.consents, said.consents),
        capture=_changed(before.capture, said.capture),
        reliability=before.reliability if said.reliability is None else said.reliability,
    )


def _changed(stored: dict[str, str], changes: dict[str, Change]) -> dict[str, str]:
    after = dict(stored)
    for name, change in changes.items():
        if isinstance(change, Erased):
            after.pop(name, None)
        elif change is not None:
            after[name] = change
    return after
