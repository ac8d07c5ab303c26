"""The life of a report after its validation, as deployed: announcement, identity qualified later, deletion; and who may do what for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.local.cloud.client import Cloud
from ris.adapters.agenda.memory import MemoryWorkflows
from ris.adapters.dispatch.dynamodb import delivery_writes
from ris.adapters.dynamodb import write
from ris.adapters.report.step_functions import StepFunctionsSigning
from ris.application.agenda.services import Services
from ris.application.identity.records import RecordedEvent
from ris.application.report.correct_report import set_marks
from ris.application.report.edit_report import EditReport, edit_report
from ris.application.report.remake_report import delete_report, release_announcement
from ris.application.report.services import ReportServices
from ris.application.report.validate_report import ValidateReport, validate_report
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.dispatch.delivery import DELETE, DeliveryState
from ris.domain.identity.events import DocumentRecorded, IdentityEvent, InformationRecorded
from ris.domain.identity.ins import OID_NIR_TEST, Ins, StrictTraits
from ris.domain.identity.insi import InsiFound, InsiRecord, InsiState
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.draft import DraftStatus
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.version import VersionState
from tests.report.test_report_signing_in_the_cloud import TEXT, a_session, agenda, execution, performed, s
from tests.support.agenda_cloud import held
from tests.support.cloud import deployed_cloud
from tests.support.grants import called, granted, missing
from tests.support.stacks import tenant
from tests.support.waiting import until

__all__ = ["agenda", "s"]
cloud = deployed_cloud()
NOW = datetime.now(UTC)


def marked(s: ReportServices, exam: Exam, marks: Marks) -> None:
    """Write a report, mark it and validate it."""
    command = EditReport(exam.accession_number, 0, "Scanner thoracique", TEXT, "radiologue.nord")
    draft = edit_report(s, command, NOW)
    draft = set_marks(s, exam.accession_number, draft.rev, marks, actor="radiologue.nord", now=NOW)
    validate_report(s, ValidateReport(exam.accession_number, draft.rev, a_session()), NOW)


def releasing(cloud: Cloud, s: ReportServices) -> ReportServices:
    env = cloud.function_env("PortalFunction")
    return replace(
        s,
        workflows=StepFunctionsSigning(
            lambda: cloud.client("stepfunctions"), env["SIGNING_STATE_MACHINE_ARN"], env["RELEASE_STATE_MACHINE_ARN"]
        ),
    )


def arrived(agenda: Services, accession: str, *channels: str) -> None:
    """Let rows have arrived: nobody answers here."""
    for row in agenda.deliveries.of_owner(accession):
        if row.channel in channels and row.state is DeliveryState.PENDING:
            table = agenda.deliveries._table  # type: ignore[attr-defined]
            write(table.client, delivery_writes(table, replace(row, state=DeliveryState.DELIVERED, unknown=False, due_at=None)))


@pytest.mark.segur("CRR.03")
def test_announcement_done_ends_in_a_visible_version_and_a_deletion_takes_it_back(
    cloud: Cloud, agenda: Services, s: ReportServices
) -> None:
    exam, s = performed(agenda), releasing(cloud, s)
    accession = exam.accession_number
    marked(s, exam, Marks(announcement_pending=True))
    execution(cloud, "ReportSigningStateMachine", f"signing-{accession}-1")
    until(lambda: cloud.executions("ReportDispatchStateMachine"), 30)
    assert "announcement" == _row(agenda, accession, "mss_patient", 1).reason

    release_announcement(s, accession, actor="radiologue.nord", now=NOW)
    ended = execution(cloud, "AnnouncementReleaseStateMachine", f"announcement-{accession}-2-2")
    assert "SUCCEEDED" == ended["status"]
    assert "SUCCEEDED" == execution(cloud, "ReportSigningStateMachine", f"signing-{accession}-2")["status"]

    second, draft = s.reports.version(accession, 2), s.reports.draft(accession)
    assert second is not None
    assert draft is not None
    content = s.reports.content(second)
    assert content is not None
    assert (VersionState.SIGNED, Reason.ANNOUNCEMENT, DraftStatus.VALIDATED) == (second.state, second.reason, draft.status)
    assert not s.codec.load(content).visibility.invisible_to_patient
    assert ("withdrawn", "superseded") == _state(agenda, accession, "mss_patient", 1)
    arrived(agenda, accession, "mss_patient")

    delete_report(s, accession, actor="radiologue.nord", now=NOW)
    assert "SUCCEEDED" == execution(cloud, "ReportSigningStateMachine", f"signing-{accession}-3-3")["status"]
    execution(cloud, "ReportDispatchStateMachine", f"dispatch-{accession}-3-1")

    third = s.reports.version(accession, 3)
    assert third is not None
    assert (Reason.DELETION, VersionState.SIGNED) == (third.reason, third.state)
    assert DELETE == _row(agenda, accession, "mss_patient", 3).operation


def test_an_identity_qualified_later_makes_the_report_again_by_itself(cloud: Cloud, agenda: Services, s: ReportServices) -> None:
    exam = unqualified(agenda)
    accession = exam.accession_number
    marked(s, exam, Marks())
    execution(cloud, "ReportSigningStateMachine", f"signing-{accession}-1")
    assert ("held", "identity") == _state(agenda, accession, "dmp", 1)

    done = qualified(cloud, agenda, exam)
    assert "QUAL" == done["status"]
    ended = execution(cloud, "ReportSigningStateMachine", f"signing-{accession}-2-2")

    assert "SUCCEEDED" == ended["status"]
    second = s.reports.version(accession, 2)
    assert second is not None
    content = s.reports.content(second)
    assert content is not None
    assert s.codec.load(content).identity is not None
    assert (Reason.IDENTITY, "identity_qualified") == (second.reason, second.requested_by)
    assert ("withdrawn", "superseded") == _state(agenda, accession, "dmp", 1)


def test_the_sweep_makes_the_report_again_whose_machine_could_not_be_started(
    cloud: Cloud, agenda: Services, s: ReportServices
) -> None:
    exam = unqualified(agenda)
    accession = exam.accession_number
    marked(s, exam, Marks())
    execution(cloud, "ReportSigningStateMachine", f"signing-{accession}-1")
    due = agenda.deliveries.save(replace(_row(agenda, accession, "dmp", 1), due_at=NOW - timedelta(minutes=1)))

    cloud.invoke("SweepDueFunction", {"sites": ["nord"]})
    assert _row(agenda, accession, "dmp", 1).due_at is None, "nobody is qualified: it sleeps again"
    patient = agenda.patients.get(exam.patient_id)
    assert patient is not None
    agenda.patients.save(replace(patient, status=IdentityStatus.QUALIFIEE))
    agenda.deliveries.save(replace(_row(agenda, accession, "dmp", 1), due_at=due.due_at))
    cloud.invoke("SweepDueFunction", {"sites": ["nord"]})

    assert "SUCCEEDED" == execution(cloud, "ReportSigningStateMachine", f"signing-{accession}-2-2")["status"]


def test_an_opposition_that_the_desk_hears_is_over_lets_the_row_be_decided_again(
    cloud: Cloud, agenda: Services, s: ReportServices
) -> None:
    exam = unqualified(agenda)
    accession = exam.accession_number
    patient = agenda.patients.get(exam.patient_id)
    assert patient is not None
    agenda.patients.save(replace(patient, consents={"ZFA-9": "IO"}))
    marked(s, exam, Marks())
    execution(cloud, "ReportSigningStateMachine", f"signing-{accession}-1")
    assert ("withdrawn", "opposition") == _state(agenda, accession, "dmp", 1)

    said = InformationRecorded(at=NOW, by="accueil.nord", site="nord", feeding="INO", accession=accession)
    applied(cloud, agenda, exam, f"told-{accession}", said)
    assert _row(agenda, accession, "dmp", 1).due_at is not None
    cloud.invoke("SweepDueFunction", {"sites": ["nord"]})

    assert ("held", "identity") == _state(agenda, accession, "dmp", 1), "as its plan says without the opposition"
    assert _row(agenda, accession, "dmp", 1).due_at is None


def unqualified(agenda: Services) -> Exam:
    """Return a performed exam of a patient whom INSi knows and nobody has seen a document of."""
    exam = held(replace(agenda, workflows=MemoryWorkflows()), NOW, start=False)
    patient = agenda.patients.get(exam.patient_id)
    assert patient is not None
    birth = patient.traits.birth_date
    assert birth is not None
    ins = Ins("275126322074974", OID_NIR_TEST)
    traits = patient.traits
    found = InsiFound(ins, traits.birth_family, traits.birth_given, traits.birth_given, traits.sex, birth.isoformat(), "63220")
    agenda.patients.save(
        replace(
            patient,
            status=IdentityStatus.RECUPEREE,
            ins=ins,
            strict=StrictTraits(traits.birth_family, traits.birth_given, traits.birth_given, birth, traits.sex, "63220"),
            insi=InsiRecord(InsiState.ACCEPTED, NOW, "00", found, "", ()),
        )
    )
    return agenda.exams.save(replace(exam, state=ExamState.COMPLETED, hold_expires_at=None))


def qualified(cloud: Cloud, agenda: Services, exam: Exam) -> dict[str, Any]:
    """Record the document that qualifies the identity, and apply it as the machine does."""
    document = DocumentRecorded(at=NOW, by="identito.nord", site="nord", code="CN")
    return applied(cloud, agenda, exam, f"doc-{exam.accession_number}", document)


def applied(cloud: Cloud, agenda: Services, exam: Exam, event_id: str, event: IdentityEvent) -> dict[str, Any]:
    """Record an event of the exam's patient, and apply it as the machine does."""
    recorded = RecordedEvent(exam.patient_id, event_id, "nord", event.by, NOW, event)
    agenda.patients.add_event(recorded)  # type: ignore[attr-defined]
    return cloud.invoke(
        "ApplyIdentityEventFunction",
        {"patient_id": exam.patient_id, "site": "nord", "event": {"event_id": recorded.event_id, "kind": "document"}},
    )


def test_the_functions_call_nothing_that_they_may_not(cloud: Cloud) -> None:
    stack, calls = tenant(), cloud.calls()

    for name in ("FreezeReportFunction", "SignSubmissionFunction", "ApplyIdentityEventFunction", "SweepDueFunction"):
        assert not missing(granted(stack, stack.resources[name]), called(calls, name)), name


def _row(agenda: Services, accession: str, channel: str, version: int) -> Any:
    return next(one for one in agenda.deliveries.of_owner(accession) if (one.channel, one.report_version) == (channel, version))


def _state(agenda: Services, accession: str, channel: str, version: int) -> tuple[str, str]:
    row = _row(agenda, accession, channel, version)
    return row.state.value, row.reason
