"""Who INSi knows, from CSV files (`data/README.md` gives the shape), and how it finds one."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

NIR = "1.2.250.1.213.1.4.8"


@dataclass(frozen=True)
class Traits:
    """What is searched for; every value as received."""

    family: str
    given: str
    sex: str
    birth_date: str
    place: str = ""


@dataclass(frozen=True)
class Person:
    """One identity as INSi answers it.

    Args:
        tiq: Elements of the answer by name; empty ones are left out.
        answers_to: Given names that find the person.
        history: Former matricules: number and key.
    """

    tiq: dict[str, str]
    answers_to: frozenset[str]
    outcome: str = "00"
    number: str = ""
    key: str = ""
    oid: str = NIR
    history: tuple[tuple[str, str], ...] = ()
    leaves_out: frozenset[str] = field(default_factory=frozenset)

    def is_meant(self, traits: Traits) -> bool:
        """Tell whether a search means this person: the birth name strictly, hyphens included."""
        place = self.tiq["LieuNaissance"]
        return (
            traits.family == self.tiq["NomNaissance"]
            and traits.given in self.answers_to
            and traits.sex == self.tiq["Sexe"]
            and traits.birth_date == self.tiq["DateNaissance"]
            and (not place or not traits.place or traits.place == place)
        )


def load(files: Iterable[str | Path]) -> list[Person]:
    """Read the persons of CSV files, `;` between values."""
    people = []
    for file in files:
        with open(file, encoding="utf-8-sig", newline="") as opened:
            people += [_person(row) for row in csv.DictReader(opened, delimiter=";") if row["birth_family"]]
    return people


def search(people: Iterable[Person], traits: Traits) -> tuple[str, Person | None]:
    """Return the result code and, with 00, the person; the same matricule twice is one person."""
    found = {(person.number or id(person)): person for person in people if person.is_meant(traits)}
    if len(found) > 1:
        return "02", None
    person = next(iter(found.values()), None)
    if person is None:
        return "01", None
    return person.outcome, person if person.outcome == "00" else None


def _person(row: dict[str, str | None]) -> Person:
    said = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str) and not isinstance(value, list)}
    given, whole = said["birth_given"], said.get("birth_given_all") or said["birth_given"]
    named = said.get("answers_to", "")
    tiq = {
        "NomNaissance": said["birth_family"],
        "Prenom": given,
        "ListePrenom": whole,
        "Sexe": said["sex"],
        "DateNaissance": said["birth_date"],
        "LieuNaissance": said.get("birth_place", ""),
    }
    return Person(
        tiq=tiq,
        answers_to=frozenset(named.split("|") if named else (given, whole)),
        outcome=said.get("outcome") or "00",
        number=said.get("number", ""),
        key=said.get("key", ""),
        oid=said.get("oid") or NIR,
        history=tuple((n, k) for n, _, k in (former.partition("/") for former in said.get("history", "").split())),
        leaves_out=frozenset(filter(None, said.get("leaves_out", "").split("|"))),
    )
