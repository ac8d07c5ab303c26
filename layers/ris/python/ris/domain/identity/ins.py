"""The INS: matricule, OID and the five strict traits; and the only type that carries it outwards.

Source: national service facts on the matricule (key rule: 97 minus the number modulo 97, Corsica's 2A read as 19 and 2B as 18).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.status import IdentityStatus

OID_NIR = "1.2.250.1.213.1.4.8"
OID_NIA = "1.2.250.1.213.1.4.9"
OID_NIR_TEST = "1.2.250.1.213.1.4.10"
OID_NIR_DEMO = "1.2.250.1.213.1.4.11"

_NUMBER = re.compile(r"\d{5}(\d\d|2A|2B)\d{6}")


def ins_key(number: str) -> str:
    """Return the two-digit key of a 13-character number, 01 to 97."""
    digits = number.upper()
    department = {"2A": "19", "2B": "18"}.get(digits[5:7], digits[5:7])
    return f"{97 - int(digits[:5] + department + digits[7:]) % 97:02d}"


@dataclass(frozen=True)
class Ins:
    """A matricule with its key, and the OID of the authority that gave it.

    Args:
        matricule: 15 characters as INSi sent them: number and key. An answer of INSi is never refused for its key.
        oid: Assigning authority.
    """

    matricule: str
    oid: str

    @property
    def authority(self) -> str:
        """HL7 v2 name of the authority: NIA for its OID, else NIR."""
        return "ASIP-SANTE-INS-NIA" if self.oid == OID_NIA else "ASIP-SANTE-INS-NIR"


def typed_matricule(text: str) -> str:
    """Return the 15 characters of a matricule that a person typed or scanned.

    Raises:
        InvalidInput: `matricule_shape` or `matricule_key`; nothing else is checked, months over 12 and departments 20 are legal.
    """
    matricule = text.replace(" ", "").upper()
    if not (_NUMBER.fullmatch(matricule[:13]) and re.fullmatch(r"\d\d", matricule[13:])):
        raise InvalidInput("matricule_shape", field="matricule")
    if ins_key(matricule[:13]) != matricule[13:]:
        raise InvalidInput("matricule_key", field="matricule")
    return matricule


@dataclass(frozen=True)
class StrictTraits:
    """The five strict traits, upper case without accents, and the list of given names."""

    birth_family: str
    birth_given: str
    birth_given_all: str
    birth_date: date
    sex: str
    birth_place_insee: str


@dataclass(frozen=True)
class QualifiedIdentity:
    """An INS that may leave, with its traits: built by `qualified` alone (design, decision 8)."""

    ins: Ins
    traits: StrictTraits
    _proof: object = None

    def __post_init__(self) -> None:
        """Refuse to exist outside `qualified`."""
        if self._proof is not _PROOF:
            raise Refused("identity_not_qualified")


_PROOF = object()


def qualified(ins: Ins | None, traits: StrictTraits | None, status: IdentityStatus) -> QualifiedIdentity:
    """Return what may carry the INS outwards.

    Raises:
        Refused: `identity_not_qualified` unless the status is QUAL and both the INS and every trait are there.
    """
    if status is not IdentityStatus.QUALIFIEE or ins is None or traits is None:
        raise Refused("identity_not_qualified")
    if traits.sex not in {"M", "F"} or not (traits.birth_family and traits.birth_given and traits.birth_place_insee):
        raise Refused("identity_not_qualified")
    return QualifiedIdentity(ins=ins, traits=traits, _proof=_PROOF)
