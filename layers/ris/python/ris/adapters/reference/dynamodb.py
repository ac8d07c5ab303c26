"""The `reference` table: written by the loader, read by everybody through a cache of minutes.

| item | pk | sk |
|---|---|---|
| legal entity | `LEGAL_ENTITY` | FINESS EJ |
| site | `SITE` | site |
| room | `ROOM#{site}` | room |
| modality | `RESOURCE#{site}` | modality |
| exam of the catalogue | `CATALOGUE` | exam code |
| practitioner, correspondent | `PRACTITIONER`, `CORRESPONDENT` | RPPS |
| account | `ACCOUNT` | account id |
| what opens it | `LOGIN` | `{provider}#{subject}` |
| what a report begins with, words put in by one click | `REPORT_TEMPLATE`, `REPORT_MACRO` | its id |
| number of the last load | `REFERENCE` | `LOAD` |
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from ris.adapters.dynamodb import Item, Table, instant_text, write
from ris.application.load_reference import KINDS, Change, Entry, Row
from ris.application.reference import (
    CatalogueExam,
    Correspondent,
    LegalEntity,
    Login,
    Modality,
    Practitioner,
    Room,
    Site,
)
from ris.domain.access.session import Account
from ris.domain.agenda.contraindications import Question
from ris.domain.report.templates import Macro, Template
from ris.domain.usage.money import Indicator, Milestone

_PARTITIONS = {
    "legal_entity": "LEGAL_ENTITY",
    "site": "SITE",
    "catalogue": "CATALOGUE",
    "practitioner": "PRACTITIONER",
    "correspondent": "CORRESPONDENT",
    "account": "ACCOUNT",
    "login": "LOGIN",
    "report_template": "REPORT_TEMPLATE",
    "report_macro": "REPORT_MACRO",
    "milestone": "MILESTONE",
    "indicator": "INDICATOR",
}
_SITE_PARTITIONS = {"room": "ROOM#", "modality": "RESOURCE#"}
_TYPES: dict[str, type[Row]] = {
    "legal_entity": LegalEntity,
    "site": Site,
    "room": Room,
    "modality": Modality,
    "catalogue": CatalogueExam,
    "practitioner": Practitioner,
    "correspondent": Correspondent,
    "account": Account,
    "login": Login,
    "report_template": Template,
    "report_macro": Macro,
    "milestone": Milestone,
    "indicator": Indicator,
}
_MOST_KEY_BYTES = 1024
_LOAD = ("REFERENCE", "LOAD")
RowType = TypeVar("RowType")


class DynamoReferenceTable:
    """Implements `ReferenceTable`: the loader's side."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def version(self) -> int:
        """Return the number of the last load, 0 before the first."""
        item = self._table.get(*_LOAD)
        return int(item["version"]) if item else 0

    def entries(self) -> Sequence[Entry]:
        """Return every row held, read consistently."""
        entries = [entry for kind, pk in _PARTITIONS.items() for entry in _read(self._table, kind, "", pk)]
        sites = [entry.key for entry in entries if entry.kind == "site"]
        for kind, prefix in _SITE_PARTITIONS.items():
            for site in sites:
                entries += _read(self._table, kind, site, prefix + site)
        return entries

    def apply(self, changes: Iterable[Change], *, version: int, now: datetime) -> None:
        """Write the changes as the load after `version`; raise Conflict, having written nothing, when another load came between."""
        pk, sk = _LOAD
        marker = {"pk": pk, "sk": sk, "version": version + 1, "loaded_at": instant_text(now)}
        write(self._table.client, [self._table.putting_version(marker, version)])
        for change in changes:
            pk, sk = _key(change.entry)
            removed = change.verb == "remove"
            one = self._table.deleting(pk, sk) if removed else self._table.putting(_values(change.entry))
            write(self._table.client, [one])


def _key(entry: Entry) -> tuple[str, str]:
    return _PARTITIONS.get(entry.kind) or _SITE_PARTITIONS[entry.kind] + entry.scope, entry.key


def _values(entry: Entry) -> Item:
    values = asdict(entry.row)
    if isinstance(entry.row, Account):
        values["roles"] = {site: sorted(roles) for site, roles in entry.row.roles.items()}
        values["rights"] = sorted(entry.row.rights)
    pk, sk = _key(entry)
    return {"pk": pk, "sk": sk, **values, "position": entry.position}


def _row(kind: str, values: Mapping[str, Any]) -> Row:
    """Return the row of an item; attributes a newer release wrote are left aside."""
    of_kind = _TYPES[kind]
    known = {name: _tupled(values[name]) for name in of_kind.__dataclass_fields__ if name in values}
    if of_kind is Account:
        known["roles"] = {site: frozenset(roles) for site, roles in known["roles"].items()}
        known["rights"] = frozenset(known["rights"])
    if of_kind is CatalogueExam and "questions" in known:
        known["questions"] = tuple(Question(**each) for each in known["questions"])
    return of_kind(**known)


def _tupled(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_tupled(one) for one in value)
    if isinstance(value, dict):
        return {name: _tupled(one) for name, one in value.items()}
    return value


