"""A version without a text of its own, killed at any instant and started again by the sweep: the same version, rows and draft."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ris.application.report.correct_report import set_marks
from ris.application.report.freeze_report import FreezeReport
from ris.application.report.reissues import StoredReissues
from ris.application.report.remake_report import delete_report, reissue_for_identity, release_announcement
from ris.application.report.restart_signing import sweep_signing
from ris.application.report.services import ReportServices
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.draft import DraftStatus
from ris.domain.report.marks import Marks
from ris.domain.report.version import VersionState
from tests.report.test_signing_killed import STATES, Killed, Life, OncePerReport, freeze_report, mortal
from tests.support.reports import ACCESSION, NOW, ReportWorld, a_patient

Click = Callable[[ReportServices, int], Any]


def release(s: ReportServices, minutes: int) -> None:
    release_announcement(s, ACCESSION, actor="dr.rayon", now=NOW + timedelta(minutes=minutes))


def delete(s: ReportServices, minutes: int) -> None:
    delete_report(s, ACCESSION, actor="dr.rayon", now=NOW + timedelta(minutes=minutes))


def qualify(s: ReportServices, minutes: int) -> None:
    StoredReissues(s).wake("p-1", NOW + timedelta(minutes=minutes))


CLICKS = {"announcement": release, "deletion": delete, "identity": qualify}


def a_world(reason: str) -> ReportWorld:
    """Return a world with a version that its requester has, just before it is made again."""
    unknown = {"status": IdentityStatus.PROVISOIRE, "ins": None, "strict": None} if reason == "identity" else {}
    world = ReportWorld(patient=a_patient(**unknown))
    makers: dict[str, Any] = {"renderer": SimpleNamespace(render=OncePerReport(world.s.renderer.render))}
    makers["builder"] = SimpleNamespace(build=OncePerReport(world.s.builder.build))
    world.s = replace(world.s, **makers)
    set_marks(world.s, ACCESSION, 0, Marks(announcement_pending=reason == "announcement"), actor="dr.rayon", now=NOW)
    world.signed()
    for row in world.deliveries.of_owner(ACCESSION):
        if row.state is DeliveryState.PENDING and row.recipient != "89990009999":
            world.deliveries.save(replace(row, state=DeliveryState.DELIVERED, due_at=None, attempts=1))
    if reason == "identity":
        world.patients.save(replace(a_patient(), version=1))
    return world


def machine(world: ReportWorld, s: ReportServices, minutes: int) -> None:
    """Run the states on what the row says; a deletion is over after the first."""
    draft = world.reports.draft(ACCESSION)
    if draft is None or draft.validation is None or draft.status is not DraftStatus.VALIDATING:
        return
    number, now = draft.validation.version, NOW + timedelta(minutes=minutes)
    for state in STATES:
        if state is freeze_report:
            if freeze_report(s, FreezeReport(ACCESSION, number, draft.rev), now).state is VersionState.SIGNED:
                return
        else:
            state(s, ACCESSION, number, now)  # type: ignore[operator]


def facts(world: ReportWorld) -> dict[str, Any]:
    draft = world.reports.draft(ACCESSION)
    assert draft is not None
    return {
        "documents": world.documents.kept,
        "versions": [
            (one.version, one.document_id, one.state, one.files, one.reason, one.marks, one.validated_at, one.replaces)
            for one in world.reports.versions(ACCESSION)
        ],
        "rows": [
            (one.channel, one.recipient, one.report_version, one.state, one.reason, one.operation, one.predecessor)
            for one in world.deliveries.of_owner(ACCESSION)
        ],
        "draft": (draft.status, draft.version, draft.title, draft.sections, draft.refusal, draft.resume, draft.marks),
    }


@pytest.mark.parametrize("reason", CLICKS)
def test_it_ends_the_same_wherever_it_was_killed(reason: str) -> None:
    click = CLICKS[reason]
    world, life = a_world(reason), Life()
    click(mortal(world.s, life), 10)
    machine(world, mortal(world.s, life), 11)
    expected, breaths = facts(world), life.breaths
    assert 2 == len(world.reports.versions(ACCESSION))
    assert breaths > 15

    for last in range(1, breaths + 1):
        world, life = a_world(reason), Life(last)
        try:
            click(mortal(world.s, life), 10)
            machine(world, mortal(world.s, life), 11)
        except Killed:
            pass
        else:
            raise AssertionError(f"nobody died at {last}")
        # The click again, as its person or the identity's machine makes it; then the sweep, as often as it takes.
        click(world.s, 12)
        for minutes in (90, 100):
            sweep_signing(world.s, "nord", NOW + timedelta(minutes=minutes))
            for row in world.deliveries.due("nord", now=NOW + timedelta(minutes=minutes), limit=9):
                if row.state is DeliveryState.HELD:
                    reissue_for_identity(world.s, ACCESSION, NOW + timedelta(minutes=minutes))
            machine(world, world.s, minutes)
        assert expected == facts(world), last
