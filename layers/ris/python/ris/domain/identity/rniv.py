"""The state machine of an identity (RNIV): one event, one transition; pure, and the same end whatever the order.

| from | event | to |
|---|---|---|
| PROV, VALI | answer of INSi, equal to the typed traits or accepted by a person | RECUP, QUAL |
| PROV, RECUP | document of high trust | VALI, QUAL |
| any | Appli carte Vitale | QUAL |
| RECUP, QUAL | strict trait edited, or verification that contradicts | PROV, VALI; the INS is dropped |
| QUAL, VALI | proof withdrawn | RECUP, PROV |
| any | *douteuse* or *fictive* | PROV; INS and proof are dropped, INSi is not asked any more |

The status is a function of the facts (an INS kept, a proof of high trust, no blocking mark), so no order of events can reach two ends.
A refusal (`Refused`, `InvalidInput`) leaves the row as it was.

Source: RNIV; INS implementation guide, rules 19-27, 48-51; national facts on INSi, 1.3 and 1.4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ris.domain.errors import InvalidInput, Refused
from ris.domain.identity.answers import differences, filled, refusal_of, strict_traits
from ris.domain.identity.events import (
    AttributeCleared,
    AttributeSet,
    ComplementaryTraitEdited,
    DocumentRecorded,
    IdentityEvent,
    InformationRecorded,
    InsiAccepted,
    InsiAnswered,
    InsiDeclined,
    InsiFailed,
    ProofWithdrawn,
    StrictTraitEdited,
    VerificationFailed,
    VitaleApplicationRead,
)
from ris.domain.identity.insi import InsiFound, InsiRecord, InsiState, Proof
from ris.domain.identity.normalise import NameKind, comparable, typed_name
from ris.domain.identity.patient import Change, Patient, Traits, TraitsChange
from ris.domain.identity.status import IdentityStatus
from ris.domain.identity.traits import apply_change, civil_date
from ris.domain.report.characters import DRAWN, drawable

HOMONYME, DOUTEUSE, FICTIVE = "homonyme", "douteuse", "fictive"
BLOCKING = frozenset({DOUTEUSE, FICTIVE})
PROOF_CODES = frozenset({"AN", "CC", "CE", "CM", "CN", "CS", "LE", "PA", "PC", "TC", "AV", "DC", "AC", "IE"})
FEEDING = frozenset({"INO", "IO", "NA"})
CONSULTATION = frozenset({"", "IC", "INC", "NA"})
AUTOMATIC = "automatic"
_PLACE = re.compile(r"\d[0-9AB]\d{3}", re.ASCII)


@dataclass(frozen=True)
class IdentityRules:
    """What a site may choose (INS.18-21).

    Args:
        high_trust: ZFD-7 codes whose document validates an identity; a driving licence (`PC`) never does.
        automatic_acceptance: An answer equal to the typed traits is accepted without a person.
        ask_again_after: Pause before INSi is asked again after a failure; `ask_again_after_none` after 01.
    """

    high_trust: frozenset[str] = frozenset({"CN", "PA", "CS", "CE", "AV", "DC", "AC", "IE"})
    automatic_acceptance: bool = True
    ask_again_after: timedelta = timedelta(minutes=10)
    ask_again_after_none: timedelta = timedelta(days=7)


STANDARD = IdentityRules()


@dataclass(frozen=True)
class StatusChange:
    """One line of the history of statuses (INS.26)."""

    event: str
    before: IdentityStatus
    after: IdentityStatus
    at: datetime
    by: str
    reason: str = ""


def is_blocked(patient: Patient) -> bool:
    """Say whether INSi may not be asked: the identity is doubtful or fictitious."""
    return bool(patient.attributes & BLOCKING)


def is_locked(patient: Patient) -> bool:
    """Say whether the strict traits are closed to everybody but a super-user (INS.29-31)."""
    return patient.status in (IdentityStatus.RECUPEREE, IdentityStatus.QUALIFIEE)


def apply(patient: Patient, event: IdentityEvent, rules: IdentityRules = STANDARD) -> tuple[Patient, list[StatusChange]]:
    """Return the patient after one event, and the change of status, if any.

    Raises:
        Refused: A rule says no: `identity_blocked`, `insi_nothing_to_decide`, `insi_answer_changed`, `attributes_incompatible`,
            `insi_answer_refused`.
        InvalidInput: The event itself is wrong: `proof_unknown`, `information_unknown`, `attribute_unknown`, a trait that cannot be.
    """
    after, reason = _after(patient, event, rules)
    after = replace(after, status=_status(after))
    if after == patient:
        return patient, []
    after = replace(after, updated_at=max(filter(None, (patient.updated_at, event.at))))
    if after.status is patient.status:
        return after, []
    return after, [StatusChange(type(event).__name__, patient.status, after.status, event.at, event.by, reason)]


def _status(patient: Patient) -> IdentityStatus:
    if is_blocked(patient):
        return IdentityStatus.PROVISOIRE
    proven = patient.proof is not None and patient.proof.high_trust
    if patient.ins is not None:
        return IdentityStatus.QUALIFIEE if proven else IdentityStatus.RECUPEREE
    return IdentityStatus.VALIDEE if proven else IdentityStatus.PROVISOIRE


def _after(patient: Patient, event: IdentityEvent, rules: IdentityRules) -> tuple[Patient, str]:
    """Return the patient with the event's facts, its status not yet drawn from them, and a reason for the history."""
    match event:
        case InsiAnswered() | InsiFailed() | InsiAccepted() | InsiDeclined():
            return _asked(patient, event, rules)
        case DocumentRecorded():
            return _proven(patient, event, rules), event.code
        case VitaleApplicationRead():
            return _from_application(patient, event), "AV"
        case ProofWithdrawn():
            return replace(patient, proof=None), "proof_withdrawn"
        case InformationRecorded():
            return _informed(patient, event), ""
        case AttributeSet() | AttributeCleared():
            return _remarked(patient, event), event.attribute
        case StrictTraitEdited() | ComplementaryTraitEdited():
            return _edited(patient, event), "strict_trait_edited"
        case VerificationFailed():
            return _contradicted(patient, event.reason), event.reason


