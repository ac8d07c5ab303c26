"""Read a group's folder of reference files, and say of every fault which file, row, field and rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

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
from ris.contracts import reference as rows
from ris.domain.access.session import Account
from ris.domain.agenda.contraindications import Question
from ris.domain.report.templates import Macro, Template
from ris.domain.usage.money import Indicator, Milestone

FILES: dict[str, type[rows.ReferenceRow]] = {
    "legal_entities.json": rows.LegalEntityRow,
    "sites.json": rows.SiteRow,
    "rooms.json": rows.RoomRow,
    "modalities.json": rows.ModalityRow,
    "catalogue.json": rows.CatalogueRow,
    "practitioners.json": rows.PractitionerRow,
    "correspondents.json": rows.CorrespondentRow,
    "accounts.json": rows.AccountRow,
    "report_templates.json": rows.ReportTemplateRow,
    "report_macros.json": rows.ReportMacroRow,
    "milestones.json": rows.MilestoneRow,
    "indicators.json": rows.IndicatorRow,
}
_OPTIONAL = frozenset({"report_templates.json", "report_macros.json", "milestones.json", "indicators.json"})
"""A group without them is whole: its reports begin with the standard headings, its figures are measured against nothing."""
_FRENCH = {
    "missing": "manque",
    "extra_forbidden": "nom de champ inconnu",
    "string_type": "un texte est attendu",
    "int_type": "un nombre entier est attendu",
    "string_pattern_mismatch": "forme inattendue",
    "string_too_short": "vide",
    "string_too_long": "trop long",
    "too_short": "au moins un élément est attendu",
    "literal_error": "valeur hors de la liste",
    "greater_than_equal": "trop petit",
    "less_than_equal": "trop grand",
    "model_type": "un objet est attendu",
}
RowType = TypeVar("RowType", bound=rows.ReferenceRow)


@dataclass(frozen=True)
class Fault:
    """One fault: the row is counted from 1, 0 = the file as a whole."""

    file: str
    row: int
    field: str
    rule: str

    def __str__(self) -> str:
        """Return it in one line."""
        place = f", ligne {self.row}" if self.row else ""
        return f"{self.file}{place}{f', champ {self.field}' if self.field else ''} : {self.rule}"


class ReferenceFaults(Exception):
    """The folder cannot be loaded; nothing was written."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


def read_folder(folder: Path) -> ReferenceData:
    """Return what a folder of reference files says, every rule checked, across the files too.

    Args:
        folder: Holds the files of FILES, each a JSON list in UTF-8; those of _OPTIONAL may be absent.

    Raises:
        ReferenceFaults: All the faults found, not only the first.
    """
    faults: list[Fault] = []
    read = {name: _read_file(folder / name, model, faults) for name, model in FILES.items()}
    if faults:
        raise ReferenceFaults(faults)
    _check_across(read, faults)
    if faults:
        raise ReferenceFaults(faults)
    return _data(read)


def _read_file(path: Path, model: type[RowType], faults: list[Fault]) -> list[RowType]:
    try:
        listed = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        if path.name not in _OPTIONAL:
            faults.append(Fault(path.name, 0, "", "fichier absent"))
        return []
    except (OSError, UnicodeDecodeError):
        faults.append(Fault(path.name, 0, "", "fichier illisible (UTF-8 attendu)"))
        return []
    except ValueError as error:
        line = f" (ligne de texte {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        faults.append(Fault(path.name, 0, "", f"JSON invalide{line}"))
        return []
    if not isinstance(listed, list):
        faults.append(Fault(path.name, 0, "", "une liste est attendue"))
        return []
    return [row for rank, value in enumerate(listed, 1) if (row := _read_row(path.name, rank, value, model, faults))]


def _read_row(file: str, rank: int, value: object, model: type[RowType], faults: list[Fault]) -> RowType | None:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            reason = fault.get("ctx", {}).get("error")
            rule = str(reason) if isinstance(reason, rows.Rule) else _FRENCH.get(fault["type"], fault["msg"])
            faults.append(Fault(file, rank, ".".join(map(str, fault["loc"])), rule))
        return None


