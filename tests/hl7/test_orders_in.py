"""Every ORC/OBR group becomes its own request; a cancellation takes it, and its exam, off every list."""

import pytest

from ris.application.agenda.messages import MessageState
from ris.application.agenda.views import requests_to_book
from ris.domain.agenda.exam import ExamState
from ris.domain.agenda.request import Prescriber, RequestState
from tests.support.agenda import NOW
from tests.support.hl7 import PLACER, Intake, adt, obr, orc, orm


@pytest.fixture
def intake():
    return Intake()


def booked(intake, placer="OPN-1"):
    request = intake.request(placer)
    return intake.world.booked(request_id=request.request_id, patient_id=request.patient_id)


def test_an_order_makes_a_request_with_all_it_says(intake):
    intake.take(adt())

    intake.take(orm(orc(), "TQ1|1||||||||S", obr(reason=r"Toux \T\ fièvre\.br\depuis 3 j")))

    request = intake.request()
    assert request.patient_id == intake.known().patient_id
    assert (request.placer_order_number, request.placer_authority) == ("OPN-1", PLACER)
    assert (request.exam_code, request.exam_label, request.exam_code_system) == ("ZBQK002", "Scanner du thorax", "CCAM")
    assert (request.reason, request.priority) == ("Toux & fièvre\ndepuis 3 j", "stat")
    assert request.prescriber == Prescriber("99999999990", "EXEMPLE", "LUC")
    assert [row.request.request_id for row in requests_to_book(intake.world.s, "nord")] == [request.request_id]


def test_an_order_before_its_admission_makes_the_patient_known(intake):
    intake.take(orm(orc(), obr()))

    assert intake.known().traits.birth_family == "ADRUN"
    assert intake.to_book() == ["OPN-1"]


@pytest.mark.parametrize("kind", ["ORM^O01", "ORM^O01^ORM_O01", "OMG^O19^OMG_O19", "OMI^O23^OMI_O23"])
def test_each_group_is_its_own_request_in_each_kind_of_order(intake, kind):
    groups = [
        orc(placer="OPN-1"),
        obr("OPN-1"),
        "NTE|1||a",
        orc(placer="OPN-2"),
        "TQ1|1||||||||A",
        obr("OPN-2", "NZQN001^IRM^CCAM"),
        "IPC|1^RIS|2",
    ]

    intake.take(orm(*groups, kind=kind))

    assert sorted(intake.to_book()) == ["OPN-1", "OPN-2"]
    assert (intake.request("OPN-1").priority, intake.request("OPN-2").priority) == ("routine", "urgent")


def test_several_obr_under_one_orc_are_several_requests(intake):
    intake.take(orm("ORC|NW", obr("OPN-1"), obr("OPN-2"), obr("OPN-3")))

    assert sorted(intake.to_book()) == ["OPN-1", "OPN-2", "OPN-3"]


@pytest.mark.parametrize(
    ("groups", "code", "place"),
    [
        ([], "segment_missing", "ORC"),
        ([obr()], "segment_missing", "ORC"),
        ([orc()], "segment_missing", "OBR(1)"),
        ([orc(), obr(), orc(placer="OPN-2")], "segment_missing", "OBR(2)"),
        ([orc(), obr(), orc("ZZ", "OPN-2"), obr("OPN-2")], "order_control_not_supported", "ORC(2)-1"),
        (["ORC|NW", "OBR|1|||ZBQK002"], "placer_number_missing", "ORC(1)-2"),
        (['ORC|NW|""', "OBR|1|||ZBQK002"], "placer_number_missing", "ORC(1)-2"),
        ([orc(), obr(), obr()], "placer_number_repeated", "ORC(2)-2"),
        ([orc(), obr(exam="")], "exam_missing", "OBR(1)-4"),
        ([orc(), obr(reason="x" * 20_001)], "too_long", "OBR(1)-13"),
        ([orc("XO"), obr()], "unknown_placer_number", "ORC(1)-2"),
        ([orc("CA"), obr()], "unknown_placer_number", "ORC(1)-2"),
    ],
)
def test_a_group_that_cannot_be_taken_holds_its_whole_message_and_names_itself(intake, groups, code, place):
    intake.take(orm(*groups))

    assert intake.listed() == [(code, place)]
    assert intake.to_book() == []


def test_no_group_of_a_message_is_taken_when_one_cannot_be(intake):
    intake.take(orm(orc(placer="OPN-1"), obr("OPN-1"), orc("CA", "OPN-9"), obr("OPN-9")))

    assert intake.to_book() == []
    assert intake.listed() == [("unknown_placer_number", "ORC(2)-2")]


def test_the_same_order_under_another_control_id_is_one_request(intake):
    intake.take(orm(orc(), obr()))
    intake.take(orm(orc(), obr()))

    assert intake.to_book() == ["OPN-1"]
    assert intake.request().version == 1


def test_the_same_placer_number_of_another_authority_or_site_is_another_request(intake):
    intake.take(orm(orc(), obr()))
    intake.take(orm("ORC|NW|OPN-1^AUTRE", "OBR|1|OPN-1^AUTRE||ZBQK002"))
    intake.take(orm(orc(), obr()), site="nuit")

    assert intake.to_book() == ["OPN-1", "OPN-1"]
    assert intake.to_book("nuit") == ["OPN-1"]


def test_a_changed_order_changes_the_request_while_nobody_booked_it(intake):
    intake.take(orm(orc(), obr()))

    intake.take(orm(orc("XO"), obr(reason="Fièvre")))

    assert intake.request().reason == "Fièvre"