# ---------------------------------------------------------------- INSi


def _asked(
    patient: Patient, event: InsiAnswered | InsiFailed | InsiAccepted | InsiDeclined, rules: IdentityRules
) -> tuple[Patient, str]:
    match event:
        case InsiAnswered():
            return _answered(patient, event, rules)
        case InsiFailed():
            return _failed(patient, event, rules), ""
        case InsiAccepted():
            record = _to_decide(patient, event.asked_at)
            assert record.found is not None
            return _accepted(patient, record, record.found, event.by), "accepted"
        case InsiDeclined():
            record = replace(_to_decide(patient, event.asked_at), state=InsiState.DECLINED, decided_by=event.by)
            return replace(patient, insi=record, due_at=None, due_site=""), ""


def _to_decide(patient: Patient, asked_at: datetime) -> InsiRecord:
    record = patient.insi
    if is_blocked(patient):
        raise Refused("identity_blocked")
    if record is None or record.state is not InsiState.PENDING or record.found is None:
        raise Refused("insi_nothing_to_decide")
    if record.asked_at != asked_at:
        raise Refused("insi_answer_changed")
    return record


def _answered(patient: Patient, event: InsiAnswered, rules: IdentityRules) -> tuple[Patient, str]:
    if is_blocked(patient) or (patient.insi and patient.insi.asked_at > event.at):
        return patient, ""  # marked since it was asked, or a newer answer is already there
    calm = replace(patient, due_at=None, due_site="")
    record = InsiRecord(InsiState.NOT_FOUND, event.at, event.code, event.found)
    if patient.ins is not None:
        return _verified(calm, record, event)
    if event.found is None:
        waits = event.at + rules.ask_again_after_none if event.code == "01" else None
        return replace(
            calm, insi=replace(record, reason=f"insi_{event.code}"), due_at=waits, due_site=event.site if waits else ""
        ), ""
    refusal = refusal_of(event.found)
    if refusal:
        return replace(calm, insi=replace(record, state=InsiState.REFUSED, reason=refusal)), ""
    differ = differences(event.found, patient.traits)
    if not differ and rules.automatic_acceptance:
        return _accepted(calm, record, event.found, AUTOMATIC), "equal_traits"
    reason = "first_given_name_not_first" if "birth_given" in differ else ("traits_differ" if differ else "person_decides")
    return replace(calm, insi=replace(record, state=InsiState.PENDING, differences=differ, reason=reason)), ""


