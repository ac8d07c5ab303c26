"""The click: who may, what is checked at once, and one validation whatever is clicked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.report.restart_signing import restart_signing, sweep_signing, unsigned
from ris.application.report.services import ReportSettings
from ris.application.report.validate_report import ValidateReport, problems, validate_report
from ris.domain.access.session import PscSession
from ris.domain.agenda.exam import ExamState
from ris.domain.errors import InvalidInput, Refused, RemoteUnavailable, RisError
from ris.domain.report.draft import DraftStatus
from ris.domain.report.frozen import Section
from tests.support.reports import ACCESSION, NOW, RPPS, TEXT, ReportWorld, a_session, an_exam


def click(world: ReportWorld, rev: int, account: str = "dr.rayon", **session: object):
    return validate_report(world.s, ValidateReport(ACCESSION, rev, a_session(account, **session)), NOW)  # type: ignore[arg-type]


def test_one_click_starts_the_signing_machine() -> None:
    world = ReportWorld()

    draft = click(world, world.written().rev)

    assert DraftStatus.VALIDATING is draft.status
    ((name, (accession, validation, rev)),) = world.workflows.started.items()
    assert (f"signing-{ACCESSION}-1", ACCESSION, draft.rev) == (name, accession, rev)
    assert (1, "dr.rayon", RPPS, NOW.replace(microsecond=0)) == (
        validation.version, validation.account_id, validation.rpps, validation.validated_at,
    )  # fmt: skip
    assert "2026-11-26T08:02:00+00:00" == validation.logged_in_at.isoformat()


def test_validated_twice_is_validated_once() -> None:
    world = ReportWorld()
    rev = world.written().rev

    first, second = click(world, rev), click(world, rev, "dr.second")

    assert first == second
    assert 1 == len(world.workflows.started)
    world.run()
    assert DraftStatus.VALIDATED is click(world, rev).status
    assert [1] == [version.version for version in world.reports.versions(ACCESSION)]


def test_a_provisional_report_is_validated_as_it_is() -> None:
    world = ReportWorld()
    draft = world.written()
    world.reports.save_draft(replace(draft, status=DraftStatus.PROVISIONAL))

    assert DraftStatus.VALIDATING is click(world, draft.rev + 1).status


def test_who_did_not_see_the_last_text_is_told() -> None:
    world = ReportWorld()
    rev = world.written().rev
    world.written(title="Corrigé par un autre")

    with pytest.raises(Refused) as told:
        click(world, rev)

    assert "edited_by_other" == told.value.code
    assert {} == world.workflows.started


@pytest.mark.parametrize(
    ("account", "session", "code"),
    [
        ("secretaire", {}, "validator_not_radiologist"),
        ("dr.sans", {}, "validator_without_rpps"),
        ("dr.rayon", {"psc": False}, "psc_session_required"),
    ],
)
def test_an_unqualified_validator_is_refused_with_field_and_rule(account: str, session: dict[str, object], code: str) -> None:
    world = ReportWorld()
    draft = world.written()

    with pytest.raises(Refused) as refused:
        click(world, draft.rev, account, **session)

    assert (code, "validator") == (refused.value.code, refused.value.field)
    assert draft == world.reports.draft(ACCESSION)


def test_somebody_else_s_pro_sante_connect_session_does_not_count() -> None:
    world = ReportWorld()
    session = a_session()
    other = replace(session, psc=PscSession("889990007777", "eidas1"))

    with pytest.raises(Refused) as refused:
        validate_report(world.s, ValidateReport(ACCESSION, world.written().rev, other), NOW)

    assert "psc_other_person" == refused.value.code


def test_the_pro_sante_connect_session_is_a_setting() -> None:
    world = ReportWorld(settings=ReportSettings(psc_required=False))

    assert DraftStatus.VALIDATING is click(world, world.written().rev, psc=False).status


def test_a_role_at_another_site_is_none_here() -> None:
    world = ReportWorld(exam=an_exam(site="sud"))

    with pytest.raises(Refused) as refused:
        click(world, world.written().rev)

    assert "validator_not_radiologist" == refused.value.code


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"title": ""}, "title_missing", "title"),
        ({"title": "x" * 129}, "title_too_long", "title"),
        ({"sections": TEXT[:2]}, "conclusion_missing", "Conclusion"),
        ({"sections": (*TEXT, Section("Suites", "漢"))}, "character_not_drawable", "Suites"),
        ({"sections": (*TEXT, Section("Suites", "\x1b"))}, "character_not_drawable", "Suites"),
        ({"recipients": ("00000000000",)}, "unknown_recipient", "recipients"),
    ],
)
def test_a_text_that_breaks_a_rule_is_refused_at_once_and_kept(change: dict[str, object], code: str, field: str) -> None:
    world = ReportWorld()
    draft = world.written(**change)

    with pytest.raises(InvalidInput) as refused:
        click(world, draft.rev)

    assert (code, field) == (refused.value.code, refused.value.field)
    assert draft == world.reports.draft(ACCESSION)
    assert (code == "unknown_recipient") or code in {problem.code for problem in problems(draft)}


@pytest.mark.parametrize("state", [ExamState.HELD, ExamState.CANCELLED, ExamState.EXPIRED])
def test_a_report_of_what_did_not_take_place_is_refused(state: ExamState) -> None:
    world = ReportWorld(exam=an_exam(state=state))

    with pytest.raises(Refused) as refused:
        click(world, world.written().rev)

    assert "exam_not_performed" == refused.value.code


def test_an_exam_without_mpps_counts_from_its_appointment_on() -> None:
    booked = an_exam(state=ExamState.BOOKED, performed=())
    assert DraftStatus.VALIDATING is ReportWorld(exam=booked).validated().status

    with pytest.raises(Refused):
        ReportWorld(exam=booked).validated(now=booked.appointment.start - timedelta(minutes=1))


def test_what_nobody_wrote_cannot_be_validated() -> None:
    with pytest.raises(InvalidInput) as refused:
        click(ReportWorld(), 0)

    assert "unknown_report" == refused.value.code


def test_a_click_whose_machine_did_not_start_stands_and_the_sweep_starts_it() -> None:
    world = ReportWorld()
    world.workflows._failures.append(RemoteUnavailable("workflows_unavailable"))

    assert DraftStatus.VALIDATING is click(world, world.written().rev).status
    assert {} == world.workflows.started
    assert [] == unsigned(world.s, "nord", NOW, limit=10)
    later = NOW + timedelta(minutes=6)
    assert [ACCESSION] == unsigned(world.s, "nord", later, limit=10)
    restart_signing(world.s, ACCESSION, later)
    restart_signing(world.s, ACCESSION, later)

    assert [f"signing-{ACCESSION}-1-2"] == list(world.workflows.started)
    assert NOW.replace(microsecond=0) == world.run(now=later).validated_at


def test_an_execution_that_died_is_started_again_from_its_version() -> None:
    world = ReportWorld()
    world.validated()
    from ris.application.report.freeze_report import freeze_report

    freeze_report(world.s, world.command(), NOW)
    later = NOW + timedelta(minutes=6)

    assert [ACCESSION] == unsigned(world.s, "nord", later, limit=10)
    restart_signing(world.s, ACCESSION, later)

    assert [f"signing-{ACCESSION}-1", f"signing-{ACCESSION}-1-2"] == list(world.workflows.started)
    assert "signed" == world.run(now=later).state.value
    assert [] == unsigned(world.s, "nord", later + timedelta(days=1), limit=10)
    assert restart_signing(world.s, "absent", later) is None


def test_a_refusal_names_no_value_of_the_patient() -> None:
    world = ReportWorld()
    traits = replace(world.patient.traits, used_family="SECR\x07ET")
    saved = world.patients.get("p-1")
    assert saved is not None
    world.patients.save(replace(saved, traits=traits))

    with pytest.raises(RisError) as refused:
        click(world, world.written().rev)

    assert ("character_not_drawable", "patient.used_family") == (refused.value.code, refused.value.field)
    assert "SECR" not in str(refused.value) + refused.value.detail


def test_one_signing_that_fails_never_stops_the_others_of_a_sweep() -> None:
    world = ReportWorld()
    world.validated()
    late = NOW + timedelta(minutes=6)
    world.workflows._failures.append(RemoteUnavailable("workflows_unavailable"))

    first = sweep_signing(world.s, "nord", late)
    second = sweep_signing(world.s, "nord", late + timedelta(minutes=6))

    assert (0, 1, 1, ("RemoteUnavailable",)) == (first.restarted, first.failed, first.overdue, first.errors)
    assert (1, 0, 1) == (second.restarted, second.failed, second.overdue)
    assert [f"signing-{ACCESSION}-1", f"signing-{ACCESSION}-1-3"] == list(world.workflows.started)
    assert 0 == sweep_signing(world.s, "sud", late).overdue
