"""Make a patient known, or change what is known, as another system announces it. No automatic merge, ever.

A message that changes a strict trait of an identity with an INS takes the INS away (INS.32-36), and the partners are told; one that only
repeats the traits in another spelling, or fewer of the given names, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.identity.ports import PatientStore
from ris.application.identity.records import Transition
from ris.domain.identity.announcement import PatientSaid
from ris.domain.identity.announcing import announced
from ris.domain.identity.normalise import begins_the_list
from ris.domain.identity.patient import Change, Erased, Patient, Traits
from ris.domain.identity.rniv import redrawn, with_strict_traits
from ris.domain.identity.traits import apply_change

BY_MESSAGE = "hl7"


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
        after = _after(known, said, site, new_id, now)
        if known is None:
            return patients.save(replace(after, updated_at=now))
        after, changes = redrawn(known, after, at=now, by=BY_MESSAGE)
        if after == known:
            return known
        told = None
        if changes:
            # The partners heard the traits from whom we did; that the INS no longer holds, they hear from us.
            after, told = announced(known, after, at=now, site=site)
        return patients.save(replace(after, updated_at=now), Transition(tuple(changes), told))

    return decide(attempt)


def _after(known: Patient | None, said: PatientSaid, site: str, new_id: Callable[[], str], now: datetime) -> Patient:
    traits = apply_change(known.traits if known else None, said.traits)
    if known is None:
        before = Patient(patient_id=new_id(), traits=traits, identifiers=(said.ipp,))
    else:
        before = with_strict_traits(known, _without_less(known, traits), at=now, site=site)
    return replace(
        before,
        sites=before.sites | {site},
        consents=_changed(before.consents, said.consents),
        capture=_changed(before.capture, said.capture),
        reliability=before.reliability if said.reliability is None else said.reliability,
    )


def _without_less(known: Patient, traits: Traits) -> Traits:
    """Return the traits of a message without what only says less than INSi did: the first given names of the list."""
    strict = known.strict
    if strict is None or not begins_the_list(traits.birth_given_all or traits.birth_given, strict.birth_given_all):
        return traits
    first = strict.birth_given if begins_the_list(traits.birth_given, strict.birth_given_all) else traits.birth_given
    return replace(traits, birth_given=first, birth_given_all=strict.birth_given_all)


def _changed(stored: dict[str, str], changes: dict[str, Change]) -> dict[str, str]:
    after = dict(stored)
    for name, change in changes.items():
        if isinstance(change, Erased):
            after.pop(name, None)
        elif change is not None:
            after[name] = change
    return after
