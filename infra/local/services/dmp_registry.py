"""What the DMP holds: records by INS, documents by uniqueId; who may replace and who may ask.

Source: IHE ITI TF-3 §4.2.4 (errors); DMP integration guide, rights with a structure certificate.
"""

from __future__ import annotations

import csv
import hashlib
import threading
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.local.services.dmp_objects import RegistryError, must

STATUSES = frozenset({"open", "closed", "none"})


@dataclass(frozen=True)
class Record:
    """One patient's record; `dmp_records.csv` in `data/README.md` gives the values."""

    matricule: str
    oid: str
    status: str
    authorisation: str = "VALIDE"
    closed_on: str = ""
    reason: str = ""
    family: str = ""
    given: str = ""
    sex: str = ""
    birth_date: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"the status of a record is one of {sorted(STATUSES)}")


@dataclass
class Document:
    """One document stored.

    Args:
        kind: `report` or `signature`.
        submissions: How often its uniqueId was submitted, refusals included.
    """

    unique_id: str
    entry_uuid: str
    logical_id: str
    kind: str
    patient: str
    structure: str
    sha1: str
    size: int
    title: str
    confidentiality: list[str]
    set_id: str = ""
    version: int = 0
    status: str = "Approved"
    submissions: int = 1


@dataclass(frozen=True)
class Deposit:
    """One document about to be stored.

    Args:
        replaces: entryUUID that its RPLC points to, or empty; `parent` the id its CDA says it replaces.
    """

    unique_id: str
    kind: str
    content: bytes
    title: str
    confidentiality: list[str]
    set_id: str = ""
    version: int = 0
    replaces: str = ""
    parent: str = ""


