"""The task that makes the PDF."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.report.freeze_report import freeze_report
from ris.application.report.render_report import render_report
from ris.application.report.validate_report import ValidateReport, validate_report
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report.draft import DraftStatus
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.version import PDF, VersionState
from tests.support.reports import ACCESSION, NOW, ReportWorld, a_session


class RefusingRenderer:
    """A renderer whose font lacks something."""

    def render(self, report: FrozenReport) -> bytes:
        raise InvalidInput("character_not_drawable", field=report.sections[0].heading, detail="U+1234")


def frozen_world() -> ReportWorld:
    world = ReportWorld()
    world.validated()
    freeze_report(world.s, world.command(), NOW)
    return world


def test_the_pdf_is_kept_once_and_named_by_its_hash() -> None:
    world = frozen_world()

    version = render_report(world.s, ACCESSION, 1, NOW)

    file = version.files[PDF]
    pdf = world.documents.kept[file.key]
    assert (VersionState.RENDERED, f"{ACCESSION}/v1/report.pdf", len(pdf)) == (version.state, file.key, file.size)
    assert pdf.startswith(b"%PDF-1.4")
    assert version == render_report(world.s, ACCESSION, 1, NOW + timedelta(days=1))


def test_what_another_release_would_render_does_not_replace_what_was_kept() -> None:
    world = frozen_world()
    world.documents.kept[f"{ACCESSION}/v1/report.pdf"] = b"%PDF-1.4 of the release before"

    version = render_report(world.s, ACCESSION, 1, NOW)

    assert len(b"%PDF-1.4 of the release before") == version.files[PDF].size


def test_a_refusal_after_the_freeze_leaves_no_half_report() -> None:
    world = frozen_world()
    first = world.reports.version(ACCESSION, 1)
    good, world.s = world.s, replace(world.s, renderer=RefusingRenderer())

    with pytest.raises(InvalidInput):
        render_report(world.s, ACCESSION, 1, NOW)

    draft, version = world.reports.draft(ACCESSION), world.reports.version(ACCESSION, 1)
    rows = world.deliveries.of_owner(ACCESSION)
    assert draft is not None
    assert version is not None
    assert first is not None
    assert draft.refusal is not None
    assert (DraftStatus.DRAFT, "character_not_drawable", "Indication", "U+1234", 0) == (
        draft.status, draft.refusal.code, draft.refusal.field, draft.refusal.detail, draft.version,
    )  # fmt: skip
    assert (VersionState.WITHDRAWN, None) == (version.state, version.due_at)
    assert {(DeliveryState.WITHDRAWN, "report_refused", None)} == {(row.state, row.reason, row.due_at) for row in rows}
    with pytest.raises(Refused) as gone:
        render_report(world.s, ACCESSION, 1, NOW)
    assert "version_withdrawn" == gone.value.code

    world.s = good
    validate_report(world.s, ValidateReport(ACCESSION, draft.rev, a_session()), NOW)
    signed = world.run()

    assert (1, 2, VersionState.SIGNED) == (signed.version, signed.making, signed.state)
    assert (first.set_id, "") == (signed.set_id, signed.replaces)
    assert first.document_id != signed.document_id
    assert signed.files[PDF].key == f"{ACCESSION}/v1.2/report.pdf"
    again = world.deliveries.of_owner(ACCESSION)
    assert {(DeliveryState.PENDING, signed.document_id)} == {(row.state, row.document_id) for row in again}
    assert len(rows) == len(again)


def test_a_version_nobody_froze_is_unknown() -> None:
    with pytest.raises(InvalidInput) as refused:
        render_report(ReportWorld().s, ACCESSION, 1, NOW)

    assert "unknown_version" == refused.value.code


def test_an_execution_that_was_overtaken_puts_nothing_back() -> None:
    """While it renders, its version was refused elsewhere and validated again: the second making is not its own."""
    world = frozen_world()

    class Overtaken:
        def render(self, report: FrozenReport) -> bytes:
            with pytest.raises(InvalidInput):
                render_report(replace(good, renderer=RefusingRenderer()), ACCESSION, 1, NOW)
            draft = world.reports.draft(ACCESSION)
            assert draft is not None
            validate_report(good, ValidateReport(ACCESSION, draft.rev, a_session()), NOW)
            freeze_report(good, world.command(), NOW)
            raise InvalidInput("character_not_drawable", field="late")

    good = world.s
    with pytest.raises(InvalidInput):
        render_report(replace(good, renderer=Overtaken()), ACCESSION, 1, NOW)

    version, draft = world.reports.version(ACCESSION, 1), world.reports.draft(ACCESSION)
    assert version is not None
    assert draft is not None
    assert (VersionState.FROZEN, 2, DraftStatus.VALIDATING) == (version.state, version.making, draft.status)
