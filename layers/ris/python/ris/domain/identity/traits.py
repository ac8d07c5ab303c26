"""How one message changes a person's traits: absent leaves, `""` erases, and nothing is corrected on the way."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from ris.domain.errors import InvalidInput
from ris.domain.identity.patient import ERASED, Change, Erased, Traits, TraitsChange

NOBODY = Traits(birth_family="", birth_given="")


def civil_date(text: str) -> date | None:
    """Return the civil date a text begins with, whatever time or offset follows; None when there is no such day.

    Args:
        text: `YYYYMMDD`, then anything (HL7 TS). A shorter one, a lunar or an impossible date is no civil date.
    """
    found = re.match(r"\s*(\d{4})(\d{2})(\d{2})", text, re.ASCII)
    if not found:
        return None
    try:
        return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _or_empty(change: Change, stored: str) -> str:
    if change is None:
        return stored
    return "" if isinstance(change, Erased) else change


def apply_change(stored: Traits | None, change: TraitsChange) -> Traits:
    """Return the traits after one message.

    Args:
        stored: What is known, or None for somebody new.
        change: What the message says.

    Raises:
        InvalidInput: `birth_name_missing` (PID-5): the birth name would be erased, or somebody new has none.
    """
    before = stored or NOBODY
    if change.birth_family is ERASED or not _or_empty(change.birth_family, before.birth_family):
        raise InvalidInput("birth_name_missing", field="PID-5")
    after = replace(
        before,
        birth_family=_or_empty(change.birth_family, before.birth_family),
        birth_given=_or_empty(change.birth_given, before.birth_given),
        birth_given_all=_or_empty(change.birth_given_all, before.birth_given_all),
        used_family=_or_empty(change.used_family, before.used_family),
        used_given=_or_empty(change.used_given, before.used_given),
        birth_place_insee=_or_empty(change.birth_place_insee, before.birth_place_insee),
        phone=_or_empty(change.phone, before.phone),
    )
    if change.birth_date is not None:
        text = _or_empty(change.birth_date, "")
        after = replace(after, birth_date=civil_date(text), birth_date_text=text)
    if change.sex is not None:
        sex = _or_empty(change.sex, "U").upper()
        after = replace(after, sex=sex if sex in ("M", "F") else "U")
    return after
