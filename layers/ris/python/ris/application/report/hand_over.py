"""Hand a report over: the radiologist to the secretary, to be typed or corrected; the secretary back; or take it to read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.edit_report import begun_report
from ris.application.report.services import ReportServices
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report import draft as drafts
from ris.domain.report.draft import Draft, Turn

NOTE_MAXIMUM = 500


@dataclass(frozen=True)
class HandOver:
    """Whose turn it is from now on.

    Args:
        rev: The revision the person saw; 0 for a report that nobody began.
        note: What the secretary shall do; a correction needs one.
        actor: Account id of who hands it over.
        reads: Whether that person is a radiologist of the site.
    """

    accession_number: str
    rev: int
    turn: Turn
    actor: str
    note: str = ""
    reads: bool = False


def hand_over(s: ReportServices, command: HandOver, now: datetime) -> Draft:
    """Hand a report over; a second click changes nothing.

    Raises:
        InvalidInput: `unknown_exam`; `note_missing`, `note_too_long`.
        Refused: `edited_by_other`; `report_validating`, `report_validated`, `report_deleted`; `not_the_secretarys`: only what the
            secretary has can be given back.
        RemoteUnavailable: `too_busy`.
    """
    if command.turn is Turn.CORRECTION and not command.note.strip():
        raise InvalidInput("note_missing", field="note")
    if len(command.note) > NOTE_MAXIMUM:
        raise InvalidInput("note_too_long", field="note")

    def attempt() -> Draft:
        draft = s.reports.draft(command.accession_number) or begun_report(s, command.accession_number, command.actor)
        if draft.rev and draft.open and draft.turn is command.turn and command.note in ("", draft.note):
            return draft
        drafts.require_editable(draft)
        drafts.require_revision(draft, command.rev)
        if command.turn is Turn.REREADING and not draft.turn.of_secretary:
            raise Refused("not_the_secretarys", field="turn")
        return s.reports.save_draft(
            drafts.handed(draft, command.turn, command.note.strip(), actor=command.actor, now=now, takes=command.reads)
        )

    return decide(attempt)


def take(s: ReportServices, accession: str, *, actor: str, now: datetime) -> Draft:
    """Take a report that no radiologist took; doing it twice changes nothing.

    Raises:
        InvalidInput: `unknown_exam`.
        Refused: `taken_by_other`; `report_validating`, `report_validated`, `report_deleted`.
        RemoteUnavailable: `too_busy`.
    """

    def attempt() -> Draft:
        draft = s.reports.draft(accession) or begun_report(s, accession, actor)
        if draft.reader == actor and draft.rev:
            return draft
        drafts.require_editable(draft)
        if draft.reader:
            raise Refused("taken_by_other", field="reader")
        return s.reports.save_draft(drafts.handed(draft, draft.turn, "", actor=actor, now=now, takes=True))

    return decide(attempt)
