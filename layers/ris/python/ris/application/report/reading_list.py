"""What waits for a report: exams whose report nobody began, and reports that nobody validated yet; narrowed by keys, never by a filter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from ris.application.conflicts import decide
from ris.application.identity.ports import PatientStore
from ris.domain.agenda.exam import PRIORITIES, Exam, ReadingSpan
from ris.domain.identity.patient import Patient
from ris.domain.report.draft import Draft, Turn

Row = TypeVar("Row")
TAKEN_MAXIMUM = 200
"""Open reports that one radiologist took: nobody has more at once."""


class Exams(Protocol):
    """What the list reads and writes of exams."""

    def get(self, accession_number: str) -> Exam | None:
        """Return the exam, read consistently, or None."""

    def get_many(self, accession_numbers: list[str]) -> dict[str, Exam]:
        """Return those that exist, by Accession Number."""

    def to_read(self, site: str, *, limit: int, modality: str = "", span: ReadingSpan | None = None) -> list[Exam]:
        """Return the site's exams that were done and whose report nobody began, the most urgent and the longest done first."""

    def save(self, exam: Exam) -> Exam:
        """Write under the version read; raise Conflict when it no longer stands."""


class Drafts(Protocol):
    """What the list reads of reports."""

    def unvalidated(
        self,
        site: str,
        *,
        limit: int,
        turn: Turn = Turn.WRITING,
        modality: str = "",
        span: ReadingSpan | None = None,
    ) -> list[Draft]:
        """Return the site's drafts that nobody validated yet, the most urgent and the longest done exam first."""

    def taken_by(self, account_id: str, *, limit: int) -> list[Draft]:
        """Return the open drafts that a radiologist took, at whatever site."""


@dataclass(frozen=True)
class Narrowing:
    """What a list is narrowed to.

    Args:
        sites: Of whose exams.
        modalities: DICOM codes; none means all.
        priorities: `stat`, `urgent`, `routine`; none means all.
        since: Exams done at this instant or later; `until` at this one or before.
        taken_by: Account of a radiologist: only the reports that one took.
        turns: Empty for what is the radiologists' turn; else what is the secretary's.
    """

    sites: tuple[str, ...]
    modalities: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    taken_by: str = ""
    turns: tuple[Turn, ...] = ()

    def has(self, draft: Draft) -> bool:
        """Say whether a report is one of those."""
        waits = draft.waits_since
        return (
            draft.site in self.sites
            and (not self.modalities or draft.kind.dicom_modality in self.modalities)
            and (not self.priorities or draft.kind.priority in self.priorities)
            and waits is not None
            and (self.since is None or waits >= self.since)
            and (self.until is None or waits <= self.until)
            and (not self.turns or draft.turn in self.turns)
        )


@dataclass(frozen=True)
class ReadingRow:
    """One exam of the list.

    Args:
        draft: None while nobody began.
        since: When it was done.
        patient: None when the row cannot be found (never hides the exam).
    """

    exam: Exam
    draft: Draft | None
    since: datetime
    patient: Patient | None


@dataclass(frozen=True)
class ReadingList:
    """The rows, the most urgent and of those the longest waiting first; `more` says that it was cut."""

    rows: tuple[ReadingRow, ...]
    more: bool


@dataclass(frozen=True)
class Waiting:
    """The ports of the list."""

    exams: Exams
    drafts: Drafts
    patients: PatientStore


def reading_list(s: Waiting, narrowing: Narrowing, *, limit: int) -> ReadingList:
    """Return what waits for a report: a read or two for each list it is made of, however long those are.

    A list is one site, or one modality of it. Where a priority or an age is asked for, it is read by priority until enough is found.

    Args:
        s: The ports.
        narrowing: What is wanted.
        limit: Rows.
    """
    found = _found(s, narrowing, limit + 1)
    shown = found[:limit]
    people = s.patients.get_many(list(dict.fromkeys(exam.patient_id for exam, _ in shown)))
    rows = tuple(ReadingRow(exam, draft, _since(exam, draft), people.get(exam.patient_id)) for exam, draft in shown)
    return ReadingList(rows, len(found) > limit)


def next_to_read(s: Waiting, narrowing: Narrowing, *, after: Exam, reader: str) -> str:
    """Return the Accession Number of the exam of a list that comes next, and that no colleague took; or empty.

    Behind the last one the list begins again, so that what was left out on the way is not forgotten.

    Args:
        s: The ports.
        narrowing: The list the reader came from.
        after: The exam that was open: an index may still show it.
        reader: Account of who reads.
    """
    behind = _found(s, narrowing, _NEXT, after)
    return next(_free(behind, after, reader), "") or next(_free(_found(s, narrowing, _NEXT), after, reader), "")


