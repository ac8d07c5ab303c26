from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import config as pydicom_config
from pydicom.dataset import Dataset

from ris.adapters.agenda.worklist_json import dataset_of, feed_of
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.application.agenda.publish_worklist import entry_of, publish_worklist, republish_patient
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.worklist import WorklistEntry
from ris.domain.errors import InvalidInput, RemoteUnavailable
from ris.domain.identity.patient import IdentityStatus, Patient
from tests.support.agenda import AUTHORITY, NOW, World, a_patient, a_request

# PS3.4 Table K.6-1: every attribute a worklist answers, with its VR (PS3.6), at the item's level and in its scheduled step.
RETURNED = {
    "SpecificCharacterSet": "CS",
    "AccessionNumber": "SH",
    "IssuerOfAccessionNumberSequence": "SQ",
    "ReferringPhysicianName": "PN",
    "ReferencedStudySequence": "SQ",
    "ReferencedPatientSequence": "SQ",
    "PatientName": "PN",
    "PatientID": "LO",
    "IssuerOfPatientID": "LO",
    "IssuerOfPatientIDQualifiersSequence": "SQ",
    "PatientBirthDate": "DA",
    "PatientSex": "CS",
    "PatientSize": "DS",
    "PatientWeight": "DS",
    "MedicalAlerts": "LO",
    "Allergies": "LO",
    "PregnancyStatus": "US",
    "StudyInstanceUID": "UI",
    "RequestingPhysician": "PN",
    "RequestingService": "LO",
    "RequestedProcedureDescription": "LO",
    "RequestedProcedureCodeSequence": "SQ",
    "AdmissionID": "LO",
    "CurrentPatientLocation": "LO",
    "SpecialNeeds": "LO",
    "PatientState": "LO",
    "OrderPlacerIdentifierSequence": "SQ",
    "ScheduledProcedureStepSequence": "SQ",
    "RequestedProcedureID": "SH",
    "ReasonForTheRequestedProcedure": "LO",
    "RequestedProcedurePriority": "SH",
    "PatientTransportArrangements": "LO",
    "RequestedProcedureComments": "LT",
    "PlacerOrderNumberImagingServiceRequest": "LO",
    "ConfidentialityConstraintOnPatientDataDescription": "LO",
}
OF_THE_STEP = {
    "Modality": "CS",
    "RequestedContrastAgent": "LO",
    "ScheduledStationAETitle": "AE",
    "ScheduledProcedureStepStartDate": "DA",
    "ScheduledProcedureStepStartTime": "TM",
    "ScheduledPerformingPhysicianName": "PN",
    "ScheduledProcedureStepDescription": "LO",
    "ScheduledProtocolCodeSequence": "SQ",
    "ScheduledProcedureStepID": "SH",
    "ScheduledStationName": "SH",
    "ScheduledProcedureStepLocation": "SH",
    "PreMedication": "LO",
    "ScheduledProcedureStepStatus": "CS",
    "CommentsOnTheScheduledProcedureStep": "LT",
}


@pytest.fixture
def world() -> World:
    return World()


def entry(world: World, exam: Exam) -> WorklistEntry:
    return entry_of(world.s, exam, exam.steps[0])


def read(entry: WorklistEntry) -> Dataset:
    """Read the data set as a stranger would: with pydicom, which checks each value against its VR."""
    before = pydicom_config.settings.reading_validation_mode
    pydicom_config.settings.reading_validation_mode = pydicom_config.RAISE
    try:
        return Dataset.from_json(dataset_of(entry))
    finally:
        pydicom_config.settings.reading_validation_mode = before


def test_every_key_a_modality_may_ask_has_its_attribute(world: World) -> None:
    world.s.exams.save_request(a_request())
    answer = read(entry(world, world.booked(request_id="r-1")))

    assert RETURNED == {element.keyword: element.VR for element in answer}
    (step,) = answer.ScheduledProcedureStepSequence
    assert OF_THE_STEP == {element.keyword: element.VR for element in step}


