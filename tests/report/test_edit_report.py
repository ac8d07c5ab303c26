"""Drafts: two editors, provisional reports, and nothing lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ris.application.conflicts import Conflict
from ris.application.report.edit_report import EditReport, edit_report, mark_provisional
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report.draft import Draft, DraftStatus
from ris.domain.report.frozen import Section
from tests.support.reports import ACCESSION, NOW, TEXT, ReportWorld

MINE = EditReport(ACCESSION, 0, "Scanner", TEXT, "dr.rayon")


def test_a_text_is_kept_as_it_was_typed() -> None:
    world = ReportWorld()
    typed = (Section("Résultats", "œ 漢 \x07 \ud800 tabs\t"),)

    draft = edit_report(world.s, replace(MINE, sections=typed), NOW)

    assert (1, typed, "dr.rayon", "dr.rayon", DraftStatus.DRAFT) == (
        draft.rev, draft.sections, draft.author, draft.edited_by, draft.status,
    )  # fmt: skip
    assert draft == world.reports.draft(ACCESSION)


def test_the_second_editor_is_told_and_the_first_text_stands() -> None:
    world = ReportWorld()
    first = edit_report(world.s, MINE, NOW)
    edit_report(world.s, replace(MINE, rev=first.rev, title="Scanner du docteur A"), NOW)

    with pytest.raises(Refused) as told:
        edit_report(world.s, replace(MINE, rev=first.rev, title="Scanner du docteur B", actor="dr.second"), NOW)

    assert ("edited_by_other", "rev") == (told.value.code, told.value.field)
    assert "dr.rayon" in told.value.detail
    stands = world.reports.draft(ACCESSION)
    assert stands is not None
    assert ("Scanner du docteur A", 2) == (stands.title, stands.rev)


def test_two_who_begin_at_once_do_not_write_over_each_other() -> None:
    world = ReportWorld()
    edit_report(world.s, MINE, NOW)

    with pytest.raises(Refused) as told:
        edit_report(world.s, replace(MINE, title="Autre", actor="dr.second"), NOW)

    assert "edited_by_other" == told.value.code


def test_a_writer_between_reading_and_writing_is_seen() -> None:
    world = ReportWorld()
    first = edit_report(world.s, MINE, NOW)
    save = world.reports.save_draft

    def late(draft: Draft) -> Draft:
        world.reports.save_draft = save  # type: ignore[method-assign]
        save(replace(first, title="Plus rapide", edited_by="dr.second"))
        raise Conflict("draft")

    world.reports.save_draft = late  # type: ignore[method-assign]
    with pytest.raises(Refused) as told:
        edit_report(world.s, replace(MINE, rev=first.rev, title="Trop tard"), NOW)

    assert "dr.second" in told.value.detail


def test_the_same_text_saved_twice_changes_nothing() -> None:
    world = ReportWorld()
    first = edit_report(world.s, MINE, NOW)

    assert first == edit_report(world.s, MINE, NOW)


@pytest.mark.segur("CRR.04")
def test_a_report_is_provisional_until_several_agree() -> None:
    world = ReportWorld()
    draft = world.written()

    marked = mark_provisional(world.s, ACCESSION, draft.rev, on=True, actor="dr.rayon", now=NOW)
    edited = world.written(title="Relu par un second")

    assert DraftStatus.PROVISIONAL is marked.status is edited.status
    assert {} == world.workflows.started
    back = mark_provisional(world.s, ACCESSION, edited.rev, on=False, actor="dr.second", now=NOW)
    assert (DraftStatus.DRAFT, "dr.second", "Relu par un second") == (back.status, back.edited_by, back.title)


@pytest.mark.segur("CRR.05")
def test_reports_that_nobody_validated_are_listed_by_site() -> None:
    world = ReportWorld()
    draft = world.written()

    assert [draft] == world.reports.unvalidated("nord", limit=10)
    assert [] == world.reports.unvalidated("sud", limit=10)
    world.validated()
    assert [] == world.reports.unvalidated("nord", limit=10)


def test_a_report_on_its_way_or_validated_is_not_edited() -> None:
    world = ReportWorld()
    draft = world.validated()
    for status in ("report_validating", "report_validated"):
        with pytest.raises(Refused) as refused:
            edit_report(world.s, replace(MINE, rev=draft.rev, title="Corrigé"), NOW)
        assert status == refused.value.code
        with pytest.raises(Refused):
            mark_provisional(world.s, ACCESSION, draft.rev, on=True, actor="dr.rayon", now=NOW)
        world.run()
        draft = world.reports.draft(ACCESSION) or draft


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"accession_number": "absent"}, "unknown_exam"),
        ({"title": "x" * 1001}, "title_too_long"),
        ({"recipients": ("1",) * 21}, "too_many_recipients"),
        ({"sections": (Section("R", "x" * 200_001),)}, "report_too_long"),
        ({"sections": (Section("R", "x"),) * 41}, "too_many_sections"),
        ({"sections": (Section("R" * 121, "x"),)}, "heading_too_long"),
    ],
)
def test_what_no_row_can_hold_is_refused(change: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        edit_report(ReportWorld().s, replace(MINE, **change), NOW)  # type: ignore[arg-type]

    assert code == refused.value.code


def test_what_nobody_began_cannot_be_marked() -> None:
    with pytest.raises(InvalidInput) as refused:
        mark_provisional(ReportWorld().s, ACCESSION, 0, on=True, actor="dr.rayon", now=NOW)

    assert "unknown_report" == refused.value.code