def _read(table: Table, kind: str, scope: str, pk: str) -> list[Entry]:
    """Return the entries of one partition in the order of their file."""
    entries = [Entry(kind, scope, item["sk"], item["position"], _row(kind, item)) for item in table.query(pk)]
    return sorted(entries, key=lambda entry: entry.position)


class DynamoReferenceBook:
    """Implements `ReferenceBook`; a partition once read is kept for some minutes, an empty one is not.

    Args:
        kept_s: Seconds a partition is kept.
        clock: Seconds, growing.
    """

    def __init__(self, table: Table, *, kept_s: float = 120, clock: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._kept_s = kept_s
        self._clock = clock
        self._kept: dict[str, tuple[float, list[Row]]] = {}

    def legal_entity(self, finess_ej: str) -> LegalEntity | None:
        """Return one legal entity, or None."""
        return next((row for row in self._rows("legal_entity", LegalEntity) if row.finess_ej == finess_ej), None)

    def sites(self) -> list[Site]:
        """Return every site of the tenant."""
        return self._rows("site", Site)

    def site(self, site: str) -> Site | None:
        """Return one site, or None."""
        return next((row for row in self.sites() if row.site == site), None)

    def rooms(self, site: str) -> list[Room]:
        """Return the rooms of a site, in the file's order."""
        return self._rows("room", Room, site)

    def modalities(self, site: str) -> list[Modality]:
        """Return the modalities of a site."""
        return self._rows("modality", Modality, site)

    def catalogue(self) -> list[CatalogueExam]:
        """Return the exam catalogue."""
        return self._rows("catalogue", CatalogueExam)

    def catalogue_exam(self, exam_code: str) -> CatalogueExam | None:
        """Return one exam of the catalogue, or None."""
        return next((row for row in self.catalogue() if row.exam_code == exam_code), None)

    def practitioner(self, rpps: str) -> Practitioner | None:
        """Return one practitioner, or None."""
        return next((row for row in self._rows("practitioner", Practitioner) if row.rpps == rpps), None)

    def correspondent(self, rpps: str) -> Correspondent | None:
        """Return one correspondent, or None."""
        row = _one(self._table, "correspondent", rpps)
        return row if isinstance(row, Correspondent) else None

    def correspondents(self, rpps: Sequence[str]) -> dict[str, Correspondent]:
        """Return those that are known, by RPPS."""
        found = self._table.get_many([(_PARTITIONS["correspondent"], one) for one in rpps if one])
        rows = (_row("correspondent", item) for item in found.values())
        return {row.rpps: row for row in rows if isinstance(row, Correspondent)}

    def report_templates(self) -> list[Template]:
        """Return what reports begin with, in the file's order."""
        return self._rows("report_template", Template)

    def indicators(self) -> list[Indicator]:
        """Return what figures are worth, in the file's order."""
        return self._rows("indicator", Indicator)

    def milestones(self) -> list[Milestone]:
        """Return deadlines and conditions, in the file's order."""
        return self._rows("milestone", Milestone)

    def report_macros(self) -> list[Macro]:
        """Return the words that are put in by one click, in the file's order."""
        return self._rows("report_macro", Macro)

    def _rows(self, kind: str, of_kind: type[RowType], site: str = "") -> list[RowType]:
        assert kind in KINDS
        pk = _PARTITIONS.get(kind) or _SITE_PARTITIONS[kind] + site
        kept = self._kept.get(pk)
        if kept is None or self._clock() - kept[0] >= self._kept_s or not kept[1]:
            rows = [entry.row for entry in _read(self._table, kind, site, pk)]
            kept = self._kept[pk] = (self._clock(), rows)
        return [row for row in kept[1] if isinstance(row, of_kind)]


class DynamoAccountBook:
    """Implements `AccountBook`; an account once read is kept for a minute at most."""

    def __init__(self, table: Table, *, kept_s: float = 60, clock: Callable[[], float] = time.monotonic) -> None:
        self._table = table
        self._kept_s = kept_s
        self._clock = clock
        self._kept: dict[str, tuple[float, Account]] = {}

    def get(self, account_id: str) -> Account | None:
        """Return the account, or None."""
        kept = self._kept.get(account_id)
        if kept and self._clock() - kept[0] < self._kept_s:
            return kept[1]
        row = _one(self._table, "account", account_id)
        if not isinstance(row, Account):
            self._kept.pop(account_id, None)
            return None
        self._kept[account_id] = (self._clock(), row)
        return row

    def by_login(self, provider: str, subject: str) -> Account | None:
        """Return the account this subject of this provider opens, or None; read again at each login."""
        login = _one(self._table, "login", f"{provider}#{subject}")
        row = _one(self._table, "account", login.account_id) if isinstance(login, Login) else None
        return row if isinstance(row, Account) else None


def _one(table: Table, kind: str, key: str) -> Row | None:
    item = table.get(_PARTITIONS[kind], key) if 0 < len(key.encode()) <= _MOST_KEY_BYTES else None
    return _row(kind, item) if item else None
