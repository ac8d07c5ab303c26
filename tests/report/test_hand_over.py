"""Reports change hands: between radiologist and secretary, and from nobody to the radiologist who takes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ris.application.report.hand_over import HandOver, hand_over, take
from ris.application.report.validate_report import ValidateReport, validate_report
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report.draft import DraftStatus, Turn
from tests.support.reports import ACCESSION, NOW, ReportWorld, a_session

TYPE = HandOver(ACCESSION, 0, Turn.TYPING, "dr.rayon", "Dictée 12", reads=True)


def test_a_report_nobody_began_is_confided_and_is_the_radiologists_who_did() -> None:
    world = ReportWorld()

    given = hand_over(world.s, TYPE, NOW)

    assert (Turn.TYPING, "Dictée 12", "dr.rayon", 1) == (given.turn, given.note, given.reader, given.rev)
    assert given == hand_over(world.s, TYPE, NOW)
    assert [given] == world.reports.unvalidated("nord", turn=Turn.TYPING, limit=5)
    assert [] == world.reports.unvalidated("nord", limit=5)


def test_the_secretary_gives_it_back_and_the_note_and_the_reader_stay() -> None:
    world = ReportWorld()
    given = hand_over(world.s, TYPE, NOW)

    back = hand_over(world.s, HandOver(ACCESSION, given.rev, Turn.REREADING, "secretary"), NOW)

    assert (Turn.REREADING, "Dictée 12", "dr.rayon", "secretary") == (back.turn, back.note, back.reader, back.edited_by)
    assert [back] == world.reports.unvalidated("nord", limit=5)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"turn": Turn.CORRECTION, "note": " "}, "note_missing"),
        ({"note": "x" * 501}, "note_too_long"),
        ({"accession_number": "269"}, "unknown_exam"),
    ],
)
def test_what_cannot_be_confided_is_said_by_its_rule(changes: dict[str, object], code: str) -> None:
    world = ReportWorld()

    with pytest.raises(InvalidInput) as refused:
        hand_over(world.s, replace(TYPE, **changes), NOW)  # type: ignore[arg-type]

    assert code == refused.value.code
    assert world.reports.draft(ACCESSION) is None


def test_only_a_revision_that_was_seen_is_confided_and_only_an_open_report() -> None:
    world = ReportWorld()
    draft = world.written()

    with pytest.raises(Refused, match="edited_by_other"):
        hand_over(world.s, replace(TYPE, rev=draft.rev + 1), NOW)
    with pytest.raises(Refused, match="not_the_secretarys"):
        hand_over(world.s, replace(TYPE, rev=draft.rev, turn=Turn.REREADING), NOW)
    clicked = validate_report(world.s, ValidateReport(ACCESSION, draft.rev, a_session()), NOW)
    with pytest.raises(Refused, match="report_validating"):
        hand_over(world.s, replace(TYPE, rev=clicked.rev), NOW)
    with pytest.raises(Refused, match="report_validating"):
        take(world.s, ACCESSION, actor="dr.second", now=NOW)


def test_whoever_validates_takes_it_out_of_the_secretarys_hands() -> None:
    world = ReportWorld()
    draft = world.written()
    given = hand_over(world.s, replace(TYPE, rev=draft.rev, turn=Turn.CORRECTION, reads=False), NOW)

    clicked = validate_report(world.s, ValidateReport(ACCESSION, given.rev, a_session()), NOW)

    assert (DraftStatus.VALIDATING, Turn.WRITING, "") == (clicked.status, clicked.turn, clicked.note)
    assert clicked.validation is not None
    assert clicked.validation.account_id == clicked.reader


def test_an_exam_is_taken_once() -> None:
    world = ReportWorld()

    mine = take(world.s, ACCESSION, actor="dr.rayon", now=NOW)

    assert ("dr.rayon", 1) == (mine.reader, mine.rev)
    assert mine == take(world.s, ACCESSION, actor="dr.rayon", now=NOW)
    with pytest.raises(Refused, match="taken_by_other"):
        take(world.s, ACCESSION, actor="dr.second", now=NOW)
    with pytest.raises(InvalidInput, match="unknown_exam"):
        take(world.s, "269", actor="dr.rayon", now=NOW)
