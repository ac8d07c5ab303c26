"""The ORM^O01 a PACS gets: its shape, and that nothing typed by anybody can change it."""

from dataclasses import replace

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.adapters.agenda.er7 import read
from ris.adapters.agenda.hl7_outbound import Hl7OrderWriter
from ris.application.dispatch.ports import OrderFacts
from ris.domain.agenda.request import Prescriber
from ris.domain.identity.patient import Identifier, Traits
from tests.support.agenda import AUTHORITY, NOW, a_patient, a_request
from tests.support.dispatch import Dispatch

DISPATCH = Dispatch()
EXAM = DISPATCH.booked()
SITE = DISPATCH.world.s.reference.site("nord")
FACTS = OrderFacts("0123456789ABCDEF0123", "PACS", NOW, SITE, EXAM, a_patient(), a_request())


def written(**changes):
    return read(Hl7OrderWriter().order(replace(FACTS, **changes)))


def test_the_shape_a_pacs_needs():
    message = written()
    msh, pid, orc, obr, zds = (message.first(name) for name in ("MSH", "PID", "ORC", "OBR", "ZDS"))

    assert [each.name for each in message.segments] == ["MSH", "PID", "PV1", "ORC", "OBR", "ZDS"]
    assert (msh.field(9).raw, msh.field(10).raw, msh.field(12).raw) == ("ORM^O01^ORM_O01", "0123456789ABCDEF0123", "2.5.1")
    assert (msh.field(3).raw, msh.field(5).raw, msh.field(6).raw, msh.field(18).raw) == ("RIS", "PACS", "nord", "UNICODE UTF-8")
    assert (pid.field(3).raw, pid.field(5).raw) == (f"IPP-1^^^&{AUTHORITY}&ISO^PI", "ADRUN^ZOE^^^^^L")
    assert (pid.field(7).raw, pid.field(8).raw, pid.field(32).raw) == ("19840513", "F", "VIDE")
    assert (orc.field(1).raw, orc.field(2).raw) == ("NW", "OPN-1^^1.2.250.1.99999.7^ISO")
    assert orc.field(12).component(9).raw == "ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO"
    assert [orc.field(12).component(number).raw for number in (1, 2, 3, 13)] == ["899999999990", "EXEMPLE", "LUC", "RPPS"]
    assert obr.field(4).raw == "ZBQK002^Scanner du thorax^CCAM"
    assert obr.field(18).raw == obr.field(19).raw == EXAM.accession_number
    assert (obr.field(20).raw, obr.field(24).raw) == (EXAM.steps[0].sps_id, "CT")
    assert (obr.field(27).component(4).raw, obr.field(27).component(6).raw) == ("20261006090000+0200", "A")
    assert zds.field(1).raw == f"{EXAM.study_instance_uid}^RIS^Application^DICOM"


def test_an_independent_reader_finds_the_same():
    theirs = hl7.parse(Hl7OrderWriter().order(FACTS).decode())

    assert str(theirs["ZDS"][0][1]) == f"{EXAM.study_instance_uid}^RIS^Application^DICOM"
    assert str(theirs["OBR"][0][18]) == EXAM.accession_number


def test_every_step_has_its_own_group():
    steps = (*EXAM.steps, replace(EXAM.steps[0], sps_id="S2", dicom_modality="MR"))

    message = written(exam=replace(EXAM, steps=steps))

    assert [each.field(20).raw for each in message.all("OBR")] == [EXAM.steps[0].sps_id, "S2"]
    assert len(message.all("ORC")) == len(message.all("OBR")) == 2


def test_no_ins_and_no_unknown_date_leave():
    identifiers = (Identifier("IPP-1", AUTHORITY, "PI"), Identifier("275126322074974", "1.2.250.1.213.1.4.8", "INS"))
    patient = replace(a_patient(birth_date=None, birth_date_text="19750231"), identifiers=identifiers)

    message = written(patient=patient)

    assert b"275126322074974" not in message.encode()
    assert message.first("PID").field(7).raw == ""
    assert len(message.first("PID").field(3).repetitions()) == 1


def test_an_exam_without_request_or_prescriber_is_an_order_of_its_own():
    message = written(
        request=None,
        site=replace(SITE, ipp_authority="LOCAL"),
        patient=replace(a_patient(), identifiers=(Identifier("7", "LOCAL", "PI"),)),
    )

    assert message.first("ORC").field(2).raw == f"{EXAM.accession_number}^RIS"
    assert message.first("ORC").field(12).raw == ""
    assert message.first("PID").field(3).raw == "7^^^LOCAL^PI"


def test_a_used_name_is_a_second_name_of_type_d():
    names = written(patient=a_patient(used_family="L'ÉTOILE", used_given="Zoé")).first("PID").field(5).repetitions()

    assert [(each.component(1).text(), each.component(7).raw) for each in names] == [("ADRUN", "L"), ("L'ÉTOILE", "D")]


NASTY = st.text(
    st.sampled_from("|^~\\&\r\n\x0b\x1c\x00\x7f\"FSTREX.brMSH 'é€œ👩") | st.characters(exclude_categories=("Cs",)), max_size=30
)


@given(st.lists(NASTY, min_size=9, max_size=9))
def test_nothing_typed_by_anybody_moves_a_border(texts):
    family, given_name, used, ipp, reason, label, placer, prescriber, station = texts
    patient = replace(
        a_patient(), traits=Traits(family, given_name, used_family=used, sex="F"), identifiers=(Identifier(ipp, AUTHORITY, "PI"),)
    )
    request = replace(a_request(), reason=reason, placer_order_number=placer, prescriber=Prescriber("", prescriber, ""))
    exam = replace(EXAM, exam_label=label, steps=(replace(EXAM.steps[0], dicom_modality=station),))
    frame = Hl7OrderWriter().order(replace(FACTS, patient=patient, request=request, exam=exam))

    message = read(frame)
    pid, obr = message.first("PID"), message.first("OBR")

    assert not {0x0B, 0x1C, 0x0A} & set(frame)
    assert [each.name for each in message.segments] == ["MSH", "PID", "PV1", "ORC", "OBR", "ZDS"]
    assert (pid.field(5).component(1).text(), pid.field(5).component(2).text()) == (family, given_name)
    assert pid.field(3).component(1).text() == ipp
    assert (obr.field(13).text(), obr.field(4).component(2).text(), obr.field(24).text()) == (reason, label, station)
    assert obr.field(16).component(2).text() == prescriber
    assert obr.field(2).component(1).text() == (placer or exam.accession_number)
    assert message.first("ZDS").field(1).component(1).text() == EXAM.study_instance_uid
    if used:
        assert pid.field(5).repetitions()[1].component(1).text() == used


@pytest.mark.parametrize("priority", ["stat", "urgent", "routine", "unheard of"])
def test_a_priority_has_a_code(priority):
    code = written(request=replace(a_request(), priority=priority)).first("OBR").field(27).component(6).raw

    assert code == {"stat": "S", "urgent": "A"}.get(priority, "R")