def _free(found: Iterable[tuple[Exam, Draft | None]], after: Exam, reader: str) -> Iterator[str]:
    """Yield the Accession Numbers of those that the reader may go on with."""
    for exam, draft in found:
        if exam.accession_number != after.accession_number and (draft is None or draft.reader in ("", reader)):
            yield exam.accession_number


_NEXT = 25
"""Exams looked at: a list whose first ones colleagues took goes on behind them."""


def _found(s: Waiting, narrowing: Narrowing, limit: int, after: Exam | None = None) -> list[tuple[Exam, Draft | None]]:
    """Return the first exams of the list, or the first ones behind one of them."""
    spans = _spans(narrowing, after)
    begun = _begun(s, narrowing, spans, limit)
    untouched = () if narrowing.taken_by or narrowing.turns else _untouched(s, narrowing, spans, limit)
    of_drafts = s.exams.get_many([one.accession_number for one in begun])
    # A draft is newer than the list its exam stood on.
    found: list[tuple[Exam, Draft | None]] = [
        (of_drafts[one.accession_number], one) for one in begun if one.accession_number in of_drafts
    ]
    found += [(exam, None) for exam in untouched if exam.accession_number not in of_drafts]
    behind = [pair for pair in found if after is None or _place(*pair) > _place(after)]
    return sorted(behind, key=lambda pair: _place(*pair))[:limit]


def _spans(narrowing: Narrowing, after: Exam | None) -> list[ReadingSpan | None]:
    """Return the parts of its lists that are read, in their order; None for all of them."""
    if after is None and not (narrowing.priorities or narrowing.since or narrowing.until):
        return [None]
    wanted = [one for one in PRIORITIES if one in (narrowing.priorities or PRIORITIES)]
    whole = [ReadingSpan(one, narrowing.since, narrowing.until) for one in wanted]
    if after is None:
        return [*whole]
    begins = max(narrowing.since or after.done_at, after.done_at)
    return [replace(one, since=begins) if one.rank == after.kind.rank else one for one in whole if one.rank >= after.kind.rank]


def _begun(s: Waiting, narrowing: Narrowing, spans: Sequence[ReadingSpan | None], limit: int) -> list[Draft]:
    if narrowing.taken_by:
        return [one for one in s.drafts.taken_by(narrowing.taken_by, limit=TAKEN_MAXIMUM) if narrowing.has(one)]
    return [
        draft
        for site, modality in _lists(narrowing)
        for turn in narrowing.turns or (Turn.WRITING,)
        for draft in _first(partial(s.drafts.unvalidated, site, turn=turn, modality=modality), spans, limit)
    ]


def _untouched(s: Waiting, narrowing: Narrowing, spans: Sequence[ReadingSpan | None], limit: int) -> Iterable[Exam]:
    return [
        exam
        for site, modality in _lists(narrowing)
        for exam in _first(partial(s.exams.to_read, site, modality=modality), spans, limit)
    ]


def _first(read: Callable[..., list[Row]], spans: Sequence[ReadingSpan | None], limit: int) -> list[Row]:
    """Return the first rows of one list: what is less urgent is not read once there are enough."""
    found: list[Row] = []
    for span in spans:
        if len(found) < limit:
            found += read(limit=limit - len(found), span=span)
    return found


def _lists(narrowing: Narrowing) -> list[tuple[str, str]]:
    """Return the lists it is made of: sites, or where it is narrowed, each site's modalities."""
    return [(site, modality) for site in narrowing.sites for modality in narrowing.modalities or ("",)]


def _since(exam: Exam, draft: Draft | None) -> datetime:
    return (draft.waits_since if draft else None) or exam.done_at


def _place(exam: Exam, draft: Draft | None = None) -> tuple[int, datetime, str]:
    kind = draft.kind if draft else exam.kind
    return kind.rank, _since(exam, draft), exam.accession_number


def report_begun(exams: Exams, accession: str) -> None:
    """Take an exam off the list because its report has a row of its own now; doing it twice changes nothing.

    Raises:
        RemoteUnavailable: `too_busy`, or an outage: the exam stays on the list until the report is saved again.
    """

    def attempt() -> None:
        exam = exams.get(accession)
        if exam is not None and not exam.reported:
            exams.save(replace(exam, reported=True))

    decide(attempt)
