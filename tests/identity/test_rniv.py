"""The state machine of an identity: each transition of the RNIV, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.domain.errors import InvalidInput, Refused
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
from ris.domain.identity.ins import OID_NIA, OID_NIR, Ins
from ris.domain.identity.insi import InsiFound, InsiState
from ris.domain.identity.patient import Patient, TraitsChange
from ris.domain.identity.rniv import IdentityRules, apply
from tests.support.identity import NOW, ZOE, zoe

WHO = {"at": NOW, "by": "acc", "site": "nord"}


def answered(found: InsiFound | None = ZOE, code: str = "00", **who: object) -> InsiAnswered:
    return InsiAnswered(**{**WHO, **who}, code=code, found=found)  # type: ignore[arg-type]


DOCUMENT = DocumentRecorded(**WHO, code="CN")  # type: ignore[arg-type]
ACCEPTED = InsiAccepted(**WHO, asked_at=NOW)  # type: ignore[arg-type]
DECLINED = InsiDeclined(**WHO, asked_at=NOW)  # type: ignore[arg-type]
DIFFERENT = replace(ZOE, birth_family="ADRUNE")


def after(*events: IdentityEvent, start: Patient | None = None, rules: IdentityRules | None = None) -> Patient:
    patient = start or zoe()
    for event in events:
        patient, _ = apply(patient, event, *([rules] if rules else []))
    return patient


def edited(**change: object) -> StrictTraitEdited:
    return StrictTraitEdited(**WHO, change=TraitsChange(**change))  # type: ignore[arg-type]


def marked(attribute: str) -> AttributeSet:
    return AttributeSet(**WHO, attribute=attribute)  # type: ignore[arg-type]


def cleared(attribute: str) -> AttributeCleared:
    return AttributeCleared(**WHO, attribute=attribute)  # type: ignore[arg-type]


RETRIEVED, VALIDATED, QUALIFIED = after(answered()), after(DOCUMENT), after(answered(), DOCUMENT)
STARTS = {"PROV": zoe(), "RECUP": RETRIEVED, "VALI": VALIDATED, "QUAL": QUALIFIED}


@pytest.mark.segur("INS.22", "INS.23", "INS.24", "INS.25")
@pytest.mark.parametrize(
    ("start", "event", "end", "keeps_ins"),
    [
        ("PROV", answered(), "RECUP", True),
        ("VALI", answered(), "QUAL", True),
        ("PROV", DOCUMENT, "VALI", False),
        ("RECUP", DOCUMENT, "QUAL", True),
        ("PROV", VitaleApplicationRead(**WHO, found=ZOE), "QUAL", True),  # type: ignore[arg-type]
        ("RECUP", edited(birth_family="ADRUNE"), "PROV", False),
        ("QUAL", edited(birth_family="ADRUNE"), "VALI", False),
        ("VALI", edited(birth_family="ADRUNE"), "VALI", False),
        ("RECUP", VerificationFailed(**WHO, reason="verification_failed"), "PROV", False),  # type: ignore[arg-type]
        ("QUAL", VerificationFailed(**WHO, reason="verification_failed"), "VALI", False),  # type: ignore[arg-type]
        ("QUAL", ProofWithdrawn(**WHO), "RECUP", True),  # type: ignore[arg-type]
        ("VALI", ProofWithdrawn(**WHO), "PROV", False),  # type: ignore[arg-type]
        ("RECUP", marked("douteuse"), "PROV", False),
        ("QUAL", marked("fictive"), "PROV", False),
        ("VALI", marked("douteuse"), "PROV", False),
        ("QUAL", marked("homonyme"), "QUAL", True),
        ("QUAL", answered(None, "01"), "VALI", False),
        ("QUAL", answered(None, "02"), "QUAL", True),
        ("RECUP", answered(replace(ZOE, birth_family="AUTRE")), "PROV", False),
        ("QUAL", answered(), "QUAL", True),
    ],
)
def test_a_transition(start: str, event: IdentityEvent, end: str, keeps_ins: bool) -> None:
    before = STARTS[start]

    patient, changes = apply(before, event)

    assert (end, keeps_ins) == (patient.status.value, patient.ins is not None)
    assert [(start, end, "acc")] * (start != end) == [(c.before.value, c.after.value, c.by) for c in changes]


@pytest.mark.segur("INS.22", "INS.23", "INS.24", "INS.25")
def test_document_first_and_insi_first_end_in_the_same_row() -> None:
    different = [answered(DIFFERENT), ACCEPTED]

    assert after(answered(), DOCUMENT) == after(DOCUMENT, answered())
    assert after(*different, DOCUMENT) == after(DOCUMENT, *different) == after(different[0], DOCUMENT, different[1])


@pytest.mark.segur("INS.13", "INS.14")
def test_an_answer_that_differs_waits_for_a_person_who_sees_what_differs() -> None:
    waiting = after(answered(replace(DIFFERENT, sex="M")))

    assert waiting.insi is not None
    assert ("PROV", InsiState.PENDING, ("birth_family", "sex")) == (
        waiting.status.value, waiting.insi.state, waiting.insi.differences
    )  # fmt: skip
    accepted = after(ACCEPTED, start=waiting)
    assert ("RECUP", "ADRUNE", "M", "63220") == (
        accepted.status.value, accepted.traits.birth_family, accepted.traits.sex, accepted.traits.birth_place_insee
    )  # fmt: skip
    declined = after(DECLINED, start=waiting)
    assert ("PROV", InsiState.DECLINED, None) == (declined.status.value, declined.insi and declined.insi.state, declined.ins)


@pytest.mark.segur("INS.13", "INS.14")
def test_a_first_given_name_that_is_not_first_of_the_list_is_an_alert() -> None:
    waiting = after(answered(replace(ZOE, birth_given_all="MARIE ZOE", birth_given="MARIE")))

    assert waiting.insi is not None
    assert (InsiState.PENDING, "first_given_name_not_first") == (waiting.insi.state, waiting.insi.reason)
    assert "MARIE" == after(ACCEPTED, start=waiting).traits.birth_given


def test_accents_capitals_and_what_nobody_typed_are_no_difference() -> None:
    typed = zoe(traits=replace(zoe().traits, birth_family="Adrun", birth_given="Zoé", used_family="Durand"))

    retrieved = after(answered(replace(ZOE, birth_given_all="ZOE MARIE")), start=typed)

    assert "RECUP" == retrieved.status.value
    assert ("ADRUN", "ZOE", "ZOE MARIE", "Durand") == (
        retrieved.traits.birth_family, retrieved.traits.birth_given, retrieved.traits.birth_given_all, retrieved.traits.used_family
    )  # fmt: skip


@pytest.mark.segur("INS.20", "INS.21")
def test_automatic_acceptance_can_be_switched_off() -> None:
    waiting = after(answered(), rules=IdentityRules(automatic_acceptance=False))

    assert waiting.insi is not None
    assert (InsiState.PENDING, "person_decides", "PROV") == (waiting.insi.state, waiting.insi.reason, waiting.status.value)


@pytest.mark.segur("INS.15", "INS.16")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"birth_date": "1975-00-31"}, "insi_birth_date_incomplete"),
        ({"birth_date": "1975-12-00"}, "insi_birth_date_incomplete"),
        ({"birth_date": "1975"}, "insi_birth_date_incomplete"),
        ({"birth_date": "1975-02-30"}, "insi_birth_date_impossible"),
        ({"birth_family": " "}, "insi_birth_family_missing"),
        ({"birth_given_all": ""}, "insi_given_names_missing"),
        ({"sex": ""}, "insi_sex_missing"),
        ({"sex": "I"}, "insi_sex_missing"),
        ({"ins": Ins("2751263220749", OID_NIR)}, "insi_matricule_shape"),
        ({"ins": Ins("275126322074974", "1.2.3")}, "insi_oid_unknown"),
    ],
)
def test_an_answer_without_what_an_identity_needs_is_refused(change: dict[str, object], reason: str) -> None:
    refused = after(answered(replace(ZOE, **change)))  # type: ignore[arg-type]

    assert refused.insi is not None
    assert (InsiState.REFUSED, reason, "PROV", None) == (refused.insi.state, refused.insi.reason, refused.status.value, refused.ins)
    with pytest.raises(Refused, match="insi_nothing_to_decide"):
        apply(refused, ACCEPTED)


def test_an_answer_is_never_refused_for_its_key_and_a_missing_birth_place_is_99999() -> None:
    gatien = replace(ZOE, ins=Ins("181036322045660", OID_NIR), birth_place_insee="")

    kept = after(answered(gatien))

    assert ("RECUP", "99999") == (kept.status.value, kept.strict and kept.strict.birth_place_insee)


@pytest.mark.segur("INS.27", "INS.28")
@pytest.mark.parametrize("mark", ["douteuse", "fictive"])
def test_a_doubtful_or_fictitious_identity_takes_no_answer_and_no_document(mark: str) -> None:
    blocked = after(marked(mark), start=QUALIFIED)

    assert blocked == after(answered(at=NOW + timedelta(hours=1)), start=blocked)
    assert blocked == after(InsiFailed(**WHO, error="insi_503"), start=blocked)  # type: ignore[arg-type]
    for event in (DOCUMENT, VitaleApplicationRead(**WHO, found=ZOE)):  # type: ignore[arg-type]
        with pytest.raises(Refused, match="identity_blocked"):
            apply(blocked, event)
    freed = after(cleared(mark), start=blocked)
    assert ("PROV", NOW, None) == (freed.status.value, freed.due_at, freed.proof)


@pytest.mark.segur("INS.27", "INS.28")
def test_doubtful_and_homonym_is_the_only_legal_pair() -> None:
    assert {"douteuse", "homonyme"} == after(marked("douteuse"), marked("homonyme")).attributes
    for first, second in (("fictive", "homonyme"), ("douteuse", "fictive"), ("homonyme", "fictive")):
        with pytest.raises(Refused, match="attributes_incompatible"):
            after(marked(first), marked(second))
    with pytest.raises(InvalidInput, match="attribute_unknown"):
        after(marked("célèbre"))


@pytest.mark.segur("INS.18", "INS.19")
def test_only_a_document_of_high_trust_validates_by_the_list_of_the_site() -> None:
    licence = DocumentRecorded(**WHO, code="PC")  # type: ignore[arg-type]

    weak = after(licence)
    assert ("PROV", "PC", False) == (weak.status.value, weak.proof and weak.proof.code, weak.proof and weak.proof.high_trust)
    assert VALIDATED == after(licence, start=VALIDATED)
    assert "VALI" == after(licence, rules=IdentityRules(high_trust=frozenset({"PC"}))).status.value
    with pytest.raises(InvalidInput, match="proof_unknown"):
        after(DocumentRecorded(**WHO, code="XX"))  # type: ignore[arg-type]


@pytest.mark.segur("INS.32", "INS.33", "INS.34", "INS.35", "INS.36")
def test_the_used_name_changes_no_status_and_a_new_spelling_no_trait() -> None:
    used = ComplementaryTraitEdited(**WHO, change=TraitsChange(used_family="Durand", birth_family="AUTRE"))  # type: ignore[arg-type]

    assert ("QUAL", "Durand", "ADRUN") == (
        (named := after(used, start=QUALIFIED)).status.value, named.traits.used_family, named.traits.birth_family
    )  # fmt: skip
    assert after(edited(birth_family="ADRUN"), start=QUALIFIED).ins == QUALIFIED.ins


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"birth_family": "Adrun"}, "character_not_allowed"),
        ({"birth_date": "19750230"}, "birth_date_impossible"),
        ({"birth_place_insee": "6322"}, "birth_place_malformed"),
    ],
)
def test_a_strict_trait_that_cannot_be_is_refused(change: dict[str, str], code: str) -> None:
    with pytest.raises(InvalidInput, match=code):
        after(edited(**change), start=QUALIFIED)


@pytest.mark.segur("INS.42", "INS.43", "INS.44", "INS.45")
def test_a_verification_follows_a_new_number_of_the_same_person() -> None:
    nia = after(answered(replace(ZOE, ins=Ins("109076322088835", OID_NIA))), DOCUMENT)

    nir = after(answered(replace(ZOE, history=(Ins("109076322088835", OID_NIA),)), at=NOW + timedelta(days=1)), start=nia)

    assert ("QUAL", ZOE.ins) == (nir.status.value, nir.ins)
    stranger = after(answered(replace(ZOE, ins=Ins("297022A02077878", OID_NIR)), at=NOW + timedelta(days=1)), start=nia)
    assert ("VALI", None, "verification_failed") == (stranger.status.value, stranger.ins, stranger.insi and stranger.insi.reason)


def test_a_failure_takes_nothing_away_and_is_asked_again_when_that_helps() -> None:
    temporary = InsiFailed(**WHO, error="insi_503")  # type: ignore[arg-type]
    final = InsiFailed(**WHO, error="desir_550", temporary=False)  # type: ignore[arg-type]

    failed = after(temporary)
    assert failed.insi is not None
    assert (InsiState.FAILED, "insi_503", NOW + timedelta(minutes=10), "nord") == (
        failed.insi.state, failed.insi.reason, failed.due_at, failed.due_site
    )  # fmt: skip
    assert (None, "desir_550") == ((stuck := after(final)).due_at, stuck.insi and stuck.insi.reason)
    waiting = after(answered(DIFFERENT))
    assert waiting.insi == after(temporary, start=waiting).insi
    assert QUALIFIED.ins == after(temporary, start=QUALIFIED).ins
    assert None is after(answered(at=NOW + timedelta(minutes=10)), start=failed).due_at


def test_nobody_found_is_asked_again_in_a_week_several_are_for_a_person() -> None:
    assert NOW + timedelta(days=7) == after(answered(None, "01")).due_at
    assert (None, "insi_02") == ((several := after(answered(None, "02"))).due_at, several.insi and several.insi.reason)


def test_an_older_answer_never_replaces_a_newer_one_nor_is_one_accepted_unseen() -> None:
    newer = after(answered(DIFFERENT, at=NOW + timedelta(minutes=1)))

    assert newer == after(answered(None, "01"), start=newer)
    with pytest.raises(Refused, match="insi_answer_changed"):
        apply(newer, ACCEPTED)


def test_what_the_patient_was_told_is_kept_with_its_instant() -> None:
    told = after(InformationRecorded(**WHO, feeding="IO", consultation="IC"))  # type: ignore[arg-type]

    assert {"ZFA-9": "IO", "ZFA-10": "20261005060000", "ZFA-11": "IC", "ZFA-12": "20261005060000"} == told.consents
    with pytest.raises(InvalidInput, match="information_unknown"):
        after(InformationRecorded(**WHO, feeding="OUI"))  # type: ignore[arg-type]
