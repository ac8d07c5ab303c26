"""Whom the directory knows, as FHIR resources and as lines of its extracts.

Files are CSV with `;`, one line a mailbox or an activity without one: `rpps family given profession speciality_code speciality structure finess
mailbox kind red_list description`. Kind `PER` is a person's (of the structure, if one is named), `ORG` and `APP` a structure's, `CAB` a practice's, that
stands at its responsible person. A red-listed mailbox is found by the search, marked, and is in no extract.

Source: Annuaire Sante, profiles of API FHIR v2 (telecom with as-ext-mailbox-mss-metadata); layout of the public extracts.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

METADATA = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata"
EMAIL_TYPE = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-contact-point-email-type"
KINDS = "https://mos.esante.gouv.fr/NOS/TRE_R257-TypeBAL/FHIR/TRE-R257-TypeBAL"
MESSAGING = "https://mos.esante.gouv.fr/NOS/TRE_R256-TypeMessagerie/FHIR/TRE-R256-TypeMessagerie"
RPPS, IDNPS = "https://rpps.esante.gouv.fr", "urn:oid:1.2.250.1.71.4.2.1"
FINESS, IDNST = "https://finess.esante.gouv.fr", "urn:oid:1.2.250.1.71.4.2.2"
ACTIVITY_COLUMNS = [
    "Type d'identifiant PP", "Identifiant PP", "Identification nationale PP", "Code civilité d'exercice", "Libellé civilité d'exercice",
    "Code civilité", "Libellé civilité", "Nom d'exercice", "Prénom d'exercice", "Code profession", "Libellé profession",
    "Code catégorie professionnelle", "Libellé catégorie professionnelle", "Code type savoir-faire", "Libellé type savoir-faire",
    "Code savoir-faire", "Libellé savoir-faire", "Code mode exercice", "Libellé mode exercice", "Numéro SIRET site", "Numéro SIREN site",
    "Numéro FINESS site", "Numéro FINESS établissement juridique", "Identifiant technique de la structure", "Raison sociale site",
    "Enseigne commerciale site", "Complément destinataire (coord. structure)", "Complément point géographique (coord. structure)",
    "Numéro Voie (coord. structure)", "Indice répétition voie (coord. structure)", "Code type de voie (coord. structure)",
    "Libellé type de voie (coord. structure)", "Libellé Voie (coord. structure)", "Mention distribution (coord. structure)",
    "Bureau cedex (coord. structure)", "Code postal (coord. structure)", "Code commune (coord. structure)",
    "Libellé commune (coord. structure)", "Code pays (coord. structure)", "Libellé pays (coord. structure)", "Téléphone (coord. structure)",
    "Téléphone 2 (coord. structure)", "Télécopie (coord. structure)", "Adresse e-mail (coord. structure)",
    "Code Département (structure)", "Libellé Département (structure)", "Ancien identifiant de la structure", "Autorité d'enregistrement",
    "Code secteur d'activité", "Libellé secteur d'activité", "Code section tableau pharmaciens", "Libellé section tableau pharmaciens",
    "Code rôle", "Libellé rôle", "Code genre activité", "Libellé genre activité",
]  # fmt: skip
MAILBOX_COLUMNS = [
    "Type de BAL", "Adresse BAL", "Type d'identifiant PP", "Identifiant PP", "Identification nationale PP", "Type d'identifiant structure",
    "Identification structure", "Service de rattachement", "Civilité d'exercice", "Nom d'exercice", "Prénom d'exercice",
    "Catégorie professionnelle", "Code profession", "Libellé profession", "Code savoir-faire", "Libellé savoir-faire", "Dématérialisation",
    "Raison sociale structure BAL",
]  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line of the files."""

    rpps: str = ""
    family: str = ""
    given: str = ""
    profession: str = "10"
    speciality_code: str = ""
    speciality: str = ""
    structure: str = ""
    finess: str = ""
    mailbox: str = ""
    kind: str = ""
    red_list: str = ""
    description: str = ""

    @property
    def red(self) -> bool:
        """Tell whether the mailbox must not be shown."""
        return self.red_list.lower() in {"oui", "o", "1"}


