"""PID, ZFA and ZFD: what a message says of its patient.

Kept as sent: nothing is corrected, completed or put in capitals. An INS is not read at all in this version: without a query of ours
it is nobody's word (PAM-FR: an INS without PID-32 `VALI` is dropped; with it, the identity service confirms it first).

Source: IHE PAM-FR 2.11; HL7 v2.5 §3.4.2 (PID), §2.5.3 (`""`); INS implementation guide.
"""

from __future__ import annotations

from ris.adapters.agenda.er7 import Message, Segment, Value
from ris.application.reference import Site
from ris.domain.errors import InvalidInput
from ris.domain.identity.announcement import PatientSaid
from ris.domain.identity.patient import ERASED, Change, Identifier, TraitsChange

LONGEST_ID = 64
"""An IPP is the modality's PatientID, LO 64 (PS3.5 §6.2), and an identifier is never cut."""

LONGEST_TRAIT = 250
"""XPN, XTN and XAD have at most 250 characters (HL7 v2.5 §2.A)."""

_TELEPHONES = ("", "PH", "CP", "FX")


def patient_of(message: Message, pid: Segment, site: Site, *, creates: bool) -> PatientSaid:
    """Return what the message says.

    Args:
        message: Whole, for ZFA and ZFD.
        pid: Its PID.
        site: Whose domain the IPP must be of.
        creates: See `PatientSaid`.

    Raises:
        InvalidInput: `ipp_missing`, `several_ipp`, `too_long`, `birth_name_missing`; the field names the place.
    """
    return PatientSaid(
        ipp=ipp_of(pid.field(3), site.ipp_authority),
        traits=_traits(pid),
        consents=_z_fields(message, "ZFA", 12),
        capture=_z_fields(message, "ZFD", 8),
        reliability=_reliability(pid.field(32)),
        creates=creates,
    )


def ipp_of(identifiers: Value, authority: str) -> Identifier:
    """Return the PI of the site's domain, wherever it stands in PID-3.

    A repetition without a type is taken for one only where no other is typed PI in that domain (v2.3.1 senders).

    Raises:
        InvalidInput: `ipp_missing`, `several_ipp`, `too_long`, all naming PID-3.
    """
    ours = [each for each in identifiers.repetitions() if _is_of(each.component(4), authority)]
    for kind in ("PI", ""):
        values = {each.component(1).word() for each in ours if each.component(5).word() == kind} - {""}
        if len(values) > 1:
            raise InvalidInput("several_ipp", field="PID-3")
        if values:
            value = values.pop()
            if len(value) > LONGEST_ID:
                raise InvalidInput("too_long", field="PID-3")
            return Identifier(value, authority, "PI")
    raise InvalidInput("ipp_missing", field="PID-3")


def _is_of(assigner: Value, authority: str) -> bool:
    universal = assigner.subcomponent(2).word()
    return (universal or assigner.subcomponent(1).word()) == authority


def _traits(pid: Segment) -> TraitsChange:
    birth, used = _names(pid.field(5))
    given = _checked(birth.component(2).change(), "PID-5")
    return TraitsChange(
        birth_family=_family(birth),
        birth_given=given,
        birth_given_all=_checked(birth.component(3).change(), "PID-5"),
        used_family=ERASED if _is_erased(used) else _family(used),
        used_given=ERASED if _is_erased(used) else _checked(used.component(2).change(), "PID-5"),
        birth_date=_checked(pid.field(7).component(1).change(), "PID-7"),
        sex=_checked(pid.field(8).component(1).change(), "PID-8"),
        birth_place_insee=_checked(_birth_place(pid.field(11)), "PID-11"),
        phone=_checked(_phone(pid.field(13)), "PID-13"),
    )


def _checked(change: Change, field: str) -> Change:
    if isinstance(change, str) and len(change) > LONGEST_TRAIT:
        raise InvalidInput("too_long", field=field)
    return change


def _names(names: Value) -> tuple[Value, Value]:
    """Return the birth name (type L, or the one without a type) and the used name (type D); an absent one is empty."""
    none = Value("", names.delimiters, names.codec)
    if names.is_null:
        raise InvalidInput("birth_name_missing", field="PID-5")
    by_type: dict[str, Value] = {}
    for each in names.repetitions():
        if each:
            by_type.setdefault(each.component(7).word() or "L", each)
    return by_type.get("L", none), by_type.get("D", none)


def _family(name: Value) -> Change:
    return _checked(name.component(1).subcomponent(1).change(), "PID-5")


def _is_erased(name: Value) -> bool:
    return name.component(1).subcomponent(1).is_null


def _birth_place(addresses: Value) -> Change:
    if addresses.is_null:
        return ERASED
    born = next((each for each in addresses.repetitions() if each.component(7).word() == "BDL"), None)
    if born is None:
        return None
    return ERASED if born.component(1).is_null else born.component(9).change()


def _phone(numbers: Value) -> Change:
    """Return the first telephone: XTN-12 as one text, XTN-6 and 7, or XTN-1 of older versions."""
    if numbers.is_null:
        return ERASED
    for each in numbers.repetitions():
        if each.component(3).word() not in _TELEPHONES:
            continue
        local = " ".join(filter(None, (each.component(6).word(), each.component(7).word())))
        number = each.component(12).word() or local or each.component(1).word()
        if number:
            return number
        if each.component(1).is_null or each.component(12).is_null:
            return ERASED
    return None


def _reliability(codes: Value) -> tuple[str, ...] | None:
    if codes.is_null:
        return ()
    return tuple(filter(None, (each.component(1).word()[:20] for each in codes.repetitions()))) or None


def _z_fields(message: Message, name: str, highest: int) -> dict[str, Change]:
    segment = message.first(name)
    if segment is None:
        return {}
    read = {f"{name}-{number}": segment.field(number).change() for number in range(1, highest + 1)}
    return {field: _checked(change, field) for field, change in read.items() if change is not None}
