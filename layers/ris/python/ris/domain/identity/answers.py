"""An answer of INSi beside the local traits: whether it can be taken at all, what differs, and what it makes of the traits."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from ris.domain.identity.ins import OID_NIA, OID_NIR, OID_NIR_DEMO, OID_NIR_TEST, StrictTraits
from ris.domain.identity.insi import InsiFound
from ris.domain.identity.normalise import begins_the_list, comparable, words
from ris.domain.identity.patient import Traits

KNOWN_OIDS = frozenset({OID_NIR, OID_NIA, OID_NIR_TEST, OID_NIR_DEMO})
PLACE_UNKNOWN = "99999"
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)


def refusal_of(found: InsiFound) -> str:
    """Return the code for which an answer 00 cannot be taken, or an empty string.

    Its key is not among them: official test records have a wrong one (national facts, 1.1).

    Source: INS implementation guide, rules 11 and 12 (INS.15-16).
    """
    if not re.fullmatch(r"[0-9A-Z]{15}", found.ins.matricule.upper()):
        return "insi_matricule_shape"
    if found.ins.oid not in KNOWN_OIDS:
        return "insi_oid_unknown"
    if not found.birth_family.strip():
        return "insi_birth_family_missing"
    if not words(found.birth_given_all):
        return "insi_given_names_missing"
    if found.sex not in {"M", "F"}:
        return "insi_sex_missing"
    shape = _DATE.fullmatch(found.birth_date)
    if not shape or "00" in shape.groups()[1:]:
        return "insi_birth_date_incomplete"
    return "" if _day(found.birth_date) else "insi_birth_date_impossible"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def strict_traits(found: InsiFound, local: Traits) -> StrictTraits:
    """Return the strict traits of an answer that can be taken.

    A birth place that INSi does not give is the local one, else 99999. The first given name is INSi's, else the local one, where it
    begins the list; else the list's first word.
    """
    born = _day(found.birth_date)
    if born is None:
        raise ValueError("an answer without a birth date was not refused")
    firsts = [name for name in (found.birth_given, local.birth_given) if name and begins_the_list(name, found.birth_given_all)]
    return StrictTraits(
        birth_family=found.birth_family,
        birth_given=comparable(firsts[0]) if firsts else words(found.birth_given_all)[0],
        birth_given_all=found.birth_given_all,
        birth_date=born,
        sex=found.sex,
        birth_place_insee=found.birth_place_insee or local.birth_place_insee or PLACE_UNKNOWN,
    )


def differences(found: InsiFound, local: Traits) -> tuple[str, ...]:
    """Return the names of the strict traits that differ from what is known here.

    A list of given names or a birth place that nobody gave here contradicts nothing; every other trait must be there and be equal.
    """
    pairs = {
        "birth_family": comparable(local.birth_family) == comparable(found.birth_family),
        "birth_given": begins_the_list(local.birth_given, found.birth_given_all),
        "birth_given_all": not local.birth_given_all or comparable(local.birth_given_all) == comparable(found.birth_given_all),
        "birth_date": local.birth_date is not None and local.birth_date.isoformat() == found.birth_date,
        "sex": local.sex == found.sex,
        "birth_place_insee": "" in (local.birth_place_insee, found.birth_place_insee)
        or local.birth_place_insee == found.birth_place_insee,
    }
    return tuple(name for name, equal in pairs.items() if not equal)


def filled(local: Traits, strict: StrictTraits) -> Traits:
    """Return the local traits with INSi's strict ones in their place; used names and the telephone stay (EXI ID 08)."""
    return replace(
        local,
        birth_family=strict.birth_family,
        birth_given=strict.birth_given,
        birth_given_all=strict.birth_given_all,
        birth_date=strict.birth_date,
        birth_date_text=strict.birth_date.strftime("%Y%m%d"),
        sex=strict.sex,
        birth_place_insee=strict.birth_place_insee,
    )