def test_a_modality_learns_who_what_when_and_where(world: World) -> None:
    world.s.exams.save_request(a_request())
    exam = world.booked(request_id="r-1")
    answer = read(entry(world, exam))
    (step,) = answer.ScheduledProcedureStepSequence

    assert ("ADRUN^ZOE", "IPP-1", "19840513", "F") == (
        answer.PatientName,
        answer.PatientID,
        answer.PatientBirthDate,
        answer.PatientSex,
    )
    assert AUTHORITY == answer.IssuerOfPatientIDQualifiersSequence[0].UniversalEntityID
    assert (exam.accession_number, exam.study_instance_uid) == (answer.AccessionNumber, answer.StudyInstanceUID)
    assert exam.accession_authority == answer.IssuerOfAccessionNumberSequence[0].UniversalEntityID
    assert "ISO" == answer.IssuerOfAccessionNumberSequence[0].UniversalEntityIDType
    assert ("OPN-1", "1.2.250.1.99999.7") == (
        answer.PlacerOrderNumberImagingServiceRequest,
        answer.OrderPlacerIdentifierSequence[0].UniversalEntityID,
    )
    assert ("EXEMPLE^LUC", "EXEMPLE^LUC") == (answer.ReferringPhysicianName, answer.RequestingPhysician)
    assert ("Toux persistante", "HIGH") == (answer.ReasonForTheRequestedProcedure, answer.RequestedProcedurePriority)
    assert ("CT", "CT1", "CTNORD") == (step.Modality, step.ScheduledStationAETitle, step.ScheduledStationName)
    assert ("20261006", "090000") == (step.ScheduledProcedureStepStartDate, step.ScheduledProcedureStepStartTime), "the site's wall"
    assert (f"{exam.accession_number}-1", "SCHEDULED") == (step.ScheduledProcedureStepID, step.ScheduledProcedureStepStatus)
    assert ("ZBQK002", "CCAM") == (
        step.ScheduledProtocolCodeSequence[0].CodeValue,
        step.ScheduledProtocolCodeSequence[0].CodingSchemeDesignator,
    )


@pytest.mark.segur("INS.37")
def test_no_ins_leaves_towards_a_modality_whatever_the_identity(world: World) -> None:
    patient = world.patients.get("p-1")
    assert patient is not None
    ins = replace(patient.identifiers[0], value="284057512345678", authority="1.2.250.1.213.1.4.10", kind="INS")
    world.patients.save(replace(patient, identifiers=(*patient.identifiers, ins), status=IdentityStatus.QUALIFIEE))

    text = feed_of(entry(world, world.booked())).model_dump_json()

    assert "284057512345678" not in text
    assert "1.2.250.1.213" not in text


def test_an_exam_without_a_request_or_a_known_patient_still_has_its_keys(world: World) -> None:
    whole = entry(world, world.booked())
    answer = read(replace(whole, patient=None, ipp="", ipp_authority=AUTHORITY))

    assert RETURNED == {element.keyword: element.VR for element in answer}
    assert "ROUTINE" == answer.RequestedProcedurePriority


LONG = "RAKOTOMALALA-ANDRIANAMPOINIMERINA DE LA ROCHE SAINT-SAUVEUR DES BOIS"


@pytest.mark.parametrize(
    ("family", "given", "expected"),
    [
        ("DUPONT", "MARIE", "DUPONT^MARIE"),
        ("DUPONT", "", "DUPONT"),
        ("", "MARIE", "^MARIE"),
        ("D^ARC=X\\Y", "JEANNE^", "D ARC X Y^JEANNE"),
        (LONG, "MARIE-MADELEINE BERNADETTE EUGENIE", f"{LONG[:48]}^MARIE-MADELEINE"),
        ("DUPONT", "A" * 80, f"DUPONT^{'A' * 57}"),
        ("F" * 100, "", "F" * 63),
    ],
)
def test_a_name_is_shortened_so_that_the_birth_name_begins_it(world: World, family: str, given: str, expected: str) -> None:
    whole = entry(world, world.booked())
    assert whole.patient is not None
    traits = replace(whole.patient.traits, birth_family=family, birth_given=given)

    assert expected == read(replace(whole, patient=replace(whole.patient, traits=traits))).PatientName