def _check_across(read: dict[str, list[rows.ReferenceRow]], faults: list[Fault]) -> None:
    """Check what one row says of others: uniqueness, and that what is named exists."""
    given = _Given(read)
    if not given.sites:
        faults.append(Fault("sites.json", 0, "", "au moins un site est attendu"))
    for file, field, key in _UNIQUE:
        _check_unique(file, field, [key(row) for row in read[file]], faults)
    _check_unique("accounts.json", "logins", [login for a in given.accounts for login in a.logins], faults, per_row=False)
    _check_named(given, faults)
    for file in ("rooms.json", "modalities.json"):
        for rank, row in enumerate(read[file], 1):
            if isinstance(row, rows.RoomRow | rows.ModalityRow) and row.site not in given.site_names:
                faults.append(Fault(file, rank, "site", "site inconnu"))


def _check_named(given: _Given, faults: list[Fault]) -> None:
    for rank, site in enumerate(given.sites, 1):
        if site.legal_entity not in given.entities:
            faults.append(Fault("sites.json", rank, "legal_entity", "entité juridique inconnue"))
    for rank, room in enumerate(given.rooms, 1):
        missing = [name for name in room.modalities if (room.site, name) not in given.modality_places]
        faults.extend(Fault("rooms.json", rank, "modalities", f"modalité inconnue sur ce site : {name}") for name in missing)
        if (room.site, room.room) in given.modality_places:
            faults.append(Fault("rooms.json", rank, "room", "porte le nom d'une modalité du même site"))
    for rank, account in enumerate(given.accounts, 1):
        unknown = sorted(set(account.roles) - given.site_names)
        faults.extend(Fault("accounts.json", rank, f"roles.{site}", "site inconnu") for site in unknown)
    _check_templates(given, faults)
    _check_money(given, faults)


def _check_money(given: _Given, faults: list[Fault]) -> None:
    """Check that an indicator requires milestones that exist, and that a milestone is about a legal entity that does."""
    known = {row.code for row in given.milestones}
    for rank, indicator in enumerate(given.indicators, 1):
        missing = [code for code in indicator.requires if code not in known]
        faults.extend(Fault("indicators.json", rank, "requires", f"condition inconnue : {code}") for code in missing)
    for rank, milestone in enumerate(given.milestones, 1):
        if milestone.legal_entity and milestone.legal_entity not in given.entities:
            faults.append(Fault("milestones.json", rank, "legal_entity", "entité juridique inconnue"))


def _check_templates(given: _Given, faults: list[Fault]) -> None:
    """Check that what reports begin with names exams and accounts that exist."""
    for file, of_reports in (("report_templates.json", given.templates), ("report_macros.json", given.macros)):
        for rank, row in enumerate(of_reports, 1):
            if row.exam_code and row.exam_code not in given.exam_codes:
                faults.append(Fault(file, rank, "exam_code", "examen absent du catalogue"))
            if row.account_id and row.account_id not in given.account_ids:
                faults.append(Fault(file, rank, "account_id", "compte inconnu"))


class _Given:
    """The rows by kind, typed."""

    def __init__(self, read: dict[str, list[rows.ReferenceRow]]) -> None:
        self.sites = [row for row in read["sites.json"] if isinstance(row, rows.SiteRow)]
        self.rooms = [row for row in read["rooms.json"] if isinstance(row, rows.RoomRow)]
        self.modalities = [row for row in read["modalities.json"] if isinstance(row, rows.ModalityRow)]
        self.accounts = [row for row in read["accounts.json"] if isinstance(row, rows.AccountRow)]
        self.templates = [row for row in read["report_templates.json"] if isinstance(row, rows.ReportTemplateRow)]
        self.milestones = [row for row in read["milestones.json"] if isinstance(row, rows.MilestoneRow)]
        self.indicators = [row for row in read["indicators.json"] if isinstance(row, rows.IndicatorRow)]
        self.macros = [row for row in read["report_macros.json"] if isinstance(row, rows.ReportMacroRow)]
        self.exam_codes = {row.exam_code for row in read["catalogue.json"] if isinstance(row, rows.CatalogueRow)}
        self.account_ids = {row.account_id for row in self.accounts}
        self.entities = {row.finess_ej for row in read["legal_entities.json"] if isinstance(row, rows.LegalEntityRow)}
        self.site_names = {site.site for site in self.sites}
        self.modality_places = {(row.site, row.modality) for row in self.modalities}