def _verified(patient: Patient, record: InsiRecord, event: InsiAnswered) -> tuple[Patient, str]:
    """Compare a new answer with the INS that is kept: confirmed, a new number of the same person, or contradicted."""
    found, kept, strict = event.found, patient.ins, patient.strict
    if event.code == "02" or (found is not None and refusal_of(found)):
        # Nothing was said against the INS; a person looks at it.
        reason = refusal_of(found) if found else "insi_02"
        return replace(patient, insi=replace(record, state=InsiState.REFUSED, reason=reason)), ""
    same_person = found is not None and strict is not None and strict_traits(found, patient.traits) == strict
    if found is not None and same_person and (found.ins == kept or kept in found.history):
        accepted = replace(record, state=InsiState.ACCEPTED, decided_by=AUTOMATIC)
        return replace(patient, ins=found.ins, insi=accepted), ""
    after = _contradicted(patient, "verification_failed")
    return replace(after, insi=replace(record, state=InsiState.NOT_CONFIRMED, reason="verification_failed")), "verification_failed"


def _accepted(patient: Patient, record: InsiRecord, found: InsiFound, by: str) -> Patient:
    strict = strict_traits(found, patient.traits)
    return replace(
        patient,
        ins=found.ins,
        strict=strict,
        traits=filled(patient.traits, strict),
        insi=replace(record, state=InsiState.ACCEPTED, decided_by=by),
        due_at=None,
        due_site="",
    )


def _failed(patient: Patient, event: InsiFailed, rules: IdentityRules) -> Patient:
    if is_blocked(patient) or (patient.insi and patient.insi.asked_at > event.at):
        return patient
    waits = event.at + rules.ask_again_after if event.temporary else None
    after = replace(patient, due_at=waits, due_site=event.site if waits else "")
    if patient.ins is not None or (patient.insi and patient.insi.state is InsiState.PENDING):
        return after  # a failure takes nothing away: what was answered before still stands
    return replace(after, insi=InsiRecord(InsiState.FAILED, event.at, reason=event.error))


def _contradicted(patient: Patient, reason: str) -> Patient:
    if patient.ins is None:
        return patient
    record = replace(patient.insi, state=InsiState.NOT_CONFIRMED, reason=reason) if patient.insi else None
    return replace(patient, ins=None, strict=None, insi=record, due_at=None, due_site="")


# ---------------------------------------------------------------- documents, information, marks


def _proven(patient: Patient, event: DocumentRecorded, rules: IdentityRules) -> Patient:
    if event.code not in PROOF_CODES:
        raise InvalidInput("proof_unknown", field="proof")
    if is_blocked(patient):
        raise Refused("identity_blocked")
    trusted = event.code in rules.high_trust
    if not trusted and patient.proof and patient.proof.high_trust:
        return patient  # a weaker document takes nothing away
    return replace(patient, proof=Proof(event.code, event.at, event.by, event.expires, trusted))


def _from_application(patient: Patient, event: VitaleApplicationRead) -> Patient:
    if is_blocked(patient):
        raise Refused("identity_blocked")
    if refusal_of(event.found):
        raise Refused("insi_answer_refused", detail=refusal_of(event.found))
    record = InsiRecord(InsiState.PENDING, event.at, "00", event.found)
    read = _accepted(patient, record, event.found, event.by)
    return replace(read, proof=Proof("AV", event.at, event.by))


def _informed(patient: Patient, event: InformationRecorded) -> Patient:
    if event.feeding not in FEEDING or event.consultation not in CONSULTATION:
        raise InvalidInput("information_unknown", field="information")
    day = f"{event.at:%Y%m%d%H%M%S}"
    said = {"ZFA-9": event.feeding, "ZFA-10": day}
    if event.consultation:
        said |= {"ZFA-11": event.consultation, "ZFA-12": day}
    return replace(patient, consents={**patient.consents, **said})


def _remarked(patient: Patient, event: AttributeSet | AttributeCleared) -> Patient:
    return _marked(patient, event) if isinstance(event, AttributeSet) else _unmarked(patient, event)