def test_identifiers_are_never_cut(world: World) -> None:
    whole = entry(world, world.booked())
    request = a_request(1, placer_order_number="OPN-2026-SITE-NORD-00000012345-A")

    answer = read(replace(whole, ipp="IPP-2026-SITE-NORD-00000012345", request=request))

    assert "IPP-2026-SITE-NORD-00000012345" == answer.PatientID
    assert "OPN-2026-SITE-NORD-00000012345-A" == answer.PlacerOrderNumberImagingServiceRequest


texts = st.text(max_size=120)


@given(texts, texts, texts, texts)
def test_whatever_a_sender_wrote_is_a_valid_data_set(family: str, given_name: str, reason: str, label: str) -> None:
    world = World()
    patient = a_patient(1, birth_family=family, birth_given=given_name, birth_date=None, sex="U")
    exam = replace(world.booked(), exam_label=label)
    whole = replace(entry(world, exam), patient=patient, request=a_request(1, reason=reason, exam_label=label))

    answer = read(whole)

    assert len(str(answer.PatientName)) <= 64
    assert len(str(answer.get("ReasonForTheRequestedProcedure", "") or "")) <= 64
    assert len(str(answer.get("RequestedProcedureDescription", "") or "")) <= 64


def test_the_mark_goes_when_that_very_state_was_published(world: World) -> None:
    exam = world.booked()

    assert exam.publish_due_at is None
    assert [(exam.version - 1,)] == [(one.version,) for one in world.feed.published]
    assert (exam.version - 1,) == tuple(step.feed_version for step in exam.steps)
    assert [exam.accession_number] == world.orders.planned, "the order has its row before anything can die"


def test_a_feed_that_does_not_answer_keeps_the_mark(world: World) -> None:
    exam = world.held()
    confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)
    world.feed.unavailable = True

    with pytest.raises(RemoteUnavailable):
        publish_worklist(world.s, exam.accession_number, NOW)

    assert NOW + timedelta(minutes=3) == world.exam(exam.accession_number).publish_due_at


def test_a_publication_overtaken_by_a_cancellation_leaves_nothing_on_the_list(world: World) -> None:
    """The slow publisher read the exam while it was booked; its message arrives last, and older."""
    exam = world.held()
    booked = confirm_booking(world.s, exam.accession_number, exam.hold_token, NOW)
    slow = feed_of(entry(world, booked))

    cancel_exam(world.s, exam.accession_number, "patient", "acc", NOW)
    world.feed.published.append(slow)

    assert {} == world.feed.shown()


def test_what_is_only_held_is_not_published(world: World) -> None:
    exam = world.held()

    assert ExamState.HELD is publish_worklist(world.s, exam.accession_number, NOW).state
    assert [] == world.feed.published == world.orders.planned
    with pytest.raises(InvalidInput, match="unknown_exam"):
        publish_worklist(world.s, "269999999999", NOW)


def test_a_corrected_name_reaches_the_worklist_under_a_higher_version(world: World) -> None:
    exam = world.booked()
    before = world.feed.shown()[exam.steps[0].sps_id]
    patient = world.patients.get("p-1")
    assert patient is not None
    world.patients.save(replace(patient, traits=replace(patient.traits, birth_family="ADRUN-PETIT")))

    assert [exam.accession_number] == republish_patient(world.s, "p-1", NOW)

    after = world.feed.shown()[exam.steps[0].sps_id]
    assert before.version < after.version
    assert [{"Alphabetic": "ADRUN-PETIT^ZOE"}] == after.dataset["00100010"]["Value"]


def test_a_step_leaves_the_gateways_list_by_itself_a_day_after_its_end(world: World) -> None:
    exam = world.booked()

    assert exam.appointment.end + timedelta(days=1) == world.feed.published[-1].expires_at
    assert datetime(2026, 10, 7, 7, 30, tzinfo=UTC) == world.feed.published[-1].expires_at


def test_a_message_on_the_feed_stays_small(world: World) -> None:
    """Under 8 KB with everything as long as it may be but the free text, whose own limit is 10,240 characters."""
    world.s.exams.save_request(a_request(1, reason="é" * 500))

    def size(value: Any) -> int:
        return len(value.model_dump_json().encode())

    exam = world.booked(request_id="r-1")
    whole = entry(world, exam)
    patient: Patient = a_patient(1, birth_family="É" * 100, birth_given="Ç" * 100)

    assert size(feed_of(replace(whole, patient=patient))) < 8_192