def _named(*names: str) -> Callable[[rows.ReferenceRow], object]:
    return lambda row: tuple(getattr(row, name) for name in names)


_UNIQUE: tuple[tuple[str, str, Callable[[rows.ReferenceRow], object]], ...] = (
    ("legal_entities.json", "finess_ej", _named("finess_ej")),
    ("sites.json", "site", _named("site")),
    ("sites.json", "finess_geo", _named("finess_geo")),
    ("sites.json", "gateway_ae_title", _named("gateway_ae_title")),
    ("sites.json", "ipp_authority", _named("ipp_authority")),
    ("rooms.json", "room", _named("site", "room")),
    ("modalities.json", "modality", _named("site", "modality")),
    ("modalities.json", "ae_title", _named("site", "ae_title")),
    ("catalogue.json", "exam_code", _named("exam_code")),
    ("practitioners.json", "rpps", _named("rpps")),
    ("correspondents.json", "rpps", _named("rpps")),
    ("accounts.json", "account_id", _named("account_id")),
    ("report_templates.json", "template_id", _named("template_id")),
    ("report_macros.json", "macro_id", _named("macro_id")),
    ("milestones.json", "code", _named("code")),
    ("indicators.json", "code", _named("code")),
)


def _check_unique(file: str, field: str, keys: Iterable[object], faults: list[Fault], *, per_row: bool = True) -> None:
    seen: set[object] = set()
    for rank, key in enumerate(keys, 1):
        if key in seen:
            faults.append(
                Fault(file, rank if per_row else 0, field, "en double" if per_row else "un même sujet ouvre deux comptes")
            )
        seen.add(key)


def _catalogued(row: rows.ReferenceRow) -> CatalogueExam:
    values = row.model_dump()
    return CatalogueExam(**{**values, "questions": tuple(Question(**each) for each in values["questions"])})


def _template(row: rows.ReportTemplateRow) -> Template:
    sections = tuple((each.heading, each.text) for each in row.sections)
    return Template(**{**row.model_dump(), "sections": sections})


def _data(read: dict[str, list[rows.ReferenceRow]]) -> ReferenceData:
    accounts = _Given(read).accounts
    return ReferenceData(
        legal_entities=tuple(LegalEntity(**row.model_dump()) for row in read["legal_entities.json"]),
        sites=tuple(Site(**row.model_dump()) for row in read["sites.json"]),
        rooms=tuple(Room(**row.model_dump()) for row in read["rooms.json"]),
        modalities=tuple(Modality(**row.model_dump()) for row in read["modalities.json"]),
        catalogue=tuple(_catalogued(row) for row in read["catalogue.json"]),
        practitioners=tuple(Practitioner(**row.model_dump()) for row in read["practitioners.json"]),
        correspondents=tuple(Correspondent(**row.model_dump()) for row in read["correspondents.json"]),
        accounts=tuple(
            Account(
                account_id=row.account_id,
                name=row.name,
                roles={site: frozenset(roles) for site, roles in row.roles.items()},
                rights=frozenset(row.rights),
                rpps=next((login.subject for login in row.logins if login.provider == "psc"), ""),
            )
            for row in accounts
        ),
        logins=tuple(Login(login.provider, login.subject, row.account_id) for row in accounts for login in row.logins),
        report_templates=tuple(_template(row) for row in _Given(read).templates),
        report_macros=tuple(Macro(**row.model_dump()) for row in _Given(read).macros),
        milestones=tuple(Milestone(**row.model_dump()) for row in read["milestones.json"]),
        indicators=tuple(Indicator(**row.model_dump()) for row in read["indicators.json"]),
    )
