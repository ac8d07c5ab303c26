"""Facts are written when something becomes true, once, dated by the site's day, and say who and how it was planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ris.application.report.sign_submission import sign_submission
from ris.application.report.validate_report import ValidateReport, validate_report
from ris.domain.dispatch.channels import DMP, HL7_REPORT, MSS_PROFESSIONAL
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState, Origin
from ris.domain.dispatch.mail import TO_PRINT as WAITS_FOR_PAPER
from ris.domain.dispatch.mail import printed
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.draft import DraftStatus
from ris.domain.report.marks import Marks
from ris.domain.report.version import VersionState
from ris.domain.usage.facts import FAILED, TAKEN, VALIDATED, counted
from ris.domain.usage.tally import entries_of
from tests.support.reports import ACCESSION, ENTITY, NOW, RPPS, ReportWorld, a_patient, a_session

EVE = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


def row(**said: object) -> Delivery:
    origin = Origin("Europe/Paris", "630999001", "630999100", RPPS, qualified=True)
    base = Delivery(ACCESSION, "nord", DMP, "DMP", "", DeliveryState.PENDING, report_version=1, changed_at=EVE, origin=origin)
    return replace(base, **said)  # type: ignore[arg-type]


def test_a_version_counts_from_its_signature_with_its_plan_and_its_marks() -> None:
    world = ReportWorld()
    version = world.signed()
    (fact,) = [each for each in world.deliveries.facts if each.kind == VALIDATED]

    assert (fact.accession_number, fact.report_version, fact.document_id, fact.value) == (ACCESSION, 1, version.document_id, 1)
    assert (fact.site, fact.day, fact.author, fact.legal_entity, fact.finess_geo) == ("nord", "2026-11-26", RPPS, ENTITY, ENTITY)
    assert (fact.qualified, fact.marks) == (True, ())
    assert {"dmp:pending:", "mss_patient:pending:"} < set(fact.plan)
    assert len(fact.plan) == len(version.plan)

    sign_submission(world.s, ACCESSION, 1, NOW + timedelta(days=1))
    assert [each for each in world.deliveries.facts if each.kind == VALIDATED] == [fact]

    # A row that somebody put back is signed again: another fact, and it counts once all the same.
    signed = world.reports.version(ACCESSION, 1)
    world.reports.save_version(replace(signed, state=VersionState.BUILT))
    world.reports.save_draft(replace(world.reports.draft(ACCESSION), status=DraftStatus.VALIDATING))
    sign_submission(world.s, ACCESSION, 1, NOW + timedelta(days=1))
    facts = [each for each in world.deliveries.facts if each.kind == VALIDATED]
    assert len({each.fact_id for each in facts}) == 2
    entries = entries_of(facts, ["2026-11-26", "2026-11-27"], "nord")
    assert [(each.day, dict(each.figures)["validated.qualified"]) for each in entries] == [("2026-11-26", 1)]


def test_a_report_without_an_identity_says_so_and_its_plan_too() -> None:
    world = ReportWorld(patient=a_patient(ins=None, strict=None, status=IdentityStatus.PROVISOIRE))
    world.signed()
    (fact,) = [each for each in world.deliveries.facts if each.kind == VALIDATED]

    assert fact.qualified is False
    assert {"dmp:held:identity", "mss_patient:held:identity"} < set(fact.plan)


def test_the_marks_of_a_version_are_its_own() -> None:
    world = ReportWorld()
    draft = world.written()
    marked = world.reports.save_draft(replace(draft, marks=Marks(announcement_pending=True, masked_to_professionals=True)))
    validate_report(world.s, ValidateReport(ACCESSION, marked.rev, a_session()), NOW)
    world.run()
    (fact,) = [each for each in world.deliveries.facts if each.kind == VALIDATED]

    assert fact.marks == ("announcement_pending", "masked_to_professionals")
    assert "mss_patient:held:announcement" in fact.plan


@pytest.mark.segur("TBB.03")
def test_a_failure_stands_while_it_is_tried_again_and_ends_when_the_recipient_got_it() -> None:
    rejected, (failed,) = counted(row(state=DeliveryState.REJECTED, remote_code="XDSRepositoryError", reason="refused"))
    assert (failed.kind, failed.value, failed.code, failed.day, rejected.failure) == (
        FAILED, 1, "XDSRepositoryError", "2027-01-01", failed.fact_id,
    )  # fmt: skip

    again, none = counted(replace(rejected, state=DeliveryState.PENDING, version=1))
    assert (again.failure, none) == (failed.fact_id, ())
    assert counted(replace(again, state=DeliveryState.REJECTED, version=2)) == (
        replace(again, state=DeliveryState.REJECTED, version=2),
        (),
    )
    delivered, (taken, over) = counted(replace(again, state=DeliveryState.DELIVERED, version=2))

    assert (taken.kind, taken.value, delivered.fact) == (TAKEN, 1, taken.fact_id)
    assert (over.kind, over.value, over.corrects, over.code, delivered.failure) == (FAILED, -1, failed.fact_id, "", "")
    assert len({failed.fact_id, taken.fact_id, over.fact_id}) == 3


def test_what_is_no_report_and_what_is_no_channel_of_the_indicators_never_fails() -> None:
    for quiet in (row(channel=HL7_REPORT, state=DeliveryState.REJECTED), row(report_version=0, state=DeliveryState.REJECTED)):
        assert counted(quiet) == (quiet, ())


def test_what_a_person_printed_is_paper_whatever_its_channel_was() -> None:
    failed, (failure,) = counted(row(channel=MSS_PROFESSIONAL, recipient=RPPS, state=DeliveryState.REJECTED, reason="no_mailbox"))
    held = replace(failed, state=DeliveryState.HELD, reason=WAITS_FOR_PAPER, version=1)
    settled, (paper, over) = counted(printed(held, EVE, by="secretaire"))

    assert (paper.channel, paper.recipient, settled.state) == ("to_print", RPPS, DeliveryState.DELIVERED)
    assert (over.channel, over.corrects) == (MSS_PROFESSIONAL, failure.fact_id)


def test_a_deletion_says_what_it_is() -> None:
    _, (fact,) = counted(row(operation=DELETE, state=DeliveryState.DELIVERED, report_version=2))

    assert fact.operation == DELETE
