"""Make a patient known at the desk, where no hospital numbers the site's patients; nobody twice, unless a person says so.

Whoever is already there with the same name is shown first (RNIV: search before creating). One who is created in spite of equal traits
carries the mark *homonyme*, for the identity cell.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from ris.application.conflicts import Conflict
from ris.application.identity.ports import PatientStore
from ris.application.reference import Site
from ris.domain.errors import InvalidInput, Refused, RemoteUnavailable
from ris.domain.identity.normalise import NameKind, begins_the_list, comparable, typed_name
from ris.domain.identity.patient import Identifier, Patient, Traits
from ris.domain.identity.rniv import HOMONYME, check_place
from ris.domain.identity.traits import civil_date
from ris.domain.report.characters import DRAWN, drawable

_READ = 50
_TRIES = 20


@dataclass(frozen=True)
class NewPatient:
    """What a person types.

    Args:
        token: Of the form as it was shown: the same click sent twice is one patient.
        birth_date: `YYYY-MM-DD`.
        sex: `M`, `F` or `U`.
        birth_place_insee: `99999` when unknown.
        another: The patients found are other people: create this one.
    """

    token: str
    birth_family: str
    birth_given: str
    birth_date: str
    sex: str
    birth_place_insee: str
    birth_given_all: str = ""
    used_family: str = ""
    used_given: str = ""
    phone: str = ""
    another: bool = False


class AlreadyKnown(Exception):
    """Patients who may be the one that was typed.

    Args:
        patients: Those found, the most alike first.
    """

    def __init__(self, patients: list[Patient]) -> None:
        super().__init__(str(len(patients)))
        self.patients = patients


def create_patient(patients: PatientStore, said: NewPatient, site: Site, now: datetime) -> Patient:
    """Write a new patient of the site, provisional, with an IPP of the site's own numbering.

    Returns:
        The patient; the one of before when the same form was sent twice.

    Raises:
        AlreadyKnown: Somebody with that name is there, and nobody said that this is another person.
        InvalidInput: A trait that cannot be: `trait_missing`, `character_not_allowed`, `character_misplaced`, `trait_too_long`,
            `birth_date_impossible`, `birth_date_to_come`, `birth_place_malformed`, `character_not_drawable`; the field names it.
        Refused: `numbered_elsewhere`: a hospital gives the site's IPP, and announces its patients.
        RemoteUnavailable: `too_busy`, or an outage.
    """
    if not site.ipp_prefix:
        raise Refused("numbered_elsewhere", field="site")
    patient_id = f"P{hashlib.sha256(f'{site.site}|{said.token}'.encode()).hexdigest()[:32]}"
    known = patients.get(patient_id)
    if known is not None:
        return known
    traits = _traits(said, now)
    alike = _alike(patients, traits)
    if alike and not said.another:
        raise AlreadyKnown(alike)
    marks = frozenset({HOMONYME}) if any(_same(traits, other.traits) for other in alike) else frozenset()
    fresh = Patient(patient_id, traits, sites=frozenset({site.site}), updated_at=now, attributes=marks)
    return _numbered(patients, fresh, site)


def _numbered(patients: PatientStore, fresh: Patient, site: Site) -> Patient:
    for attempt in range(_TRIES):
        ipp = Identifier(_number(fresh.patient_id, site, attempt), site.ipp_authority, "PI")
        try:
            return patients.save(replace(fresh, identifiers=(ipp,)))
        except Conflict:
            # Either the number is somebody's, or this very form was faster in another click.
            twin = patients.get(fresh.patient_id)
            if twin is not None:
                return twin
    raise RemoteUnavailable("too_busy", detail=f"{_TRIES} numbers were taken")


def _number(patient_id: str, site: Site, attempt: int) -> str:
    """Return the site's prefix and eight digits drawn from the patient's own id."""
    drawn = int(hashlib.sha256(f"{patient_id}|{attempt}".encode()).hexdigest(), 16) % 10**8
    return f"{site.ipp_prefix}{drawn:08d}"


def _traits(said: NewPatient, now: datetime) -> Traits:
    compact = said.birth_date.replace("-", "")
    born = civil_date(compact)
    if born is None:
        raise InvalidInput("birth_date_impossible", field="birth_date")
    if born > now.date():
        raise InvalidInput("birth_date_to_come", field="birth_date")
    check_place(said.birth_place_insee)
    every = said.birth_given_all or said.birth_given
    return Traits(
        birth_family=typed_name(said.birth_family, NameKind.FAMILY, "birth_family").text,
        birth_given=typed_name(said.birth_given, NameKind.GIVEN, "birth_given").text,
        birth_given_all=typed_name(every, NameKind.GIVEN, "birth_given_all").text if said.birth_given_all else "",
        used_family=drawable(said.used_family, DRAWN, field="used_family"),
        used_given=drawable(said.used_given, DRAWN, field="used_given"),
        birth_date=born,
        birth_date_text=compact,
        sex=said.sex,
        birth_place_insee=said.birth_place_insee,
        phone=said.phone,
    )


def _alike(patients: PatientStore, traits: Traits) -> list[Patient]:
    """Return patients of that birth name, at whatever site, who share the birth date or the first given name."""
    born = patients.search(traits.birth_family, limit=_READ, born=traits.birth_date)
    called = patients.search(f"{traits.birth_family} {traits.birth_given}", limit=_READ)
    found = {one.patient_id: one for one in (*born, *called)}.values()
    family = comparable(traits.birth_family)
    named = [one for one in found if comparable(one.traits.birth_family) == family]
    close = [one for one in named if one.traits.birth_date == traits.birth_date or _given(traits, one.traits)]
    return sorted(close, key=lambda one: (not _same(traits, one.traits), one.patient_id))


def _given(one: Traits, other: Traits) -> bool:
    return begins_the_list(one.birth_given, other.birth_given_all or other.birth_given)


def _same(one: Traits, other: Traits) -> bool:
    return one.birth_date == other.birth_date and _given(one, other) and one.sex == other.sex
