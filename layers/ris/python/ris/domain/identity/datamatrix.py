"""The INS datamatrix of a document, as a scanner types it, read into what it says; it proves nothing.

The code carries no signature: whoever can print can make one. So what is read is compared and shown, INSi is asked as for traits that were
typed, and no INS is ever taken from it.

Shape: `IS`, version `01`, 22 zeros, then fields `S1` … `S7` in any order; GS (0x1D) ends a variable one. Scanners that stand for a keyboard
send GS in their own ways, or not at all, and no value holds an `S` before a digit: fields are found by their names alone.

Source: ANS, Format datamatrix INS v2.2 (national facts, 1.8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from ris.domain.errors import InvalidInput
from ris.domain.identity.answers import KNOWN_OIDS
from ris.domain.identity.ins import Ins, typed_matricule
from ris.domain.identity.normalise import NameKind, begins_the_list, check_name, comparable, words
from ris.domain.identity.patient import Traits

_HEADER = re.compile(r"IS(\d\d)\d{22}")
_GROUP_SEPARATORS = re.compile(r"\x1d|\u241d|<GS>|\{GS\}|\^\]|\[GS\]")
_FIELD = re.compile(r"(S[1-7])(.*?)(?=S[1-7]|$)", re.DOTALL)
_2D_DOC = re.compile(r"DC0[1-4]")
_DATE = re.compile(r"(\d{2})-(\d{2})-(\d{4})", re.ASCII)
_PLACE = re.compile(r"\d[0-9AB]\d{3}", re.ASCII)
_NEEDED = ("S1", "S2", "S3", "S4", "S5", "S6")


@dataclass(frozen=True)
class ScannedIdentity:
    """What one code says; as it says it.

    Args:
        birth_place_insee: Empty where the code has none.
        key_holds: Whether the matricule's key is that of its number: official test records have another, so it is said and not refused.
    """

    ins: Ins
    birth_family: str
    birth_given_all: str
    birth_date: date
    sex: str
    birth_place_insee: str = ""
    key_holds: bool = True

    @property
    def birth_given(self) -> str:
        """The first given name of the list: a code does not say where a compound one ends, so only its first word."""
        return words(self.birth_given_all)[0]


def read_datamatrix(text: str) -> ScannedIdentity:
    """Return what an INS datamatrix says.

    Args:
        text: As the scanner typed it.

    Raises:
        InvalidInput: `datamatrix_2d_doc`, the code of an identity card or a certificate, which is another one; `datamatrix_unknown`;
            `datamatrix_version`; `datamatrix_field`, the field is the name of what is missing, doubled or of another shape;
            `matricule_shape`, `datamatrix_oid`.
    """
    code = _GROUP_SEPARATORS.sub("", text.strip(" \r\n\t")).upper()
    header = _HEADER.match(code)
    if _2D_DOC.match(code):
        raise InvalidInput("datamatrix_2d_doc", field="code")
    if header is None:
        raise InvalidInput("datamatrix_unknown", field="code")
    if header[1] != "01":
        raise InvalidInput("datamatrix_version", field="code")
    fields = _fields(code[header.end() :])
    ins, key_holds = _ins(fields)
    return ScannedIdentity(
        ins=ins,
        key_holds=key_holds,
        birth_family=_name(fields["S4"], NameKind.FAMILY, "S4"),
        birth_given_all=_name(fields["S3"], NameKind.GIVEN, "S3"),
        birth_date=_born(fields["S6"]),
        sex=_one_of(fields["S5"], r"[MF]", "S5"),
        birth_place_insee=_one_of(fields["S7"], _PLACE.pattern, "S7") if fields.get("S7") else "",
    )


def differing_traits(said: ScannedIdentity, traits: Traits) -> tuple[str, ...]:
    """Return the names of the strict traits that a code and a patient do not share; what one of them does not know is no difference."""
    pairs = {
        "birth_family": comparable(said.birth_family) != comparable(traits.birth_family),
        "birth_given": not begins_the_list(traits.birth_given, said.birth_given_all),
        "birth_date": traits.birth_date is not None and said.birth_date != traits.birth_date,
        "sex": traits.sex in ("M", "F") and said.sex != traits.sex,
        "birth_place_insee": bool(traits.birth_place_insee and said.birth_place_insee)
        and said.birth_place_insee != traits.birth_place_insee,
    }
    return tuple(name for name, differs in pairs.items() if differs)


def _fields(body: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if not re.match(r"S[1-7]", body):
        raise InvalidInput("datamatrix_field", field="code", detail="S1")
    for name, value in _FIELD.findall(body):
        if name in found:
            raise InvalidInput("datamatrix_field", field="code", detail=name)
        found[name] = value
    missing = next((name for name in _NEEDED if not found.get(name)), "")
    if missing:
        raise InvalidInput("datamatrix_field", field="code", detail=missing)
    return found


def _ins(fields: dict[str, str]) -> tuple[Ins, bool]:
    matricule, key_holds = fields["S1"], True
    try:
        typed_matricule(matricule)
    except InvalidInput as error:
        key_holds = error.code != "matricule_key"
        if key_holds:
            raise InvalidInput(error.code, field="code") from None
    if fields["S2"] not in KNOWN_OIDS:
        raise InvalidInput("datamatrix_oid", field="code")
    return Ins(matricule, fields["S2"]), key_holds


def _name(value: str, kind: NameKind, field: str) -> str:
    try:
        check_name(value, kind, field)
    except InvalidInput:
        raise InvalidInput("datamatrix_field", field="code", detail=field) from None
    return value


def _born(value: str) -> date:
    parts = _DATE.fullmatch(value)
    try:
        return date(int(parts[3]), int(parts[2]), int(parts[1])) if parts else _wrong("S6")
    except ValueError:
        return _wrong("S6")


def _one_of(value: str, pattern: str, field: str) -> str:
    return value if re.fullmatch(pattern, value, re.ASCII) else _wrong(field)


def _wrong(field: str) -> NoReturn:
    raise InvalidInput("datamatrix_field", field="code", detail=field)