@dataclass
class Registry:
    """The whole platform's memory; safe between threads.

    Args:
        unknown_record: What an INS that is not listed has: `none`, or `open`.
        first_version_only: Refuse a version after the first when its set is not known here.
    """

    unknown_record: str = "none"
    first_version_only: bool = False
    _records: dict[tuple[str, str], Record] = field(default_factory=dict)
    _documents: dict[str, Document] = field(default_factory=dict)
    _sets: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def load(self, files: Iterable[str | Path]) -> None:
        """Read records from CSV files."""
        for file in files:
            with open(file, encoding="utf-8-sig", newline="") as opened:
                for row in csv.DictReader(opened, delimiter=";"):
                    self.set_record(**{name: (value or "").strip() for name, value in row.items()})

    def set_record(self, **values: str) -> None:
        """Add a record or change the one of that INS."""
        with self._lock:
            key = (values["matricule"], values["oid"])
            known = asdict(self._records[key]) if key in self._records else {"status": "open"}
            self._records[key] = Record(**{**known, **values})

    def record(self, matricule: str, oid: str) -> Record:
        """Return the record of an INS, or one that says there is none."""
        with self._lock:
            return self._records.get((matricule, oid)) or Record(matricule, oid, self.unknown_record)

    def check_feeding(self, patient: str) -> None:
        """Raise unless the record of a CX takes documents."""
        matricule, _, rest = patient.partition("^^^&")
        found = self.record(matricule, rest.partition("&")[0])
        must(found.status != "none", "no DMP for this INS", "XDSUnknownPatientId")
        must(found.status != "closed", "the DMP is closed", "DMPClosed")

    def check_new(self, set_id: str, deposits: list[Deposit]) -> None:
        """Raise when a uniqueId is known: a duplicate with the same bytes, something worse with others."""
        with self._lock:
            known = [(deposit, self._documents[deposit.unique_id]) for deposit in deposits if deposit.unique_id in self._documents]
            for _, document in known:
                document.submissions += 1
            for deposit, document in known:
                must(_sha1(deposit.content) == document.sha1, deposit.unique_id, "XDSNonIdenticalHash")
            must(not known, known[0][0].unique_id if known else "", "XDSDuplicateUniqueIdInRegistry")
            must(set_id not in self._sets, set_id, "XDSDuplicateUniqueIdInRegistry")

    def store(self, set_id: str, deposits: list[Deposit], *, patient: str, structure: str) -> None:
        """Store a whole submission, or nothing of it.

        Raises:
            RegistryError: A duplicate, or a replacement that may not be.
        """
        with self._lock:
            self.check_new(set_id, deposits)
            replaced = [self._replaced(deposit, patient, structure) for deposit in deposits]
            for document in replaced:
                if document is not None:
                    document.status = "Deprecated"
            for deposit in deposits:
                entry = f"urn:uuid:{uuid.uuid4()}"
                self._documents[deposit.unique_id] = Document(
                    deposit.unique_id, entry, entry, deposit.kind, patient, structure, _sha1(deposit.content), len(deposit.content),
                    deposit.title, deposit.confidentiality, deposit.set_id, deposit.version,
                )  # fmt: skip
            self._sets.add(set_id)

    def delete(self, entry: str, *, original: str, set_id: str, patient: str, structure: str) -> None:
        """Delete a document and its older versions' place in the record.

        Raises:
            RegistryError: There is none, it is not the structure's, it has another status, or this very set was taken before.
        """
        with self._lock:
            must(set_id not in self._sets, set_id, "XDSDuplicateUniqueIdInRegistry")
            target = next((d for d in self._documents.values() if d.entry_uuid == entry and d.kind == "report"), None)
            if target is None:
                raise RegistryError("UnresolvedReferenceException", "no document has this entryUUID")
            must(target.structure == structure, "the document of another structure", "DMPAccessDeniedByRightsService")
            must(target.patient == patient, "the document of another patient", "XDSPatientIdDoesNotMatch")
            must(target.status == original, f"the document is {target.status}", "XDSRegistryMetadataError")
            target.status = "Deleted"
            self._sets.add(set_id)

    def find(self, unique_ids: Iterable[str], *, patient: str, structure: str) -> list[str]:
        """Return the entryUUIDs of documents of one patient, all of them the structure's own.

        Raises:
            RegistryError: `DMPAccessDeniedByRightsService` when one is another structure's.
        """
        with self._lock:
            known = [self._documents[name] for name in unique_ids if name in self._documents]
            found = [document for document in known if document.status != "Deleted"]
            own = all(document.structure == structure for document in found)
            must(own, "only a structure's own documents may be searched for", "DMPAccessDeniedByRightsService")
            return [document.entry_uuid for document in found if document.patient == patient]

    def documents(self) -> list[dict[str, Any]]:
        """Return what is stored, in its order, without the patients."""
        with self._lock:
            return [{name: value for name, value in asdict(d).items() if name != "patient"} for d in self._documents.values()]

    def _replaced(self, deposit: Deposit, patient: str, structure: str) -> Document | None:
        """Return the document that a deposit replaces, once it may."""
        siblings = [d for d in self._documents.values() if deposit.set_id and d.set_id == deposit.set_id and d.patient == patient]
        if any(d.status == "Deleted" for d in siblings):
            siblings = []  # the set was taken back: what comes now is a first
        if not deposit.replaces:
            if deposit.version > 1 and not siblings and self.first_version_only:
                raise RegistryError("XDSRegistryMetadataError", "a version after the first replaces one that is here")
            must(not siblings, "a version of this set is here: it is to be replaced", "XDSRegistryMetadataError")
            return None
        target = next((d for d in self._documents.values() if d.entry_uuid == deposit.replaces), None)
        if target is None:
            raise RegistryError("UnresolvedReferenceException", "no document has this entryUUID")
        must(target.structure == structure, "the document of another structure", "DMPAccessDeniedByRightsService")
        must(target.patient == patient, "the document of another patient", "XDSPatientIdDoesNotMatch")
        must(target.status == "Approved", "the document was replaced already", "XDSRegistryDeprecatedDocumentError")
        must(deposit.set_id == target.set_id and deposit.version > target.version, "setId or versionNumber of a replacement")
        must(deposit.parent == target.unique_id, "the CDA names another document than the RPLC association")
        return target


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