def _marked(patient: Patient, event: AttributeSet) -> Patient:
    if event.attribute not in BLOCKING | {HOMONYME}:
        raise InvalidInput("attribute_unknown", field="attribute")
    marks = patient.attributes | {event.attribute}
    if FICTIVE in marks and len(marks) > 1:
        raise Refused("attributes_incompatible", field="attribute")
    after = replace(patient, attributes=marks)
    if event.attribute == HOMONYME:
        return after
    record = replace(patient.insi, state=InsiState.DECLINED, decided_by=event.by, reason=event.attribute) if patient.insi else None
    return replace(after, ins=None, strict=None, proof=None, insi=record, due_at=None, due_site="")


def _unmarked(patient: Patient, event: AttributeCleared) -> Patient:
    if event.attribute not in patient.attributes:
        return patient
    after = replace(patient, attributes=patient.attributes - {event.attribute})
    if event.attribute == HOMONYME:
        return after
    return replace(after, insi=None, due_at=event.at, due_site=event.site)  # it may be asked again, and is


# ---------------------------------------------------------------- traits


def strict_parts(traits: Traits) -> tuple[object, ...]:
    """Return the strict traits for a comparison that does not mind accents and capitals."""
    names = (traits.birth_family, traits.birth_given, traits.birth_given_all)
    return *(comparable(name) for name in names), traits.birth_date, traits.sex, traits.birth_place_insee


def _typed(change: Change, kind: NameKind, field: str) -> Change:
    return typed_name(change, kind, field).text if isinstance(change, str) else change


def _printed(change: Change, field: str) -> Change:
    return drawable(change, DRAWN, field=field) if isinstance(change, str) else change


def _edited(patient: Patient, event: StrictTraitEdited | ComplementaryTraitEdited) -> Patient:
    change = event.change
    if isinstance(event, ComplementaryTraitEdited):
        only = TraitsChange(
            used_family=_printed(change.used_family, "used_family"),
            used_given=_printed(change.used_given, "used_given"),
            phone=change.phone,
        )
        return replace(patient, traits=apply_change(patient.traits, only))
    typed = TraitsChange(
        birth_family=_typed(change.birth_family, NameKind.FAMILY, "birth_family"),
        birth_given=_typed(change.birth_given, NameKind.GIVEN, "birth_given"),
        birth_given_all=_typed(change.birth_given_all, NameKind.GIVEN, "birth_given_all"),
        birth_date=change.birth_date,
        sex=change.sex,
        birth_place_insee=change.birth_place_insee,
    )
    if isinstance(change.birth_date, str) and civil_date(change.birth_date) is None:
        raise InvalidInput("birth_date_impossible", field="birth_date")
    check_place(change.birth_place_insee if isinstance(change.birth_place_insee, str) else "")
    return with_strict_traits(patient, apply_change(patient.traits, typed), at=event.at, site=event.site)


def check_place(insee: str) -> None:
    """Refuse a birth place that is no INSEE code: `birth_place_malformed`; an empty one is none."""
    if insee and not _PLACE.fullmatch(insee):
        raise InvalidInput("birth_place_malformed", field="birth_place_insee")


def with_strict_traits(patient: Patient, traits: Traits, *, at: datetime, site: str) -> Patient:
    """Return the patient with other traits; where a strict one differs an INS is dropped, and INSi is asked anew.

    Accents and capitals are no difference: INSi's own spelling stays. The status is drawn from the facts afterwards (`redrawn`).
    """
    if strict_parts(traits) == strict_parts(patient.traits):
        return replace(patient, traits=filled(traits, patient.strict) if patient.strict else traits)
    after = replace(patient, traits=traits, insi=None)
    if is_blocked(patient) or (patient.insi is None and patient.ins is None):
        return after  # INSi may not be asked, or nobody has asked yet
    return replace(after, ins=None, strict=None, due_at=at, due_site=site)


def redrawn(before: Patient, after: Patient, *, at: datetime, by: str) -> tuple[Patient, list[StatusChange]]:
    """Return a patient whose strict traits another system changed with the status its facts give it, and the change of status."""
    drawn = replace(after, status=_status(after))
    if drawn.status is before.status:
        return drawn, []
    return drawn, [StatusChange(StrictTraitEdited.__name__, before.status, drawn.status, at, by, "strict_trait_edited")]