def test_a_changed_order_of_a_booked_exam_waits_for_a_person(intake):
    intake.take(orm(orc(), obr()))
    exam = booked(intake)

    intake.take(orm(orc("XO"), obr(reason="Fièvre")))
    intake.take(orm(orc("XO"), obr()))
    intake.take(orm(orc("SC"), obr(reason="Fièvre")))

    assert intake.listed() == [("request_already_booked", "ORC(1)-1")]
    assert intake.world.exam(exam.accession_number).state is ExamState.BOOKED


def test_a_cancellation_takes_a_request_off_the_list_and_a_second_one_changes_nothing(intake):
    intake.take(orm(orc(), obr()))

    intake.take(orm(orc("CA")))
    after = intake.request()
    intake.take(orm(orc("CA"), obr()))

    assert intake.to_book() == []
    assert intake.request() == after
    assert after.state is RequestState.CANCELLED
    assert intake.listed() == []


@pytest.mark.parametrize("control", [orc("CA"), orc("DC"), orc("SC", status="CA")])
def test_a_cancellation_of_a_booked_exam_frees_its_slot_and_leaves_the_worklist(intake, control):
    intake.take(orm(orc(), obr()))
    exam = booked(intake)

    intake.take(orm(control))

    assert intake.world.exam(exam.accession_number).state is ExamState.CANCELLED
    assert intake.request().state is RequestState.CANCELLED
    assert intake.world.slots("scanner") == []
    assert intake.to_book() == []
    assert intake.world.feed.shown() == {}


def test_a_cancellation_of_an_exam_given_back_at_the_desk_is_final(intake):
    from ris.application.agenda.cancel_exam import cancel_exam

    intake.take(orm(orc(), obr()))
    cancel_exam(intake.world.s, booked(intake).accession_number, "patient", "acc", NOW)
    assert intake.to_book() == ["OPN-1"]

    intake.take(orm(orc("CA")))

    assert intake.to_book() == []


def test_a_cancellation_of_an_exam_that_began_waits_for_a_person(intake):
    from dataclasses import replace

    intake.take(orm(orc(), obr()))
    exam = intake.world.exam(booked(intake).accession_number)
    intake.world.s.exams.save(replace(exam, state=ExamState.IN_PROGRESS))

    intake.take(orm(orc("CA")))

    assert intake.listed() == [("exam_started", "ORC(1)-1")]
    assert intake.world.exam(exam.accession_number).state is ExamState.IN_PROGRESS


def test_an_order_that_comes_back_after_its_cancellation_waits_for_a_person(intake):
    intake.take(orm(orc(), obr()))
    intake.take(orm(orc("CA")))

    assert intake.take(orm(orc(), obr())).entry.state is MessageState.PARKED
    assert intake.listed() == [("request_cancelled", "ORC(1)-2")]


def test_a_placer_number_of_somebody_else_is_refused_by_name(intake):
    intake.take(orm(orc(), obr()))

    for control in ("NW", "CA", "XO", "SC"):
        intake.take(orm(orc(control), obr(), ipp="IPP-8"))

    assert intake.listed() == [("placer_number_of_somebody_else", "PID-3")] * 4
    assert intake.to_book() == ["OPN-1"]


def test_an_exam_without_a_label_gets_the_catalogues_and_the_same_again_changes_nothing(intake):
    intake.take(orm(orc(), obr(exam="ZBQK002")))
    intake.take(orm(orc(), obr(exam="ZBQK002")))

    assert (intake.request().exam_label, intake.request().version) == ("Scanner du thorax", 1)


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("99999999990^EXEMPLE^LUC^^^^^^^^^^RPPS", Prescriber("99999999990", "EXEMPLE", "LUC")),
        ("99999999990^EXEMPLE^LUC", Prescriber("99999999990", "EXEMPLE", "LUC")),
        ("123^EXEMPLE^LUC^^^^^^^^^^ADELI", Prescriber("", "EXEMPLE", "LUC")),
        ("^EXEMPLE", Prescriber("", "EXEMPLE", "")),
    ],
)
def test_a_prescriber_has_an_rpps_only_when_it_is_one(intake, person, expected):
    intake.take(orm(f"ORC|NW|OPN-1^^{PLACER}^ISO|||||||||", f"OBR|1|||ZBQK002||||||||||||{person}"))

    assert intake.request().prescriber == expected


def visited(frame: bytes, number: str) -> bytes:
    """Return an order whose PV1 names a visit."""
    return frame.replace(b"PV1||O\r", f"PV1||O{'|' * 17}{number}\r".encode())


@pytest.mark.parametrize(
    ("said", "visit"),
    [
        ("V-1^^^CIM&1.2.250.1.99999.1&ISO^VN", ("V-1", "1.2.250.1.99999.1")),
        ("V-1^^^CIM^VN", ("V-1", "CIM")),
        ("V-1", ("V-1", "")),
        ('""', ("", "")),
        ("^^^CIM^VN", ("", "")),
    ],
)
def test_an_order_names_the_hospitals_visit(intake, said, visit):
    intake.take(visited(orm(orc(), obr()), said))

    assert (intake.request().visit_number, intake.request().visit_authority) == visit


def test_a_visit_that_is_told_later_is_taken_even_of_a_booked_exam_and_never_lost(intake):
    intake.take(orm(orc(), obr()))
    booked(intake)

    intake.take(visited(orm(orc("XO"), obr()), "V-2^^^CIM^VN"))
    intake.take(orm(orc("XO"), obr()))
    intake.take(visited(orm(orc("XO"), obr(reason="Fièvre")), "V-3^^^CIM^VN"))

    assert (intake.request().visit_number, intake.request().reason) == ("V-2", "Toux persistante")
    assert intake.listed() == [("request_already_booked", "ORC(1)-1")]


def test_a_visit_number_too_long_parks_the_order(intake):
    intake.take(visited(orm(orc(), obr()), "V" * 300))

    assert intake.listed() == [("too_long", "PV1-19")]
