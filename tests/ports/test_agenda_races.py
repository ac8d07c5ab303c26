"""A hundred races for one slot against DynamoDB's own conditions: every client has read before anybody writes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from infra.local.cloud.client import Cloud
from ris.adapters.agenda.memory import MemoryWorkflows
from ris.application.agenda.book_appointment import BookAppointment, book_appointment
from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.confirm_booking import confirm_booking
from ris.domain.errors import Refused
from tests.support.agenda_cloud import cloud_services, own_patient
from tests.support.cloud import deployed_cloud
from tests.support.races import ReadTogether

cloud = deployed_cloud()
RACES, CLIENTS = 100, 8


@pytest.mark.slow
def test_a_hundred_races_in_the_cloud_have_one_winner_each(cloud: Cloud) -> None:
    s = replace(cloud_services(cloud), workflows=MemoryWorkflows())
    now = datetime.now(UTC)
    patients = [own_patient(s) for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for race in range(RACES):
            day = (now + timedelta(days=400 + race)).date().isoformat()
            racing = replace(s, agenda=ReadTogether(s.agenda, CLIENTS))

            def client(patient_id: str, racing=racing, day=day) -> str:  # type: ignore[no-untyped-def]
                command = BookAppointment("nord", None, patient_id, "ZBQK001", "salle-scanner", day, "09:00", None, "acc")
                try:
                    return book_appointment(racing, command, now).accession_number
                except Refused as refusal:
                    return refusal.code

            results = sorted(pool.map(client, [patient.patient_id for patient in patients]))

            assert ["slot_taken"] * (CLIENTS - 1) == results[1:], (race, results)
            for resource in ("salle-scanner", "scanner"):
                slots = s.agenda.days("nord", [resource], day)[resource].slots
                assert [results[0]] == [slot.accession_number for slot in slots]


@pytest.mark.slow
def test_confirming_against_cancelling_in_the_cloud_ends_cancelled(cloud: Cloud) -> None:
    s = replace(cloud_services(cloud), workflows=MemoryWorkflows())
    now = datetime.now(UTC)
    patient = own_patient(s)
    with ThreadPoolExecutor(2) as pool:
        for race in range(20):
            day = (now + timedelta(days=500 + race)).date().isoformat()
            command = BookAppointment("nord", None, patient.patient_id, "ZBQK001", "salle-scanner", day, "09:00", None, "acc")
            exam = book_appointment(s, command, now)
            racing = replace(s, agenda=ReadTogether(s.agenda, 2))

            def confirm(exam=exam, racing=racing) -> str:  # type: ignore[no-untyped-def]
                try:
                    return confirm_booking(racing, exam.accession_number, exam.hold_token, now).state.value
                except Refused as refusal:
                    return refusal.code

            confirming = pool.submit(confirm)
            cancelled = cancel_exam(racing, exam.accession_number, "patient", "acc", now)

            assert confirming.result() in {"booked", "cancelled"}
            assert "cancelled" == cancelled.state.value
            days = s.agenda.days("nord", exam.appointment.resources, day)
            assert [(), ()] == [one.slots for one in days.values()]
            assert "" == s.exams.planned(*exam.reservation)
