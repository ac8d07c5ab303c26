"""ADT^A31 and ADT^A47 as IHE PAM-FR 2.11 wants them, read back by our reader and by python-hl7."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import hl7
import pytest

from ris.adapters.agenda.er7 import read
from ris.adapters.agenda.hl7_inbound import Hl7MessageReader
from ris.adapters.identity.hl7_identity import Hl7IdentityWriter
from ris.application.dispatch.send_identity import IdentityFacts
from ris.domain.identity.announcing import Announcement, Trigger, announced
from ris.domain.identity.ins import OID_NIA, Ins, qualified
from ris.domain.identity.insi import InsiRecord, InsiState, Proof
from ris.domain.identity.patient import Patient
from ris.domain.identity.status import IdentityStatus
from tests.support.agenda import AUTHORITY, GROUP
from tests.support.identity import NOW, ZOE, Desk, segment_of, zoe

FORBIDDEN = (2, 4, 9, 10, 12, 17, 19, 20, 22, 28)


def facts(
    patient: Patient, trigger: Trigger = Trigger.UPDATE, dropped: Ins | None = None, *, erased: bool = False
) -> IdentityFacts:
    is_qualified = patient.status is IdentityStatus.QUALIFIEE
    identity = qualified(patient.ins, patient.strict, patient.status) if is_qualified else None
    return IdentityFacts("MSG1", "PACS", GROUP.sites[0], Announcement(3, trigger, NOW, patient, dropped, erased), identity)


def written(*args: object, **more: bool) -> str:
    return Hl7IdentityWriter().identity(facts(*args, **more)).decode()  # type: ignore[arg-type]


def a_qualified_patient() -> Patient:
    patient = Desk().qualify()
    return replace(patient, consents={"ZFA-1": "ACTIF", "ZFA-9": "INO", "ZFA-10": "20261005060000"}, capture={"ZFD-3": "Y"})


@pytest.mark.segur("INS.55")
def test_an_a31_of_a_qualified_identity_segment_by_segment() -> None:
    message = written(a_qualified_patient())

    assert [
        "MSH|^~\\&|RIS|nord|PACS|nord|20261005080000+0200||ADT^A31^ADT_A05|MSG1|P|2.5^FRA^2.11|||||FRA|UNICODE UTF-8|FR||2.11^IHE_FRANCE-2.11-PAM",
        "EVN||20261005080000+0200",
        f"PID|1||IPP-1^^^&{AUTHORITY}&ISO^PI~275126322074974^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS||ADRUN^ZOE^ZOE^^^^L||19751231|F|||"
        "^^^^^^BDL^^63220||||||||||||||||||||N|VALI",
        "PV1|1|N",
        "ZFA|ACTIF||||||||INO|20261005060000",
        "ZFD|||Y|N|INSI|20261005080000|CN|",
        "",
    ] == message.split("\r")


def test_it_is_read_back_by_a_second_reader_and_by_our_own() -> None:
    patient = replace(a_qualified_patient(), traits=replace(a_qualified_patient().traits, used_family="D'Œuvre & Çelik"))
    message = written(patient)

    other = hl7.parse(message.replace("\r\r", "\r"))
    assert "275126322074974" == str(other.segment("PID")[3][1][0])
    said = Hl7MessageReader().read(message.encode(), "", GROUP.sites[0]).patient
    assert ("IPP-1", "ADRUN", "D'Œuvre & Çelik", "63220", ("VALI",)) == (
        said.ipp.value, said.traits.birth_family, said.traits.used_family, said.traits.birth_place_insee, said.reliability
    )  # fmt: skip


@pytest.mark.parametrize("trigger", [Trigger.UPDATE, Trigger.CHANGE_IDENTIFIERS])
def test_no_forbidden_field_is_sent(trigger: Trigger) -> None:
    pid = segment_of(written(a_qualified_patient(), trigger, ZOE.ins if trigger is Trigger.CHANGE_IDENTIFIERS else None), "PID")

    assert [] == [number for number in FORBIDDEN if number < len(pid) and pid[number]]


@pytest.mark.segur("INS.32", "INS.33", "INS.34", "INS.35", "INS.36")
def test_an_a47_deletes_the_ins_and_names_it_in_mrg_alone() -> None:
    message = written(zoe(status=IdentityStatus.VALIDEE), Trigger.CHANGE_IDENTIFIERS, ZOE.ins)

    assert ["MSH", "EVN", "PID", "MRG"] == [line[:3] for line in message.split("\r") if line]
    assert "ADT^A47^ADT_A30" == segment_of(message, "MSH")[8]
    assert f'IPP-1^^^&{AUTHORITY}&ISO^PI~""^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS' == segment_of(message, "PID")[3]
    assert "275126322074974^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS" == segment_of(message, "MRG")[1]


def test_a_new_nir_goes_with_the_former_one_and_nia_has_its_own_authority() -> None:
    nia = replace(a_qualified_patient(), ins=Ins("109076322088835", OID_NIA))
    changed = written(replace(nia, ins=ZOE.ins), Trigger.CHANGE_IDENTIFIERS, Ins("297022A02077878", ZOE.ins.oid))

    assert "109076322088835^^^ASIP-SANTE-INS-NIA&1.2.250.1.213.1.4.9&ISO^INS" in segment_of(written(nia), "PID")[3]
    assert "275126322074974^^^" in segment_of(changed, "PID")[3]
    assert segment_of(changed, "MRG")[1].startswith("297022A02077878^^^")


@pytest.mark.segur("INS.37")
@pytest.mark.parametrize(
    ("patient", "code"),
    [
        (zoe(), "VIDE"),
        (zoe(insi=InsiRecord(InsiState.NOT_FOUND, NOW, "01")), "PROV"),
        (zoe(status=IdentityStatus.RECUPEREE, ins=ZOE.ins), "PROV"),
        (zoe(status=IdentityStatus.VALIDEE, proof=Proof("CN", NOW, "acc")), "VALI"),
        (zoe(attributes=frozenset({"douteuse", "homonyme"})), "PROV~DOUT~HOMA"),
        (zoe(attributes=frozenset({"fictive"})), "PROV~FICT"),
    ],
)
def test_pid_32_says_what_a_receiver_may_know(patient: Patient, code: str) -> None:
    message = written(patient)

    assert code == segment_of(message, "PID")[32]
    assert ZOE.ins.matricule not in message


def test_an_erased_used_name_is_erased_at_the_receiver_too() -> None:
    assert "ADRUN^ZOE^^^^^L" == segment_of(written(zoe()), "PID")[5]
    assert 'ADRUN^ZOE^^^^^L~""^^^^^^D' == segment_of(written(zoe(), erased=True), "PID")[5]


def test_nothing_empty_is_sent_as_a_segment_and_a_local_capture_loses_insi() -> None:
    assert ["MSH", "EVN", "PID", "PV1"] == [line[:3] for line in written(zoe()).split("\r") if line]
    assert ["ZFD", "", "", "N"] == segment_of(written(zoe(capture={"ZFD-5": "INSI", "ZFD-3": "N"})), "ZFD")


def test_values_cannot_break_a_message() -> None:
    evil = zoe(traits=replace(zoe().traits, used_family="A|B^C~D\\E&F\rPID|1", birth_family='""'))

    message = read(Hl7IdentityWriter().identity(facts(evil)), "")

    assert 1 == len(message.all("PID"))
    assert "A|B^C~D\\E&F\rPID|1" == message.all("PID")[0].field(5).repetitions()[1].component(1).text()


@pytest.mark.parametrize(
    ("before", "after", "trigger"),
    [
        ({}, {"phone": "01"}, None),
        ({}, {"used_family": "DURAND"}, Trigger.UPDATE),
        ({}, {"birth_place_insee": "63220"}, Trigger.UPDATE),
    ],
)
def test_only_what_a_partner_keeps_is_told(before: dict[str, str], after: dict[str, str], trigger: Trigger | None) -> None:
    old = zoe(traits=replace(zoe().traits, **before))  # type: ignore[arg-type]

    told, announcement = announced(old, replace(old, traits=replace(old.traits, **after)), at=NOW, site="nord")  # type: ignore[arg-type]

    assert trigger == (announcement and announcement.trigger)
    assert (trigger is not None) == told.announced


def test_a_resend_is_the_same_bytes_whatever_changed_since_then() -> None:
    desk = Desk()
    desk.qualify()
    number = desk.patient().announced
    first = desk.gate.sent[-1].frame
    desk.patients.save(replace(desk.patient(), consents={"ZFA-9": "IO"}))
    row = desk.deliveries.of_owner(f"p-1.nord.{number}")[0]
    desk.deliveries.save(replace(row, reason="no_answer", due_at=NOW))
    from ris.application.dispatch.send_hl7 import send_again

    send_again(desk.sending, row, NOW + timedelta(hours=2))

    assert first == desk.gate.sent[-1].frame
    assert 3 == len(desk.gate.sent)
