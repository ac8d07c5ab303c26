"""Make the reference table say what the files say: add, change, remove what left, leave the rest alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ris.application.reference import (
    CatalogueExam,
    Correspondent,
    LegalEntity,
    Login,
    Modality,
    Practitioner,
    ReferenceData,
    Room,
    Site,
)
from ris.domain.access.session import Account
from ris.domain.report.templates import Macro, Template
from ris.domain.usage.money import Indicator, Milestone

Row = (
    LegalEntity
    | Site
    | Room
    | Modality
    | CatalogueExam
    | Practitioner
    | Correspondent
    | Account
    | Login
    | Template
    | Macro
    | Indicator
    | Milestone
)

KINDS = (
    "legal_entity",
    "site",
    "room",
    "modality",
    "catalogue",
    "practitioner",
    "correspondent",
    "account",
    "login",
    "report_template",
    "report_macro",
    "milestone",
    "indicator",
)
"""In the order they are written; removed in the reverse order, so that an interrupted load can be finished by the next one."""


@dataclass(frozen=True)
class Entry:
    """One row and where it stands.

    Args:
        kind: One of KINDS.
        scope: Its site for rooms and modalities, empty otherwise.
        key: Unique within kind and scope.
        position: Rank in its file.
    """

    kind: str
    scope: str
    key: str
    position: int
    row: Row

    @property
    def place(self) -> tuple[str, str, str]:
        """What the row is found by."""
        return self.kind, self.scope, self.key


Place = tuple[str, str, str]


@dataclass(frozen=True)
class Change:
    """What a load does (or would do) to one row: `add`, `change` or `remove`."""

    verb: str
    entry: Entry


@dataclass(frozen=True)
class LoadReport:
    """What a load did, or would have done."""

    changes: tuple[Change, ...]
    unchanged: int

    def count(self, verb: str) -> int:
        """Return how many rows were added, changed or removed."""
        return sum(change.verb == verb for change in self.changes)


class ReferenceTable(Protocol):
    """The `reference` table as the loader sees it."""

    def version(self) -> int:
        """Return the number of the last load, 0 before the first."""

    def entries(self) -> Sequence[Entry]:
        """Return every row held, read consistently."""

    def apply(self, changes: Iterable[Change], *, version: int, now: datetime) -> None:
        """Write the changes as the load after `version`; raise Conflict, having written nothing, when another load came between."""


def load_reference(
    table: ReferenceTable,
    data: ReferenceData,
    *,
    now: datetime,
    dry_run: bool = False,
    shown: Callable[[Sequence[Change]], Iterable[Change]] = iter,
) -> LoadReport:
    """Compare the files with the table and write the difference; a second run changes nothing.

    Args:
        table: Where it goes.
        data: What the files say, already checked.
        now: Aware UTC instant.
        dry_run: Only say what would change.
        shown: Gives the changes one by one as they are written, to whoever shows how far it is.

    Raises:
        Conflict: Somebody else loaded at the same time: run it again.
    """
    version = table.version()
    held = {entry.place: entry for entry in table.entries()}
    wanted = {entry.place: entry for entry in entries_of(data)}
    changes = (*_writes(held, wanted), *_removals(held, wanted))
    if changes and not dry_run:
        table.apply(shown(changes), version=version, now=now)
    return LoadReport(changes, unchanged=sum(held.get(place) == entry for place, entry in wanted.items()))


def _writes(held: Mapping[Place, Entry], wanted: Mapping[Place, Entry]) -> list[Change]:
    return [Change("change" if place in held else "add", entry) for place, entry in wanted.items() if held.get(place) != entry]


def _removals(held: Mapping[Place, Entry], wanted: Mapping[Place, Entry]) -> list[Change]:
    gone = [entry for place, entry in held.items() if place not in wanted]
    return [Change("remove", entry) for entry in sorted(gone, key=lambda entry: -KINDS.index(entry.kind))]


def entries_of(data: ReferenceData) -> list[Entry]:
    """Return every row with its place, in the order it is written."""
    rows: list[tuple[str, list[tuple[str, str, Row]]]] = [
        ("legal_entity", [("", row.finess_ej, row) for row in data.legal_entities]),
        ("site", [("", row.site, row) for row in data.sites]),
        ("room", [(row.site, row.room, row) for row in data.rooms]),
        ("modality", [(row.site, row.modality, row) for row in data.modalities]),
        ("catalogue", [("", row.exam_code, row) for row in data.catalogue]),
        ("practitioner", [("", row.rpps, row) for row in data.practitioners]),
        ("correspondent", [("", row.rpps, row) for row in data.correspondents]),
        ("account", [("", row.account_id, row) for row in data.accounts]),
        ("login", [("", f"{row.provider}#{row.subject}", row) for row in data.logins]),
        ("report_template", [("", row.template_id, row) for row in data.report_templates]),
        ("report_macro", [("", row.macro_id, row) for row in data.report_macros]),
        ("milestone", [("", row.code, row) for row in data.milestones]),
        ("indicator", [("", row.code, row) for row in data.indicators]),
    ]
    return [Entry(kind, scope, key, position, row) for kind, of_kind in rows for position, (scope, key, row) in enumerate(of_kind)]
