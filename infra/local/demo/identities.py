"""What INSi and the DMP are expected to say of a patient, out of the very files ours were given; no part of the product."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.local.demo import er7
from infra.local.demo.national import TEST_OID

DATA = Path(__file__).parents[1] / "services" / "data"
TEST_IDENTITIES, TEST_RECORDS = DATA / "insi_identities.csv", DATA / "dmp_records.csv"
NIR = "1.2.250.1.213.1.4.8"


@dataclass(frozen=True)
class Known:
    """One identity as INSi answers it.

    Args:
        outcome: `00`, `01` or `02`.
        matricule: Number and key.
        oid: As the environment keeps it.
    """

    family: str
    given: str
    given_all: str
    place: str
    outcome: str
    matricule: str
    oid: str


def expected(files: Iterable[Path], patient: er7.Sent) -> Known | None:
    """Return the identity that a message's patient is, or None when INSi knows nobody like that.

    Args:
        files: As `insi.csv` of a journey; the vendors' test identities when there is none.
        patient: A message with PID.
    """
    family, given = (_plain(name) for name in patient.birth_name)
    born, sex = patient.value("PID-7")[:8], patient.value("PID-8")
    for row in _rows(list(files) or [TEST_IDENTITIES]):
        names = row["answers_to"].split("|") if row["answers_to"] else [row["birth_given"], row["birth_given_all"]]
        same = (_plain(row["birth_family"]), row["sex"], row["birth_date"].replace("-", "")) == (family, sex, born)
        if same and given in [_plain(name) for name in names]:
            return _known(row)
    return None


def record_of(files: Iterable[Path], known: Known) -> tuple[str, str]:
    """Return what the DMP says of a patient's record: `open`, `closed` or `none`, and the day of closing (`yyyymmdd`).

    Args:
        files: As `dmp.csv` of a journey; the test records when there is none.
        known: Who it is.
    """
    rows = (row for row in _rows(list(files) or [TEST_RECORDS]) if (row["matricule"], row["oid"]) == (known.matricule, known.oid))
    return next(((row["status"], row["closed_on"]) for row in rows), ("open", ""))


def _rows(files: Iterable[Path]) -> Iterator[dict[str, str]]:
    for file in files:
        with open(file, encoding="utf-8-sig", newline="") as opened:
            yield from ({name: value or "" for name, value in row.items()} for row in csv.DictReader(opened, delimiter=";"))


def _known(row: dict[str, str]) -> Known:
    oid = row["oid"] or NIR
    return Known(
        family=row["birth_family"],
        given=row["birth_given"],
        given_all=row["birth_given_all"],
        place=row["birth_place"],
        outcome=row["outcome"] or "00",
        matricule=row["number"] + row["key"],
        oid=TEST_OID.get(oid, oid),
    )


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFD", name.upper().replace("Œ", "OE").replace("Æ", "AE"))
    return " ".join("".join(c if c.isalpha() and c.isascii() else " " for c in decomposed if not unicodedata.combining(c)).split())
