"""Memory twins of the reference table, the reference book and the account book, fed by the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ris.application.conflicts import Conflict
from ris.application.load_reference import Change, Entry, entries_of
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


class MemoryReferenceTable:
    """Port `ReferenceTable`."""

    def __init__(self, data: ReferenceData | None = None) -> None:
        self._held = {entry.place: entry for entry in entries_of(data or ReferenceData())}
        self._version = 1 if data else 0
        self.loaded_at: datetime | None = None

    def version(self) -> int:
        """Return the number of the last load."""
        return self._version

    def entries(self) -> Sequence[Entry]:
        """Return every row held, in the files' order."""
        return sorted(self._held.values(), key=lambda entry: entry.position)

    def apply(self, changes: Iterable[Change], *, version: int, now: datetime) -> None:
        """Write the changes as the load after `version`."""
        if version != self._version:
            raise Conflict
        self._version, self.loaded_at = self._version + 1, now
        for change in changes:
            if change.verb == "remove":
                self._held.pop(change.entry.place, None)
            else:
                self._held[change.entry.place] = change.entry


class MemoryReferenceBook:
    """Ports `ReferenceBook` and `AccountBook` over a table in memory."""

    def __init__(self, table: MemoryReferenceTable | ReferenceData) -> None:
        self._table = MemoryReferenceTable(table) if isinstance(table, ReferenceData) else table

    def legal_entity(self, finess_ej: str) -> LegalEntity | None:
        """Return one legal entity, or None."""
        rows = (entry.row for entry in self._table.entries())
        return next((row for row in rows if isinstance(row, LegalEntity) and row.finess_ej == finess_ej), None)

    def sites(self) -> list[Site]:
        """Return every site of the tenant."""
        return [entry.row for entry in self._table.entries() if isinstance(entry.row, Site)]

    def site(self, site: str) -> Site | None:
        """Return one site, or None."""
        return next((row for row in self.sites() if row.site == site), None)

    def rooms(self, site: str) -> list[Room]:
        """Return the rooms of a site, in the file's order."""
        return [entry.row for entry in self._table.entries() if isinstance(entry.row, Room) and entry.row.site == site]

    def modalities(self, site: str) -> list[Modality]:
        """Return the modalities of a site."""
        return [entry.row for entry in self._table.entries() if isinstance(entry.row, Modality) and entry.row.site == site]

    def catalogue(self) -> list[CatalogueExam]:
        """Return the exam catalogue."""
        return [entry.row for entry in self._table.entries() if isinstance(entry.row, CatalogueExam)]

    def catalogue_exam(self, exam_code: str) -> CatalogueExam | None:
        """Return one exam of the catalogue, or None."""
        return next((row for row in self.catalogue() if row.exam_code == exam_code), None)

    def practitioner(self, rpps: str) -> Practitioner | None:
        """Return one practitioner, or None."""
        rows = (entry.row for entry in self._table.entries())
        return next((row for row in rows if isinstance(row, Practitioner) and row.rpps == rpps), None)

    def correspondent(self, rpps: str) -> Correspondent | None:
        """Return one correspondent, or None."""
        rows = (entry.row for entry in self._table.entries())
        return next((row for row in rows if isinstance(row, Correspondent) and row.rpps == rpps), None)

    def correspondents(self, rpps: Sequence[str]) -> dict[str, Correspondent]:
        """Return those that are known, by RPPS."""
        return {one: found for one in rpps if (found := self.correspondent(one))}

    def report_templates(self) -> list[Template]:
        """Return what reports begin with, in the file's order."""
        return [entry.row for entry in self._table.entries() if isinstance(entry.row, Template)]

    def indicators(self) -> list[Indicator]:
        """Return what figures are worth, in the file's order."""
        return [entry.row for entry in self._table.entries() if isinstance(entry.row, Indicator)]

    def milestones(self) -> list[Milestone]:
        """Return deadlines and conditions, in the file's order."""
        return [entry.row for entry in self._table.entries() if isinstance(entry.row, Milestone)]

    def report_macros(self) -> list[Macro]:
        """Return the words that are put in by one click, in the file's order."""
        return [entry.row for entry in self._table.entries() if isinstance(entry.row, Macro)]

    def get(self, account_id: str) -> Account | None:
        """Return the account, or None."""
        rows = (entry.row for entry in self._table.entries())
        return next((row for row in rows if isinstance(row, Account) and row.account_id == account_id), None)

    def by_login(self, provider: str, subject: str) -> Account | None:
        """Return the account this subject of this provider opens, or None."""
        rows = (entry.row for entry in self._table.entries())
        wanted = (provider, subject)
        login = next((row for row in rows if isinstance(row, Login) and (row.provider, row.subject) == wanted), None)
        return self.get(login.account_id) if login else None
