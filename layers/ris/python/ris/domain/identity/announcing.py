"""What the partners must be told of a change of identity.

| change | message |
|---|---|
| a qualified INS is dropped, or the identity is no longer qualified | A47 that deletes the INS |
| a qualified NIR becomes another NIR | A47 with the former one |
| NIA becomes NIR, status, marks or traits change | A31, with the INS when it is qualified |

Announcements of a patient are numbered. One that a later one makes pointless is withdrawn instead of sent: an A31 by any later one, an
A47 by a later A47, since that deletes every INS of the patient at its receiver.

Source: IHE PAM-FR 2.11, 4.4; national facts on PAM (segur C.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from ris.domain.identity.ins import OID_NIA, Ins
from ris.domain.identity.patient import Patient
from ris.domain.identity.status import IdentityStatus


class Trigger(Enum):
    """MSH-9.2."""

    UPDATE = "A31"
    CHANGE_IDENTIFIERS = "A47"


@dataclass(frozen=True)
class Announcement:
    """One change, as it is told.

    Args:
        number: 1, 2, 3 … of the patient.
        patient: As the change left them, so that a resend is the same bytes.
        dropped: With A47: the INS that left while it was qualified and must go.
        erases_used_name: There was a used name before, and there is none now.
        planned: Whether the delivery rows were written.
        site: Where the change was made; its sweep sees to what a dead execution left.
    """

    number: int
    trigger: Trigger
    at: datetime
    patient: Patient
    dropped: Ins | None = None
    erases_used_name: bool = False
    planned: bool = False
    site: str = ""


def _outward(patient: Patient) -> tuple[object, ...]:
    traits = replace(patient.traits, phone="", birth_date_text="")
    return patient.status, patient.ins, traits, patient.attributes


def _left_with(patient: Patient) -> Ins | None:
    """Return the INS that left with the identity, if it was qualified."""
    return patient.ins if patient.status is IdentityStatus.QUALIFIEE else None


def announced(before: Patient, after: Patient, *, at: datetime, site: str) -> tuple[Patient, Announcement | None]:
    """Return the patient with the number of the announcement that the change needs, and the announcement; or None for none.

    Args:
        before: As stored.
        after: As it will be stored.
        at: Instant of the change.
        site: Where it was made.
    """
    if _outward(before) == _outward(after):
        return after, None
    old, new = _left_with(before), _left_with(after)
    deletes = old is not None and new != old and not (new is not None and old.oid == OID_NIA)
    number = before.announced + 1
    told = replace(after, announced=number, deleted=number if deletes else before.deleted)
    erased = bool(before.traits.used_family or before.traits.used_given) and not (
        after.traits.used_family or after.traits.used_given
    )
    trigger = Trigger.CHANGE_IDENTIFIERS if deletes else Trigger.UPDATE
    return told, Announcement(number, trigger, at, told, old if deletes else None, erased, site=site)


def is_superseded(announcement: Announcement, now: Patient) -> bool:
    """Say whether a later announcement makes this one pointless."""
    if announcement.trigger is Trigger.CHANGE_IDENTIFIERS:
        return now.deleted > announcement.number
    return now.announced > announcement.number