class Known:
    """What the files say."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self._resources = {
            "Practitioner": [_practitioner(rpps, _of(lines, rpps=rpps)) for rpps in _each(line.rpps for line in lines)],
            "PractitionerRole": [
                _role(rpps, finess, _of(lines, rpps=rpps, finess=finess))
                for rpps, finess in _each((line.rpps, line.finess) for line in lines if line.rpps and line.finess)
            ],
            "Organization": [_organization(finess, _of(lines, finess=finess)) for finess in _each(line.finess for line in lines)],
        }

    @classmethod
    def read(cls, files: Iterable[Path | str]) -> Known:
        """Read CSV files.

        Raises:
            ValueError: A mailbox of an unknown kind, or of nobody.
        """
        lines = []
        for file in files:
            with open(file, encoding="utf-8", newline="") as opened:
                lines += [
                    Line(**{name: (value or "").strip() for name, value in row.items()})
                    for row in csv.DictReader(opened, delimiter=";")
                ]
        for line in lines:
            if bool(line.mailbox) != (line.kind in {"PER", "ORG", "APP", "CAB"}):
                raise ValueError("a mailbox is PER, ORG, APP or CAB")
            if not (line.rpps if line.kind in {"PER", "CAB", ""} else line.finess):
                raise ValueError("a mailbox is a person's or a structure's")
        return cls(lines)

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """Return every resource of a kind, in the order of the files."""
        return self._resources[kind]


def extract_of_activities(known: Known) -> str:
    """Return the extract of persons: a line an activity, each ended by a separator."""
    rows = []
    seen = _each((line.rpps, line.finess) for line in known.lines if line.rpps)
    for rpps, finess in seen:
        line = _of(known.lines, rpps=rpps, finess=finess)[0]
        rows.append(
            {
                **_person_columns(line),
                "Code catégorie professionnelle": "C",
                "Libellé catégorie professionnelle": "Civil",
                "Code type savoir-faire": "S" if line.speciality_code else "",
                "Libellé type savoir-faire": "Spécialité ordinale" if line.speciality_code else "",
                "Numéro FINESS site": finess,
                "Raison sociale site": line.structure,
            }
        )
    return _piped(ACTIVITY_COLUMNS, rows)


def extract_of_mailboxes(known: Known) -> str:
    """Return the extract of mailboxes, without the red-listed ones."""
    rows = [
        {
            **(_person_columns(line) if line.rpps else {}),
            "Type de BAL": line.kind,
            "Adresse BAL": line.mailbox,
            "Type d'identifiant structure": "FINESS" if line.finess else "",
            "Identification structure": f"1{line.finess}" if line.finess else "",
            "Service de rattachement": line.description,
            "Dématérialisation": "O",
            "Raison sociale structure BAL": line.structure,
        }
        for line in known.lines
        if line.mailbox and not line.red
    ]
    return _piped(MAILBOX_COLUMNS, rows)


def _person_columns(line: Line) -> dict[str, str]:
    return {
        "Type d'identifiant PP": "8",
        "Identifiant PP": line.rpps,
        "Identification nationale PP": f"8{line.rpps}",
        "Nom d'exercice": line.family,
        "Prénom d'exercice": line.given,
        "Code profession": line.profession,
        "Libellé profession": "Médecin" if line.profession == "10" else "",
        "Code savoir-faire": line.speciality_code,
        "Libellé savoir-faire": line.speciality,
    }


def _piped(columns: list[str], rows: list[dict[str, str]]) -> str:
    lines = [columns, *([row.get(column, "") for column in columns] for row in rows)]
    return "".join("|".join(line) + "|\n" for line in lines)


def _each(values: Iterable[Any]) -> list[Any]:
    """Return each value once, in order, without the empty one."""
    return [value for value in dict.fromkeys(values) if value]


def _of(lines: list[Line], **wanted: str) -> list[Line]:
    return [line for line in lines if all(getattr(line, name) == value for name, value in wanted.items())]


def _practitioner(rpps: str, lines: list[Line]) -> dict[str, Any]:
    first = lines[0]
    own = [line for line in lines if line.kind == "CAB" or (line.kind == "PER" and not line.finess)]
    identifiers = [(RPPS, rpps, "RPPS"), (IDNPS, f"8{rpps}", "IDNPS")]
    return {
        "resourceType": "Practitioner",
        "id": f"p-{rpps}",
        "identifier": [_identifier(*one) for one in identifiers],
        "active": True,
        "name": [{"use": "usual", "text": f"{first.given} {first.family}", "family": first.family, "given": [first.given]}],
        **_telecom(own),
    }


def _role(rpps: str, finess: str, lines: list[Line]) -> dict[str, Any]:
    first = lines[0]
    speciality = [{"coding": [{"code": first.speciality_code, "display": first.speciality}]}] if first.speciality_code else []
    return {
        "resourceType": "PractitionerRole",
        "id": f"r-{rpps}-{finess}",
        "active": True,
        "practitioner": {"reference": f"Practitioner/p-{rpps}"},
        "organization": {"reference": f"Organization/o-{finess}"},
        "specialty": speciality,
        **_telecom([line for line in lines if line.kind == "PER"]),
    }


def _organization(finess: str, lines: list[Line]) -> dict[str, Any]:
    identifiers = [(FINESS, finess, "FINEG"), (IDNST, f"1{finess}", "IDNST")]
    return {
        "resourceType": "Organization",
        "id": f"o-{finess}",
        "identifier": [_identifier(*one) for one in identifiers],
        "active": True,
        "name": lines[0].structure,
        **_telecom([line for line in lines if line.kind in {"ORG", "APP"}]),
    }


def _identifier(system: str, value: str, code: str) -> dict[str, Any]:
    return {"use": "official", "type": {"coding": [{"code": code}]}, "system": system, "value": value}


def _telecom(lines: list[Line]) -> dict[str, Any]:
    """Return the mailboxes as telecom; nothing when there is none."""
    return {"telecom": [_mailbox(line) for line in lines]} if lines else {}


def _mailbox(line: Line) -> dict[str, Any]:
    said = [
        {"url": "type", "valueCodeableConcept": {"coding": [{"system": KINDS, "code": line.kind}]}},
        {"url": "digitization", "valueBoolean": True},
        {"url": "listeRouge", "valueBoolean": line.red},
        *([{"url": "description", "valueString": line.description}] if line.description else []),
    ]
    kind = {"url": EMAIL_TYPE, "valueCoding": {"system": MESSAGING, "code": "MSSANTE"}}
    return {"extension": [kind, {"extension": said, "url": METADATA}], "system": "email", "value": line.mailbox}
